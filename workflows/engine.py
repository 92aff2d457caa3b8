"""The life of a stage: claim, admit, run, finish, advance.

No step holds a transaction while it talks to a network, and each is conditional on the claim, so that a process
may be killed between any two lines: what it did not commit did not happen, and the sweep hands the stage on.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction

from compliance.capabilities import Denial, Grant
from compliance.content import ContentError, MasterKeyMismatch, derive_finding_key, load_texts, open_secret, store_text
from compliance.lineage import describe_lineage
from workflows.admission import Admitted, admit_execution, inspect_release, load_execution
from workflows.agents.runner import run_agent
from workflows.agents.types import (
    AgentFailure,
    AgentResult,
    AgentWork,
    Entry,
    JsonScalar,
    Need,
    Reservation,
    Settlement,
    StageInput,
)
from workflows.assessment import Assessment, assess_answer
from workflows.budgets import reserve_budget, settle_reservation
from workflows.conclusion import conclude
from workflows.endings import Ending, end_execution
from workflows.event_loop import StoppedByCheck, ThreadBridge
from workflows.journal import list_documents, read_document, record_event, write_document
from workflows.leases import Claim, LeaseLost, claim_execution, hand_back, is_held, lock_claim, renew_lease
from workflows.model_prices import load_own_prices
from workflows.models import ExecutionStatus
from workflows.reasons import ReasonCode
from workflows.spending import read_usage, report_usage
from workflows.transitions import move_execution

CANCEL_POLL_SECONDS = 0.5
_FIRST_RETRY_SECONDS = 2.0
_LONGEST_RETRY_SECONDS = 60.0

log = structlog.get_logger(__name__)


def run_ready_execution(execution_id: uuid.UUID) -> None:
    """Run one execution from claim to end, if it is ready. Never raises: what goes wrong is the stage's to carry."""
    try:
        claim = claim_execution(execution_id)
    except DatabaseError as error:
        log.error("claim_failed", execution=str(execution_id), error=type(error).__name__)
        return
    if claim is None:
        return
    try:
        run_claim(claim)
    except LeaseLost:
        log.info("lease_lost", execution=str(claim.execution_id), fence=claim.fence)
    except Exception as error:
        # Only the type: a message may quote what the agent or its provider said.
        log.error("execution_error", execution=str(claim.execution_id), error=type(error).__name__)
        _give_back(claim)


def _give_back(claim: Claim) -> None:
    """Hand an execution back after an unforeseen error; if even that fails, its lease runs out and it is swept."""
    delay = min(_LONGEST_RETRY_SECONDS, _FIRST_RETRY_SECONDS * 2 ** (claim.attempt - 1))
    try:
        hand_back(claim, delay)
    except DatabaseError as error:
        log.error("hand_back_failed", execution=str(claim.execution_id), error=type(error).__name__)


def run_claim(claim: Claim) -> None:
    """Take a claimed execution through admission, run and finish. Raises LeaseLost, and anything unforeseen."""
    if claim.attempt > settings.MAX_ATTEMPTS:
        detail = f"its worker died or failed in each of {settings.MAX_ATTEMPTS} attempts"
        _end_without_answer(claim, Ending(ExecutionStatus.FAILED, (ReasonCode.ATTEMPTS_EXHAUSTED, detail)))
        return
    try:
        admitted = admit_execution(claim)
        if admitted is None:
            return
        work = prepare_work(admitted)
    except MasterKeyMismatch:
        raise  # this process's fault, not the stage's: another worker may well be able to read it
    except ContentError as error:
        _end_without_answer(claim, Ending(ExecutionStatus.FAILED, (ReasonCode.CONTENT_ERASED, str(error))))
        return
    try:
        result = _run_agent_under_lease(claim, work)
        if not move_execution(claim.execution_id, ExecutionStatus.VERIFYING, fence=claim.fence):
            raise LeaseLost
        assessment = assess_answer(work, result.answer, lineage_policies=admitted.lineage.policies)
    except AgentFailure as failure:
        _end_without_answer(claim, _describe_failure(failure, admitted), failure.last_text)
        return
    except TimeoutError:
        detail = f"the stage ran longer than {settings.STAGE_TIME_LIMIT_SECONDS} s"
        reason = (ReasonCode.STAGE_TIMED_OUT, detail)
        _end_without_answer(claim, Ending(ExecutionStatus.FAILED, reason, lineage=describe_lineage(admitted.lineage)))
        return
    finish_execution(claim, admitted, result, assessment)


