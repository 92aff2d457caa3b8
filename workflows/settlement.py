"""Tool calls of which nobody knows whether they happened: the execution waits, and a person decides."""

import json
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.contrib.auth.models import User
from django.db import transaction

from compliance.content import load_readable_texts, open_content_key
from compliance.roles import may_settle
from compliance.services import record_audit_event
from workflows.agents.history import CallPlace
from workflows.agents.types import Entry, OutcomeUnknown
from workflows.cancellation import resume_execution
from workflows.endings import Ending, end_execution
from workflows.journal import append_while_waiting, prepare_event
from workflows.leases import Claim, LeaseLost, lock_claim, lock_workflow
from workflows.models import Execution, ExecutionEvent, ExecutionStatus, StageStatus
from workflows.queries import readable_workflows
from workflows.reasons import ReasonCode
from workflows.requests import Conflict, NotAllowed, RequestRefused
from workflows.spending import report_usage
from workflows.transitions import move_execution, move_stage
from workflows.workflow_status import refresh_workflow_status

MAX_REASON_CHARACTERS = 2000
MAX_RESULT_BYTES = 100_000

Outcome = Literal["happened", "retry", "give_up"]
OUTCOMES: tuple[tuple[Outcome, str], ...] = (
    ("happened", "It happened: the agent is told this result"),
    ("retry", "It did not happen, or may happen twice: make the call again"),
    ("give_up", "Give up: the stage ends as failed"),
)


@dataclass(frozen=True)
class UnknownCall:
    """The call that an execution waits for. `facts` are those of its journal event; `arguments` None: erased."""

    event: ExecutionEvent
    step: int
    occurrence: int
    arguments: Any

    @property
    def facts(self) -> Mapping[str, Any]:
        return self.event.facts

    @property
    def begun_at(self) -> datetime:
        return self.event.created_at


def park_unknown_outcome(claim: Claim, unknown: OutcomeUnknown) -> None:
    """Let an execution wait until a person has settled what became of a call. Raises LeaseLost."""
    changes: dict[str, Any] = {"reason_code": ReasonCode.OUTCOME_UNKNOWN, "reason_detail": str(unknown)}
    with transaction.atomic():
        lock_claim(claim)
        landed = move_execution(
            claim.execution_id,
            ExecutionStatus.WAITING,
            fence=claim.fence,
            lease_owner="",
            lease_expires_at=None,
            **changes,
        )
        if not landed:
            raise LeaseLost
        move_stage(claim.stage_uid, StageStatus.AWAITING_DECISION, **changes)
        refresh_workflow_status(claim.workflow_id)


def waits_for_settlement(execution: Execution) -> bool:
    """Say whether an execution waits for a person to settle what became of a call."""
    return execution.status == ExecutionStatus.WAITING and execution.reason_code == ReasonCode.OUTCOME_UNKNOWN


def find_unknown_call(execution: Execution) -> UnknownCall | None:
    """Return the call that an execution waits for, by its journal: the first that was allowed and has no result.

    A run that goes on comes to it first.
    """
    step, seen = 0, Counter[str]()
    open_calls: dict[CallPlace, ExecutionEvent] = {}
    kinds = ("model_response", "tool_call", "tool_result", "tool_settlement")
    for event in execution.events.filter(kind__in=kinds).order_by("sequence"):
        facts = event.facts
        call_id = str(facts.get("tool_call_id"))
        if event.kind == "model_response":
            step, seen = int(facts.get("request") or 0), Counter()
            # An answer that stands again means that a run began anew: no run comes back to what was called after it.
            open_calls = {place: call for place, call in open_calls.items() if place.step < step}
        elif event.kind == "tool_call":
            place = CallPlace(step, call_id, int(facts["occurrence"]) if facts.get("retried") else seen[call_id])
            seen[call_id] = max(seen[call_id], place.occurrence + 1)
            if facts.get("decision") == "allow":
                open_calls[place] = event
        else:
            closed = next((place for place in reversed(open_calls) if place.tool_call_id == call_id), None)
            if closed is not None:
                del open_calls[closed]
    if not open_calls:
        return None
    place, event = next(iter(open_calls.items()))
    pair = (execution.stage.workflow_id, event.payload_digest)
    text = load_readable_texts([pair]).get(pair)
    arguments = None if text is None else json.loads(text)["payload"].get("arguments")
    return UnknownCall(event, place.step, place.occurrence, arguments)


