"""Which provider serves a stage."""

import asyncio
import sys

import pytest

from tests.workflows.agents.fakes import MemoryDocuments, MemoryJournal, make_work
from workflows.agents.runner import provider_names, provider_problem, resolve_provider, run_agent
from workflows.agents.types import AgentFailure


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(variable, raising=False)


def test_there_are_three_providers() -> None:
    assert set(provider_names()) == {"anthropic", "openai", "embedded"}


@pytest.mark.parametrize(
    ("keys", "provider"),
    [
        ([], "embedded"),
        (["OPENAI_API_KEY"], "openai"),
        (["ANTHROPIC_API_KEY"], "anthropic"),
        (["ANTHROPIC_API_KEY", "OPENAI_API_KEY"], "anthropic"),
    ],
)
def test_the_environment_decides_where_a_stage_names_none(
    keys: list[str], provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in keys:
        monkeypatch.setenv(key, "sk-some-key")
    assert resolve_provider(None) == provider
    assert provider_problem(None, has_stage_key=False) is None


def test_a_named_provider_is_kept() -> None:
    assert resolve_provider("openai") == "openai"


@pytest.mark.parametrize("name", ["anthropic", "openai"])
def test_a_provider_without_any_key_is_a_problem(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = provider_problem(name, has_stage_key=False)
    assert problem is not None
    assert f"{name.upper()}_API_KEY" in problem
    assert provider_problem(name, has_stage_key=True) is None
    monkeypatch.setenv(f"{name.upper()}_API_KEY", "sk-some-key")
    assert provider_problem(name, has_stage_key=False) is None


def test_an_unknown_provider_is_a_problem_that_lists_the_known_ones() -> None:
    assert provider_problem("oracle", True) == (
        "there is no provider 'oracle'; choose one of anthropic, embedded, openai"
    )


def test_an_unknown_provider_fails_the_run() -> None:
    with pytest.raises(AgentFailure) as raised:
        asyncio.run(run_agent(make_work("oracle"), MemoryJournal(), MemoryDocuments()))
    assert raised.value.code == "provider_not_configured"


def test_a_model_comes_from_the_stage_then_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.stub_models import AnthropicStub, Text

    with AnthropicStub(lambda request: Text("done")) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.base_url)
        monkeypatch.setenv("ANTHROPIC_MODEL", "claude-sonnet-5")
        for model in (None, "claude-haiku-4-5"):
            asyncio.run(run_agent(make_work("anthropic", model=model), MemoryJournal(), MemoryDocuments()))
    assert [request.body["model"] for request in server.requests] == ["claude-sonnet-5", "claude-haiku-4-5"]
    assert "pydantic_ai" in sys.modules