def prepare_work(admitted: Admitted) -> AgentWork:
    """Gather what the agent works on. Raises ContentError when a text was erased."""
    stage, lineage = admitted.execution.stage, admitted.lineage
    digests = [stage.task_digest, stage.document_digest, lineage.subject_digest or ""]
    digests += [upstream.artifact_digest for upstream in lineage.upstreams]
    texts = load_texts(stage.workflow_id, digests)
    sealed = stage.sealed_api_key
    return AgentWork(
        execution_id=str(admitted.execution.id),
        role=stage.role,  # type: ignore[arg-type]  # a Role by the column's choices
        task=texts[stage.task_digest],
        document=texts.get(stage.document_digest),
        inputs=tuple(StageInput(item.stage_id, texts[item.artifact_digest]) for item in lineage.upstreams),
        subject=texts[lineage.subject_digest] if lineage.subject_digest else None,
        policy=admitted.policies[0],
        lineage_policies=admitted.policies,
        provider=stage.provider,
        model=stage.model or None,
        budget_cents=stage.budget_cents,
        grant=Grant(tuple(stage.granted_permissions), tuple(Denial(**denial) for denial in stage.denied_permissions)),
        api_key=None if sealed is None else open_secret(bytes(sealed), f"stage:{stage.uid}"),
        used=read_usage(admitted.execution.id),
        own_prices=load_own_prices(stage.provider),
        finding_key=derive_finding_key(stage.workflow_id),
    )


def finish_execution(claim: Claim, admitted: Admitted, result: AgentResult, assessment: Assessment) -> None:
    """Store the artifact, certify the end and start what comes next, in one transaction. Raises LeaseLost."""
    workflow_id = claim.workflow_id
    execution = load_execution(claim)
    inspection = inspect_release(execution)
    with transaction.atomic():
        lock_claim(claim)
        end = conclude(execution, admitted, assessment, inspection)
        released = assessment.artifact if end.status == ExecutionStatus.COMPLETED else None
        judged = "" if assessment.judged is None else store_text(workflow_id, assessment.judged)
        ending = Ending(
            end.status,
            end.reason,
            verdict=end.verdict,
            checks=end.checks,
            missing_proofs=end.missing_proofs,
            agent_decision=assessment.decision,
            model=result.model,
            request_count=result.usage.requests,
            input_tokens=result.usage.input_tokens,
            output_tokens=result.usage.output_tokens,
            artifact_digest="" if released is None else store_text(workflow_id, released),
            reviewed_digest=admitted.lineage.subject_digest or judged,
            answer_digest=store_text(workflow_id, json.dumps(asdict(result.answer), ensure_ascii=True, sort_keys=True)),
            lineage=describe_lineage(admitted.lineage),
            sign_offs=admitted.decision.sign_offs,
        )
        end_execution(execution, ending, fence=claim.fence)


def _run_agent_under_lease(claim: Claim, work: AgentWork) -> AgentResult:
    """Run the agent's loop, renewing the lease meanwhile. Raises AgentFailure, LeaseLost or TimeoutError."""
    bridge = ThreadBridge()
    renewals = _Renewals(claim)
    try:
        return bridge.run(
            run_agent(work, _BridgedJournal(bridge, claim), _BridgedDocuments(bridge, claim)),
            time_limit=settings.STAGE_TIME_LIMIT_SECONDS,
            interval=CANCEL_POLL_SECONDS,
            check=renewals.keep,
        )
    except StoppedByCheck as error:
        raise LeaseLost from error


def _end_without_answer(claim: Claim, ending: Ending, last_text: str | None = None) -> None:
    """Certify an end without an answer. The last text of a run that was stopped short stands where an answer would."""
    execution = load_execution(claim)
    with transaction.atomic():
        lock_claim(claim)
        if last_text is not None:
            ending = replace(ending, answer_digest=store_text(claim.workflow_id, json.dumps({"text": last_text})))
        end_execution(execution, report_usage(ending, execution.id), fence=claim.fence)


def _describe_failure(failure: AgentFailure, admitted: Admitted) -> Ending:
    return Ending(
        failure.status,
        (failure.code, failure.detail),
        model=failure.model or admitted.execution.stage.model,
        request_count=failure.usage.requests,
        input_tokens=failure.usage.input_tokens,
        output_tokens=failure.usage.output_tokens,
        lineage=describe_lineage(admitted.lineage),
        reviewed_digest=admitted.lineage.subject_digest or "",
    )


class _Renewals:
    """Looks at the claim at every interval, and renews the lease when a third of it is over."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._every = max(1, int(settings.LEASE_SECONDS / 3 / CANCEL_POLL_SECONDS))
        self._count = 0

    def keep(self) -> bool:
        self._count += 1
        return renew_lease(self._claim) if self._count % self._every == 0 else is_held(self._claim)


@dataclass(frozen=True)
class _BridgedJournal:
    bridge: ThreadBridge
    claim: Claim

    async def record(self, kind: str, facts: Mapping[str, JsonScalar], payload: object) -> None:
        await self.bridge.call(record_event, self.claim, kind, facts, payload)

    async def reserve(self, need: Need, entry: Entry, settlement: Settlement | None = None) -> Reservation | None:
        return await self.bridge.call(reserve_budget, self.claim, need, entry, settlement)

    async def settle(self, settlement: Settlement, entry: Entry) -> int:
        return await self.bridge.call(settle_reservation, self.claim, settlement, entry)


@dataclass(frozen=True)
class _BridgedDocuments:
    bridge: ThreadBridge
    claim: Claim

    async def read(self, name: str) -> str | None:
        return await self.bridge.call(read_document, self.claim, name)

    async def write(self, name: str, text: str) -> str:
        return await self.bridge.call(write_document, self.claim, name, text)

    async def names(self) -> tuple[str, ...]:
        return await self.bridge.call(list_documents, self.claim)
