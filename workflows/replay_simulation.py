"""One past workflow under a draft: each execution decided again, in order, on evidence as the draft would leave it.

The rules are those of the gate and of the verdicts themselves (`decide_on_chain`, `judge`); here is only what they
are asked. They read a chain in which the grants, verdicts and ends are the draft's.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from compliance.capabilities import resolve
from compliance.chain import Attestation
from compliance.gate import AdmissionRequest, Allow, Check, Refuse, Wait, decide_on_chain, judge, read_request
from workflows import replay_reasons as reasons
from workflows.conclusion import explain_verdict
from workflows.models import ExecutionStatus, Role, StageStatus, Verdict
from workflows.reasons import ReasonCode
from workflows.replay_calls import CallComparer, RecordedEvent
from workflows.replay_content import ContentComparer, ContentDifference, NotEvaluable, Substitution
from workflows.replay_records import (
    NOT_ADMITTED,
    PERMISSIONS_REFUSED,
    UNKNOWN,
    UNKNOWN_BEYOND_ADMISSION,
    UNKNOWN_BEYOND_EARLIER_STAGE,
    Outcome,
)

# What the gate refuses for the state of evidence and rows: no policy would have changed it.
_NOT_ABOUT_POLICY = frozenset(
    {
        ReasonCode.EVIDENCE_INVALID.value,
        ReasonCode.REQUEST_DIFFERS.value,
        ReasonCode.WORKFLOW_CLOSED.value,
        ReasonCode.POLICY_UNKNOWN.value,
        ReasonCode.STAGE_ALREADY_ENDED.value,
        ReasonCode.LINEAGE_CHANGED.value,
    }
)
_HOLD = "hold"


@dataclass(frozen=True)
class RecordedWorkflow:
    """What is known of a workflow: its verified chain, journals by execution id, readable texts by digest."""

    id: uuid.UUID
    chain: tuple[Attestation, ...]
    events: Mapping[str, Sequence[RecordedEvent]]
    texts: Mapping[str, str]


@dataclass(frozen=True)
class SimulatedExecution:
    """`end` is the certificate of how it ended; `concerned`: the replaced policy is in its lineage."""

    end: Attestation
    was: Outcome
    would_be: Outcome
    reasons: tuple[str, ...]
    concerned: bool
    grant_changed: bool
    obstacle: NotEvaluable | None = None


@dataclass(frozen=True)
class _Ending:
    """How an execution would end. `checks` are those that would stand in its certificate, as they would there."""

    outcome: Outcome
    reasons: tuple[str, ...] = ()
    checks: tuple[Mapping[str, Any], ...] = ()
    missing_proofs: tuple[str, ...] = ()
    artifact_digest: str | None = None


@dataclass
class _Course:
    """How far the replay of one workflow has come. `chain` is the evidence as the draft would have left it.

    `stopped` are the stages that would not have ended as they did, and so where the workflow would have stopped.
    """

    recorded: RecordedWorkflow
    substitution: Substitution
    content: ContentComparer
    chain: list[Attestation]
    refused_stage: Mapping[str, Any] | None
    stopped: dict[str, Outcome] = field(default_factory=dict)
    obstacle: NotEvaluable | None = None
    ended_stages: set[str] = field(default_factory=set)


def simulate_workflow(recorded: RecordedWorkflow, substitution: Substitution) -> list[SimulatedExecution]:
    """Return every execution that left a certificate, in the order in which they ended."""
    opening, refused_stage = _revise_opening(recorded.chain[0], substitution)
    course = _Course(
        recorded=recorded,
        substitution=substitution,
        content=ContentComparer(recorded.id, substitution, recorded.texts),
        chain=[opening],
        refused_stage=refused_stage,
    )
    simulated = []
    for entry in recorded.chain[1:]:
        if entry.kind == "execution":
            simulated.append(_simulate_execution(course, entry))
        else:
            course.chain.append(entry)
    return simulated


def _revise_opening(opening: Attestation, substitution: Substitution) -> tuple[Attestation, Mapping[str, Any] | None]:
    """Return the opening with the grants that the draft gives, and the stage for which it would have been refused."""
    stages, refused = [], None
    for stage in opening.stages:
        if stage["policy"]["digest"] in substitution.replaced:
            rules = substitution.draft.capabilities
            asked = stage["permissions"]
            grant = resolve(asked, rules.ceiling, rules.forbidden, rules.default, stage["role"])
            stage = {**stage, "grant": {"effective": list(grant.effective), "denied": grant.denied}}
            if asked and not grant.effective:
                refused = refused or stage
        stages.append(stage)
    return replace(opening, predicate={**opening.predicate, "stages": stages}), refused


def _simulate_execution(course: _Course, end: Attestation) -> SimulatedExecution:
    outcome = end.predicate["outcome"]
    was = Outcome(outcome["status"], end.predicate["verdict"], outcome["code"])
    ending, obstacle = _Ending(was), course.obstacle
    if obstacle is None:
        try:
            ending = _find_ending(course, end, was)
        except NotEvaluable as found:
            obstacle = course.obstacle = found
    _append_end(course, end, ending)
    if ending.outcome.status != was.status and _find_stop(course, end.stage_id) is None:
        course.stopped[end.stage_id] = ending.outcome
    course.ended_stages.add(end.stage_id)
    changed = obstacle is None and ending.outcome != was
    return SimulatedExecution(
        end=end,
        was=was,
        would_be=ending.outcome if changed else was,
        reasons=ending.reasons if changed else (),
        concerned=not course.substitution.replaced.isdisjoint({end.policy_digest, *end.lineage_policies}),
        grant_changed=_find_grant(course, end.stage_id) != end.predicate["grant"]["effective"],
        obstacle=obstacle,
    )


def _append_end(course: _Course, end: Attestation, ending: _Ending) -> None:
    """Add the certificate that the execution would have left to the evidence that later stages rest on."""
    grant = {**end.predicate["grant"], "effective": _find_grant(course, end.stage_id)}
    predicate = {**end.predicate, "grant": grant}
    if ending.checks:
        predicate |= {
            "outcome": {**end.predicate["outcome"], "status": ending.outcome.status, "code": ending.outcome.code},
            "verdict": ending.outcome.verdict,
            "checks": list(ending.checks),
            "missing_proofs": list(ending.missing_proofs),
            "artifact_sha256": ending.artifact_digest,
        }
    course.chain.append(replace(end, predicate=predicate))


def _find_grant(course: _Course, stage_id: str) -> list[str]:
    found: list[str] = _find_stage(course, stage_id)["grant"]["effective"]
    return found


def _find_stage(course: _Course, stage_id: str) -> Mapping[str, Any]:
    return next(stage for stage in course.chain[0].stages if stage["id"] == stage_id)


def _find_ending(course: _Course, end: Attestation, was: Outcome) -> _Ending:
    """Return how the execution would have ended. Raises NotEvaluable."""
    if course.refused_stage is not None:
        outcome = Outcome(NOT_ADMITTED, "", PERMISSIONS_REFUSED)
        return _Ending(outcome, reasons.explain_refused_request(course.refused_stage, course.substitution, end))
    if end.stage_id in course.ended_stages:
        return _Ending(was)
    stop = _find_stop(course, end.stage_id)
    if stop is not None:
        return _find_stopped_ending(*stop)
    admission = next(
        (entry for entry in reversed(course.chain) if entry.kind == "admission" and _is_of(entry, end)), None
    )
    if admission is None:
        return _Ending(was)  # cancelled or given up before it was ever decided
    then = admission.predicate["decision"]
    if then["code"] in _NOT_ABOUT_POLICY or was.code in _NOT_ABOUT_POLICY:
        return _Ending(was)
    decision, difference = _decide_again(course, admission)
    if isinstance(decision, Refuse):
        outcome = Outcome(ExecutionStatus.BLOCKED.value, Verdict.NON_COMPLIANT.value, decision.code)
        return _Ending(outcome, reasons.explain_refusal(decision, difference))
    if isinstance(decision, Wait):
        outcome = Outcome(ExecutionStatus.WAITING.value, "", ReasonCode.SIGN_OFF_REQUIRED.value)
        return _Ending(outcome, reasons.explain_wait(decision, course.substitution, course.chain, end))
    if then["result"] == "refuse":
        outcome = Outcome(UNKNOWN, "", UNKNOWN_BEYOND_ADMISSION)
        return _Ending(outcome, reasons.explain_admission(then, difference, course.substitution))
    return _find_ending_of_run(course, end, was)


def _find_stop(course: _Course, stage_id: str) -> tuple[str, Outcome] | None:
    """Return the first stage that would have ended otherwise, and how, of those whose completion the stage needs."""
    needed = None if not course.chain[0].is_parallel else _find_upstreams(course.chain[0], stage_id)
    return next((stop for stop in course.stopped.items() if needed is None or stop[0] in needed), None)


def _find_upstreams(opening: Attestation, stage_id: str) -> set[str]:
    """Return the ids of the stages that a stage names, and of those that these name, and so on."""
    opened = {stage["id"]: stage["upstream_stage_ids"] for stage in opening.stages}
    found: set[str] = set()
    pending = list(opened[stage_id])
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += opened[name]
    return found


def _find_stopped_ending(stage_id: str, stopped: Outcome) -> _Ending:
    """Return what would have become of an execution behind a stage that would have ended otherwise."""
    if stopped.status == UNKNOWN:
        outcome = Outcome(UNKNOWN, "", UNKNOWN_BEYOND_EARLIER_STAGE)
    elif stopped.status == ExecutionStatus.WAITING:
        outcome = Outcome(StageStatus.PENDING.value, "", ReasonCode.EARLIER_STAGE_NOT_COMPLETED.value)
    else:
        outcome = Outcome(StageStatus.CANCELLED.value, "", ReasonCode.EARLIER_STAGE_ENDED.value)
    return _Ending(outcome, reasons.explain_stop(stage_id, stopped))


def _decide_again(course: _Course, admission: Attestation) -> tuple[Allow | Wait | Refuse, ContentDifference | None]:
    """Ask the gate with the sign-offs that there were by then, one after the other, as it was asked at the time."""
    chain = [entry for entry in course.chain if entry.sequence < admission.sequence]
    given = [entry for entry in chain if entry.kind == "sign_off" and _is_of(entry, admission)]
    request = replace(
        read_request(admission),
        granted=tuple(_find_grant(course, admission.stage_id)),
        inspected_policies=(),
        blocking_findings=(),
    )
    recorded = admission.predicate["content"]
    for count in range(len(given) + 1):
        later = {entry.digest for entry in given[count:]}
        visible = [entry for entry in chain if entry.digest not in later]
        decision, difference = _ask_gate(course, request, visible, recorded)
        if not isinstance(decision, Wait):
            break
    return decision, difference


def _ask_gate(
    course: _Course, request: AdmissionRequest, chain: Sequence[Attestation], recorded: Mapping[str, Any] | None
) -> tuple[Allow | Wait | Refuse, ContentDifference | None]:
    """Decide; a release after what it would put out was inspected under its lineage, as the worker does it."""
    terms = course.substitution.terms
    decision = decide_on_chain(terms, request, chain)
    lineage = decision.lineage
    if request.role != Role.RELEASE or lineage is None or lineage.subject_digest is None:
        return decision, None
    difference, blocking = None, tuple(recorded["blocking"]) if recorded else ()
    if recorded is None or course.substitution.changes_content(lineage.policies):
        difference = course.content.compare_artifact(lineage.subject_digest, lineage.policies, request.role)
        if recorded is None or not difference.is_same:
            blocking = tuple(sorted({found.type for found in difference.now}))
    inspected = replace(request, inspected_policies=lineage.policies, blocking_findings=blocking)
    return decide_on_chain(terms, inspected, chain), difference


def _find_ending_of_run(course: _Course, end: Attestation, was: Outcome) -> _Ending:
    """Return how an execution that was admitted, and still would be, would have ended."""
    policies = tuple(dict.fromkeys((end.policy_digest, *end.lineage_policies)))
    comparer = CallComparer(course.content, policies, end.role, _find_grant(course, end.stage_id))
    call = comparer.find_difference(course.recorded.events.get(end.execution_id, ()))
    if call is not None:
        return _Ending(call.outcome, call.reasons)
    decision = end.predicate["agent"]["decision"]
    judged = was.status == ExecutionStatus.COMPLETED or (end.role == Role.RELEASE and end.predicate["checks"])
    if not judged or (end.role == Role.RELEASE and decision == _HOLD):
        return _Ending(was)  # what ended it, its agent or a person, was no policy
    return _judge_again(course, end, was, policies)


def _judge_again(course: _Course, end: Attestation, was: Outcome, policies: tuple[str, ...]) -> _Ending:
    predicate = end.predicate
    text = predicate["artifact_sha256"] or (predicate["reviewed_sha256"] if end.role == Role.RELEASE else None)
    entries, difference = _keep_owed_checks(course, predicate["checks"], policies), None
    if text and course.substitution.changes_content(policies):
        difference = course.content.compare_artifact(text, policies, end.role)
        if not difference.is_same:
            entries = tuple(_revise_content_rules(entry, difference) for entry in entries)
    checks = [Check(entry["name"], entry["passed"], entry["detail"]) for entry in entries]
    terms = [course.substitution.terms[digest] for digest in policies]
    verdict, missing = judge(checks, terms, end.role)
    outcome = Outcome(ExecutionStatus.COMPLETED.value, verdict, "")
    if end.role == Role.RELEASE and verdict != Verdict.COMPLIANT:
        outcome = Outcome(ExecutionStatus.BLOCKED.value, verdict, str(explain_verdict(checks, missing)[0]))
    artifact = text if outcome.status == ExecutionStatus.COMPLETED else None
    explained = reasons.explain_verdict(end, checks, missing, difference, course.substitution, policies)
    return _Ending(outcome, explained, entries, missing, artifact)


def _keep_owed_checks(
    course: _Course, entries: Sequence[Mapping[str, Any]], policies: Sequence[str]
) -> tuple[Mapping[str, Any], ...]:
    """Leave out a failed `ner_ran`, as the checks themselves do, where no policy requires it."""
    if any("ner_ran" in course.substitution.find(digest).required_proofs for digest in policies):
        return tuple(entries)
    return tuple(entry for entry in entries if entry["name"] != "ner_ran" or entry["passed"])


def _revise_content_rules(check: Mapping[str, Any], difference: ContentDifference) -> Mapping[str, Any]:
    if check["name"] != "content_rules":
        return check
    found = ", ".join(sorted({finding.type for finding in difference.now}))
    detail = f"blocked: {found}" if found else "nothing is blocked"
    return {"name": check["name"], "passed": not found, "detail": detail}


def _is_of(entry: Attestation, other: Attestation) -> bool:
    return entry.execution_id == other.execution_id
