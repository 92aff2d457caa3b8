"""How the workers do: who lives, what runs, what waits and for how long. Counts only, so that anybody may see it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Count, DurationField, ExpressionWrapper, Max, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Now

from workflows.models import Execution, WorkerHeartbeat
from workflows.partial_indexes import IS_LEASED, IS_QUEUED, IS_WAITING

# Counting ends here, so that a million in the queue cost no more than this to ask for.
COUNT_LIMIT = 10_000

_DUE_SINCE = Coalesce("available_at", "created_at")


@dataclass(frozen=True)
class WorkerStatus:
    """How the workers do, by the database's clock.

    `workers` and `processes` count those that gave a sign of life within three sweeps. `waiting` counts the executions
    that are queued and due, `oldest_waiting_seconds` is for how long the first of them has been (None: none waits),
    `awaiting_person` counts those that wait for one, `expired_leases` those whose worker fell silent. `waiting` and
    `awaiting_person` count no further than COUNT_LIMIT.
    """

    workers: int
    processes: int
    last_seen_at: datetime | None
    running: int
    expired_leases: int
    waiting: int
    oldest_waiting_seconds: float | None
    awaiting_person: int


def read_worker_status() -> WorkerStatus:
    """Read it from the database, in five queries at most. Raises DatabaseError where that does not answer."""
    recent = Q(seen_at__gte=Now() - timedelta(seconds=3 * settings.SWEEP_SECONDS))
    beats = WorkerHeartbeat.objects.aggregate(
        workers=Count("name", filter=recent),
        processes=Coalesce(Sum("process_count", filter=recent), 0),
        last_seen_at=Max("seen_at"),
    )
    leases = Execution.objects.filter(IS_LEASED).aggregate(
        running=Count("id"), expired_leases=Count("id", filter=Q(lease_expires_at__lt=Now()))
    )
    waiting, oldest = _read_queue()
    waiting_for_person = Execution.objects.filter(IS_WAITING).order_by("created_at")
    return WorkerStatus(
        **beats,
        **leases,
        waiting=waiting,
        oldest_waiting_seconds=None if oldest is None else max(0.0, oldest.total_seconds()),
        awaiting_person=waiting_for_person[:COUNT_LIMIT].count(),
    )


def describe_status(status: WorkerStatus) -> list[str]:
    """Return what an operator reads: a line for each figure."""
    seen = f"last seen {status.last_seen_at:%Y-%m-%d %H:%M:%S} UTC" if status.last_seen_at else "none was ever seen"
    oldest = status.oldest_waiting_seconds
    figures = {
        "workers": f"{status.workers} alive, with {status.processes} processes; {seen}",
        "running": str(status.running),
        "waiting": _at_most(status.waiting) + ("" if oldest is None else f"; the oldest for {oldest:.1f} s"),
        "awaiting a person": _at_most(status.awaiting_person),
        "expired leases": str(status.expired_leases),
    }
    width = max(map(len, figures))
    return [f"{name:<{width}}  {figure}" for name, figure in figures.items()]


def _at_most(count: int) -> str:
    return f"{count} or more" if count >= COUNT_LIMIT else str(count)


def _read_queue() -> tuple[int, timedelta | None]:
    """Return how many executions are queued and due, and the longest that one of them has been so."""
    due = Q(available_at=None) | Q(available_at__lte=Now())
    rows = Execution.objects.filter(IS_QUEUED, due)
    # In the order of the index of what is queued, so that no planner prefers to read the whole table.
    first_rows = rows.order_by("owner_id", "created_at", "id")[:COUNT_LIMIT]
    found = first_rows.aggregate(count=Count("id"), longest=_age(Min(_DUE_SINCE)))
    if found["count"] < COUNT_LIMIT:
        return found["count"], found["longest"]
    return COUNT_LIMIT, _longest_by_owner(rows)


def _longest_by_owner(rows: QuerySet[Execution]) -> timedelta | None:
    """Return how long the first of an owner's executions has waited: one look-up in the index for each account."""
    first = rows.filter(owner_id=OuterRef("id")).order_by("created_at", "id").values(since=_DUE_SINCE)[:1]
    longest: timedelta | None = get_user_model().objects.aggregate(longest=_age(Min(Subquery(first))))["longest"]
    return longest


def _age(instant: Combinable) -> "ExpressionWrapper[Any]":
    return ExpressionWrapper(Now() - instant, output_field=DurationField())
