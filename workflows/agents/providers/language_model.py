"""What both language-model providers share. Imports pydantic_ai only when a run starts."""

import asyncio
import importlib
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from workflows.agents.scrubbing import Scrubber
from workflows.agents.settings import AgentSettings
from workflows.agents.types import AgentFailure, AgentResult, AgentWork, Documents, Ledger

if TYPE_CHECKING:
    from pydantic_ai.models import Model

# At DEBUG they log whole requests and the headers of answers: the stages' texts, and what a server echoes.
_TALKATIVE_LOGGERS = ("anthropic", "openai", "httpx2", "httpcore2")

_MOST_KEPT = 32
_kept_models: "WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[object, ...], Model]]" = WeakKeyDictionary()

ModelFactory = Callable[[str, str, bool, AgentSettings], "Model"]
"""(model name, key, whether it is the stage's own, settings) -> model."""


@dataclass(frozen=True)
class LanguageModelProvider:
    """A provider behind an official SDK.

    `streams`: the answer is read as a stream, so that a stall shows early. `sdk_module` is what `make_model`
    imports.
    """

    name: str
    key_variable: str
    model_variable: str
    default_model: str
    streams: bool
    sdk_module: str
    make_model: ModelFactory

    def is_ready(self, has_stage_key: bool) -> bool:
        return has_stage_key or bool(os.environ.get(self.key_variable))

    def missing(self) -> str:
        return f"no API key: set {self.key_variable} where the workers run, or give the stage an api_key"

    async def run(self, work: AgentWork, journal: Ledger, documents: Documents, settings: AgentSettings) -> AgentResult:
        environment_key = os.environ.get(self.key_variable)
        key = work.api_key or environment_key
        if not key:
            raise AgentFailure("provider_not_configured", f"{self.name} has {self.missing()}")
        model_name = work.model or os.environ.get(self.model_variable) or self.default_model
        await self._load()
        from workflows.agents.loop import run_language_model

        return await run_language_model(
            work,
            model=self._get_model(model_name, key, work.api_key is not None, settings),
            model_name=model_name,
            streams=self.streams,
            journal=journal,
            documents=documents,
            scrubber=Scrubber([work.api_key, environment_key]),
            settings=settings,
        )

    def _get_model(self, name: str, key: str, is_stage_key: bool, settings: AgentSettings) -> "Model":
        """Return a model. One with the environment's key is kept for as long as the environment stays as it is.

        One with a stage's own key is not: nothing of that key outlives its stage.
        """
        if is_stage_key:
            return self.make_model(name, key, True, settings)
        prefix = self.key_variable.removesuffix("API_KEY")
        environment = tuple(sorted(entry for entry in os.environ.items() if entry[0].startswith(prefix)))
        times = (settings.connect_timeout, settings.silence_timeout, settings.answer_timeout)
        kept = _kept_models.setdefault(asyncio.get_running_loop(), {})
        place = (self.name, name, environment, times)
        if place not in kept:
            if len(kept) >= _MOST_KEPT:
                kept.clear()
            kept[place] = self.make_model(name, key, False, settings)
        return kept[place]

    async def _load(self) -> None:
        """Import in a thread: it takes seconds, and the loop renews the leases of other runs meanwhile."""
        if any(module not in sys.modules for module in self._modules):
            await asyncio.to_thread(self.import_libraries)
        for logger in map(logging.getLogger, _TALKATIVE_LOGGERS):
            # Setting a level makes every logger of the process look its own up anew.
            if logger.level != logging.WARNING:
                logger.setLevel(logging.WARNING)

    @property
    def _modules(self) -> tuple[str, ...]:
        return ("workflows.agents.loop", self.sdk_module)

    def import_libraries(self) -> None:
        """Import the loop and the SDK, and the list of prices."""
        for module in self._modules:
            importlib.import_module(module)
        from genai_prices.data_snapshot import get_snapshot

        get_snapshot()
