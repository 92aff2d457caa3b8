"""The recorded calls of past runs under a draft: what tools may be used, and what models and tools are handed."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.replayed_policies import MAIL_TEXT, block, change, ends, in_force, publish, replay, script_stages, words
from tests.workflow_driver import CLEAN_TEXT, run_to_rest, submit
from workflows import engine
from workflows.agents.history import read_history
from workflows.agents.settings import AgentSettings
from workflows.agents.tools import TOOLS
from workflows.agents.tools.dispatch import Dispatcher
from workflows.agents.types import AgentFailure, AgentResult, AgentWork, Usage, WorkerAnswer
from workflows.models import Workflow
from workflows.requests import StageRequest, WorkflowRequest

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    script_stages(monkeypatch)


@pytest.fixture
def write_a_document(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it answers, the worker asks for a document to be written, through the gate and into the journal."""
    scripted = engine.run_agent

    async def run_agent(work: AgentWork, journal: Any, documents: Any) -> AgentResult:
        if work.role == "worker":
            dispatcher = Dispatcher(work, TOOLS, journal, documents, AgentSettings(), read_history(work.history))
            await dispatcher.call("document_write", "call-1", json.dumps({"name": "reports", "text": MAIL_TEXT}))
        return await scripted(work, journal, documents)

    monkeypatch.setattr(engine, "run_agent", run_agent)


def work_and_review(**fields: Any) -> Workflow:
    write = StageRequest(id="write", name="Write", task=CLEAN_TEXT, **fields)
    review = StageRequest(id="review", name="Review", task="Review it.", stage_role="reviewer", document=CLEAN_TEXT)
    return run_to_rest(submit(WorkflowRequest(name="Two", stages=(write, review))))


UNKNOWN_FROM_THE_CALL_ON = {
    "write": ("unknown", "", "unknown_beyond_tool_call"),
    "review": ("unknown", "", "unknown_beyond_earlier_stage"),
}


@pytest.mark.usefixtures("write_a_document")
def test_a_call_that_would_be_refused_leaves_the_rest_unknown() -> None:
    work_and_review(compliance_policy="hipaa")

    def retire(members: dict[str, Any]) -> None:
        for entries in (members["capabilities"]["default"], members["capabilities"]["ceiling"]):
            entries.remove("document:write:reports")

    found = replay(change(in_force("hipaa"), retire))

    assert ends(found) == UNKNOWN_FROM_THE_CALL_ON
    assert "a call of document_write that needs document:write:reports; it was allowed" in words(found)
    assert "(not_granted)" in words(found)


@pytest.mark.usefixtures("write_a_document")
def test_a_call_that_would_be_allowed_leaves_the_rest_unknown() -> None:
    # Something below document:write is granted, or the tool would not have been offered at all.
    work_and_review(compliance_policy="legal_privilege")

    def allow(members: dict[str, Any]) -> None:
        for entries in (members["capabilities"]["default"], members["capabilities"]["ceiling"]):
            entries.append("document:write:reports")

    found = replay(change(in_force("legal_privilege"), allow))

    assert ends(found) == UNKNOWN_FROM_THE_CALL_ON
    assert "it was refused (not_granted)" in words(found)


@pytest.mark.usefixtures("write_a_document")
def test_what_a_tool_may_not_be_handed_is_found_in_its_arguments() -> None:
    work_and_review()

    found = replay(change(in_force("default"), block("email_address", action="block_tool_call")))

    assert ends(found) == UNKNOWN_FROM_THE_CALL_ON
    assert "(tool_call), the argument text, holds email_address at characters 9 to 30" in words(found)
    assert "jane" not in words(found)


@pytest.mark.usefixtures("write_a_document")
def test_what_a_tool_was_not_handed_and_now_would_be_leaves_the_rest_unknown() -> None:
    strict = change(in_force("default"), block("email_address", action="block_tool_call"))
    publish(strict)
    work_and_review()

    found = replay(change(strict, lambda members: members["content"].pop()))

    assert ends(found) == UNKNOWN_FROM_THE_CALL_ON
    assert "which default v3 blocked (content.3: block_tool_call) and nothing would block now" in words(found)


def ask_a_model(monkeypatch: pytest.MonkeyPatch, *events: tuple[str, dict[str, Any], Any], fails: bool = False) -> None:
    """Run a worker that leaves these events in its journal, as the loop over a language model does."""

    async def run_agent(work: AgentWork, journal: Any, documents: Any) -> AgentResult:
        for kind, facts, payload in events:
            await journal.record(kind, facts, payload)
        if fails:
            raise AgentFailure("content_blocked", "it holds what is blocked", status="blocked")
        return AgentResult(WorkerAnswer(CLEAN_TEXT), work.provider, "scripted", Usage(1, 1, 1))

    monkeypatch.setattr(engine, "run_agent", run_agent)
    write = StageRequest(id="write", name="Write", task=CLEAN_TEXT)
    workflow = run_to_rest(submit(WorkflowRequest(name="One", stages=(write,))))
    assert workflow.status == ("blocked" if fails else "completed"), workflow.reason_detail


