"""What a run costs, and where its budget ends."""

import asyncio
import json
import math
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from genai_prices import Usage as PricedUsage
from genai_prices.types import ModelPrice, Tier, TieredPrices
from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, UserPromptPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.usage import RequestUsage

from tests.stub_models import Answer, BrokenOff, Hang, HttpError, Text, ToolCall
from tests.stub_models.script import Step
from tests.workflows.agents.conftest import Provider
from tests.workflows.agents.fakes import MemoryJournal, Run, make_work, run
from workflows.agents.amounts import NANOCENTS_PER_CENT
from workflows.agents.budget import Meter
from workflows.agents.call_rules import ModelCallRules
from workflows.agents.history import RunHistory
from workflows.agents.model import GovernedModel, ModelContext
from workflows.agents.prices import Price, find_price
from workflows.agents.prompts import Prompt
from workflows.agents.run_journal import RunJournal
from workflows.agents.scrubbing import Scrubber
from workflows.agents.settings import AgentSettings, RetryPolicy
from workflows.agents.types import AgentFailure, Reservation, TokenPrice, Usage

# A model of each provider whose price is old enough to stay: dollars per million tokens, in and out.
MODELS = {"anthropic": ("claude-3-haiku-20240307", 0.25, 1.25), "openai": ("gpt-4o-mini", 0.15, 0.60)}
READ = ToolCall("document_read", {"name": "reports"})


def make_meter() -> Meter:
    return Meter(make_work("openai"), "gpt-4o-mini")


def open_reservations(ran: Run) -> Decimal:
    """Return in cents what the journal says was reserved and not given back."""
    facts = [event.facts for event in ran.journal.events]
    return sum(
        (Decimal(str(each.get("reserved_cents", 0))) - Decimal(str(each.get("released_cents", 0))) for each in facts),
        Decimal(0),
    )


def test_the_ledger_holds_what_all_answers_cost_exactly(provider: Provider) -> None:
    model, per_input, per_output = MODELS[provider.name]
    tokens = 400_000
    script: list[Step] = [
        Answer(tool_calls=(READ,), input_tokens=tokens, output_tokens=1),
        Text("done", input_tokens=tokens, output_tokens=1),
    ]
    with provider.serving(script):
        ran = run(make_work(provider.name, model=model))
    assert ran.result is not None
    exact = (2 * tokens * Decimal(str(per_input)) + 2 * Decimal(str(per_output))) / 10_000
    assert ran.cents == exact
    assert ran.result.usage == Usage(2, 800_000, 2)
    assert sum(Decimal(str(facts["cents"])) for facts in ran.journal.facts("model_response")) == exact


def test_a_spent_budget_allows_no_further_request(provider: Provider) -> None:
    model, per_input, _ = MODELS[provider.name]
    tokens = int(100 / per_input * 10_000) + 1_000_000
    with provider.serving([Answer(tool_calls=(READ,), input_tokens=tokens), Text("too late")]) as server:
        ran = run(make_work(provider.name, model=model, budget_cents=100))
    assert ran.code == "budget_exhausted"
    assert ran.failure is not None
    assert ran.failure.status == "blocked"
    assert ran.failure.usage.input_tokens == tokens
    assert "more usage than it was allowed" in ran.failure.detail
    assert ran.cents > 100
    assert len(server.requests) == 1


def test_an_answer_is_no_longer_than_the_budget_buys(provider: Provider) -> None:
    model, per_input, per_output = MODELS[provider.name]
    tokens = int(99.5 * 10_000 / per_input)
    script: list[Step] = [
        Answer(tool_calls=(READ,), input_tokens=tokens, output_tokens=0),
        Text("half", finish="length"),
    ]
    with provider.serving(script) as server:
        ran = run(make_work(provider.name, model=model, budget_cents=100))
    bodies = [request.body for request in server.requests]
    asked = [int(body.get("max_tokens") or body["max_completion_tokens"]) for body in bodies]
    assert asked[0] == 8192
    assert 64 <= asked[1] < 0.5 * 10_000 / per_output
    assert [facts["max_tokens"] for facts in ran.journal.facts("model_request")] == asked
    assert ran.code == "budget_exhausted"
    assert ran.failure is not None
    assert "cut off" in ran.failure.detail
    assert ran.failure.last_text == "half"


