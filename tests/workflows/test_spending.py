"""What an execution spends counts over all its attempts: against its budget, and in what its certificate says."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from compliance.package import verify_package
from compliance.services import read_attestations
from compliance.signing import public_identity
from tests.people import make_alice
from tests.stub_models import Answer, OpenAIStub, Received, ToolCall
from tests.thread_bridge import ThreadBridge
from tests.workflow_driver import (
    expire_leases,
    find_execution,
    request_review_and_release,
    run_ready_execution,
    run_to_rest,
    submit,
)
from workflows import engine, stage_journal
from workflows.agents.types import (
    AgentFailure,
    AgentResult,
    AgentWork,
    Entry,
    Need,
    ReviewAnswer,
    Settlement,
    Usage,
)
from workflows.export import build_workflow_package, encode_package
from workflows.leases import LeaseLost, sweep
from workflows.model_prices import set_model_price
from workflows.models import Workflow
from workflows.requests import StageRequest, WorkflowRequest
from workflows.services import cancel_workflow

pytestmark = pytest.mark.django_db

MODEL = "gpt-4o-mini"  # 15 cents for a million tokens of input
MILLION = 1_000_000
APPROVAL = ToolCall("answer", {"decision": "approved", "reason": "fine", "findings": []})
SPENT = {"input_tokens": 40, "output_tokens": 2, "cents": "7.25"}
NEED = Need(fixed=8 * 10**9, per_token=0, longest=1, shortest=1)

Act = Callable[[ThreadBridge], Awaitable[None]]


def request_review(**changes: Any) -> WorkflowRequest:
    return WorkflowRequest(
        name="Notice",
        stages=(
            StageRequest(
                id="review", name="Review", task="Review it.", stage_role="reviewer", document="The notice.", **changes
            ),
        ),
    )


def request_paid_review(budget_cents: int) -> WorkflowRequest:
    return request_review(provider="openai", model=MODEL, api_key="sk-test-key", budget_cents=budget_cents)


def serve(monkeypatch: pytest.MonkeyPatch, *answers: Answer) -> OpenAIStub:
    server = OpenAIStub(answers)
    monkeypatch.setenv(server.environment_variable, server.base_url)
    return server


def crash_finishing_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what follows the first answer break, as it does when a worker dies there."""
    real, crashes = engine.assess_answer, iter([RuntimeError("crashed")])

    def assess(*arguments: Any, **options: Any) -> Any:
        for crash in crashes:
            raise crash
        return real(*arguments, **options)

    monkeypatch.setattr(engine, "assess_answer", assess)


def spend_then(monkeypatch: pytest.MonkeyPatch, *acts: Act) -> list[AgentWork]:
    """Let agents spend SPENT in each attempt and then do one act each, the last one again and again.

    Returns the works that were asked for.
    """
    asked: list[AgentWork] = []

    async def run(work: AgentWork, journal: Any, documents: Any) -> AgentResult:
        asked.append(work)
        reservation = await journal.reserve(NEED, Entry("model_request", {}, {}))
        await journal.settle(Settlement(reservation.nanocents, 7_250_000_000), Entry("model_response", SPENT, {}))
        await acts[min(len(asked), len(acts)) - 1](documents.database)
        raise AssertionError("an act ends the run")

    monkeypatch.setattr(engine, "run_agent", run)
    return asked


def ending_in(error: Exception) -> Act:
    async def act(bridge: ThreadBridge) -> None:
        raise error

    return act


crash = ending_in(RuntimeError("crashed"))


def certified_spending(workflow: Workflow) -> tuple[dict[str, int], int]:
    """Return usage and cost as the review's certificate states them; the record must say the same."""
    [predicate] = [entry.predicate for entry in read_attestations(workflow.id) if entry.kind == "execution"]
    execution = find_execution(workflow, "review")
    usage = predicate["usage"]
    assert (execution.request_count, execution.input_tokens) == (usage["requests"], usage["input_tokens"])
    assert (execution.output_tokens, execution.cost_cents) == (usage["output_tokens"], predicate["cost_cents"])
    return usage, predicate["cost_cents"]


def test_a_second_attempt_goes_on_from_what_the_first_has_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Answer(tool_calls=(APPROVAL,), input_tokens=6_666_666, output_tokens=0)
    crash_finishing_once(monkeypatch)
    with serve(monkeypatch, answer, answer) as server:
        workflow = run_to_rest(submit(request_paid_review(budget_cents=100)))

    review = find_execution(workflow, "review")
    assert (review.status, review.reason_code, review.attempts) == ("completed", "", 2)
    assert len(server.requests) == 1
    assert certified_spending(workflow) == ({"requests": 1, "input_tokens": 6_666_666, "output_tokens": 0}, 100)


