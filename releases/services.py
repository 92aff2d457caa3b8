"""What goes out: people's sign-offs."""

import uuid

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from compliance.content import compute_digest, load_text, store_text
from compliance.policies_in_force import load_policy_terms
from compliance.policy_terms import combine_sign_off_terms
from compliance.roles import APPROVER, may_sign_off
from compliance.services import issue_certificate, record_audit_event
from compliance.statements import draft_sign_off
from releases.models import SignOff, SignOffDecision
from workflows.facts import describe_person, load_request
from workflows.leases import lock_workflow
from workflows.models import Execution, ExecutionStatus
from workflows.reasons import ReasonCode
from workflows.requests import Conflict, NotAllowed, RequestRefused
from workflows.services import readable_workflows, resume_execution, visible_executions

MAX_REASON_CHARACTERS = 2000
MAX_MEANING_CHARACTERS = 120

# A password proves the signer to this server only; nobody else can check it afterwards.
SERVER_ATTESTED = "server_attested"


def pending_sign_offs(user: User) -> QuerySet[Execution]:
    """Return the executions that wait for a sign-off, oldest first, as far as the user may read them."""
    waiting = visible_executions(user, "all") if may_sign_off(user) else visible_executions(user)
    return waiting.filter(status=ExecutionStatus.WAITING, reason_code=ReasonCode.SIGN_OFF_REQUIRED).order_by(
        "created_at", "id"
    )


def sign_off(
    *,
    execution_id: uuid.UUID,
    actor: User,
    decision: str,
    artifact_sha256: str,
    meaning: str,
    reason: str,
    password: str,
    address: str | None,
) -> SignOff:
    """Give or refuse a release by a person's signature over exactly one artifact (21 CFR 11.50, 11.200).

    Raises Execution.DoesNotExist for what the actor may not read, NotAllowed for the requester, a second
    signature, anyone but an approver and a wrong password, Conflict when the digest or the state is stale,
    RequestRefused for a bad field.
    """
    execution = _find_execution(execution_id, actor)
    _check_signer(execution, actor)
    _check_fields(decision, meaning, reason)
    if not actor.check_password(password):
        raise NotAllowed("the password is not right: signing takes the signer's own password again")
    workflow_id = execution.stage.workflow_id
    with transaction.atomic():
        lock_workflow(workflow_id)
        execution = Execution.objects.select_related("stage__policy", "stage__workflow__owner").get(id=execution_id)
        _check_state(execution, artifact_sha256)
        if SignOff.objects.filter(execution=execution, signer=actor).exists():
            raise NotAllowed("you have signed this release already: nobody signs twice")
        opened = load_request(workflow_id).find(execution.stage)
        draft = draft_sign_off(
            stage=opened.stage,
            execution_id=str(execution.id),
            policy=opened.policy,
            signer=describe_person(actor),
            role=APPROVER,
            decision=decision,
            artifact_digest=artifact_sha256,
            meaning=meaning,
            reason_digest=store_text(workflow_id, reason),
            authentication=SERVER_ATTESTED,
        )
        certificate = issue_certificate(workflow_id, draft)
        record = SignOff.objects.create(
            execution=execution,
            signer=actor,
            decision=decision,
            artifact_digest=artifact_sha256,
            certificate=certificate,
        )
        resume_execution(execution.id)
        record_audit_event(
            actor=actor,
            action=f"sign_off.{decision}",
            target_type="execution",
            target_id=str(execution.id),
            address=address,
            detail={"artifact_sha256": artifact_sha256, "certificate": certificate.digest},
        )
    return record


def read_waiting_artifact(execution: Execution) -> str:
    """Return the text that a sign-off would be about, and check that it is the one of that digest."""
    text = load_text(execution.stage.workflow_id, execution.subject_digest)
    if compute_digest(text) != execution.subject_digest:
        raise Conflict("the stored artifact does not match its digest")
    return text


def _find_execution(execution_id: uuid.UUID, actor: User) -> Execution:
    rows = Execution.objects.select_related("stage__workflow__owner")
    return rows.get(id=execution_id, stage__workflow__in=readable_workflows(actor))


def _check_signer(execution: Execution, actor: User) -> None:
    if not may_sign_off(actor):
        raise NotAllowed("signing off takes the role approver")
    terms = load_policy_terms(set(execution.lineage_policies) or {execution.stage.policy.digest})
    requester_may_sign = combine_sign_off_terms(terms.values()).requester_may_sign
    requester = load_request(execution.stage.workflow_id).workflow.requester
    # The owner's row may have been changed since; who asked then stays barred, and so does who stands there now.
    if describe_person(actor).id in {requester.id, str(execution.stage.workflow.owner_id)} and not requester_may_sign:
        raise NotAllowed("you requested this workflow: its release is signed off by somebody else")


def _check_fields(decision: str, meaning: str, reason: str) -> None:
    errors = {}
    if decision not in SignOffDecision.values:
        errors["decision"] = [f"One of {', '.join(SignOffDecision.values)}."]
    for field, value, limit in (
        ("meaning", meaning, MAX_MEANING_CHARACTERS),
        ("reason", reason, MAX_REASON_CHARACTERS),
    ):
        if not value.strip():
            errors[field] = ["A sign-off says what it means and why: this may not be empty."]
        elif len(value) > limit:
            errors[field] = [f"At most {limit} characters."]
    if errors:
        raise RequestRefused(errors)


def _check_state(execution: Execution, artifact_sha256: str) -> None:
    if execution.status != ExecutionStatus.WAITING or execution.reason_code != ReasonCode.SIGN_OFF_REQUIRED:
        raise Conflict(f"execution {execution.id} is {execution.status}: it does not wait for a sign-off")
    if execution.subject_digest != artifact_sha256:
        waiting = execution.subject_digest
        raise Conflict(f"what waits is the artifact {waiting}, not {artifact_sha256}: read it again before signing")
