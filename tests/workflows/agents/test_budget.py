"""What a run costs, and where its budget ends."""

from types import SimpleNamespace

import pytest

from tests.stub_models import Answer, Text, ToolCall
from tests.stub_models.script import Step
from tests.workflows.agents.conftest import Provider
from tests.workflows.agents.fakes import make_work, run
from workflows.agents.budget import Meter
from workflows.agents.types import AgentFailure, Usage

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


def test_usage_that_makes_no_sense_is_charged_by_size() -> None:
    meter = Meter("openai", "gpt-4o-mini", 100)
    cost = meter.charge(SimpleNamespace(input_tokens=-(10**9), output_tokens=0), input_bytes=4000, output_bytes=400)
    assert cost > 0
    assert meter.usage == Usage(1, 1000, 100)


def test_a_remainder_that_buys_next_to_nothing_counts_as_spent() -> None:
    meter = Meter("openai", "gpt-4o-mini", 100)
    with pytest.raises(AgentFailure, match="fewer than 64 tokens"):
        meter.output_allowance(input_bytes=100_000_000, longest=8192, shortest=64)


def test_both_default_models_have_a_price() -> None:
    from workflows.agents.providers.anthropic import ANTHROPIC
    from workflows.agents.providers.openai import OPENAI

    for provider in (ANTHROPIC, OPENAI):
        Meter(provider.name, provider.default_model, 100).require_price()