def test_a_model_without_a_price_is_never_asked(provider: Provider) -> None:
    with provider.serving([Text("free lunch")]) as server:
        ran = run(make_work(provider.name, model="a-model-nobody-priced"))
    assert ran.code == "model_unpriced"
    assert ran.failure is not None
    assert ran.failure.status == "blocked"
    assert server.requests == ()
    assert ran.journal.events == []


def test_an_answer_that_reports_no_usage_is_charged_by_its_size(provider: Provider) -> None:
    with provider.serving([Text("word " * 4000, reports_usage=False)]):
        ran = run(make_work(provider.name))
    assert ran.result is not None
    assert ran.result.usage.output_tokens >= 4000
    assert ran.result.usage.input_tokens > 100


IMPOSSIBLE = [10**20, 2**53 + 1, 10**9 + 1]


@pytest.mark.parametrize("count", IMPOSSIBLE)
@pytest.mark.parametrize("field", ["input_tokens", "output_tokens"])
def test_an_answer_with_impossible_usage_is_refused_and_charged_by_its_size(
    provider: Provider, field: str, count: int
) -> None:
    answer = Text("word " * 4000, **{field: count})
    with provider.serving([answer, Text("never asked for")]) as server:
        ran = run(make_work(provider.name))
    assert ran.code == "provider_error"
    assert ran.failure is not None
    assert "reports impossible usage" in ran.failure.detail
    assert ran.failure.status == "failed"
    assert 4000 <= ran.failure.usage.output_tokens < 10_000
    assert len(server.requests) == 1
    [facts] = ran.journal.facts("model_response")
    assert facts["output_tokens"] == ran.failure.usage.output_tokens


@pytest.mark.parametrize("count", [-1, -(10**9), *IMPOSSIBLE, math.inf, math.nan])
@pytest.mark.parametrize("field", ["input_tokens", "output_tokens", "cache_read_tokens", "web_searches"])
def test_a_count_that_cannot_be_is_never_counted(field: str, count: float) -> None:
    meter = make_meter()
    usage = SimpleNamespace(**({"input_tokens": 10, "output_tokens": 10} | {field: count}))
    charge = meter.charge(usage, Reservation(7, 100), input_bytes=4000, output_bytes=400)
    assert not charge.plausible
    assert charge.nanocents == 7
    assert meter.usage == Usage(1, 1000, 100)


@pytest.mark.parametrize(
    "usage",
    [
        SimpleNamespace(input_tokens=0, output_tokens=0),
        SimpleNamespace(input_tokens=10, output_tokens=1, cache_read_tokens=5000),
    ],
    ids=["nothing reported", "parts that exceed their whole"],
)
def test_what_is_not_known_is_charged_as_it_was_reserved(usage: Any) -> None:
    charge = make_meter().charge(usage, Reservation(10**12, 100), input_bytes=4000, output_bytes=400)
    assert charge.nanocents == 10**12


def test_an_answer_that_broke_off_is_charged_as_it_was_reserved() -> None:
    usage = SimpleNamespace(input_tokens=10, output_tokens=1)
    meter = make_meter()
    assert meter.charge(usage, Reservation(10**12, 9), input_bytes=9, output_bytes=0, ended=False).nanocents == 10**12
    assert meter.charge(usage, Reservation(1, 9), input_bytes=9, output_bytes=0, ended=False).nanocents > 1


def test_what_was_used_before_counts_in_what_is_reported(provider: Provider) -> None:
    with provider.serving([Text("done", input_tokens=100, output_tokens=20)]):
        ran = run(make_work(provider.name, used=Usage(2, 300, 40)))
    assert ran.result is not None
    assert ran.result.usage == Usage(3, 400, 60)


