"""Leases: who may work on an execution now. Times are the database's, so that a worker's clock does not matter.

A claim raises the execution's fence. A worker that lost its lease still holds the old fence, and every write of
its own is conditional on that, so that it can write nothing.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from workflows.models import Execution, ExecutionStatus, Workflow
from workflows.partial_indexes import IS_LEASED
from workflows.queue import wake
from workflows.transitions import LEASED, move_execution

_SWEEP_BATCH = 500

AttemptEnd = Literal["worker_died", "error", "drained", "provider_backoff"]


class LeaseLost(Exception):
    """The execution was cancelled, or another worker has it: stop, and write nothing more."""


@dataclass(frozen=True)
class Claim:
    """The right to work on one execution, while its fence stands.

    `lost_attempts` counts the attempts before it that ended with their worker or with an error; `owner_id` and
    `provider` are the execution's, by which claims are shared out; `role` is the stage's.
    """

    execution_id: uuid.UUID
    workflow_id: uuid.UUID
    stage_uid: uuid.UUID
    fence: int
    attempt: int
    lost_attempts: int
    owner_id: int
    provider: str
    role: str


def lock_workflow(workflow_id: uuid.UUID) -> Workflow:
    """Lock a workflow's row until the transaction ends. Always the first lock taken, so that none can deadlock."""
    return Workflow.objects.select_for_update().get(id=workflow_id)


def take_leases(execution_ids: Collection[uuid.UUID], process: str) -> list[Claim]:
    """Claim those of the executions that are queued, for one worker process. Takes no other row's lock.

    Must run in a transaction of its own. A row that somebody else has locked is being ended or claimed: it is left out,
    for waiting for it could only deadlock.
    """
    queued = Execution.objects.filter(id__in=execution_ids, status=ExecutionStatus.QUEUED)
    rows = queued.select_for_update(of=("self",), skip_locked=True).values_list(
        "id",
        "stage__workflow_id",
        "stage_id",
        "fence",
        "attempts",
        "lost_attempts",
        "owner_id",
        "provider",
        "stage__role",
    )
    found = {row[0]: Claim(row[0], row[1], row[2], row[3] + 1, row[4] + 1, *row[5:]) for row in rows}
    if not found:
        return []
    Execution.objects.filter(id__in=found).update(
        status=ExecutionStatus.PLANNING,
        fence=F("fence") + 1,
        attempts=F("attempts") + 1,
        lease_owner=process,
        lease_expires_at=_lease_end(),
        available_at=None,
        started_at=Coalesce("started_at", Now()),
    )
    return [found[execution_id] for execution_id in dict.fromkeys(execution_ids) if execution_id in found]


def lock_claim(claim: Claim) -> Execution:
    """Lock the workflow's row and the execution's, and return that with stage, policy, workflow and owner.

    No event lands in its journal until the transaction ends. Raises LeaseLost when the claim does not stand any more.
    """
    Workflow.objects.select_for_update().values_list("id").get(id=claim.workflow_id)
    execution = _with_stage().select_for_update(of=("self",)).get(id=claim.execution_id)
    if execution.fence != claim.fence or execution.status not in LEASED:
        raise LeaseLost
    return execution


def load_execution(claim: Claim) -> Execution:
    """Return the claimed execution with its stage, policy, workflow and owner."""
    return _with_stage().get(id=claim.execution_id)


def list_held(process: str) -> dict[uuid.UUID, int]:
    """Return the executions that a worker process holds, with the fence of each."""
    return dict(_held_by(process).values_list("id", "fence"))


def renew_leases(process: str, execution_ids: Collection[uuid.UUID]) -> None:
    """Extend these leases of a worker process, but for rows that are being written: those have their turn next time."""
    with transaction.atomic():
        rows = _held_by(process).filter(id__in=execution_ids).select_for_update(skip_locked=True)
        held = list(rows.values_list("id", flat=True))
        _held_by(process).filter(id__in=held).update(lease_expires_at=_lease_end())


def hand_back(claim: Claim, *, end: AttemptEnd, detail: str = "", delay_seconds: float = 0.0) -> bool:
    """Put an execution back in the queue, to be claimed by anybody after the delay. Says whether it landed.

    An attempt that ended by an error counts against the limit, as one whose worker died does.
    """
    with transaction.atomic():
        held = Execution.objects.filter(id=claim.execution_id, fence=claim.fence, status__in=LEASED)
        landed = _requeue(held, end, detail, delay_seconds)
        if landed and delay_seconds == 0:
            wake(claim.execution_id)
    return landed


def sweep() -> int:
    """Queue the executions whose worker died. Returns how many."""
    expired = Execution.objects.filter(IS_LEASED, lease_expires_at__lt=Now()).order_by("lease_expires_at")
    return sum(_recover(*row) for row in expired.values_list("id", "fence")[:_SWEEP_BATCH])


def release_dead(process: str) -> int:
    """Queue what a worker process held that is known to have ended. Returns how many executions."""
    return sum(_recover(execution_id, fence, expired=False) for execution_id, fence in list_held(process).items())


def _recover(execution_id: uuid.UUID, fence: int, *, expired: bool = True) -> bool:
    """Queue one execution, unless its worker came back and renewed in the meantime."""
    with transaction.atomic():
        rows = Execution.objects.filter(id=execution_id, fence=fence, status__in=LEASED)
        if expired:
            rows = rows.filter(lease_expires_at__lt=Now())
        landed = _requeue(rows, "worker_died", "", 0.0)
        if landed:
            wake(execution_id)
    return landed


def _requeue(rows: QuerySet[Execution], end: AttemptEnd, detail: str, delay_seconds: float) -> bool:
    """Queue the one execution in `rows`, if it is there, with how its attempt ended."""
    row = rows.select_for_update(of=("self",)).values_list("id", "fence", "attempts", "attempt_log").first()
    if row is None:
        return False
    execution_id, fence, attempt, attempt_log = row
    entry: dict[str, Any] = {"attempt": attempt, "end": end, "detail": detail, "at": timezone.now().isoformat()}
    lost = 1 if end in ("worker_died", "error") else 0
    return move_execution(
        execution_id,
        ExecutionStatus.QUEUED,
        fence=fence,
        raise_fence=True,
        lease_owner="",
        lease_expires_at=None,
        lost_attempts=F("lost_attempts") + lost,
        attempt_log=[*attempt_log, entry],
        available_at=Now() + timedelta(seconds=delay_seconds),
    )


def _with_stage() -> QuerySet[Execution]:
    return Execution.objects.select_related("stage__policy", "stage__workflow__owner")


def _held_by(process: str) -> QuerySet[Execution]:
    return Execution.objects.filter(IS_LEASED, lease_owner=process)


def _lease_end() -> Combinable:
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)
