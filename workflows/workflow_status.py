"""What a workflow's status is while it runs: derived from its stages, so that no stage hides that a person is due."""

import uuid

from workflows.models import Stage, StageStatus, WorkflowStatus
from workflows.transitions import move_workflow

_PERSON_IS_DUE = (
    (StageStatus.AWAITING_DECISION, WorkflowStatus.AWAITING_DECISION),
    (StageStatus.AWAITING_SIGN_OFF, WorkflowStatus.AWAITING_SIGN_OFF),
)


def refresh_workflow_status(workflow_id: uuid.UUID) -> None:
    """Show a workflow that has begun as running, or as awaiting a person where any stage of it does.

    Must run in a transaction that has the workflow's row locked.
    """
    statuses = set(Stage.objects.filter(workflow_id=workflow_id).values_list("status", flat=True))
    due = (status for stage_status, status in _PERSON_IS_DUE if stage_status in statuses)
    move_workflow(workflow_id, next(due, WorkflowStatus.RUNNING))
