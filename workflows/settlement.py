"""Tool calls of which nobody knows whether they happened: a person decides."""

from typing import Any

from django.db import transaction

from workflows.agents.types import OutcomeUnknown
from workflows.leases import Claim, LeaseLost, lock_claim
from workflows.models import ExecutionStatus, StageStatus
from workflows.reasons import ReasonCode
from workflows.transitions import move_execution, move_stage
from workflows.workflow_status import refresh_workflow_status


def park_unknown_outcome(claim: Claim, unknown: OutcomeUnknown) -> None:
    """Let an execution wait until a person has settled what became of a call. Raises LeaseLost."""
    changes: dict[str, Any] = {"reason_code": ReasonCode.OUTCOME_UNKNOWN, "reason_detail": str(unknown)}
    with transaction.atomic():
        lock_claim(claim)
        landed = move_execution(
            claim.execution_id,
            ExecutionStatus.WAITING,
            fence=claim.fence,
            lease_owner="",
            lease_expires_at=None,
            **changes,
        )
        if not landed:
            raise LeaseLost
        move_stage(claim.stage_uid, StageStatus.AWAITING_DECISION, **changes)
        refresh_workflow_status(claim.workflow_id)
