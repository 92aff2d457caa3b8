"""The life of a stage: claim, admit, run, finish, advance.

No step holds a transaction while it talks to a network, and each is conditional on the claim, so that a process
may be killed between any two lines: what it did not commit did not happen, what is in the journal is not done again,
and the sweep hands the stage on.
"""

import asyncio
import json
from dataclasses import asdict, dataclass, replace

from django.conf import settings
from django.db import transaction

from compliance.capabilities import Denial, Grant
from compliance.content import (
    ContentError,
    MasterKeyMismatch,
    SealedText,
    compute_digest,
    finding_key_of,
    open_content_key,
    open_secret,
    open_texts,
    seal_text,
    store_sealed,
    store_text,
)
from compliance.lineage import describe_lineage
from compliance.services import load_evidence
from workflows.admission import Admitted, admit_execution, inspect_release_again
from workflows.agents.runner import run_agent
from workflows.agents.types import (
    AgentFailure,
    AgentResult,
    AgentWork,
    OutcomeUnknown,
    RetryLater,
    StageInput,
)
from workflows.assessment import Assessment, assess_answer
from workflows.conclusion import Conclusion, conclude
from workflows.database_calls import DatabaseCalls
from workflows.endings import Ending, end_execution
from workflows.journal import load_history
from workflows.leases import Claim, LeaseLost, hand_back, load_execution, lock_claim
from workflows.model_prices import load_own_prices
from workflows.models import ExecutionStatus
from workflows.reasons import ReasonCode
from workflows.settlement import park_unknown_outcome
from workflows.spending import CHARGED_KINDS, report_usage, sum_usage
from workflows.stage_journal import JournalState, StageJournal
from workflows.transitions import move_execution


@dataclass(frozen=True)
class _Begun:
    """An admitted execution, what its agent works on, and where its journal stands."""

    admitted: Admitted
    work: AgentWork
    journal: JournalState


async def run_execution(claim: Claim, database: DatabaseCalls) -> None:
    """Take a claimed execution through admission, run and finish, to an end or to where it waits or is tried again.

    Raises LeaseLost, and anything unforeseen.
    """
    begun = await database.call(begin_execution, claim)
    if begun is None:
        return
    admitted, work = begun.admitted, begun.work
    journal = StageJournal(database, claim, begun.journal)
    try:
        async with asyncio.timeout(settings.STAGE_TIME_LIMIT_SECONDS):
            result = await run_agent(work, journal, journal)
    except AgentFailure as failure:
        ending = _describe_failure(failure, admitted)
        await database.call(end_without_answer, claim, ending, failure.last_text)
    except OutcomeUnknown as unknown:
        await database.call(park_unknown_outcome, claim, unknown)
    except RetryLater as later:
        await database.call(_hand_back_for_later, claim, later)
    except TimeoutError:
        detail = f"the stage ran longer than {settings.STAGE_TIME_LIMIT_SECONDS} s"
        ending = Ending(
            ExecutionStatus.FAILED,
            (ReasonCode.STAGE_TIMED_OUT, detail),
            lineage=describe_lineage(admitted.lineage),
        )
        await database.call(end_without_answer, claim, ending)
    else:
        await database.call(finish_execution, claim, begun, result)


def begin_execution(claim: Claim) -> _Begun | None:
    """Admit a claimed execution and gather what its agent works on. None: it has ended, or waits for a person.

    Raises LeaseLost, and anything unforeseen.
    """
    if claim.lost_attempts >= settings.MAX_ATTEMPTS:
        end_without_answer(claim, Ending(ExecutionStatus.FAILED, _explain_lost_attempts(claim)))
        return None
    try:
        admitted = admit_execution(claim)
        return None if admitted is None else _prepare(admitted)
    except MasterKeyMismatch:
        raise  # this process's fault, not the stage's: another worker may well be able to read it
    except ContentError as error:
        end_without_answer(claim, Ending(ExecutionStatus.FAILED, (ReasonCode.CONTENT_ERASED, str(error))))
        return None


