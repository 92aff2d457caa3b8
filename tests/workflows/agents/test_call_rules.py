"""What the policies send to no model and hand to no tool: nothing of it leaves, and the journal says why."""

import json
from typing import Any

import pytest

from compliance.policy import PolicyDocument
from tests.stub_models import Answer, Text, ToolCall
from tests.workflows.agents.conftest import Provider
from tests.workflows.agents.fakes import Run, make_policy, make_work, run
from workflows.agents.types import StageInput

DETECTOR = "compliance.inspection.detectors.numbers.TaxpayerNumberDetector"
NUMBER = "123-45-6789"
HIDDEN = ["\u200b".join(NUMBER), "".join(chr(ord(character) + 0xFEE0) for character in NUMBER)]


def keeping(action: str, name: str = "strict") -> PolicyDocument:
    return make_policy(name, content=[{"types": ["us_ssn"], "action": action}], detectors=[DETECTOR])


NO_MODEL, NO_TOOL = keeping("block_model_call"), keeping("block_tool_call")


def assert_blocked_before_the_request(ran: Run, place: str, requests: int = 1) -> None:
    failure = ran.failure
    assert failure is not None, ran.result
    assert (failure.code, failure.status) == ("content_blocked", "blocked")
    assert "us_ssn at characters" in failure.detail
    assert f"of {place} (found by taxpayer_number, blocked by strict v1)" in failure.detail
    [facts] = ran.journal.facts("content_blocked")
    assert (facts["call"], facts["request"]) == ("model", requests)
    assert (facts["policies"], facts["types"]) == ("strict v1", "us_ssn")
    assert facts["findings"] == ran.journal.events[-1].payload["blocked_count"]
    assert len(ran.journal.facts("model_request")) == requests - 1
    told = json.dumps([failure.detail, facts, ran.journal.events[-1].payload], ensure_ascii=False)
    assert NUMBER not in told
    assert not any(value in told for value in HIDDEN)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"task": f"Write to {NUMBER}."}, "the block TASK"),
        ({"document": f"Of {NUMBER}."}, "the block DOCUMENT"),
        ({"document": f"Of {HIDDEN[0]}."}, "the block DOCUMENT"),
        ({"document": json.dumps({"a": [{"b": HIDDEN[1]}]})}, "the block DOCUMENT, text 4 in it"),
        ({"role": "reviewer", "subject": f"Of {NUMBER}."}, "the block TEXT UNDER REVIEW"),
        ({"inputs": (StageInput("a", "Soup."), StageInput("b", NUMBER))}, "the block INPUT 2"),
        ({"inputs": (StageInput(NUMBER, "Soup."),)}, "the block INPUT 1 STAGE"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_kept_from_models_never_reaches_one(anthropic: Provider, changes: dict[str, Any], place: str) -> None:
    with anthropic.serving([Text("done")]) as server:
        ran = run(make_work("anthropic", policy=NO_MODEL, **changes))
    assert not server.requests
    assert ran.journal.charged == 0
    assert ran.journal.kinds == ["content_blocked"]
    assert_blocked_before_the_request(ran, place)


def test_neither_provider_is_sent_anything(provider: Provider) -> None:
    with provider.serving([Text("done")]) as server:
        ran = run(make_work(provider.name, policy=NO_MODEL, document=NUMBER))
    assert not server.requests
    assert ran.code == "content_blocked"


def test_any_policy_of_the_lineage_counts(anthropic: Provider) -> None:
    own = make_policy("lax")
    with anthropic.serving([Text("done")]) as server:
        ran = run(make_work("anthropic", policy=own, lineage_policies=(own, NO_MODEL), document=NUMBER))
    assert not server.requests
    assert_blocked_before_the_request(ran, "the block DOCUMENT")


@pytest.mark.parametrize("policy", [make_policy(), keeping("block"), keeping("block_release"), NO_TOOL])
def test_a_policy_without_the_rule_lets_it_pass(anthropic: Provider, policy: PolicyDocument) -> None:
    with anthropic.serving([Text("done")]) as server:
        ran = run(make_work("anthropic", policy=policy, document=NUMBER))
    assert (len(server.requests), ran.answer.text) == (1, "done")


def test_the_policys_own_words_do_not_block_it(anthropic: Provider) -> None:
    """Instructions describe the policy: of privilege, in the words that its detector looks for."""
    policy = make_policy(
        "privilege",
        content=[{"types": ["privilege"], "action": "block_model_call"}],
        detectors=["compliance.inspection.detectors.markers.PrivilegeDetector"],
    ).model_copy(update={"description": "Attorney-client privileged communication stays here."})
    with anthropic.serving([Text("done")]) as server:
        ran = run(make_work("anthropic", policy=policy, document="Soup."))
        assert ran.answer.text == "done"
        assert "Attorney-client" in json.dumps(server.requests[0].body)
    with anthropic.serving([Text("done")]) as server:
        ran = run(make_work("anthropic", policy=policy, document=policy.description))
    assert not server.requests
    assert ran.code == "content_blocked"


@pytest.mark.parametrize("text", [f"Of {NUMBER}.", f"Of {HIDDEN[0]}.", json.dumps({"deep": [{"er": HIDDEN[1]}]})])
def test_what_a_tool_returns_goes_into_no_further_request(provider: Provider, text: str) -> None:
    steps = [Answer(tool_calls=(ToolCall("document_read", {"name": "reports"}, id="read-1"),)), Text("done")]
    with provider.serving(steps) as server:
        ran = run(make_work(provider.name, policy=NO_MODEL), documents={"reports": text})
    assert len(server.requests) == 1
    assert ran.journal.kinds == ["model_request", "model_response", "tool_call", "tool_result", "content_blocked"]
    assert ran.failure is not None
    assert ran.failure.detail.startswith("what would go into the model call holds what its policies block: us_ssn at")
    assert ran.failure.usage.requests == 1, "what was used before it counts"


def arguments_of(ran: Run) -> list[dict[str, Any]]:
    return [dict(facts) for facts in ran.journal.facts("tool_call")]


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "reports", "text": f"Of {NUMBER}."},
        {"name": "reports", "text": HIDDEN[0]},
        {"name": "reports", "text": HIDDEN[1]},
        {"name": "reports", "text": json.dumps({"a": [json.dumps({"b": HIDDEN[1]})]})},
        {"name": "reports", "text": "123\u2011-45".replace("\u2011-", "-") + "-6789"},
        {"name": NUMBER, "text": "Soup."},
    ],
    ids=["plain", "zero-width", "full-width", "nested JSON", "joined", "document name"],
)
def test_what_is_kept_from_tools_is_handed_to_none(provider: Provider, arguments: dict[str, str]) -> None:
    steps = [Answer(tool_calls=(ToolCall("document_write", arguments, id="write-1"),)), Text("done")]
    with provider.serving(steps) as server:
        ran = run(make_work(provider.name, policy=NO_TOOL))
    assert ran.answer.text == "done", "a refused call ends nothing"
    assert ran.documents.texts == {}
    assert arguments_of(ran) == [
        {
            "tool": "document_write",
            "tool_call_id": "write-1",
            "capability": None,
            "decision": "refuse",
            "code": "content_blocked",
        }
    ]
    assert "tool_result" not in ran.journal.kinds
    told = json.dumps(server.requests[1].body["messages"][-1], ensure_ascii=False)
    assert "content_blocked" in told
    assert "us_ssn at characters" in told
    assert NUMBER not in told
    assert not any(value in told for value in HIDDEN)