def test_what_is_billed_beyond_the_budget_is_charged_and_ends_the_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Answer(text="So far so good.", tool_calls=(APPROVAL,), input_tokens=7 * MILLION, output_tokens=0)
    with serve(monkeypatch, answer, answer) as server:
        workflow = run_to_rest(submit(request_paid_review(budget_cents=100)))

    review = find_execution(workflow, "review")
    assert (review.status, review.reason_code, review.attempts) == ("blocked", "budget_exhausted", 1)
    assert "more usage than it was allowed" in review.reason_detail
    assert len(server.requests) == 1
    assert certified_spending(workflow) == ({"requests": 1, "input_tokens": 7 * MILLION, "output_tokens": 0}, 105)


def test_a_model_that_never_comes_to_an_end_is_stopped_at_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of a cent a token: it takes 300 of them a round while it may, and all that it is allowed afterwards."""
    set_model_price(
        actor=make_alice(), provider="openai", model=MODEL, input_price="0.01", output_price="1000", address=None
    )

    def go_on(request: Received) -> Answer:
        allowed = int(request.body["max_completion_tokens"])
        read = ToolCall("document_read", {"name": "reports"}, id=f"call_{allowed}")
        return Answer(tool_calls=(read,), input_tokens=10, output_tokens=min(300, allowed))

    server = OpenAIStub(go_on)
    monkeypatch.setenv(server.environment_variable, server.base_url)
    with server:
        workflow = run_to_rest(submit(request_paid_review(budget_cents=100)))

    review = find_execution(workflow, "review")
    assert (review.status, review.reason_code, review.attempts) == ("blocked", "budget_exhausted", 1)
    asked = [int(request.body["max_completion_tokens"]) for request in server.requests]
    assert asked == sorted(asked, reverse=True)
    assert len(asked) == 4
    assert 99 * 10**9 < review.charged_nanocents <= 100 * 10**9
    assert certified_spending(workflow)[1] == 100


def test_a_stage_whose_budget_is_at_its_end_keeps_what_its_model_said(
    monkeypatch: pytest.MonkeyPatch, client_of: Callable[[User], APIClient]
) -> None:
    read = ToolCall("document_read", {"name": "reports"})
    answer = Answer(text="The notice looks fine so far.", tool_calls=(read,), input_tokens=6_666_666, output_tokens=0)
    with serve(monkeypatch, answer, answer) as server:
        workflow = run_to_rest(submit(request_paid_review(budget_cents=100)))
    assert len(server.requests) == 1

    review = find_execution(workflow, "review")
    record = client_of(make_alice()).get(f"/api/v1/executions/{review.id}").json()
    assert (record["status"], record["reason"]["code"], record["verdict"]) == (
        "blocked",
        "budget_exhausted",
        "non_compliant",
    )
    assert (record["artifact_sha256"], record["output"]) == (None, None)
    assert record["last_text"] == "The notice looks fine so far."
    package = build_workflow_package(workflow)
    [entry] = package["stages"]
    assert json.loads(entry["execution"]["answer"]["text"]) == {"text": "The notice looks fine so far."}
    assert entry["execution"]["artifact"] is None
    report = verify_package(json.loads(encode_package(package)), public_identity().public_key_pem)
    assert report.ok, report.failures


def test_a_second_attempt_is_refused_when_the_first_spent_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first attempt's answer is no verdict, and its worker dies when it is about to ask for one again."""
    answer = Answer(text="So far so good.", input_tokens=6_666_666, output_tokens=0)
    real, crashes = stage_journal.StageJournal.reserve, iter([None, RuntimeError("crashed")])

    async def reserve(self: Any, *arguments: Any) -> Any:
        error = next(crashes, None)
        if error is not None:
            raise error
        return await real(self, *arguments)

    monkeypatch.setattr(stage_journal.StageJournal, "reserve", reserve)
    with serve(monkeypatch, answer, answer) as server:
        workflow = run_to_rest(submit(request_paid_review(budget_cents=100)))

    review = find_execution(workflow, "review")
    assert (review.status, review.reason_code, review.attempts) == ("blocked", "budget_exhausted", 2)
    assert len(server.requests) == 1
    assert certified_spending(workflow) == ({"requests": 1, "input_tokens": 6_666_666, "output_tokens": 0}, 100)


def test_the_certificate_states_what_all_attempts_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    unclear = Answer(text="So far so good.", input_tokens=2 * MILLION, output_tokens=0)
    verdict = Answer(tool_calls=(APPROVAL,), input_tokens=MILLION, output_tokens=0)
    crash_finishing_once(monkeypatch)
    with serve(monkeypatch, unclear, verdict) as server:
        workflow = run_to_rest(submit(request_paid_review(budget_cents=100)))

    assert workflow.status == "completed", workflow.reason_detail
    assert len(server.requests) == 2
    assert certified_spending(workflow) == ({"requests": 2, "input_tokens": 3 * MILLION, "output_tokens": 0}, 45)


