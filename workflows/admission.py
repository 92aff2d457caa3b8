"""Admission: ask the gate whether a claimed execution may run, and certify its answer."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.models.functions import Coalesce, Now

from compliance.chain import read_chain
from compliance.content import load_text
from compliance.gate import AdmissionRequest, Allow, Evidence, Lineage, Refuse, Wait, decide
from compliance.lineage import describe_lineage
from compliance.models import Certificate
from compliance.policies_in_force import load_policies, load_policy_documents, load_policy_terms
from compliance.policy import PolicyDocument
from compliance.services import issue_certificate, load_evidence
from compliance.shapes import is_same
from compliance.statements import draft_admission
from workflows.content_rules import BlockedFinding, explain_blocked, find_blocked_in, list_types
from workflows.endings import Ending, end_execution
from workflows.facts import describe_person, load_request
from workflows.leases import Claim, LeaseLost, load_execution, lock_claim
from workflows.models import Execution, ExecutionStatus, Mode, Role, StageStatus, WorkflowStatus
from workflows.reasons import ReasonCode
from workflows.spending import report_usage
from workflows.transitions import move_execution, move_stage
from workflows.workflow_status import refresh_workflow_status


@dataclass(frozen=True)
class Inspection:
    """What inspecting an artifact has found: `policies` are the digests of those that it was really inspected under,
    None where nothing was inspected; `blocked` is what one of them blocks."""

    policies: tuple[str, ...] | None = None
    blocked: tuple[BlockedFinding, ...] = ()

    @property
    def blocking(self) -> tuple[str, ...]:
        """The types that are blocked, sorted."""
        return list_types(self.blocked)


@dataclass(frozen=True)
class Admitted:
    """An execution that may run, and what that rests on."""

    execution: Execution
    decision: Allow
    policies: tuple[PolicyDocument, ...]
    inspection: Inspection

    @property
    def lineage(self) -> Lineage:
        return self.decision.lineage


def admit_execution(claim: Claim) -> Admitted | None:
    """Decide a claimed execution. None: it was refused and has ended, or it waits for a person.

    Asked again under the same claim, it decides again, and certifies the answer where that is another one. Raises
    LeaseLost when the claim no longer stands, ContentError when a text that must be inspected was erased.
    """
    # A stage of any other role has nothing that would be inspected.
    inspection = _inspect_early(load_execution(claim)) if claim.role == Role.RELEASE else Inspection()
    with transaction.atomic():
        execution = lock_claim(claim)
        if inspection is None:
            inspection = inspect_release(execution)
        _note_start(execution)
        evidence = load_evidence(claim.workflow_id)
        terms, documents = load_policies()
        decision = decide(terms, build_request(execution, inspection), evidence)
        if isinstance(decision, Refuse):
            decision = replace(decision, detail=explain_refusal(decision, inspection))
        if isinstance(decision, Wait):
            _park(claim, execution, decision)
            return None
        if isinstance(decision, Refuse):
            _certify_admission(execution, decision, inspection, evidence)
            lineage = describe_lineage(decision.lineage) if decision.lineage else None
            ending = Ending(ExecutionStatus.BLOCKED, (decision.code, decision.detail), lineage=lineage)
            end_execution(execution, report_usage(ending, execution.id), fence=claim.fence)
            return None
        is_new = execution.status == ExecutionStatus.PLANNING
        if is_new or not _is_certified(execution, decision, evidence):
            _certify_admission(execution, decision, inspection, evidence)
        if is_new and not move_execution(execution.id, ExecutionStatus.EXECUTING, fence=claim.fence):
            raise LeaseLost
    return Admitted(execution, decision, _order_documents(execution, decision.lineage, documents), inspection)


def _note_start(execution: Execution) -> None:
    """Show the stage and the workflow of a claimed execution as running, unless they are shown so already."""
    if execution.stage.status != StageStatus.RUNNING:
        move_stage(execution.stage_id, StageStatus.RUNNING, started_at=Coalesce("started_at", Now()))
    if execution.stage.workflow.status == WorkflowStatus.QUEUED:
        refresh_workflow_status(execution.stage.workflow_id)


def ask_gate(request: AdmissionRequest) -> Allow | Wait | Refuse:
    """Put a request to the gate with all evidence of its workflow and all published policies."""
    return decide(load_policy_terms(), request, load_evidence(uuid.UUID(request.workflow_id)))


def build_request(execution: Execution, inspection: Inspection) -> AdmissionRequest:
    """Return what the gate is asked about an execution: by its rows, which the gate holds against the opening."""
    stage = execution.stage
    return AdmissionRequest(
        workflow_id=str(stage.workflow_id),
        stage_id=stage.stage_id,
        execution_id=str(execution.id),
        role=stage.role,
        policy_digest=stage.policy.digest,
        upstream_stage_ids=tuple(stage.upstream_stage_ids),
        granted=tuple(stage.granted_permissions),
        requester_id=describe_person(stage.workflow.owner).id,
        task_digest=stage.task_digest,
        document_digest=stage.document_digest or None,
        inspected_policies=inspection.policies or (),
        blocking_findings=inspection.blocking,
    )


def inspect_release(execution: Execution) -> Inspection:
    """Inspect what a release would put out, under every policy of its lineage (rule 12).

    Nothing is inspected for a stage that releases nothing, nor for a release that the gate refuses whatever it holds.
    """
    if execution.stage.role != Role.RELEASE:
        return Inspection()
    # The gate refuses what was not inspected, and says with what lineage: that is what must be inspected.
    lineage = ask_gate(build_request(execution, Inspection())).lineage
    if lineage is None or lineage.subject_digest is None:
        return Inspection()
    text = load_text(execution.stage.workflow_id, lineage.subject_digest)
    documents = load_policy_documents(set(lineage.policies))
    blocked = find_blocked_in(text, documents.values(), "release")
    return Inspection(policies=tuple(sorted(documents)), blocked=blocked)


def _inspect_early(execution: Execution) -> Inspection | None:
    """Inspect before the workflow is locked; None for a parallel one: its lineage may grow until it is."""
    return inspect_release(execution) if execution.stage.workflow.mode == Mode.SEQUENTIAL else None


def inspect_release_again(admitted: Admitted, execution: Execution) -> Inspection:
    """Inspect what a release would put out as its lineage is now, with the workflow locked.

    The text is the same, by its digest: where stages run one after the other the lineage is, too, and what was found at
    the admission stands.
    """
    if execution.stage.workflow.mode == Mode.SEQUENTIAL:
        return admitted.inspection
    return inspect_release(execution)


def explain_refusal(decision: Refuse, inspection: Inspection) -> str:
    """Return the gate's word; where it refuses content, by which findings. The gate itself knows only their types."""
    if decision.code != ReasonCode.CONTENT_BLOCKED or not inspection.blocked:
        return decision.detail
    return f"the artifact holds what its policies block: {explain_blocked(inspection.blocked)}"