def test_a_capability_that_is_not_granted_is_refused_before_its_arguments_are_read(anthropic: Provider) -> None:
    call = ToolCall("document_write", {"name": "other", "text": NUMBER}, id="write-1")
    with anthropic.serving([Answer(tool_calls=(call,)), Text("done")]):
        ran = run(make_work("anthropic", policy=NO_TOOL, granted=["document:write:reports"]))
    assert arguments_of(ran)[0]["code"] == "not_granted"


def test_a_capability_that_is_refused_is_told_only_where_it_repeats_nothing_of_what_is_kept(
    anthropic: Provider,
) -> None:
    calls = tuple(ToolCall("document_read", {"name": name}, id=name) for name in ("other", NUMBER))
    with anthropic.serving([Answer(tool_calls=calls), Text("done")]):
        ran = run(make_work("anthropic", policy=NO_TOOL, granted=["document:read:reports"]))
    told = [(facts["code"], facts["capability"]) for facts in arguments_of(ran)]
    assert told == [("not_granted", "document:read:other"), ("not_granted", None)]


@pytest.mark.parametrize("policy", [make_policy(), keeping("block"), NO_MODEL])
def test_arguments_pass_where_no_policy_keeps_them_from_tools(anthropic: Provider, policy: PolicyDocument) -> None:
    call = ToolCall("document_write", {"name": "reports", "text": NUMBER}, id="write-1")
    with anthropic.serving([Answer(tool_calls=(call,)), Text("done")]):
        ran = run(make_work("anthropic", policy=policy))
    assert ran.documents.texts == {"reports": NUMBER}


def test_the_embedded_agent_makes_no_model_call_that_could_be_blocked() -> None:
    ran = run(make_work("embedded", policy=NO_MODEL, document=f"Of {NUMBER}."))
    assert NUMBER not in ran.answer.text
    assert "content_blocked" not in ran.journal.kinds
