"""Cancelling a workflow, and resuming an execution that waited for a person."""

import uuid

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from compliance.roles import may_cancel
from compliance.services import record_audit_event
from workflows.endings import Ending, cancel_open_stages, end_execution, end_workflow
from workflows.leases import lock_workflow
from workflows.models import Execution, ExecutionStatus, StageStatus, Workflow
from workflows.queue import wake
from workflows.reasons import ReasonCode
from workflows.requests import Conflict, NotAllowed
from workflows.spending import report_usage
from workflows.transitions import EXECUTION_ENDS, WORKFLOW_ENDS, move_execution, move_stage
from workflows.workflow_status import refresh_workflow_status


def cancel_workflow(*, workflow_id: uuid.UUID, actor: User, address: str | None) -> Workflow:
    """Cancel what has not ended of a workflow; one that has ended is left as it is.

    A running stage's worker finds its claim gone at its next look, at most half a second later, and stops; nothing
    that it does after this transaction can land. Raises NotAllowed.
    """
    with transaction.atomic():
        workflow = lock_workflow(workflow_id)
        if not may_cancel(actor, workflow.owner_id):
            raise NotAllowed("cancelling a workflow takes its owner or the role admin")
        if workflow.status in WORKFLOW_ENDS:
            return workflow
        detail = f"cancelled by {actor.get_username()}"
        live = Execution.objects.filter(stage__workflow_id=workflow_id).exclude(status__in=EXECUTION_ENDS)
        # Locked, so that no event lands in a journal between what is read of it and the end.
        for execution in live.select_related("stage__policy").select_for_update(of=("self",)):
            ending = Ending(ExecutionStatus.CANCELLED, (ReasonCode.CANCELLED, detail))
            end_execution(execution, report_usage(ending, execution.id), fence=None)
        cancel_open_stages(workflow_id, ReasonCode.CANCELLED, detail)
        end_workflow(workflow_id, cancelled_by_person=True)
        record_audit_event(
            actor=actor,
            action="workflow.cancel",
            target_type="workflow",
            target_id=str(workflow_id),
            address=address,
        )
        workflow.refresh_from_db()
    return workflow


def resume_execution(execution_id: uuid.UUID) -> None:
    """Queue an execution that waited, to be decided again on the evidence as it is now.

    Call it in the transaction that issued the evidence, with the workflow locked. Raises Conflict.
    """
    execution = Execution.objects.select_related("stage").get(id=execution_id)
    landed = move_execution(
        execution_id, ExecutionStatus.QUEUED, reason_code="", reason_detail="", lost_attempts=0, available_at=Now()
    )
    if not landed or execution.status != ExecutionStatus.WAITING:
        raise Conflict(f"execution {execution_id} is {execution.status}: it does not wait for a person")
    move_stage(execution.stage_id, StageStatus.RUNNING, reason_code="", reason_detail="")
    refresh_workflow_status(execution.stage.workflow_id)
    wake(execution_id)
