"""Which executions a worker process claims next: shared out among those who asked for them, within the caps.

Each owner with something ready gets the next slot in turn, whoever has the fewest first, so that one with ten thousand
stages queued does not starve another with one.
"""

import random
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now

from workflows.leases import Claim, take_leases
from workflows.models import Execution
from workflows.partial_indexes import IS_LEASED, IS_QUEUED

# An execution that lost so many attempts runs alone in a process of its own from then on, so that one that kills its
# worker cannot use up its neighbours' attempts as well.
ALONE_AFTER = 3
# Of a process's slots one owner leaves these to others, so that who comes new need not wait for one to come free.
_LEFT_TO_OTHERS = 0.1
# Any number that nobody else takes for a lock in this database.
_CLAIM_LOCK = 0x636F756E746572

# A skip scan: one index look-up for each owner, however many executions each has queued.
_OWNERS_WITH_QUEUED = """
WITH RECURSIVE owners(id) AS (
    SELECT min(owner_id) FROM workflows_execution WHERE status = 'queued'
    UNION ALL
    SELECT (SELECT min(owner_id) FROM workflows_execution WHERE status = 'queued' AND owner_id > owners.id)
    FROM owners WHERE owners.id IS NOT NULL
)
SELECT id FROM owners WHERE id IS NOT NULL
"""


@dataclass(frozen=True)
class Room:
    """What a worker process may claim: so many executions, or, where `alone`, one of those that must run so.

    `running` counts what it runs already, by owner; `slots` is the most that it can run.
    """

    free: int
    slots: int
    running: Mapping[int, int]
    alone: bool = False


def claim_ready_executions(process: str, room: Room) -> list[Claim]:
    """Claim up to `room.free` executions that are ready, and return them; none where nothing is, or no cap allows it.

    Repeating it after a lost connection may leave what the first run claimed to the end of its lease.
    """
    if room.free < 1:
        return []
    with transaction.atomic(), _in_turn():
        return take_leases(_choose(room), process)


def count_alone() -> int:
    """Return how many executions are ready that must run alone."""
    return _ready(alone=True).count()


def _choose(room: Room) -> list[uuid.UUID]:
    """Return the ids of the executions to claim, each owner's oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(_OWNERS_WITH_QUEUED)
        owners = [row[0] for row in cursor.fetchall()]
    if not owners:
        return []
    limits = _limit_owners(owners, room)
    ready = _ready(alone=room.alone)
    full = _full_providers()
    if full:
        ready = ready.exclude(provider__in=full)
    chosen: list[uuid.UUID] = []
    taken: Counter[int] = Counter()
    pending = sorted(owners, key=lambda owner: (room.running.get(owner, 0), random.random()))  # noqa: S311
    while pending and len(chosen) < room.free:
        share = max(1, (room.free - len(chosen)) // len(pending))
        still: list[int] = []
        for owner in pending[: room.free - len(chosen)]:
            wanted = min(share, limits[owner] - taken[owner], room.free - len(chosen))
            if wanted < 1:
                continue
            # By id, not by an offset: what is queued again meanwhile is older, and shifts the rest of the queue.
            rows = ready.filter(owner_id=owner).exclude(id__in=chosen).order_by("created_at", "id")[:wanted]
            found = list(rows.values_list("id", flat=True))
            chosen += found
            taken[owner] += len(found)
            if len(found) == wanted:
                still.append(owner)
        pending = still
    return _keep_within_caps(chosen) if settings.PROVIDER_SLOTS else chosen


def _ready(*, alone: bool) -> QuerySet[Execution]:
    due = Q(available_at=None) | Q(available_at__lte=Now())
    lost = Q(lost_attempts__gte=ALONE_AFTER) if alone else Q(lost_attempts__lt=ALONE_AFTER)
    return Execution.objects.filter(IS_QUEUED, due, lost)


def _limit_owners(owners: list[int], room: Room) -> dict[int, int]:
    """Return how many more executions of each owner this process may claim."""
    most = max(1, room.slots - int(room.slots * _LEFT_TO_OTHERS))
    limits = {owner: most - room.running.get(owner, 0) for owner in owners}
    if settings.USER_SLOTS:
        rows = Execution.objects.filter(IS_LEASED, owner_id__in=owners).values_list("owner_id")
        running = dict(rows.annotate(count=Count("id")).order_by())
        limits = {owner: min(limit, settings.USER_SLOTS - running.get(owner, 0)) for owner, limit in limits.items()}
    return limits


def _count_by_provider() -> Counter[str]:
    rows = Execution.objects.filter(IS_LEASED).values_list("provider").annotate(count=Count("id")).order_by()
    return Counter(dict(rows))


def _full_providers() -> list[str]:
    if not settings.PROVIDER_SLOTS:
        return []
    running = _count_by_provider()
    return [name for name, cap in settings.PROVIDER_SLOTS.items() if running[name] >= cap]


def _keep_within_caps(execution_ids: list[uuid.UUID]) -> list[uuid.UUID]:
    """Leave out what would go over its provider's cap, and keep the order."""
    providers = dict(Execution.objects.filter(id__in=execution_ids).values_list("id", "provider"))
    running = _count_by_provider()
    within = []
    for execution_id in execution_ids:
        provider = providers[execution_id]
        cap = settings.PROVIDER_SLOTS.get(provider)
        if cap is None or running[provider] < cap:
            running[provider] += 1
            within.append(execution_id)
    return within


@contextmanager
def _in_turn() -> Iterator[None]:
    """Where a cap holds over all processes, let them claim one after the other; SQLite has one writer anyway."""
    if connection.vendor == "postgresql" and (settings.PROVIDER_SLOTS or settings.USER_SLOTS):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CLAIM_LOCK])
    yield
