"""What earlier attempts at an execution left in its journal, as a run that goes on from there looks it up.

A run starts its loop from the beginning and is given what is recorded: the model's answers by the number of their
request, the results of tool calls by where they stand. So nothing that is in the journal is paid or done again.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from workflows.agents.amounts import NANOCENTS_PER_CENT, parse_cents
from workflows.agents.types import AgentFailure, PastEvent


@dataclass(frozen=True)
class CallPlace:
    """Where a tool call stands: the model's answers so far, its id, and its place among those of that id in one answer.

    Ids alone do not tell calls apart: a provider may give one twice.
    """

    step: int
    tool_call_id: str
    occurrence: int


@dataclass
class PastCall:
    """A tool call that was decided. `result` is that of a call that was made, or that a person says happened.

    `again`: a person says that a call without a result is to be made again.
    """

    decision: PastEvent
    result: PastEvent | None = None
    again: bool = False

    @property
    def was_allowed(self) -> bool:
        return self.decision.facts.get("decision") == "allow"


@dataclass
class RunHistory:
    """The journal by request and by call; `errors` are of requests that were given up.

    `charged` is what it charges and reserves, in nano-cents."""

    responses: dict[int, PastEvent] = field(default_factory=dict)
    retries: dict[int, list[str]] = field(default_factory=dict)
    errors: dict[int, PastEvent] = field(default_factory=dict)
    calls: dict[CallPlace, PastCall] = field(default_factory=dict)
    charged: int = 0

    def is_overdrawn(self, budget_cents: int) -> bool:
        """Say whether the journal charges more than the budget holds."""
        return self.charged > budget_cents * NANOCENTS_PER_CENT

    def has_passed(self, step: int) -> bool:
        """Say whether the run was asked for more than `step` answers and got them: whatever came before is recorded."""
        return any(request > step for request in self.responses)


def read_history(events: Sequence[PastEvent]) -> RunHistory:
    """Return a journal as a run looks it up."""
    history, step, seen = RunHistory(charged=_sum_charges(events)), 0, Counter[str]()
    for event in events:
        if event.kind == "model_response":
            step, seen = _number(event), Counter()
            _forget_from(history, step)
            history.responses[step] = event
        elif event.kind == "model_retry":
            history.retries.setdefault(_number(event), []).append(describe_trouble(event.facts))
        elif event.kind == "model_error":
            history.errors[_number(event)] = event
        elif event.kind == "tool_call":
            _note_call(history, step, event, seen)
        elif event.kind in ("tool_result", "tool_settlement"):
            _note_result(history, step, event)
    return history


def describe_trouble(facts: Any) -> str:
    """Return how an attempt at a request ended, in short: its code and HTTP status, where it had one."""
    status = facts.get("status")
    return f"{facts.get('code')}{'' if status is None else f' {status}'}"


def _sum_charges(events: Sequence[PastEvent]) -> int:
    """Return what the journal's events charge and reserve, in nano-cents."""
    signs = {"reserved_cents": 1, "released_cents": -1, "cents": 1}
    return sum(
        sign * parse_cents(str(event.facts[name]))
        for event in events
        for name, sign in signs.items()
        if name in event.facts
    )


def read_payload(event: PastEvent, member: str) -> Any:
    """Return a member of an event's payload. Raises AgentFailure where the payload was erased."""
    if not isinstance(event.payload, dict) or member not in event.payload:
        raise AgentFailure(
            "content_erased", f"event {event.sequence} of the journal was erased, so that the run cannot go on from it"
        )
    return event.payload[member]


def _forget_from(history: RunHistory, step: int) -> None:
    """Forget what stands at an answer and after it, where the answer is there already: a run had begun anew."""
    if step not in history.responses:
        return
    history.responses = {number: event for number, event in history.responses.items() if number < step}
    history.calls = {place: call for place, call in history.calls.items() if place.step < step}


def _note_call(history: RunHistory, step: int, event: PastEvent, seen: Counter[str]) -> None:
    call_id = str(event.facts.get("tool_call_id"))
    if event.facts.get("retried"):
        place = CallPlace(step, call_id, int(event.facts.get("occurrence") or 0))
        if place in history.calls:
            history.calls[place] = PastCall(event)
            return
    history.calls[CallPlace(step, call_id, seen[call_id])] = PastCall(event)
    seen[call_id] += 1


def _note_result(history: RunHistory, step: int, event: PastEvent) -> None:
    """Put a result, or what a person decided, to the last call of its id that has none."""
    call_id = str(event.facts.get("tool_call_id"))
    open_calls = [
        call
        for place, call in history.calls.items()
        if (place.step, place.tool_call_id) == (step, call_id) and call.was_allowed and call.result is None
    ]
    if not open_calls:
        return
    if event.kind == "tool_settlement" and event.facts.get("outcome") == "retry":
        open_calls[-1].again = True
    else:
        open_calls[-1].result = event


def _number(event: PastEvent) -> int:
    return int(event.facts.get("request") or 0)
