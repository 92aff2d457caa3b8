"""The one way to run an agent, whatever the provider."""

from collections.abc import Collection, Mapping

from workflows.agents.providers import PROVIDERS, Provider
from workflows.agents.providers.language_model import LanguageModelProvider
from workflows.agents.scrubbing import Scrubber
from workflows.agents.settings import AgentSettings
from workflows.agents.types import AgentFailure, AgentResult, AgentWork, Documents, Ledger, TokenPrice

FALLBACK_PROVIDER = "embedded"


def provider_names() -> tuple[str, ...]:
    """Return the names that a stage may give as its provider."""
    return tuple(PROVIDERS)


def resolve_provider(provider: str | None) -> str:
    """Return the provider that serves a stage.

    The named one; else the first that the environment has a key for, anthropic before openai; else the
    embedded agent. A key that the stage brings decides nothing: it does not say whose it is.
    """
    if provider is not None:
        return provider
    ready = (name for name, entry in PROVIDERS.items() if entry.is_ready(has_stage_key=False))
    return next(ready, FALLBACK_PROVIDER)


def provider_problem(provider: str | None, has_stage_key: bool) -> str | None:
    """Return why the provider cannot serve a stage, or None where it can."""
    name = resolve_provider(provider)
    entry = PROVIDERS.get(name)
    if entry is None:
        return f"there is no provider {name!r}; choose one of {_listed(PROVIDERS)}"
    if not entry.is_ready(has_stage_key):
        return f"{name} has {entry.missing()}"
    return None


def language_model_providers() -> tuple[str, ...]:
    """Return the names of the providers whose models are paid by the token."""
    return tuple(name for name, entry in PROVIDERS.items() if isinstance(entry, LanguageModelProvider))


def load_model_libraries() -> None:
    """Import what the providers need that the environment has a key for: it takes seconds, and memory worth sharing."""
    for entry in PROVIDERS.values():
        if isinstance(entry, LanguageModelProvider) and entry.is_ready(has_stage_key=False):
            entry.import_libraries()


def model_problem(provider: str, model: str, own_prices: Mapping[str, TokenPrice]) -> str | None:
    """Return why a named model cannot serve a stage, or None where it can.

    The model that the workers' environment names is theirs to check: this process may have another.
    """
    if provider not in language_model_providers():
        return None
    # Only here: the list of prices takes about 0.1 s and 11 MB to import, which few requests need.
    from workflows.agents.prices import describe_missing_price, find_price

    return None if find_price(provider, model, own_prices) else describe_missing_price(provider, model)


async def run_agent(
    work: AgentWork,
    journal: Ledger,
    documents: Documents,
    settings: AgentSettings | None = None,
) -> AgentResult:
    """Run one agent to its answer.

    Every model request and response, every retry and every tool call is in the journal before it is acted on, and
    what a request may cost at most is reserved before it is sent.
    What `work.history` has of these is not done again. Raises AgentFailure with a reason, OutcomeUnknown where a tool
    call may have been made and may not be repeated, RetryLater where the provider asks for a long wait; and lets
    CancelledError pass at once, which closes the request that is under way. No exception that leaves here holds the
    provider's own, which holds the key.
    """
    provider: Provider | None = PROVIDERS.get(work.provider)
    if provider is None:
        raise AgentFailure("provider_not_configured", f"there is no provider {work.provider!r}")
    failure: AgentFailure
    try:
        return await provider.run(work, journal, documents, settings or AgentSettings())
    except AgentFailure as error:
        failure = _detached(error, Scrubber([work.api_key]))
    raise failure


def _detached(error: AgentFailure, scrubber: Scrubber) -> AgentFailure:
    """Return the same failure without the traceback and the exceptions that it came out of."""
    return AgentFailure(
        error.code,
        scrubber.text(error.detail),
        status=error.status,
        usage=error.usage,
        model=error.model,
        last_text=error.last_text,
    )


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
