"""Leases: who may work on an execution now. Times are the database's, so that a worker's clock does not matter.

A claim raises the execution's fence. A worker that lost its lease still holds the old fence, and every write of
its own is conditional on that, so that it can write nothing.
"""

import os
import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from workflows.models import Execution, ExecutionStatus, Stage, StageStatus, Workflow, WorkflowStatus
from workflows.queue import count_waiting_wakeups, wake
from workflows.transitions import LEASED, WORKFLOW_ENDS, move_execution, move_stage, move_workflow

WORKER_VARIABLE = "COUNTERSIGN_WORKER_ID"
_SWEEP_BATCH = 500
_BACKLOG_INTERVALS = 24


class LeaseLost(Exception):
    """The execution was cancelled, or another worker has it: stop, and write nothing more."""


@dataclass(frozen=True)
class Claim:
    """The right to work on one execution, while its fence stands."""

    execution_id: uuid.UUID
    workflow_id: uuid.UUID
    stage_uid: uuid.UUID
    fence: int
    attempt: int


def lock_workflow(workflow_id: uuid.UUID) -> Workflow:
    """Lock a workflow's row until the transaction ends. Always the first lock taken, so that none can deadlock."""
    return Workflow.objects.select_for_update().get(id=workflow_id)


def claim_execution(execution_id: uuid.UUID) -> Claim | None:
    """Claim a ready execution, or return None: it is not ready, has ended, or another worker got there first."""
    row = Execution.objects.filter(id=execution_id).values_list("stage__workflow_id", "stage_id").first()
    if row is None:
        return None
    workflow_id, stage_uid = row
    with transaction.atomic():
        if lock_workflow(workflow_id).status in WORKFLOW_ENDS:
            return None
        ready = Execution.objects.filter(Q(available_at=None) | Q(available_at__lte=Now()), id=execution_id)
        claimed = ready.filter(status=ExecutionStatus.QUEUED).update(
            status=ExecutionStatus.PLANNING,
            fence=F("fence") + 1,
            attempts=F("attempts") + 1,
            lease_owner=os.environ.get(WORKER_VARIABLE, ""),
            lease_expires_at=_lease_end(),
            available_at=None,
        )
        if not claimed:
            return None
        Execution.objects.filter(id=execution_id, started_at=None).update(started_at=Now())
        execution = Execution.objects.get(id=execution_id)
        move_stage(stage_uid, StageStatus.RUNNING)
        Stage.objects.filter(uid=stage_uid, started_at=None).update(started_at=Now())
        move_workflow(workflow_id, WorkflowStatus.RUNNING)
    return Claim(execution_id, workflow_id, stage_uid, execution.fence, execution.attempts)


def lock_claim(claim: Claim) -> None:
    """Lock the workflow's row and make sure that the claim still stands. Raises LeaseLost."""
    lock_workflow(claim.workflow_id)
    if not is_held(claim):
        raise LeaseLost


def is_held(claim: Claim) -> bool:
    """Say whether the claim still stands."""
    return Execution.objects.filter(id=claim.execution_id, fence=claim.fence, status__in=LEASED).exists()


def renew_lease(claim: Claim) -> bool:
    """Extend the lease and say whether the claim still stood."""
    held = Execution.objects.filter(id=claim.execution_id, fence=claim.fence, status__in=LEASED)
    return held.update(lease_expires_at=_lease_end()) == 1


def count_leases(worker_id: str) -> int:
    """Return how many executions the processes of one `manage.py worker` hold now."""
    return Execution.objects.filter(status__in=LEASED, lease_owner=worker_id).count()


def hand_back(claim: Claim, delay_seconds: float) -> bool:
    """Put an execution back in the queue, to be claimed by anybody after the delay. Says whether it landed."""
    return move_execution(
        claim.execution_id,
        ExecutionStatus.QUEUED,
        fence=claim.fence,
        lease_owner="",
        lease_expires_at=None,
        available_at=Now() + timedelta(seconds=delay_seconds),
        woken_at=None,
    )


def wake_execution(execution_id: uuid.UUID) -> None:
    """Send a wake-up and note when."""
    Execution.objects.filter(id=execution_id).update(woken_at=Now())
    wake(execution_id)


def sweep() -> int:
    """Recover executions whose worker died, and wake the ready ones whose wake-up was lost. Returns how many.

    A ready execution counts as forgotten when nobody was told of it, as after it was handed back, or when it was not
    woken within the last sweep interval. With wake-ups waiting for delivery its turn may still come, so it is then
    given longer.
    """
    recovered = [row for row in _expired_executions() if _recover(*row)]
    intervals = _BACKLOG_INTERVALS if count_waiting_wakeups() else 1
    forgotten = _forgotten_executions(timedelta(seconds=settings.SWEEP_SECONDS * intervals))
    for execution_id in forgotten:
        with transaction.atomic():
            wake_execution(execution_id)
    return len(recovered) + len(forgotten)


def _expired_executions() -> list[tuple[uuid.UUID, int]]:
    rows = Execution.objects.filter(status__in=LEASED, lease_expires_at__lt=Now()).order_by("lease_expires_at")
    return list(rows.values_list("id", "fence")[:_SWEEP_BATCH])


def _recover(execution_id: uuid.UUID, fence: int) -> bool:
    """Requeue one execution, unless its worker came back and renewed in the meantime."""
    with transaction.atomic():
        still_expired = Execution.objects.filter(id=execution_id, fence=fence, lease_expires_at__lt=Now())
        landed = still_expired.filter(status__in=LEASED).update(
            status=ExecutionStatus.QUEUED, lease_owner="", lease_expires_at=None, fence=F("fence") + 1
        )
        if landed:
            wake_execution(execution_id)
    return landed == 1


def _forgotten_executions(patience: timedelta) -> list[uuid.UUID]:
    rows = Execution.objects.filter(
        Q(available_at=None) | Q(available_at__lte=Now()),
        Q(woken_at=None) | Q(woken_at__lt=Now() - patience),
        status=ExecutionStatus.QUEUED,
    )
    return list(rows.order_by("created_at").values_list("id", flat=True)[:_SWEEP_BATCH])


def _lease_end() -> object:
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)
