"""The journal of one run: scrubbed of keys, and written one event at a time."""

import asyncio
from collections.abc import Mapping

from workflows.agents.scrubbing import Scrubber
from workflows.agents.types import Journal, JsonScalar


class RunJournal:
    """Wraps the engine's journal. Whatever runs at once, its events are recorded one after the other."""

    def __init__(self, journal: Journal, scrubber: Scrubber) -> None:
        self._journal = journal
        self._scrubber = scrubber
        self._turn = asyncio.Lock()

    async def record(self, kind: str, facts: Mapping[str, JsonScalar], payload: object) -> None:
        async with self._turn:
            await self._journal.record(kind, self._scrubber.value(dict(facts)), self._scrubber.value(payload))
