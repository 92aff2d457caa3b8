"""Anthropic's Messages API through its official SDK, streamed."""

from typing import TYPE_CHECKING

from workflows.agents.providers.language_model import LanguageModelProvider
from workflows.agents.settings import AgentSettings

if TYPE_CHECKING:
    from pydantic_ai.models import Model


def _make_model(name: str, key: str, is_stage_key: bool, settings: AgentSettings) -> "Model":
    """The base URL comes from ANTHROPIC_BASE_URL. With a key given, the SDK reads no other credential."""
    import httpx2
    from anthropic import AsyncAnthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    from workflows.agents.http_clients import shared_client

    client = AsyncAnthropic(
        api_key=key,
        max_retries=0,
        timeout=httpx2.Timeout(settings.silence_timeout, connect=settings.connect_timeout),
        http_client=shared_client(settings.max_connections),
    )
    return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=client))


ANTHROPIC = LanguageModelProvider(
    name="anthropic",
    key_variable="ANTHROPIC_API_KEY",
    model_variable="ANTHROPIC_MODEL",
    default_model="claude-haiku-5-5",
    streams=True,
    sdk_module="pydantic_ai.models.anthropic",
    make_model=_make_model,
)
