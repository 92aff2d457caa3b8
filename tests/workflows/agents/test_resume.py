"""A run goes on from its journal: what is recorded is neither paid nor done again, wherever its worker died."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel

from compliance.tools import ToolDeclaration
from tests.stub_models import Answer, HttpError, Received, StubServer, Text, ToolCall
from tests.stub_models.script import Step
from tests.workflows.agents.conftest import Provider
from tests.workflows.agents.fakes import Run, make_work, run
from tests.workflows.agents.test_tools import results
from workflows.agents import loop
from workflows.agents.tools import TOOLS
from workflows.agents.tools.tool import Tool, ToolContext
from workflows.agents.types import AgentWork, OutcomeUnknown, PastEvent, RetryLater

DOCUMENTS = {"reports": "What it says."}
READ = ToolCall("document_read", {"name": "reports"}, id="same-id")
REFUSED = ToolCall("document_read", {"name": ""}, id="refused-1")
UNKNOWN = ToolCall("no_such_tool", {}, id="unknown-1")
PAY = ToolCall("payment_send", {"cents": 5}, id="pay-1")


class PayArguments(BaseModel):
    cents: int


class Payments:
    """A tool with an effect that must not be had twice, and the keys that it was called with."""

    def __init__(self, *, idempotent: bool = False) -> None:
        self.keys: list[str] = []
        self.tool = Tool(
            ToolDeclaration(
                name="payment_send",
                description="Send a payment.",
                arguments=PayArguments,
                capability_prefix="payment:send",
                capability=lambda arguments: "payment:send:any",
                idempotent=idempotent,
            ),
            run=self._send,
        )

    async def _send(self, arguments: PayArguments, context: ToolContext) -> dict[str, Any]:
        assert context.tool_call_id in context.idempotency_key
        self.keys.append(context.idempotency_key)
        return {"sent": {"cents": arguments.cents}}


@pytest.fixture
def payments(monkeypatch: pytest.MonkeyPatch) -> Payments:
    made = Payments()
    monkeypatch.setattr(loop, "TOOLS", (*TOOLS, made.tool))
    return made


def answer_next(request: Received) -> Step:
    """Answer by what the model has been told so far, as a model does: two answers with calls, then the text."""
    told = len(results(request))
    if told == 0:
        return Answer(tool_calls=(READ, REFUSED, UNKNOWN))
    if told == 3:
        return Answer(tool_calls=(READ, PAY))
    return Text(f"done after {told} results")


def resume(work: AgentWork, events: tuple[PastEvent, ...]) -> Run:
    return run(replace(work, history=events), documents=DOCUMENTS)


def run_whole(provider: Provider) -> tuple[AgentWork, Run, StubServer]:
    work = make_work(provider.name, finding_key=b"k" * 32)
    with provider.serving(answer_next) as server:
        whole = run(work, documents=DOCUMENTS)
    assert whole.answer.text == "done after 5 results"
    return work, whole, server


def count_responses(events: tuple[PastEvent, ...]) -> int:
    return sum(event.kind == "model_response" for event in events)


def test_wherever_its_worker_died_a_run_goes_on_and_pays_and_does_nothing_again(
    provider: Provider, payments: Payments
) -> None:
    work, whole, _ = run_whole(provider)
    history = whole.journal.history
    for cut in range(len(history) + 1):
        past = history[:cut]
        made = [event.facts["tool_call_id"] for event in past if event.kind == "tool_result"]
        payments.keys.clear()
        in_flight = bool(past) and past[-1].kind == "tool_call" and past[-1].facts["tool"] == "payment_send"
        with provider.serving(answer_next) as server:
            if in_flight:
                with pytest.raises(OutcomeUnknown):
                    resume(work, past)
                assert not payments.keys, f"cut at {cut}: a call of unknown outcome was made again"
                continue
            ran = resume(work, past)
        assert ran.answer.text == whole.answer.text, f"cut at {cut}"
        assert len(server.requests) == 3 - count_responses(past), f"cut at {cut}: an answer was paid again"
        assert len(payments.keys) == (0 if "pay-1" in made else 1), f"cut at {cut}"
        results_now = ran.journal.facts("tool_result")
        assert len(results_now) + len(made) == 3, f"cut at {cut}: a call that had its result was made again"


def test_the_model_is_told_the_same_after_a_resume(provider: Provider, payments: Payments) -> None:
    work, whole, server = run_whole(provider)
    history = whole.journal.history
    last_request = max(event.sequence for event in history if event.kind == "model_request")
    with provider.serving(answer_next) as again:
        resume(work, history[:last_request])
    [request] = again.requests
    assert request.body["messages"] == server.requests[-1].body["messages"]
    assert request.body.get("system") == server.requests[-1].body.get("system")


def test_an_idempotent_call_without_a_result_is_made_again_under_the_same_key(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    payments = Payments(idempotent=True)
    monkeypatch.setattr(loop, "TOOLS", (*TOOLS, payments.tool))
    work, whole, _ = run_whole(provider)
    [key] = payments.keys
    history = whole.journal.history
    cut = next(event.sequence for event in history if event.facts.get("tool") == "payment_send") + 1
    with provider.serving(answer_next):
        ran = resume(work, history[:cut])
    assert payments.keys == [key, key]
    [again] = ran.journal.facts("tool_call")
    assert (again["tool_call_id"], again["retried"]) == ("pay-1", True)
    # Its worker dies once more, after this second call was begun.
    begun = PastEvent(cut, "tool_call", again, {"arguments": {"cents": 5}})
    with provider.serving(answer_next):
        assert resume(work, (*history[:cut], begun)).answer.text == whole.answer.text
    assert payments.keys == [key, key, key]


def cut_in_flight(provider: Provider) -> tuple[AgentWork, tuple[PastEvent, ...]]:
    work, whole, _ = run_whole(provider)
    history = whole.journal.history
    cut = next(event.sequence for event in history if event.facts.get("tool") == "payment_send") + 1
    return work, history[:cut]


def settle(history: tuple[PastEvent, ...], outcome: str, payload: Any) -> tuple[PastEvent, ...]:
    facts = {"tool": "payment_send", "tool_call_id": "pay-1", "step": 2, "occurrence": 0, "outcome": outcome}
    return (*history, PastEvent(len(history), "tool_settlement", facts, payload))


def test_an_unknown_outcome_names_its_call(provider: Provider, payments: Payments) -> None:
    work, history = cut_in_flight(provider)
    with provider.serving(answer_next), pytest.raises(OutcomeUnknown) as unknown:
        resume(work, history)
    assert (unknown.value.tool, unknown.value.tool_call_id) == ("payment_send", "pay-1")
    assert (unknown.value.step, unknown.value.occurrence) == (2, 0)


def test_what_a_person_says_happened_is_what_the_model_is_told(provider: Provider, payments: Payments) -> None:
    work, history = cut_in_flight(provider)
    payments.keys.clear()
    with provider.serving(answer_next) as server:
        ran = resume(work, settle(history, "happened", {"result": {"sent": "by hand"}, "reason": "seen"}))
    assert ran.answer.text == "done after 5 results"
    assert not payments.keys
    assert "by hand" in results(server.requests[-1])[-1]


def test_what_a_person_lets_be_done_again_is_unknown_again_when_that_dies_too(
    provider: Provider, payments: Payments
) -> None:
    work, history = cut_in_flight(provider)
    payments.keys.clear()
    settled = settle(history, "retry", {"result": None, "reason": "it is not on the account"})
    with provider.serving(answer_next):
        ran = resume(work, settled)
    assert len(payments.keys) == 1
    begun = next(event for event in ran.journal.history if event.kind == "tool_call")
    with provider.serving(answer_next), pytest.raises(OutcomeUnknown):
        resume(work, (*settled, replace(begun, sequence=len(settled))))
    assert len(payments.keys) == 1


def test_attempts_at_a_request_go_on_where_the_earlier_run_left_them(provider: Provider) -> None:
    work = make_work(provider.name, finding_key=b"k" * 32)
    later = HttpError(429, headers={"retry-after": "60"})
    history: tuple[PastEvent, ...] = ()
    for attempt in range(1, 5):
        kept: list[Run] = []
        with provider.serving([later]), pytest.raises(RetryLater):
            run(replace(work, history=history), keep=kept)
        history = (*history, *kept[0].journal.history)
        assert [event.facts["attempt"] for event in history if event.kind == "model_retry"] == [*range(1, attempt + 1)]
    with provider.serving([later]):
        ran = run(replace(work, history=history))
    assert ran.code == "provider_rate_limited"
    assert ran.failure is not None
    assert "after 5 attempts" in ran.failure.detail
    assert ran.failure.detail.count("provider_rate_limited 429") == 4, "the history of the attempts is not told"


def test_a_wait_elsewhere_holds_nothing_of_the_budget(provider: Provider) -> None:
    kept: list[Run] = []
    with provider.serving([HttpError(429, headers={"retry-after": "60"})]), pytest.raises(RetryLater):
        run(make_work(provider.name), keep=kept)
    assert kept[0].journal.charged == 0


def test_an_answer_that_was_not_used_is_not_used_by_a_later_run_either(provider: Provider) -> None:
    work = make_work(provider.name)
    with provider.serving([Text(f"the key is {work.api_key}")]):
        refused = run(work)
    with provider.serving([]) as server:
        ran = run(replace(work, history=refused.journal.history))
    assert ran.code == refused.code == "provider_error"
    assert not server.requests


def test_a_journal_whose_texts_were_erased_is_no_ground_to_ask_again(provider: Provider, payments: Payments) -> None:
    work, whole, _ = run_whole(provider)
    erased = tuple(replace(event, payload=None) for event in whole.journal.history)
    with provider.serving(answer_next) as server:
        ran = resume(work, erased)
    assert ran.code == "content_erased"
    assert not server.requests


def test_a_journal_that_lacks_a_call_makes_no_call(provider: Provider, payments: Payments) -> None:
    work, whole, _ = run_whole(provider)
    payments.keys.clear()
    without = tuple(
        event for event in whole.journal.history if event.facts.get("tool_call_id") != "pay-1" and event.kind != "x"
    )
    with provider.serving(answer_next):
        ran = resume(work, without)
    assert ran.code == "malformed_answer"
    assert not payments.keys


def test_a_journal_in_which_a_run_began_anew_is_taken_up_at_its_last_beginning(
    provider: Provider, payments: Payments
) -> None:
    work, whole, _ = run_whole(provider)
    history = whole.journal.history
    second = next(event.sequence for event in history if event.kind == "model_request" and event.facts["request"] == 2)
    anew = (*history, *history[:second])
    payments.keys.clear()
    with provider.serving(answer_next) as server:
        ran = resume(work, anew)
    assert ran.answer.text == whole.answer.text
    assert len(server.requests) == 2


def test_beside_a_call_of_unknown_outcome_no_other_is_begun(provider: Provider, payments: Payments) -> None:
    """Two payments in one answer: the first was begun when its worker died, the second never was."""
    second = ToolCall("payment_send", {"cents": 7}, id="pay-2")

    def answer(request: Received) -> Step:
        return Text("done") if results(request) else Answer(tool_calls=(PAY, second))

    work = make_work(provider.name, finding_key=b"k" * 32)
    with provider.serving(answer):
        whole = run(work)
    history = whole.journal.history
    cut = next(event.sequence for event in history if event.facts.get("tool_call_id") == "pay-1") + 1
    payments.keys.clear()
    kept: list[Run] = []
    with provider.serving(answer), pytest.raises(OutcomeUnknown):
        run(replace(work, history=history[:cut]), keep=kept)
    assert not payments.keys
    assert not kept[0].journal.events, "a call was begun that the run did not wait for"


def test_a_request_that_was_given_up_is_not_sent_again(provider: Provider) -> None:
    work = make_work(provider.name, finding_key=b"k" * 32)
    with provider.serving([HttpError(401)]):
        refused = run(work)
    with provider.serving([]) as server:
        ran = run(replace(work, history=refused.journal.history))
    assert ran.code == refused.code == "provider_auth_failed"
    assert not server.requests
    assert not ran.journal.events
