"""OpenAI's Chat Completions through its official SDK.

Chat Completions and not Responses: OPENAI_BASE_URL may name any compatible server, and of the two that is the
API which they have in common.
"""

from typing import TYPE_CHECKING

from workflows.agents.providers.language_model import LanguageModelProvider
from workflows.agents.settings import AgentSettings

if TYPE_CHECKING:
    from pydantic_ai.models import Model


def _make_model(name: str, key: str, is_stage_key: bool, settings: AgentSettings) -> "Model":
    """The base URL comes from OPENAI_BASE_URL."""
    import httpx2
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    from workflows.agents.http_clients import shared_client

    client = AsyncOpenAI(
        api_key=key,
        max_retries=0,
        timeout=httpx2.Timeout(settings.answer_timeout, connect=settings.connect_timeout),
        http_client=shared_client(settings.max_connections),
    )
    if is_stage_key:
        # The environment's organization and project belong to the environment's key.
        client.organization = None
        client.project = None
    return OpenAIChatModel(name, provider=OpenAIProvider(openai_client=client))


OPENAI = LanguageModelProvider(
    name="openai",
    key_variable="OPENAI_API_KEY",
    model_variable="OPENAI_MODEL",
    default_model="gpt-6-luna",
    streams=False,
    sdk_module="pydantic_ai.models.openai",
    make_model=_make_model,
)