def message(kind: str, part_kind: str, text: str) -> dict[str, Any]:
    part = {"part_kind": part_kind, "content": text, "timestamp": "2026-11-25T10:00:00Z"}
    return {"kind": kind, "instructions": f"Ours. {MAIL_TEXT}", "parts": [part]}


def test_what_a_model_may_not_be_sent_blocks_the_stage_that_sent_it(monkeypatch: pytest.MonkeyPatch) -> None:
    request = {"messages": [message("request", "user-prompt", MAIL_TEXT)], "tools": []}
    ask_a_model(monkeypatch, ("model_request", {"request": 1}, request))

    found = replay(change(in_force("default"), block("email_address", action="block_model_call")))

    assert ends(found) == {"write": ("blocked", "non_compliant", "content_blocked")}
    assert "(model_request), a message of the kind user-prompt" in words(found)
    assert "holds email_address at characters 9 to 30" in words(found)


def test_our_own_markers_are_not_held_against_a_request_and_its_blocks_are_joined(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    marker = "0123456789abcdef01234567"
    material = f"[[{marker} TASK\nOf staff 47\n{marker}]]\n\n[[{marker} DOCUMENT\n11 and soup.\n{marker}]]"
    request = {"messages": [message("request", "user-prompt", material)], "tools": []}
    ask_a_model(monkeypatch, ("model_request", {"request": 1}, request))

    def keep_staff_numbers(pattern: str) -> Callable[[dict[str, Any]], object]:
        def edit(members: dict[str, Any]) -> None:
            members["patterns"] = [{"type": "staff_number", "category": "pii", "pattern": pattern}]
            block("staff_number", action="block_model_call")(members)

        return edit

    assert replay(change(in_force("default"), keep_staff_numbers("[0-9]{8}"))).changes == ()
    found = replay(change(in_force("default"), keep_staff_numbers("staff [0-9]{4}")))
    assert ends(found) == {"write": ("blocked", "non_compliant", "content_blocked")}
    assert "the block TASK and what follows it, holds staff_number" in words(found)


def test_a_request_that_was_sent_again_does_not_follow_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    request = {"messages": [message("request", "user-prompt", "11 and soup. Of staff 47")], "tools": []}
    ask_a_model(monkeypatch, *[("model_request", {"request": 1}, request)] * 2)

    def keep_staff_numbers(members: dict[str, Any]) -> None:
        members["patterns"] = [{"type": "staff_number", "category": "pii", "pattern": "staff [0-9]{4}"}]
        block("staff_number", action="block_model_call")(members)

    assert replay(change(in_force("default"), keep_staff_numbers)).changes == ()


def test_what_we_and_the_model_itself_said_is_not_held_against_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    messages = [message("response", "text", MAIL_TEXT), message("request", "user-prompt", CLEAN_TEXT)]
    ask_a_model(monkeypatch, ("model_request", {"request": 1}, {"messages": messages, "tools": []}))

    found = replay(change(in_force("default"), block("email_address", "date", action="block_model_call")))

    assert found.changes == ()


@pytest.mark.parametrize(("left", "known"), [("street_address", False), ("pii", True)])
def test_a_request_that_was_never_sent_is_known_by_its_types_alone(
    monkeypatch: pytest.MonkeyPatch, left: str, known: bool
) -> None:
    strict = change(in_force("default"), block("email_address", action="block_model_call"))
    publish(strict)
    blocked = {"call": "model", "request": 1, "policies": "default v3", "types": "email_address", "findings": 1}
    ask_a_model(monkeypatch, ("content_blocked", blocked, {}), fails=True)

    found = replay(change(strict, lambda members: members["content"][-1].update(types=[left])))

    assert ends(found) == ({} if known else {"write": ("unknown", "", "unknown_beyond_model_call")})


def test_a_reason_repeats_nothing_of_a_capability_that_the_policies_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = {"tool": "document_write", "capability": "document:write:123-45-6789", "decision": "allow", "code": None}
    ask_a_model(monkeypatch, ("tool_call", facts, {"arguments": {"name": "123-45-6789", "text": CLEAN_TEXT}}))

    def forbid(members: dict[str, Any]) -> None:
        members["capabilities"]["forbidden"].append("document:write")
        block("us_ssn", action="redact")(members)

    found = replay(change(in_force("default"), forbid))

    assert "needs document:write:[US_SSN]; it was allowed" in words(found)
    assert "123-45-6789" not in words(found)