def _prepare(admitted: Admitted) -> _Begun:
    """Gather what the agent works on. Raises ContentError when a text was erased."""
    execution, lineage = admitted.execution, admitted.lineage
    stage = execution.stage
    opened = open_content_key(stage.workflow_id)
    digests = [stage.task_digest, stage.document_digest, lineage.subject_digest or ""]
    digests += [upstream.artifact_digest for upstream in lineage.upstreams]
    texts = open_texts(opened, digests)
    history = load_history(execution.id, stage.workflow_id) if execution.event_count else ()
    sealed = stage.sealed_api_key
    work = AgentWork(
        execution_id=str(execution.id),
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
        used=sum_usage(event.facts for event in history if event.kind in CHARGED_KINDS),
        own_prices=load_own_prices(stage.provider),
        finding_key=finding_key_of(opened),
        history=history,
    )
    state = JournalState(opened, execution.event_count, execution.charged_nanocents, stage.budget_cents)
    return _Begun(admitted, work, state)


def finish_execution(claim: Claim, begun: _Begun, result: AgentResult) -> None:
    """Judge the answer, store the artifact, certify the end and start what comes next. Raises LeaseLost."""
    admitted = begun.admitted
    try:
        assessment = assess_answer(begun.work, result.answer, lineage_policies=admitted.lineage.policies)
    except AgentFailure as failure:
        end_without_answer(claim, _describe_failure(failure, admitted), failure.last_text)
        return
    # Sealed before the workflow's row is locked.
    texts = _seal_texts(begun, result, assessment)
    with transaction.atomic():
        execution = lock_claim(claim)
        if not move_execution(claim.execution_id, ExecutionStatus.VERIFYING, fence=claim.fence):
            raise LeaseLost
        evidence = load_evidence(claim.workflow_id)
        inspection = inspect_release_again(admitted, execution)
        end = conclude(execution, admitted, assessment, inspection, evidence)
        ending = _describe_end(begun, result, assessment, end, texts)
        end_execution(execution, ending, fence=claim.fence, evidence=evidence)


@dataclass(frozen=True)
class _Texts:
    """What an execution may leave behind, sealed; None where the workflow has the text already, or there is none."""

    artifact: SealedText | None
    judged: SealedText | None
    answer: SealedText


def _seal_texts(begun: _Begun, result: AgentResult, assessment: Assessment) -> _Texts:
    answer = json.dumps(asdict(result.answer), ensure_ascii=True, sort_keys=True)
    known = begun.admitted.lineage.subject_digest

    def seal(text: str | None) -> SealedText | None:
        return None if text is None or compute_digest(text) == known else seal_text(begun.journal.opened, text)

    return _Texts(seal(assessment.artifact), seal(assessment.judged), seal_text(begun.journal.opened, answer))


def _describe_end(begun: _Begun, result: AgentResult, assessment: Assessment, end: Conclusion, texts: _Texts) -> Ending:
    """Store the texts that an execution leaves behind, and return its end with their digests."""
    admitted = begun.admitted
    released = assessment.artifact if end.status == ExecutionStatus.COMPLETED else None
    kept = [texts.answer, texts.judged, texts.artifact if released is not None else None]
    store_sealed(admitted.execution.stage.workflow_id, [text for text in kept if text is not None])
    judged = "" if assessment.judged is None else compute_digest(assessment.judged)
    return Ending(
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
        artifact_digest="" if released is None else compute_digest(released),
        reviewed_digest=admitted.lineage.subject_digest or judged,
        answer_digest=texts.answer.digest,
        lineage=describe_lineage(admitted.lineage),
        sign_offs=admitted.decision.sign_offs,
    )


def end_without_answer(claim: Claim, ending: Ending, last_text: str | None = None) -> None:
    """Certify an end without an answer. The last text of a run that was stopped short stands where an answer would."""
    with transaction.atomic():
        execution = lock_claim(claim)
        if last_text is not None:
            ending = replace(ending, answer_digest=store_text(claim.workflow_id, json.dumps({"text": last_text})))
        end_execution(execution, report_usage(ending, execution.id), fence=claim.fence)


def _hand_back_for_later(claim: Claim, later: RetryLater) -> None:
    if not hand_back(claim, end="provider_backoff", detail=later.detail, delay_seconds=later.seconds):
        raise LeaseLost


def _explain_lost_attempts(claim: Claim) -> tuple[str, str]:
    """Return the reason of an execution whose attempts are used up, with how each of them ended."""
    ends = [
        f"attempt {entry['attempt']}: {entry['end']}{' (' + entry['detail'] + ')' if entry['detail'] else ''}"
        for entry in load_execution(claim).attempt_log
    ]
    detail = f"its worker died or failed in each of {claim.lost_attempts} attempts; {'; '.join(ends)}"
    return ReasonCode.ATTEMPTS_EXHAUSTED, detail


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
