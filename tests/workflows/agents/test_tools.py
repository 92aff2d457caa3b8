"""Tool calls: decided by the gate, journalled with their decision, refused without ending the run."""

from typing import Any

import pytest

from tests.stub_models import Answer, Received, Text, ToolCall
from tests.stub_models.script import Step
from tests.workflows.agents.conftest import Provider
from tests.workflows.agents.fakes import Run, make_policy, make_work, run

READ = ToolCall("document_read", {"name": "reports"}, id="read-1")
WRITE = ToolCall("document_write", {"name": "reports", "text": "The report."}, id="write-1")


def calling(*calls: ToolCall) -> list[Step]:
    return [Answer(tool_calls=calls), Text("done")]


def results(request: Received) -> list[str]:
    """Return the tool results that a request tells the model, in either provider's form."""
    found = [message["content"] for message in request.body["messages"] if message["role"] == "tool"]
    for message in request.body["messages"]:
        if isinstance(message["content"], list):
            blocks = (block for block in message["content"] if block["type"] == "tool_result")
            found += [str(block["content"]) for block in blocks]
    return found


def offered(request: Received) -> set[str]:
    return {tool.get("name") or tool["function"]["name"] for tool in request.body.get("tools", [])}


def only_call(ran: Run) -> dict[str, Any]:
    [facts] = ran.journal.facts("tool_call")
    return dict(facts)


def test_an_allowed_call_is_journalled_carried_out_and_told_the_model(provider: Provider) -> None:
    with provider.serving(calling(READ)) as server:
        ran = run(make_work(provider.name, granted=["document:read:reports"]), documents={"reports": "What it says."})
    assert ran.answer.text == "done"
    assert only_call(ran) == {
        "tool": "document_read",
        "tool_call_id": "read-1",
        "capability": "document:read:reports",
        "decision": "allow",
        "code": None,
    }
    assert ran.journal.kinds == [
        "model_request",
        "model_response",
        "tool_call",
        "tool_result",
        "model_request",
        "model_response",
    ]
    assert ran.journal.facts("tool_result")[0]["outcome"] == "document"
    assert "What it says." in results(server.requests[1])[0]


def test_a_document_is_written_under_its_name(provider: Provider) -> None:
    with provider.serving(calling(WRITE)) as server:
        ran = run(make_work(provider.name))
    assert ran.documents.texts == {"reports": "The report."}
    assert "sha256" in results(server.requests[1])[0]


def test_a_call_is_in_the_journal_before_it_is_carried_out(provider: Provider) -> None:
    with provider.serving(calling(WRITE)):
        ran = run(make_work(provider.name))
    kinds = ran.journal.kinds
    assert kinds.index("model_response") < kinds.index("tool_call") < kinds.index("tool_result")