def _park(claim: Claim, execution: Execution, decision: Wait) -> None:
    """Let the execution wait for people: it holds no worker and no lease, and survives restarts."""
    detail = f"{decision.present} of {decision.required} sign-offs given"
    changes: dict[str, Any] = {"reason_code": ReasonCode.SIGN_OFF_REQUIRED, "reason_detail": detail}
    landed = move_execution(
        execution.id,
        ExecutionStatus.WAITING,
        fence=claim.fence,
        lease_owner="",
        lease_expires_at=None,
        subject_digest=decision.lineage.subject_digest or "",
        lineage_policies=list(decision.lineage.policies),
        **changes,
    )
    if not landed:
        raise LeaseLost
    move_stage(claim.stage_uid, StageStatus.AWAITING_SIGN_OFF, **changes)
    refresh_workflow_status(claim.workflow_id)


def _is_certified(execution: Execution, decision: Allow, evidence: Evidence) -> bool:
    """Say whether the last admission says what is decided now: stages that run at the same time may have changed it."""
    chain = read_chain(str(execution.stage.workflow_id), evidence.certificates, evidence.keys)
    own = (entry.predicate for entry in chain if entry.kind == "admission" and entry.execution_id == str(execution.id))
    return any(
        is_same(last["lineage"], describe_lineage(decision.lineage)) and last["sign_offs"] == list(decision.sign_offs)
        for last in list(own)[-1:]
    )


def _certify_admission(
    execution: Execution, decision: Allow | Refuse, inspection: Inspection, evidence: Evidence
) -> Certificate:
    asked = load_request(execution.stage.workflow_id, evidence)
    opened = asked.find(execution.stage)
    subject = decision.lineage.subject_digest if decision.lineage else None
    draft = draft_admission(
        stage=opened.stage,
        execution_id=str(execution.id),
        attempt=execution.attempts,
        policy=opened.policy,
        requester=asked.workflow.requester,
        grant=opened.grant,
        lineage=decision.lineage,
        sign_offs=decision.sign_offs if isinstance(decision, Allow) else (),
        inspected_policies=inspection.policies,
        blocking_findings=inspection.blocking,
        refusal=(decision.code, decision.detail) if isinstance(decision, Refuse) else None,
        input_digest=subject or opened.stage.document_sha256 or opened.stage.task_sha256,
    )
    return issue_certificate(execution.stage.workflow_id, draft)


def _order_documents(
    execution: Execution, lineage: Lineage, documents: Mapping[str, PolicyDocument]
) -> tuple[PolicyDocument, ...]:
    """Return the stage's own policy first, then the others of the lineage."""
    own = execution.stage.policy.digest
    return (documents[own], *(documents[digest] for digest in lineage.policies if digest != own))
