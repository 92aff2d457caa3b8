"""What a run costs, and where its budget ends."""

import math
from decimal import Decimal
from types import SimpleNamespace

import pytest

from tests.stub_models import Answer, BrokenOff, Text, ToolCall
from tests.stub_models.script import Step
from tests.workflows.agents.conftest import Provider
from tests.workflows.agents.fakes import make_work, run
from workflows.agents.budget import Meter
from workflows.agents.types import AgentFailure, Spent, Usage

# A model of each provider whose price is old enough to stay: dollars per million tokens, in and out.
MODELS = {"anthropic": ("claude-3-haiku-20240307", 0.25, 1.25), "openai": ("gpt-4o-mini", 0.15, 0.60)}
READ = ToolCall("document_read", {"name": "reports"})


def test_the_cost_is_rounded_up_once_over_all_answers(provider: Provider) -> None:
    model, per_input, per_output = MODELS[provider.name]
    tokens = 400_000
    script: list[Step] = [
        Answer(tool_calls=(READ,), input_tokens=tokens, output_tokens=1),
        Text("done", input_tokens=tokens, output_tokens=1),
    ]
    with provider.serving(script):
        ran = run(make_work(provider.name, model=model))
    assert ran.result is not None
    exact = (2 * tokens * per_input + 2 * per_output) / 10_000
    assert ran.result.cost_cents == int(exact) + 1
    assert ran.result.usage == Usage(2, 800_000, 2)
    cents = [float(str(facts["cents"])) for facts in ran.journal.facts("model_response")]
    assert sum(cents) == pytest.approx(exact)


def test_a_spent_budget_allows_no_further_request(provider: Provider) -> None:
    model, per_input, _ = MODELS[provider.name]
    tokens = int(100 / per_input * 10_000) + 1_000_000
    with provider.serving([Answer(tool_calls=(READ,), input_tokens=tokens), Text("too late")]) as server:
        ran = run(make_work(provider.name, model=model, budget_cents=100))
    assert ran.code == "budget_exhausted"
    assert ran.failure is not None
    assert ran.failure.status == "blocked"
    assert ran.failure.usage.input_tokens == tokens
    assert ran.failure.cost_cents > 100
    assert len(server.requests) == 1


def test_an_answer_is_no_longer_than_the_budget_buys(provider: Provider) -> None:
    model, per_input, per_output = MODELS[provider.name]
    left = 1000 * per_output / 10_000  # cents that buy 1000 tokens of answer
    tokens = int((100 - left) * 10_000 / per_input)
    script: list[Step] = [
        Answer(tool_calls=(READ,), input_tokens=tokens, output_tokens=0),
        Text("half", finish="length"),
    ]
    with provider.serving(script) as server:
        ran = run(make_work(provider.name, model=model, budget_cents=100))
    bodies = [request.body for request in server.requests]
    asked = [int(body.get("max_tokens") or body["max_completion_tokens"]) for body in bodies]
    assert asked[0] == 8192
    assert 64 <= asked[1] < 1000
    assert ran.code == "budget_exhausted"
    assert ran.failure is not None
    assert "cut off" in ran.failure.detail


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
@pytest.mark.parametrize("field", ["input_tokens", "output_tokens", "cache_read_tokens"])
def test_a_count_that_cannot_be_is_never_counted(field: str, count: float) -> None:
    meter = Meter("openai", "gpt-4o-mini", 100)
    usage = SimpleNamespace(**({"input_tokens": 10, "output_tokens": 10} | {field: count}))
    charge = meter.charge(usage, input_bytes=4000, output_bytes=400)
    assert not charge.plausible
    assert charge.dollars > 0
    assert meter.usage == Usage(1, 1000, 100)


def test_what_was_spent_before_counts_against_the_budget_and_in_what_is_reported(provider: Provider) -> None:
    spent = Spent(Usage(2, 300, 40), Decimal("7.5"))
    with provider.serving([Text("done", input_tokens=100, output_tokens=20)]):
        ran = run(make_work(provider.name, spent=spent))
    assert ran.result is not None
    assert ran.result.usage == Usage(3, 400, 60)
    assert ran.result.cost_cents == 8
    with provider.serving([Text("too late")]) as server:
        ran = run(make_work(provider.name, budget_cents=100, spent=Spent(Usage(2, 300, 40), Decimal(100))))
    assert ran.code == "budget_exhausted"
    assert ran.failure is not None
    assert (ran.failure.usage, ran.failure.cost_cents) == (Usage(2, 300, 40), 100)
    assert server.requests == ()


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
    assert math.ceil(sum(Decimal(str(facts["cents"])) for facts in charged)) == ended.cost_cents


def test_a_remainder_that_buys_next_to_nothing_counts_as_spent() -> None:
    meter = Meter("openai", "gpt-4o-mini", 100)
    with pytest.raises(AgentFailure, match="fewer than 64 tokens"):
        meter.output_allowance(input_bytes=100_000_000, longest=8192, shortest=64)


def test_both_default_models_have_a_price() -> None:
    from workflows.agents.providers.anthropic import ANTHROPIC
    from workflows.agents.providers.openai import OPENAI

    for provider in (ANTHROPIC, OPENAI):
        Meter(provider.name, provider.default_model, 100).require_price()