@pytest.mark.parametrize(
    ("granted", "forbidden", "call", "code"),
    [
        (["document:read:reports", "document:write:other"], [], WRITE, "not_granted"),
        (["*"], ["document:write:reports"], WRITE, "forbidden_by_policy"),
        (["document:read:*"], [], ToolCall("document_read", {"name": "a:b"}), "malformed_arguments"),
        (["*"], [], ToolCall("document_read", {"name": "*"}), "malformed_arguments"),
        (["*"], [], ToolCall("document_read", {"name": ""}), "malformed_arguments"),
        (["*"], [], ToolCall("document_read", {"name": "../../etc/passwd"}), "malformed_arguments"),
        (["*"], [], ToolCall("document_read", {"name": "x" * 100_000}), "malformed_arguments"),
        (["*"], [], ToolCall("document_read", {"name": 5}), "malformed_arguments"),
        (["*"], [], ToolCall("document_read", {}), "malformed_arguments"),
        (["*"], [], ToolCall("document_read", {"name": "reports", "admin": True}), "malformed_arguments"),
        (["*"], [], ToolCall("document_read", '{"name": "repo'), "malformed_arguments"),
        (["*"], [], ToolCall("document_read", "[1]"), "malformed_arguments"),
        (["*"], [], ToolCall("document_read", '{"name": "\\ud800"}'), "malformed_arguments"),
        (["*"], [], ToolCall("document_write", {"name": "a", "text": "é" * 500_001}), "text_too_large"),
        (["*"], [], ToolCall("document_write", '{"text": "' + "x" * 4_000_001), "arguments_too_large"),
        (["*"], [], ToolCall("delete_everything", {}), "unknown_tool"),
        (["document:read:*"], [], WRITE, "unknown_tool"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_a_refused_call_comes_back_as_a_result_to_go_on_from(
    provider: Provider, granted: list[str], forbidden: list[str], call: ToolCall, code: str
) -> None:
    policy = make_policy(forbidden=forbidden)
    with provider.serving(calling(call)) as server:
        ran = run(make_work(provider.name, granted=granted, policy=policy), documents={"other": "x"})
    assert ran.answer.text == "done"
    facts = only_call(ran)
    assert (facts["decision"], facts["code"]) == ("refuse", code)
    assert "tool_result" not in ran.journal.kinds
    assert ran.documents.texts == {"other": "x"}
    [told] = results(server.requests[1])
    assert code in told or code == "unknown_tool"


def test_a_prohibition_anywhere_in_the_lineage_counts(provider: Provider) -> None:
    strict = make_policy("strict", forbidden=["document:read:reports"])
    work = make_work(provider.name, lineage_policies=(make_policy(), strict))
    with provider.serving(calling(READ)):
        ran = run(work, documents={"reports": "x"})
    assert only_call(ran)["code"] == "forbidden_by_policy"


@pytest.mark.parametrize(
    ("role", "granted", "forbidden", "tools"),
    [
        ("worker", [], [], set()),
        ("worker", ["*"], [], {"document_read", "document_write"}),
        ("worker", ["document:*"], [], {"document_read", "document_write"}),
        ("worker", ["document:read:*"], [], {"document_read"}),
        ("worker", ["document:write:reports"], [], {"document_write"}),
        ("worker", ["database:read:reports", "document:read"], [], set()),
        ("worker", ["*"], ["document:write"], {"document_read"}),
        ("reviewer", ["*"], [], {"document_read", "answer"}),
    ],
)
def test_only_tools_that_the_grant_could_allow_are_offered(
    provider: Provider, role: str, granted: list[str], forbidden: list[str], tools: set[str]
) -> None:
    answer = Answer(text="done", tool_calls=(ToolCall("answer", {"decision": "rejected", "reason": "no"}),))
    script = [answer if role == "reviewer" else Text("done")]
    work = make_work(provider.name, role=role, subject="x", granted=granted, policy=make_policy(forbidden=forbidden))
    with provider.serving(script) as server:
        run(work)
    assert offered(server.requests[0]) == tools


def test_calls_made_at_once_are_carried_out_one_after_the_other(provider: Provider) -> None:
    calls = [
        ToolCall("document_write", {"name": "reports", "text": str(number)}, id=f"call-{number}")
        for number in range(20)
    ]
    with provider.serving(calling(*calls)):
        ran = run(make_work(provider.name))
    assert ran.documents.texts == {"reports": "19"}
    tool_events = [event for event in ran.journal.events if event.kind.startswith("tool_")]
    assert [event.facts["tool_call_id"] for event in tool_events] == [
        f"call-{number}" for number in range(20) for _ in ("tool_call", "tool_result")
    ]


def test_calls_beyond_the_limit_are_refused(provider: Provider) -> None:
    calls = [ToolCall("document_read", {"name": "reports"}, id=str(number)) for number in range(5)]
    with provider.serving(calling(*calls)):
        ran = run(make_work(provider.name), documents={"reports": "x"}, max_tool_calls=3)
    assert ran.answer.text == "done"
    assert [facts["code"] for facts in ran.journal.facts("tool_call")] == [None] * 3 + ["too_many_calls"] * 2


@pytest.mark.parametrize("name", ["document_read", "no_such_tool"])
def test_an_agent_that_never_answers_is_stopped(provider: Provider, name: str) -> None:
    def call_again(request: Received) -> Step:
        return Answer(tool_calls=(ToolCall(name, {"name": "reports"}),))

    with provider.serving(call_again) as server:
        ran = run(make_work(provider.name), documents={"reports": "x"}, max_requests=6)
    assert ran.code == "step_limit"
    assert len(server.requests) == 6
    assert len(ran.journal.facts("tool_call")) == 6


def test_a_missing_document_names_those_that_may_be_read(provider: Provider) -> None:
    work = make_work(provider.name, granted=["document:read:reports", "document:read:missing"])
    call = ToolCall("document_read", {"name": "missing"})
    with provider.serving(calling(call)) as server:
        run(work, documents={"reports": "x", "payroll": "secret"})
    [told] = results(server.requests[1])
    assert "document_not_found" in told
    assert "reports" in told
    assert "payroll" not in told


def test_what_the_journal_shows_without_decryption_holds_no_text(provider: Provider) -> None:
    calls = (
        ToolCall("document_write", {"name": "reports", "text": "CONFIDENTIAL"}, id="call-1"),
        ToolCall("document_read", {"name": "reports"}, id="CONFIDENTIAL: a text instead of an id"),
        ToolCall("CONFIDENTIAL", {}, id="call-3"),
    )
    with provider.serving(calling(*calls)):
        ran = run(make_work(provider.name, task="CONFIDENTIAL", document="CONFIDENTIAL"))
    assert "CONFIDENTIAL" not in repr([event.facts for event in ran.journal.events])
    assert "CONFIDENTIAL" in repr([event.payload for event in ran.journal.events])


def test_a_call_where_no_tool_is_offered_is_refused_and_journalled_too(provider: Provider) -> None:
    with provider.serving(calling(READ)) as server:
        ran = run(make_work(provider.name, granted=[]))
    assert offered(server.requests[0]) == set()
    assert ran.answer.text == "done"
    assert only_call(ran)["code"] == "unknown_tool"


def test_what_a_model_is_told_of_a_tool_is_the_same_in_every_run(provider: Provider) -> None:
    with provider.serving(lambda request: Text("done")) as server:
        for _ in range(2):
            run(make_work(provider.name))
    first, second = (request.body["tools"] for request in server.requests)
    assert first == second