@pytest.mark.parametrize("budget", [1500, 1])
def test_what_the_journal_says_adds_up_to_what_is_reported(anthropic: Provider, budget: int) -> None:
    """An answer that broke off after it began included, and one that used up the budget."""
    script: list[Step] = [BrokenOff("half"), Answer(tool_calls=(READ,), reports_usage=False), Text("done")]
    with anthropic.serving(script):
        ran = run(make_work("anthropic", budget_cents=budget))
    ended = ran.result or ran.failure
    assert ended is not None
    charged = [event.facts for event in ran.journal.events if "cents" in event.facts]
    assert Usage(
        len(charged),
        sum(int(str(facts["input_tokens"])) for facts in charged),
        sum(int(str(facts["output_tokens"])) for facts in charged),
    ) == (ended.usage)
    assert ended.usage.requests >= 1
    assert sum(Decimal(str(facts["cents"])) for facts in charged) == ran.cents
    assert open_reservations(ran) == 0


def test_both_default_models_have_a_price() -> None:
    from workflows.agents.providers.anthropic import ANTHROPIC
    from workflows.agents.providers.openai import OPENAI

    for provider in (ANTHROPIC, OPENAI):
        assert find_price(provider.name, provider.default_model, {}) is not None


def test_a_retry_is_paid_for_before_it_is_sent(provider: Provider) -> None:
    """Each of two attempts may be billed; the budget holds one worst case, so the second is never sent."""
    own = {"m": TokenPrice(Decimal("0.01"), Decimal(1000))}
    with provider.serving([BrokenOff("half"), Text("too late")]) as server:
        ran = run(make_work(provider.name, model="m", own_prices=own, budget_cents=825))
    assert len(server.requests) == 1
    assert ran.code == "budget_exhausted"
    assert ran.journal.kinds == ["model_request", "model_error"]
    assert 819 < ran.cents <= 825
    assert open_reservations(ran) == 0


@pytest.mark.parametrize("error", [HttpError(429), HttpError(500), HttpError(529)], ids=str)
def test_an_attempt_that_the_provider_refused_costs_nothing(provider: Provider, error: HttpError) -> None:
    with provider.serving([error, error, Text("done", input_tokens=0, output_tokens=0, reports_usage=True)]):
        ran = run(make_work(provider.name))
    assert all("cents" not in facts for facts in ran.journal.facts("model_retry"))
    assert open_reservations(ran) == 0
    with provider.serving([HttpError(400)]):
        ran = run(make_work(provider.name))
    assert ran.code == "provider_error"
    assert ran.cents == 0


def test_a_request_that_was_never_sent_costs_nothing(provider: Provider) -> None:
    with provider.serving([]):
        pass
    ran = run(make_work(provider.name))
    assert ran.code == "provider_error"
    assert ran.cents == 0


def test_an_answer_that_never_came_is_charged_as_it_was_reserved(provider: Provider) -> None:
    with provider.serving([Hang()]):
        ran = run(make_work(provider.name), request_timeout=0.3, retry=RetryPolicy(attempts=1))
    assert ran.code == "provider_timeout"
    [asked] = ran.journal.facts("model_request")
    assert ran.cents == Decimal(str(asked["reserved_cents"])) > 0


def test_an_own_price_goes_before_the_published_one(provider: Provider) -> None:
    model = MODELS[provider.name][0]
    own = {model: TokenPrice(Decimal(100), Decimal(200))}
    with provider.serving([Text("done", input_tokens=100, output_tokens=10)]):
        ran = run(make_work(provider.name, model=model, own_prices=own))
    assert ran.cents == Decimal("1.2")
    [facts] = ran.journal.facts("model_response")
    assert facts["price"] == "own"