@pytest.mark.parametrize("count", [10**20, 2**53 + 1])
def test_impossible_usage_fails_the_stage_at_its_first_attempt(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    answer = Answer(tool_calls=(APPROVAL,), input_tokens=count)
    with serve(monkeypatch, answer, answer) as server:
        workflow = run_to_rest(submit(request_paid_review(budget_cents=100)))

    review = find_execution(workflow, "review")
    assert (review.status, review.reason_code, review.attempts) == ("failed", "provider_error", 1)
    assert "impossible usage" in review.reason_detail
    assert len(server.requests) == 1
    usage, _ = certified_spending(workflow)
    assert 0 < usage["input_tokens"] < MILLION


def test_a_cost_beyond_a_small_integer_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(work: AgentWork, journal: Any, documents: Any) -> AgentResult:
        reservation = await journal.reserve(NEED, Entry("model_request", {}, {}))
        settlement = Settlement(reservation.nanocents, 3 * 10**18 + 1)
        assert await journal.settle(settlement, Entry("model_response", SPENT, {})) < 0
        return AgentResult(ReviewAnswer("approved", None, (), "fine"), work.provider, "m", Usage(1, 10**9, 10**9))

    monkeypatch.setattr(engine, "run_agent", run)
    workflow = run_to_rest(submit(request_review()))
    assert workflow.status == "completed", workflow.reason_detail
    assert certified_spending(workflow)[1] == 3_000_000_001


def test_a_stage_out_of_attempts_reports_what_they_spent(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.MAX_ATTEMPTS = 2
    spend_then(monkeypatch, crash)
    workflow = run_to_rest(submit(request_review()))

    assert workflow.reason_code == "attempts_exhausted"
    assert certified_spending(workflow) == ({"requests": 2, "input_tokens": 80, "output_tokens": 4}, 15)


def test_a_lost_lease_loses_nothing_of_what_was_spent(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.MAX_ATTEMPTS = 1
    workflow = submit(request_review())

    async def lose_lease(bridge: ThreadBridge) -> None:
        await bridge.call(expire_leases, workflow)
        await bridge.call(sweep)
        raise LeaseLost

    spend_then(monkeypatch, lose_lease)
    workflow = run_to_rest(workflow)
    assert workflow.reason_code == "attempts_exhausted"
    assert certified_spending(workflow) == ({"requests": 1, "input_tokens": 40, "output_tokens": 2}, 8)


def test_a_cancelled_stage_reports_what_it_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    spend_then(monkeypatch, crash)
    workflow = submit(request_review_and_release())
    run_ready_execution(find_execution(workflow, "review").id)
    cancel_workflow(workflow_id=workflow.id, actor=make_alice(), address=None)

    assert find_execution(workflow, "review").status == "cancelled"
    assert certified_spending(workflow) == ({"requests": 1, "input_tokens": 40, "output_tokens": 2}, 8)


def test_a_stage_that_ran_out_of_time_reports_what_it_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    spend_then(monkeypatch, ending_in(TimeoutError()))
    workflow = run_to_rest(submit(request_review()))

    assert workflow.reason_code == "stage_timed_out"
    assert certified_spending(workflow) == ({"requests": 1, "input_tokens": 40, "output_tokens": 2}, 8)


def test_a_failure_that_knows_of_no_cost_reports_what_was_spent_before(monkeypatch: pytest.MonkeyPatch) -> None:
    spend_then(monkeypatch, crash, ending_in(AgentFailure("provider_not_configured", "the key is gone")))
    workflow = run_to_rest(submit(request_review()))

    assert workflow.reason_code == "provider_not_configured"
    assert certified_spending(workflow) == ({"requests": 2, "input_tokens": 80, "output_tokens": 4}, 15)


def test_an_attempt_is_told_what_the_earlier_ones_of_its_own_stage_used(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = spend_then(monkeypatch, crash)
    run_to_rest(submit(request_review()))
    assert [work.used.input_tokens for work in asked] == [number * 40 for number in range(len(asked))]
    run_to_rest(submit(request_review()))
    assert [work.used.requests for work in asked[len(asked) // 2 :]] == list(range(len(asked) // 2))


def test_a_reservation_whose_worker_died_stays_charged(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """At most one for each attempt; the journal has it, and the certificate counts it."""
    settings.MAX_ATTEMPTS = 3

    async def die(work: AgentWork, journal: Any, documents: Any) -> AgentResult:
        assert await journal.reserve(NEED, Entry("model_request", {}, {}))
        raise RuntimeError("died while the model was asked")

    monkeypatch.setattr(engine, "run_agent", die)
    workflow = run_to_rest(submit(request_review()))
    assert workflow.reason_code == "attempts_exhausted"
    assert certified_spending(workflow) == ({"requests": 0, "input_tokens": 0, "output_tokens": 0}, 24)
    review = find_execution(workflow, "review")
    reserved = [event.facts["reserved_cents"] for event in review.events.filter(kind="model_request")]
    assert reserved == ["8"] * 3
    package = json.loads(encode_package(build_workflow_package(workflow)))
    assert verify_package(package, public_identity().public_key_pem).ok
