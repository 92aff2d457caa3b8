"""What each role's agent answers, over both providers."""

from typing import Any

import pytest

from tests.stub_models import Answer, Text, ToolCall
from tests.workflows.agents.conftest import Provider
from tests.workflows.agents.fakes import make_work, run
from workflows.agents.types import ReleaseAnswer, ReviewAnswer, ReviewFinding, WorkerAnswer

SUBJECT = "The text under review."


def structured(**arguments: Any) -> Answer:
    return Answer(tool_calls=(ToolCall("answer", {"reason": "because", **arguments}),))


@pytest.mark.parametrize("role", ["worker", "intake"])
def test_a_worker_answers_in_plain_text(provider: Provider, role: str) -> None:
    with provider.serving([Text("A summary.")]) as server:
        ran = run(make_work(provider.name, role=role, document="The long text."))
    assert ran.answer == WorkerAnswer("A summary.")
    assert ran.result is not None
    assert (ran.result.usage.requests, ran.result.usage.input_tokens, ran.result.usage.output_tokens) == (1, 100, 20)
    assert ran.result.provider == provider.name
    assert ran.result.model == server.requests[0].body["model"]
    assert "The long text." in str(server.requests[0].body["messages"])


def test_a_reviewer_approves_its_subject_without_retyping_it(provider: Provider) -> None:
    with provider.serving([structured(decision="approved")]):
        ran = run(make_work(provider.name, role="reviewer", subject=SUBJECT))
    assert ran.answer == ReviewAnswer("approved", None, (), "because")


def test_a_repeated_subject_in_an_approval_is_dropped(provider: Provider) -> None:
    with provider.serving([structured(decision="approved", text=SUBJECT)]):
        ran = run(make_work(provider.name, role="reviewer", subject=SUBJECT))
    assert ran.answer.text is None


def test_an_approval_that_changes_the_subject_is_asked_for_again(provider: Provider) -> None:
    script = [
        structured(decision="approved", text="Another text."),
        structured(decision="modified", text="Another text."),
    ]
    with provider.serving(script) as server:
        ran = run(make_work(provider.name, role="reviewer", subject=SUBJECT))
    assert ran.answer == ReviewAnswer("modified", "Another text.", (), "because")
    assert "use modified" in str(server.requests[1].body["messages"])


@pytest.mark.parametrize("text", [None, "", "The text in the task."])
def test_a_reviewer_without_a_subject_may_say_what_it_rejects(provider: Provider, text: str | None) -> None:
    with provider.serving([structured(decision="rejected", text=text)]):
        ran = run(make_work(provider.name, role="reviewer", task="Review it.\n\nThe text in the task."))
    assert ran.answer == ReviewAnswer("rejected", text or None, (), "because")


def test_a_reviewer_rejects_with_findings(provider: Provider) -> None:
    finding = {"severity": "high", "description": "A name stands in it.", "quote": "Jane"}
    with provider.serving([structured(decision="rejected", findings=[finding])]):
        ran = run(make_work(provider.name, role="reviewer", subject=SUBJECT))
    assert ran.answer == ReviewAnswer(
        "rejected", None, (ReviewFinding("high", "A name stands in it.", "Jane"),), "because"
    )


def test_a_reviewer_without_a_subject_hands_back_the_text(provider: Provider) -> None:
    with provider.serving([structured(decision="approved"), structured(decision="approved", text="Handed back.")]):
        ran = run(make_work(provider.name, role="reviewer", task="Review this.\n\nHanded back."))
    assert ran.answer == ReviewAnswer("approved", "Handed back.", (), "because")


@pytest.mark.parametrize("decision", ["release", "hold"])
def test_a_release_agent_releases_or_holds(provider: Provider, decision: str) -> None:
    with provider.serving([structured(decision=decision)]):
        ran = run(make_work(provider.name, role="release", subject=SUBJECT))
    assert ran.answer == ReleaseAnswer(decision, "because")  # type: ignore[arg-type]


def test_a_malformed_answer_is_asked_for_once_more(provider: Provider) -> None:
    with provider.serving([structured(decision="perhaps"), structured(decision="rejected")]) as server:
        ran = run(make_work(provider.name, role="reviewer", subject=SUBJECT))
    assert ran.answer.decision == "rejected"
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "malformed",
    [
        structured(decision="perhaps"),
        structured(decision="modified"),
        structured(decision="rejected", text="and yet a text"),
        structured(decision="approved", surprise=1),
        Answer(tool_calls=(ToolCall("answer", '{"decision": "approved"'),)),
        Answer(tool_calls=(ToolCall("answer", "[]"),)),
    ],
    ids=["no such decision", "modified without text", "rejected with text", "unknown field", "cut JSON", "no object"],
)
def test_a_twice_malformed_verdict_fails(provider: Provider, malformed: Answer) -> None:
    with provider.serving([malformed, malformed]) as server:
        ran = run(make_work(provider.name, role="reviewer", subject=SUBJECT))
    assert ran.code == "malformed_answer"
    assert ran.failure is not None
    assert (ran.failure.status, ran.failure.usage.requests) == ("failed", 2)
    assert len(server.requests) == 2


def test_an_approval_in_prose_is_no_verdict(provider: Provider) -> None:
    prose = Text('I approve. {"decision": "approved", "reason": "fine"}')
    with provider.serving([prose, prose]):
        ran = run(make_work(provider.name, role="reviewer", subject=SUBJECT))
    assert ran.code == "no_verdict"


def test_a_release_in_prose_releases_nothing(provider: Provider) -> None:
    with provider.serving([Text("release"), Text("release")]):
        ran = run(make_work(provider.name, role="release", subject=SUBJECT))
    assert ran.code == "malformed_answer"


def test_nothing_can_be_released_where_nothing_was_approved(provider: Provider) -> None:
    with provider.serving([structured(decision="release")] * 2):
        ran = run(make_work(provider.name, role="release", subject=None))
    assert ran.code == "malformed_answer"


@pytest.mark.parametrize("text", ["", "half of a pair: \ud800"], ids=["empty", "lone surrogate"])
def test_a_text_that_is_none_fails(provider: Provider, text: str) -> None:
    with provider.serving([Text(text)] * 2):
        ran = run(make_work(provider.name))
    assert ran.code == "malformed_answer"


def test_a_cut_off_answer_is_never_taken_for_a_whole_one(provider: Provider) -> None:
    with provider.serving([Text("The first half", finish="length")]):
        ran = run(make_work(provider.name))
    assert ran.code == "malformed_answer"
    assert ran.failure is not None
    assert "8192 tokens" in ran.failure.detail


def test_what_is_called_along_with_the_verdict_is_not_carried_out(provider: Provider) -> None:
    calls = (
        ToolCall("document_read", {"name": "reports"}, id="before"),
        ToolCall("answer", {"decision": "rejected", "reason": "no"}),
        ToolCall("no_such_tool", {}, id="after"),
    )
    with provider.serving([Answer(tool_calls=calls)]):
        ran = run(make_work(provider.name, role="reviewer", subject=SUBJECT), documents={"reports": "x"})
    assert ran.answer.decision == "rejected"
    decided = {facts["tool_call_id"]: facts["code"] for facts in ran.journal.facts("tool_call")}
    assert decided == {"before": "answer_given", "after": "unknown_tool"}
    assert "tool_result" not in ran.journal.kinds
