"""The recorded calls of a past run under a draft: the first one that would have gone otherwise, if any."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from compliance.capabilities import (
    EXCEEDS_ROLE_ALLOWANCE,
    FORBIDDEN_BY_POLICY,
    NOT_GRANTED,
    WILDCARD_DENIED,
)
from compliance.gate import Refuse, decide_tool_call
from compliance.inspection import CATEGORY_OF
from compliance.policy import PolicyDocument
from workflows.agents.call_content import Passage, collect_passages, collect_request, cut_tail
from workflows.content_rules import Use, list_blocking_rules
from workflows.models import ExecutionStatus, Verdict
from workflows.reasons import ReasonCode
from workflows.redaction import redact_text
from workflows.replay_content import ContentComparer, NotEvaluable
from workflows.replay_reasons import explain_findings
from workflows.replay_records import (
    UNKNOWN,
    UNKNOWN_BEYOND_MODEL_CALL,
    UNKNOWN_BEYOND_TOOL_CALL,
    Outcome,
)

TOOL_CALL = "tool_call"
MODEL_REQUEST = "model_request"
MODEL_REQUEST_BLOCKED = "content_blocked"
CALL_EVENTS = frozenset({TOOL_CALL, MODEL_REQUEST, MODEL_REQUEST_BLOCKED})

# Whose payload holds what was handed out, and to whom.
USE_OF: Mapping[str, Use] = {TOOL_CALL: "tool_call", MODEL_REQUEST: "model_call"}

_REFUSED_BY_GATE = frozenset({EXCEEDS_ROLE_ALLOWANCE, FORBIDDEN_BY_POLICY, NOT_GRANTED, WILDCARD_DENIED})
_REFUSED_FOR_CONTENT = ReasonCode.CONTENT_BLOCKED.value
_BEYOND_CALL = "What its agent would have made of that is not known."


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


@dataclass
class CallComparer:
    """Holds the calls of one run against the draft, in order.

    `policies` are the digests of the lineage's, the stage's own among them; `grant` is what the draft would give.
    """

    content: ContentComparer
    policies: Sequence[str]
    role: str
    grant: Sequence[str]
    _told: dict[int, str] = field(default_factory=dict)

    def find_difference(self, events: Sequence[RecordedEvent]) -> CallDifference | None:
        """Return the first call that would have gone otherwise. Raises NotEvaluable for an unreadable payload."""
        for event in events:
            difference = self._compare_capability(event) or self._compare_content(event)
            if difference is not None:
                return difference
        return None

    def _compare_capability(self, event: RecordedEvent) -> CallDifference | None:
        """Decide a tool call again where the gate decided it."""
        capability, code = event.facts.get("capability"), event.facts.get("code")
        allowed = event.facts.get("decision") == "allow"
        if event.kind != TOOL_CALL or not isinstance(capability, str) or not (allowed or code in _REFUSED_BY_GATE):
            return None
        switch = self.content.substitution
        forbidden = {entry for digest in self.policies for entry in switch.find(digest).capabilities.forbidden}
        decision = decide_tool_call(capability, self.grant, sorted(forbidden), self.role)
        if isinstance(decision, Refuse) != allowed:
            return None
        # A capability ends in an argument's own words.
        known = {document for digest in self.policies for document in (switch.documents[digest], switch.find(digest))}
        shown = redact_text(capability, known)
        call = f"Journal event {event.sequence} is a call of {event.facts.get('tool')} that needs {shown}"
        if isinstance(decision, Refuse):
            change = f"it was allowed, and under {switch.draft_name} it would be refused ({decision.code})"
            return _go_elsewhere(f"{call}; {change}: {decision.detail}")
        return _go_elsewhere(f"{call}; it was refused ({code}), and under {switch.draft_name} it would be allowed.")

    def _compare_content(self, event: RecordedEvent) -> CallDifference | None:
        """Inspect again what was handed out, where the rules for such calls differ."""
        if event.kind == MODEL_REQUEST_BLOCKED:
            return self._compare_blocked_request(event)
        use = USE_OF[event.kind]
        if not self.content.substitution.inspects_calls(self.policies, use):
            return None
        if use == "tool_call":
            return self._compare_arguments(event)
        passages = _collect_told(self._read_payload(event))
        where = f"Journal event {event.sequence} ({event.kind})"
        number = _number(event, len(self._told))
        # A request that was sent again, as its worker had died, follows what went before the first time.
        before = self._told.get(number - 1, "")
        difference = self.content.compare_call(where, passages, self.policies, use, before)
        self._told[number] = cut_tail(passages) or before
        if difference.then or not difference.now:
            return None
        blocked = Outcome(ExecutionStatus.BLOCKED.value, Verdict.NON_COMPLIANT.value, _REFUSED_FOR_CONTENT)
        return CallDifference(blocked, explain_findings(difference))

    def _compare_arguments(self, event: RecordedEvent) -> CallDifference | None:
        """A call that was made, or was kept from its tool for what its arguments hold; no other came that far."""
        made = event.facts.get("decision") == "allow"
        if not made and event.facts.get("code") != _REFUSED_FOR_CONTENT:
            return None
        passages = list(_collect_arguments(self._read_payload(event)))
        where = f"Journal event {event.sequence} ({event.kind})"
        difference = self.content.compare_call(where, passages, self.policies, "tool_call")
        if bool(difference.now) == bool(difference.then) or bool(difference.now) != made:
            return None
        return _go_elsewhere(*explain_findings(difference))

    def _compare_blocked_request(self, event: RecordedEvent) -> CallDifference | None:
        """A request that was never sent, and so is not in the journal: only the types found in it are."""
        switch = self.content.substitution
        if event.facts.get("call") != "model" or not switch.changes_content(self.policies):
            return None
        types = str(event.facts.get("types", "")).split(", ")
        if any(_blocks_request(switch.find(digest), types) for digest in self.policies):
            return None
        sentence = (
            f"Journal event {event.sequence} tells of a model request that was blocked for {', '.join(types)}, "
            f"which under {switch.draft_name} nothing would block. What the model would have answered is not known."
        )
        return CallDifference(Outcome(UNKNOWN, "", UNKNOWN_BEYOND_MODEL_CALL), (sentence,))

    def _read_payload(self, event: RecordedEvent) -> Any:
        text = self.content.texts.get(event.payload_digest)
        if text is None:
            raise NotEvaluable("texts_unreadable", f"the payload of journal event {event.sequence} cannot be read")
        return json.loads(text)["payload"]


def _go_elsewhere(*sentences: str) -> CallDifference:
    return CallDifference(Outcome(UNKNOWN, "", UNKNOWN_BEYOND_TOOL_CALL), (*sentences, _BEYOND_CALL))


def _blocks_request(policy: PolicyDocument, types: Sequence[str]) -> bool:
    categories = {**CATEGORY_OF, **{pattern.type: pattern.category for pattern in policy.patterns}}
    named = {name for rule in list_blocking_rules(policy, "model_call") for name in policy.content[rule].types}
    return any(found in named or categories.get(found) in named for found in types)


def _number(event: RecordedEvent, told: int) -> int:
    """Return the number of a model request in its run, 1 for the first; without one it is the next."""
    number = event.facts.get("request")
    return number if isinstance(number, int) else told + 1


def _collect_told(payload: Mapping[str, Any]) -> list[Passage]:
    """Return what a request told its model: its messages, or all that an agent without messages took down."""
    if "messages" in payload:
        return list(collect_request(payload["messages"]))
    return collect_passages(payload, "the request")


def _collect_arguments(payload: Any) -> Iterator[Passage]:
    """Yield the arguments of a tool call; of one that was refused, out of the JSON that the model wrote."""
    arguments = payload["arguments"]
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError as error:
            raise NotEvaluable("texts_unreadable", "the arguments of a refused call are kept only in part") from error
    for name, value in arguments.items():
        for passage in collect_passages(value, f"the argument {name}"):
            yield replace(passage, label=passage.label or name)
