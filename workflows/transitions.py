"""The one table of status changes. Each change is a conditional UPDATE that says whether it landed.

An UPDATE that lands nowhere means that another process got there first: the caller stops, or starts again from
what the database now says.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from workflows.models import Execution, ExecutionStatus, Stage, StageStatus, Workflow, WorkflowStatus

_LIVE = frozenset({ExecutionStatus.PLANNING, ExecutionStatus.EXECUTING, ExecutionStatus.VERIFYING})

EXECUTION_SOURCES: Mapping[str, frozenset[str]] = {
    ExecutionStatus.PLANNING: frozenset({ExecutionStatus.QUEUED}),
    ExecutionStatus.EXECUTING: frozenset({ExecutionStatus.PLANNING}),
    ExecutionStatus.VERIFYING: frozenset({ExecutionStatus.EXECUTING}),
    ExecutionStatus.WAITING: frozenset({ExecutionStatus.PLANNING, ExecutionStatus.EXECUTING}),
    ExecutionStatus.QUEUED: frozenset({*_LIVE, ExecutionStatus.WAITING}),
    ExecutionStatus.COMPLETED: frozenset({ExecutionStatus.VERIFYING}),
    ExecutionStatus.BLOCKED: _LIVE,
    ExecutionStatus.FAILED: frozenset({ExecutionStatus.QUEUED, *_LIVE, ExecutionStatus.WAITING}),
    ExecutionStatus.CANCELLED: frozenset({ExecutionStatus.QUEUED, *_LIVE, ExecutionStatus.WAITING}),
}

_STAGE_OPEN = frozenset({StageStatus.RUNNING, StageStatus.AWAITING_SIGN_OFF, StageStatus.AWAITING_DECISION})

STAGE_SOURCES: Mapping[str, frozenset[str]] = {
    StageStatus.RUNNING: frozenset(
        {StageStatus.PENDING, StageStatus.RUNNING, StageStatus.AWAITING_SIGN_OFF, StageStatus.AWAITING_DECISION}
    ),
    StageStatus.AWAITING_SIGN_OFF: frozenset({StageStatus.RUNNING}),
    StageStatus.AWAITING_DECISION: frozenset({StageStatus.RUNNING}),
    StageStatus.COMPLETED: frozenset({StageStatus.RUNNING}),
    StageStatus.BLOCKED: _STAGE_OPEN,
    StageStatus.FAILED: frozenset({StageStatus.PENDING, *_STAGE_OPEN}),
    StageStatus.CANCELLED: frozenset({StageStatus.PENDING, *_STAGE_OPEN}),
}

_WORKFLOW_OPEN = frozenset(
    {
        WorkflowStatus.QUEUED,
        WorkflowStatus.RUNNING,
        WorkflowStatus.AWAITING_SIGN_OFF,
        WorkflowStatus.AWAITING_DECISION,
    }
)

WORKFLOW_SOURCES: Mapping[str, frozenset[str]] = {
    WorkflowStatus.RUNNING: _WORKFLOW_OPEN,
    WorkflowStatus.AWAITING_SIGN_OFF: frozenset({WorkflowStatus.RUNNING, WorkflowStatus.AWAITING_DECISION}),
    WorkflowStatus.AWAITING_DECISION: frozenset({WorkflowStatus.RUNNING, WorkflowStatus.AWAITING_SIGN_OFF}),
    WorkflowStatus.COMPLETED: frozenset({WorkflowStatus.RUNNING}),
    WorkflowStatus.BLOCKED: _WORKFLOW_OPEN,
    WorkflowStatus.FAILED: _WORKFLOW_OPEN,
    WorkflowStatus.CANCELLED: _WORKFLOW_OPEN,
}

EXECUTION_ENDS = frozenset(
    {ExecutionStatus.COMPLETED, ExecutionStatus.BLOCKED, ExecutionStatus.FAILED, ExecutionStatus.CANCELLED}
)
WORKFLOW_ENDS = frozenset(WorkflowStatus) - _WORKFLOW_OPEN
STAGE_ENDS = frozenset(StageStatus) - _STAGE_OPEN - {StageStatus.PENDING}
LEASED = _LIVE


def move_execution(
    execution_id: UUID, target: str, *, fence: int | None = None, raise_fence: bool = False, **changes: Any
) -> bool:
    """Move an execution to `target`; with a fence, only while that claim still holds. Says whether it landed.

    Raising the fence ends whatever claim there is.
    """
    rows = Execution.objects.filter(id=execution_id, status__in=EXECUTION_SOURCES[target])
    if fence is not None:
        rows = rows.filter(fence=fence)
    if raise_fence:
        changes["fence"] = F("fence") + 1
    return rows.update(status=target, **changes) == 1


def move_stage(stage_uid: UUID, target: str, **changes: Any) -> bool:
    """Move a stage to `target` and say whether it landed."""
    return Stage.objects.filter(uid=stage_uid, status__in=STAGE_SOURCES[target]).update(status=target, **changes) == 1


def move_workflow(workflow_id: UUID, target: str, **changes: Any) -> bool:
    """Move a workflow to `target` and say whether it landed."""
    rows = Workflow.objects.filter(id=workflow_id, status__in=WORKFLOW_SOURCES[target])
    return rows.update(status=target, updated_at=timezone.now(), **changes) == 1
