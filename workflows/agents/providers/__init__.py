"""The providers by name. A new one is a file here and a line below."""

from workflows.agents.providers.anthropic import ANTHROPIC
from workflows.agents.providers.embedded import EMBEDDED
from workflows.agents.providers.openai import OPENAI
from workflows.agents.providers.provider import Provider

# In the order in which one is taken where a stage names none.
PROVIDERS: dict[str, Provider] = {provider.name: provider for provider in (ANTHROPIC, OPENAI, EMBEDDED)}

__all__ = ["PROVIDERS", "Provider"]
