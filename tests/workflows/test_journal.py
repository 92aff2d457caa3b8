"""The journal: what is stored of an event, and that it proves itself whatever becomes of its payload."""

import json
import math
from hashlib import sha256
from typing import Any

import pytest
import rfc8785
from django.db import connection

from compliance.append_only import triggers_lifted
from compliance.content import destroy_content_key, load_text
from compliance.package import verify_package
from compliance.signing import public_identity
from tests.held_journal import record_event
from tests.package_tampering import places
from tests.workflow_driver import (
    SCRIPTED_CHARGE,
    claim_execution,
    find_execution,
    request_review_and_release,
    run_to_rest,
    script_agents,
    submit,
)
from workflows.agents.types import AgentWork, Answer, ReviewAnswer
from workflows.export import build_workflow_package
from workflows.leases import (
    Claim,
)
from workflows.models import Execution, ExecutionEvent, Workflow

pytestmark = pytest.mark.django_db


def claim_review() -> Claim:
    """A claim that may write into the journal of a review."""
    claim = claim_execution(find_execution(submit(request_review_and_release()), "review").id)
    assert claim is not None
    Execution.objects.filter(id=claim.execution_id).update(status="executing")
    return claim


def record(facts: dict[str, Any], payload: object = None) -> ExecutionEvent:
    claim = claim_review()
    record_event(claim, "tool_call", facts, payload)
    return ExecutionEvent.objects.get(execution_id=claim.execution_id)


def test_an_event_is_named_by_the_exact_bytes_of_its_canonical_entry() -> None:
    event = record({"tool": "read é", "attempt": 2, "code": None}, {"arguments": "x"})
    entry = json.loads(event.entry)
    assert entry == {
        "sequence": 0,
        "kind": "tool_call",
        "at": event.created_at.isoformat(),
        "facts": {"tool": "read é", "attempt": 2, "code": None},
        "payload_sha256": event.payload_digest,
    }
    assert rfc8785.dumps(entry) == event.entry.encode()
    assert sha256(event.entry.encode()).hexdigest() == event.digest
    assert event.facts == entry["facts"]


def test_a_payload_is_stored_with_a_salt_of_its_own_so_that_its_digest_cannot_be_guessed() -> None:
    claim = claim_review()
    for _ in range(2):
        record_event(claim, "tool_call", {}, {"pin": "1234"})
    first, second = ExecutionEvent.objects.filter(execution_id=claim.execution_id)
    assert first.payload_digest != second.payload_digest
    stored = json.loads(load_text(claim.workflow_id, first.payload_digest))
    assert stored.keys() == {"salt", "payload"}
    assert len(bytes.fromhex(stored["salt"])) == 16
    assert "1234" not in first.entry


def test_what_json_or_a_database_cannot_hold_is_made_a_text() -> None:
    event = record(
        {"big": 2**70, "odd": math.inf, "text": "a\0b\ud800", "yes": True}, {"value": math.nan, "s": "\ud800"}
    )
    assert event.facts == {"big": str(2**70), "odd": "inf", "text": "a?b?", "yes": True}
    workflow_id = Execution.objects.get(id=event.execution_id).stage.workflow_id
    text = load_text(workflow_id, event.payload_digest)
    assert text.isascii()
    assert json.loads(text, parse_constant=pytest.fail)["payload"] == {"value": "NaN", "s": "\ud800"}


# --- rule 13: a redacted event still verifies


def approve(work: AgentWork) -> Answer:
    return ReviewAnswer("approved", None, (), "fine")


@pytest.fixture
def workflow(monkeypatch: pytest.MonkeyPatch) -> Workflow:
    script_agents(monkeypatch, {"review": approve})
    return run_to_rest(submit(request_review_and_release()))


def change_fact(workflow: Workflow) -> None:
    """Change a fact in the database as somebody could who lifts the triggers there, digest and all but the root."""
    event = find_execution(workflow, "review").events.get(sequence=1)
    entry = event.entry.replace('"output_tokens":2', '"output_tokens":3')
    assert entry != event.entry
    with triggers_lifted(connection):
        ExecutionEvent.objects.filter(id=event.id).update(entry=entry)


def test_the_facts_of_an_event_whose_payload_was_erased_are_proven(workflow: Workflow) -> None:
    destroy_content_key(workflow.id)
    package = build_workflow_package(workflow)
    report = verify_package(package, public_identity().public_key_pem)
    assert report.ok, report.failures
    event = package["stages"][0]["compliance_package"]["audit_trail"][1]
    assert (event["payload"], event["redacted"]) == (None, True)
    assert json.loads(event["entry"])["facts"] == {**SCRIPTED_CHARGE, "released_cents": "1"}


@pytest.mark.parametrize("erased", [False, True])
def test_a_fact_that_was_changed_fails_and_the_event_is_named(workflow: Workflow, erased: bool) -> None:
    change_fact(workflow)
    if erased:
        destroy_content_key(workflow.id)
    report = verify_package(build_workflow_package(workflow), public_identity().public_key_pem)
    assert places(report) == {"stages[0].compliance_package.audit_trail[1]"}
