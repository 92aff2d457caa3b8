"""The recorded calls of a past run under a draft: the first one that would have gone otherwise, if any."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compliance.capabilities import (
    EXCEEDS_ROLE_ALLOWANCE,
    FORBIDDEN_BY_POLICY,
    NOT_GRANTED,
    WILDCARD_DENIED,
)
from compliance.chain import Attestation
from compliance.gate import Refuse, decide_tool_call
from workflows.content_rules import Use
from workflows.models import ExecutionStatus, Verdict
from workflows.reasons import ReasonCode
from workflows.redaction import iterate_strings
from workflows.replay_content import ContentComparer, ContentDifference, NotEvaluable
from workflows.replay_reasons import explain_findings
from workflows.replay_records import UNKNOWN, UNKNOWN_BEYOND_TOOL_CALL, Outcome

TOOL_CALL = "tool_call"
MODEL_REQUEST = "model_request"
USE_OF: Mapping[str, Use] = {TOOL_CALL: "tool_call", MODEL_REQUEST: "model_call"}
_REFUSED_BY_GATE = frozenset({EXCEEDS_ROLE_ALLOWANCE, FORBIDDEN_BY_POLICY, NOT_GRANTED, WILDCARD_DENIED})


@dataclass(frozen=True)
class RecordedEvent:
    """An event of a journal, whose place in it the certificate bears out."""

    sequence: int
    kind: str
    facts: Mapping[str, Any]
    payload_digest: str


@dataclass(frozen=True)
class CallDifference:
    """What would have become of the execution at a call that would have gone otherwise."""

    outcome: Outcome
    reasons: tuple[str, ...]


def find_call_difference(
    events: Sequence[RecordedEvent],
    content: ContentComparer,
    texts: Mapping[str, str],
    policies: Sequence[str],
    end: Attestation,
    grant: Sequence[str],
) -> CallDifference | None:
    """Return the first call that would have gone otherwise. `policies` are the lineage's, the stage's own among them;
    `grant` is what the draft would give. Raises NotEvaluable where a payload that must be inspected is unreadable."""
    for event in events:
        if event.kind == TOOL_CALL:
            difference = _compare_capability(event, content, policies, end, grant)
            if difference is not None:
                return difference
        if event.kind in USE_OF and content.substitution.inspects_calls(policies, USE_OF[event.kind]):
            difference = _compare_content(event, content, texts, policies)
            if difference is not None:
                return difference
    return None


def _compare_capability(
    event: RecordedEvent, content: ContentComparer, policies: Sequence[str], end: Attestation, grant: Sequence[str]
) -> CallDifference | None:
    capability, code = event.facts.get("capability"), event.facts.get("code")
    allowed = event.facts.get("decision") == "allow"
    if not isinstance(capability, str) or not (allowed or code in _REFUSED_BY_GATE):
        return None
    switch = content.substitution
    forbidden = {entry for digest in policies for entry in switch.find(digest).capabilities.forbidden}
    decision = decide_tool_call(capability, grant, sorted(forbidden), end.role)
    if isinstance(decision, Refuse) != allowed:
        return None
    call = f"Journal event {event.sequence} is a call of {event.facts.get('tool')} that needs {capability}"
    label = switch.draft_name
    if isinstance(decision, Refuse):
        sentence = f"{call}; it was allowed, and under {label} it would be refused ({decision.code}): {decision.detail}"
    else:
        sentence = f"{call}; it was refused ({code}), and under {label} it would be allowed."
    return CallDifference(Outcome(UNKNOWN, "", UNKNOWN_BEYOND_TOOL_CALL), (sentence, _BEYOND_CALL))


def _compare_content(
    event: RecordedEvent, content: ContentComparer, texts: Mapping[str, str], policies: Sequence[str]
) -> CallDifference | None:
    use = USE_OF[event.kind]
    payload = texts.get(event.payload_digest)
    if payload is None:
        raise NotEvaluable("texts_unreadable", f"the payload of journal event {event.sequence} cannot be read")
    places = {
        f"Journal event {event.sequence} ({event.kind}), text {number},": text
        for number, text in enumerate(_iterate_handed_texts(json.loads(payload)["payload"]), 1)
    }
    difference = content.compare_call(places, policies, use)
    if not _crosses(difference):
        return None
    sentences = explain_findings(difference)
    if use == "tool_call":
        return CallDifference(Outcome(UNKNOWN, "", UNKNOWN_BEYOND_TOOL_CALL), (*sentences, _BEYOND_CALL))
    blocked = Outcome(ExecutionStatus.BLOCKED.value, Verdict.NON_COMPLIANT.value, ReasonCode.CONTENT_BLOCKED.value)
    return CallDifference(blocked, sentences)


def _iterate_handed_texts(payload: Any) -> Iterator[str]:
    """Yield the texts that a model or a tool was handed, without what the journal says about them, such as times."""
    messages = payload.get("messages") if isinstance(payload, Mapping) else None
    if not isinstance(messages, list):
        yield from iterate_strings(payload)
        return
    for message in messages:
        yield from iterate_strings(message.get("instructions"))
        for part in message.get("parts", ()):
            yield from iterate_strings([part.get("content"), part.get("args")])


def _crosses(difference: ContentDifference) -> bool:
    """A call that was made goes wrong where the draft blocks something of it and nothing was blocked then."""
    return bool(difference.now) and not difference.then


_BEYOND_CALL = "What its agent would have made of that is not known."
