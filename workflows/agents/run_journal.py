"""The journal of one run: scrubbed of keys, and written one event at a time."""

import asyncio
from collections.abc import Mapping

from workflows.agents.scrubbing import Scrubber
from workflows.agents.types import Entry, JsonScalar, Ledger, Need, Reservation, Settlement


class RunJournal:
    """Wraps the engine's journal. Whatever runs at once, its events are recorded one after the other."""

    def __init__(self, journal: Ledger, scrubber: Scrubber) -> None:
        self._journal = journal
        self._scrubber = scrubber
        self._turn = asyncio.Lock()

    async def record(self, kind: str, facts: Mapping[str, JsonScalar], payload: object) -> None:
        async with self._turn:
            await self._journal.record(kind, self._scrubber.value(dict(facts)), self._scrubber.value(payload))

    async def reserve(self, need: Need, entry: Entry, settlement: Settlement | None = None) -> Reservation | None:
        async with self._turn:
            return await self._journal.reserve(need, self._scrub(entry), settlement)

    async def settle(self, settlement: Settlement, entry: Entry) -> int:
        async with self._turn:
            return await self._journal.settle(settlement, self._scrub(entry))

    def _scrub(self, entry: Entry) -> Entry:
        return Entry(entry.kind, self._scrubber.value(dict(entry.facts)), self._scrubber.value(entry.payload))