def test_what_a_request_may_cost_is_bounded_by_the_highest_rate_that_it_can_be_billed_at() -> None:
    tiers = TieredPrices(
        base=Decimal(2), tiers=[Tier(start=1000, price=Decimal(5)), Tier(start=9000, price=Decimal(9))]
    )
    rates = ModelPrice(input_mtok=tiers, cache_write_mtok=Decimal(6), output_mtok=tiers, output_audio_mtok=Decimal(99))
    price = Price("genai-prices", rates)
    assert price.most_for_input(500) == 500 * 6 * 10**5
    assert price.most_per_output_token(500) == 2 * 10**5
    assert price.most_per_output_token(1001) == 5 * 10**5
    assert price.most_for_input(10_000) == 10_000 * 9 * 10**5


@given(
    usage=st.tuples(st.integers(0, 500_000), st.integers(0, 500_000), st.integers(0, 500_000)),
    model=st.sampled_from([("anthropic", "claude-haiku-5-5"), ("openai", "gpt-6-luna"), ("openai", "gpt-4o-mini")]),
    output=st.integers(0, 8192),
)
def test_no_usage_within_the_bounds_costs_more_than_was_reserved(
    usage: tuple[int, int, int], model: tuple[str, str], output: int
) -> None:
    plain, written, read = usage
    price = find_price(*model, {})
    assert price is not None
    total = plain + written + read
    billed = price.cost(
        PricedUsage(
            input_tokens=total,
            cache_write_tokens=written,
            cache_read_tokens=read,
            output_tokens=output,
        )
    )
    assert billed <= price.most_for_input(total) + output * price.most_per_output_token(total)


def test_everything_that_is_sent_is_counted(provider: Provider) -> None:
    """The whole body that arrives, as a bound of its own, is never longer than what was counted for it."""
    script: list[Step] = [
        Answer(tool_calls=(READ, ToolCall("document_write", {"name": "a", "text": "ﷺ" * 500}))),
        Answer(tool_calls=(ToolCall("answer", {"decision": "maybe"}),)),
        Text("neither"),
        Text("done"),
    ]
    own = {"m": TokenPrice(Decimal(1), Decimal("0.000001"))}
    with provider.serving(script) as server:
        ran = run(
            make_work(provider.name, role="reviewer", subject="Ünïcode. " * 200, model="m", own_prices=own),
            documents={"reports": "Строка. " * 400},
        )
    reserved = [facts["reserved_cents"] for facts in ran.journal.facts("model_request")]
    counted = [int(Decimal(str(cents)) * 10_000) for cents in reserved]
    sent = [len(json.dumps(request.body, ensure_ascii=False).encode()) for request in server.requests]
    assert len(sent) == len(counted) > 1
    assert all(few <= many for few, many in zip(sent, counted, strict=True)), (sent, counted)


def test_requests_of_one_run_that_are_made_at_once_share_the_budget() -> None:
    """Ten at once, of which the budget buys four: six are refused before they are sent."""
    sent = 0

    async def answer(messages: Any, info: Any) -> ModelResponse:
        nonlocal sent
        sent += 1
        await asyncio.sleep(0)
        return ModelResponse(parts=[TextPart("x")], usage=RequestUsage(input_tokens=1, output_tokens=8192))

    journal = MemoryJournal(budget=4 * 820 * NANOCENTS_PER_CENT)
    work = make_work("openai", model="m", own_prices={"m": TokenPrice(Decimal("0.01"), Decimal(1000))})
    scrubber = Scrubber([])
    settings = AgentSettings(min_output_tokens=8192)
    kept = RunJournal(journal, scrubber)
    rules = ModelCallRules(work, Prompt("", ""), kept, "m")
    context = ModelContext("openai", "m", False, Meter(work, "m"), kept, scrubber, settings, rules, RunHistory())
    model = GovernedModel(FunctionModel(answer), context)
    message = ModelRequest(parts=[UserPromptPart("Hello.")])

    async def ask_all() -> list[Any]:
        asked = (model.request([message], None, ModelRequestParameters()) for _ in range(10))
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(ask_all())
    assert sent == 4
    assert [error.code for error in answers if isinstance(error, AgentFailure)] == ["budget_exhausted"] * 6
    assert journal.charged <= journal.budget