def settle_execution(
    *,
    execution_id: uuid.UUID,
    actor: User,
    outcome: str,
    result: Mapping[str, Any] | None,
    reason: str,
    address: str | None,
    call_sequence: int | None = None,
) -> Execution:
    """Decide what became of the call that an execution waits for: it happened, make it again, or give up.

    The decision is an event of the journal, which the execution's certificate covers. `call_sequence`, the number of
    the call's event in the journal, holds the decision to the call that the actor was shown. Raises
    Execution.DoesNotExist for what the actor may not read, NotAllowed, RequestRefused for a bad field, Conflict when it
    does not wait any more, or for another call.
    """
    rows = Execution.objects.select_related("stage")
    execution = rows.get(id=execution_id, stage__workflow__in=readable_workflows(actor))
    if not may_settle(actor):
        raise NotAllowed("settling an unknown outcome takes the role approver or admin")
    _check_fields(outcome, result, reason)
    with transaction.atomic():
        lock_workflow(execution.stage.workflow_id)
        rows = Execution.objects.select_related("stage__policy", "stage__workflow__owner")
        execution = rows.select_for_update(of=("self",)).get(id=execution_id)
        call = find_unknown_call(execution)
        if not waits_for_settlement(execution) or call is None:
            raise Conflict(f"execution {execution_id} is {execution.status}: it waits for no call to be settled")
        if call_sequence not in (None, call.event.sequence):
            raise Conflict(
                f"execution {execution_id} waits for the call at {call.event.sequence} of its journal, "
                f"not for the one at {call_sequence}"
            )
        _record(execution, call, actor, outcome, result, reason)
        if outcome == "give_up":
            _give_up(execution, call, actor)
        else:
            resume_execution(execution.id)
        record_audit_event(
            actor=actor,
            action=f"execution.settle.{outcome}",
            target_type="execution",
            target_id=str(execution.id),
            address=address,
            detail={"tool": call.facts.get("tool"), "tool_call_id": call.facts.get("tool_call_id")},
        )
    execution.refresh_from_db()
    return execution


def _check_fields(outcome: str, result: Mapping[str, Any] | None, reason: str) -> None:
    errors: dict[str, list[str]] = {}
    if outcome not in dict(OUTCOMES):
        errors["outcome"] = [f"Choose one of {', '.join(dict(OUTCOMES))}."]
    if not reason.strip():
        errors["reason"] = ["Say why: the decision stands in the evidence."]
    elif len(reason) > MAX_REASON_CHARACTERS:
        errors["reason"] = [f"At most {MAX_REASON_CHARACTERS} characters."]
    if outcome == "happened" and result is None:
        errors["result"] = ["Give the result that the agent is to be told, as a JSON object."]
    elif outcome != "happened" and result is not None:
        errors["result"] = ["Only a call that happened has a result: leave the field out."]
    elif result is not None and len(json.dumps(result)) > MAX_RESULT_BYTES:
        errors["result"] = [f"At most {MAX_RESULT_BYTES} bytes as JSON."]
    if errors:
        raise RequestRefused(errors)


def _record(
    execution: Execution,
    call: UnknownCall,
    actor: User,
    outcome: str,
    result: Mapping[str, Any] | None,
    reason: str,
) -> None:
    """Write the decision into the journal: who, about which call, and what; result and reason as its payload."""
    workflow_id = execution.stage.workflow_id
    facts = {
        "tool": call.facts.get("tool"),
        "tool_call_id": call.facts.get("tool_call_id"),
        "step": call.step,
        "occurrence": call.occurrence,
        "outcome": outcome,
        "settled_by": str(actor.pk),
    }
    entry = Entry("tool_settlement", facts, {"result": result, "reason": reason})
    event = prepare_event(open_content_key(workflow_id), execution.event_count, entry)
    if not append_while_waiting(execution, workflow_id, event):
        raise Conflict(f"execution {execution.id} has moved on")


def _give_up(execution: Execution, call: UnknownCall, actor: User) -> None:
    detail = f"{actor.get_username()} gave up on call {call.facts.get('tool_call_id')} of {call.facts.get('tool')}"
    ending = Ending(ExecutionStatus.FAILED, (ReasonCode.OUTCOME_UNKNOWN, detail))
    end_execution(execution, report_usage(ending, execution.id), fence=None)
