"""How executions, stages and workflows end: the certificate, the status and what comes next, in one transaction.

Every function here runs inside the caller's transaction, with the workflow's row locked.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from compliance.gate import Check, Evidence
from compliance.models import Certificate
from compliance.services import close_chain, find_admission, issue_certificate
from compliance.statements import EndedStage, OpenedStage, draft_execution
from compliance.verdicts import describe_check
from workflows.agents.amounts import count_cents
from workflows.facts import load_request
from workflows.journal import summarise_journal
from workflows.leases import LeaseLost
from workflows.models import Execution, ExecutionStatus, Mode, Stage, StageStatus, Verdict, Workflow, WorkflowStatus
from workflows.reasons import ReasonCode
from workflows.starting import find_hopeless, start_stages
from workflows.transitions import STAGE_ENDS, move_execution, move_stage, move_workflow
from workflows.workflow_status import refresh_workflow_status


@dataclass(frozen=True)
class Ending:
    """How one execution ended. Digests are SHA-256 in hex; `reason` is (code, detail), empty for a plain success.

    `lineage` is as in the admission certificate; None where the execution was never admitted.
    """

    status: str
    reason: tuple[str, str] = ("", "")
    verdict: str = Verdict.NON_COMPLIANT
    checks: tuple[Check, ...] = ()
    missing_proofs: tuple[str, ...] = ()
    agent_decision: str = ""
    model: str = ""
    request_count: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    artifact_digest: str = ""
    reviewed_digest: str = ""
    answer_digest: str = ""
    lineage: dict[str, Any] | None = None
    sign_offs: tuple[str, ...] = ()


def end_execution(
    execution: Execution, ending: Ending, *, fence: int | None, evidence: Evidence | None = None
) -> Certificate:
    """End an execution with its certificate, end its stage, and start the next one or end the workflow.

    The execution's row is locked and as it is now; `evidence` is the workflow's, where it is loaded already.
    Raises LeaseLost, and so undoes the whole transaction, when the execution is no longer the caller's to end.
    """
    stage = execution.stage
    opened = load_request(stage.workflow_id, evidence).find(stage)
    cost_cents = count_cents(execution.charged_nanocents)
    lineage = ending.lineage or {"policies": [opened.policy.digest], "upstreams": []}
    now = timezone.now()
    landed = move_execution(
        execution.id,
        ending.status,
        fence=fence,
        verdict=ending.verdict,
        reason_code=ending.reason[0],
        reason_detail=ending.reason[1],
        artifact_digest=ending.artifact_digest,
        subject_digest=ending.reviewed_digest,
        agent_decision=ending.agent_decision,
        answer_digest=ending.answer_digest,
        lineage_policies=lineage["policies"],
        checks=[describe_check(check) for check in ending.checks],
        provider=stage.provider,
        model=ending.model,
        request_count=ending.request_count,
        input_tokens=ending.input_tokens,
        output_tokens=ending.output_tokens,
        cost_cents=cost_cents,
        lease_owner="",
        lease_expires_at=None,
        completed_at=now,
    )
    if not landed:
        raise LeaseLost
    certificate = _certify_ending(execution, opened, ending, lineage, evidence)
    _end_stage(stage, ending.status, ending.reason)
    _advance(stage.workflow, ending.status, stage.stage_id)
    return certificate


def cancel_open_stages(workflow_id: uuid.UUID, code: str, detail: str) -> None:
    """Cancel every stage that has not ended, without execution or certificate."""
    open_stages = Stage.objects.filter(workflow_id=workflow_id).exclude(status__in=STAGE_ENDS)
    for stage_uid in open_stages.values_list("uid", flat=True):
        _cancel_stage(stage_uid, code, detail)


def _cancel_stage(stage_uid: uuid.UUID, code: str, detail: str) -> None:
    move_stage(
        stage_uid,
        StageStatus.CANCELLED,
        reason_code=code,
        reason_detail=detail,
        completed_at=timezone.now(),
        sealed_api_key=None,
    )


def end_workflow(workflow_id: uuid.UUID, *, cancelled_by_person: bool = False) -> None:
    """End a workflow by how its stages ended, and close its evidence."""
    stages = _load_stages(workflow_id)
    ended = {stage.status for stage in stages}
    if not ended <= STAGE_ENDS:
        raise RuntimeError(f"workflow {workflow_id} cannot end: a stage of it has not")
    status, decisive = WorkflowStatus.COMPLETED, None
    for candidate in (WorkflowStatus.FAILED, WorkflowStatus.BLOCKED, WorkflowStatus.CANCELLED):
        if candidate.value in ended:
            status = candidate
            decisive = next(stage for stage in stages if stage.status == candidate.value)
            break
    if cancelled_by_person:
        status = WorkflowStatus.CANCELLED
    reason = (decisive.reason_code, f"stage {decisive.stage_id}: {decisive.reason_detail}") if decisive else ("", "")
    executions = _latest_executions(stages)
    compliant = all(stage.uid in executions and executions[stage.uid].verdict == Verdict.COMPLIANT for stage in stages)
    verdict = Verdict.COMPLIANT if compliant else Verdict.NON_COMPLIANT
    landed = move_workflow(
        workflow_id,
        status,
        verdict=verdict,
        reason_code=reason[0],
        reason_detail=reason[1],
        completed_at=timezone.now(),
    )
    if not landed:
        raise LeaseLost
    asked = load_request(workflow_id)
    ends = [_describe_ended_stage(stage, asked.find(stage), executions.get(stage.uid)) for stage in stages]
    close_chain(
        workflow_id,
        workflow=asked.workflow,
        status=status,
        verdict=verdict,
        reason=reason,
        stages=sorted(ends, key=lambda end: end.stage.position),
    )


def _certify_ending(
    execution: Execution,
    opened: OpenedStage,
    ending: Ending,
    lineage: dict[str, Any],
    evidence: Evidence | None,
) -> Certificate:
    stage = execution.stage
    admission = find_admission(stage.workflow_id, execution.id, evidence)
    journal, documents = summarise_journal(execution.id)
    draft = draft_execution(
        stage=opened.stage,
        execution_id=str(execution.id),
        attempt=execution.attempts,
        policy=opened.policy,
        grant=opened.grant,
        lineage=lineage,
        admission_digest=admission,
        sign_offs=ending.sign_offs,
        status=ending.status,
        reason=ending.reason,
        verdict=ending.verdict,
        checks=ending.checks,
        missing_proofs=ending.missing_proofs,
        agent={"provider": stage.provider, "model": ending.model, "decision": ending.agent_decision},
        usage={
            "requests": ending.request_count,
            "input_tokens": ending.input_tokens,
            "output_tokens": ending.output_tokens,
        },
        cost_cents=count_cents(execution.charged_nanocents),
        journal=journal,
        documents=documents,
        artifact_digest=ending.artifact_digest or None,
        reviewed_digest=ending.reviewed_digest or None,
        answer_digest=ending.answer_digest or None,
    )
    return issue_certificate(stage.workflow_id, draft)


def _end_stage(stage: Stage, status: str, reason: tuple[str, str]) -> None:
    landed = move_stage(
        stage.uid,
        status,
        reason_code=reason[0],
        reason_detail=reason[1],
        completed_at=timezone.now(),
        sealed_api_key=None,
    )
    if not landed:
        raise LeaseLost


def _advance(workflow: Workflow, status: str, stage_id: str) -> None:
    """Start what may start after an end, cancel what never can, and end the workflow when nothing is left to run."""
    if status == ExecutionStatus.CANCELLED:
        return
    stages = _load_stages(workflow.id)
    if status == ExecutionStatus.COMPLETED:
        start_stages(workflow, stages)
    elif workflow.mode == Mode.PARALLEL:
        for hopeless, cause in find_hopeless(stages):
            detail = f"stage {cause.stage_id}, which it waits for, ended {cause.status}"
            _cancel_stage(hopeless.uid, ReasonCode.EARLIER_STAGE_ENDED, detail)
        stages = _load_stages(workflow.id)
    else:
        cancel_open_stages(workflow.id, ReasonCode.EARLIER_STAGE_ENDED, f"stage {stage_id} ended {status}")
        stages = _load_stages(workflow.id)
    if all(stage.status in STAGE_ENDS for stage in stages):
        end_workflow(workflow.id)
    elif workflow.status != WorkflowStatus.RUNNING:
        refresh_workflow_status(workflow.id)


def _load_stages(workflow_id: uuid.UUID) -> list[Stage]:
    return list(Stage.objects.filter(workflow_id=workflow_id).defer("sealed_api_key").order_by("position"))


def _latest_executions(stages: Sequence[Stage]) -> dict[uuid.UUID, Execution]:
    rows = Execution.objects.filter(stage__in=stages).order_by("created_at", "id")
    return {row.stage_id: row for row in rows}


def _describe_ended_stage(stage: Stage, opened: OpenedStage, execution: Execution | None) -> EndedStage:
    return EndedStage(
        stage=opened.stage,
        policy_digest=opened.policy.digest,
        status=stage.status,
        code=stage.reason_code,
        execution_id=str(execution.id) if execution else None,
    )
