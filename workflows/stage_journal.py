"""The journal, ledger and documents of one run, for its coroutine: one write at a time, each off the event loop."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from workflows.agents.types import Entry, JsonScalar, Need, Reservation, Settlement
from workflows.budgets import reserve_budget, settle_reservation
from workflows.database_calls import DatabaseCalls
from workflows.journal import list_documents, read_document, record_event, write_document
from workflows.leases import Claim

Result = TypeVar("Result")


class StageJournal:
    """What `run_agent` is handed. `next_sequence` is the number of events that the journal has so far."""

    def __init__(self, database: DatabaseCalls, claim: Claim, next_sequence: int) -> None:
        self.database = database
        self._claim = claim
        self._next_sequence = next_sequence
        self._turn = asyncio.Lock()

    async def record(self, kind: str, facts: Mapping[str, JsonScalar], payload: object) -> None:
        await self._call(record_event, self._claim, kind, facts, payload)

    async def reserve(self, need: Need, entry: Entry, settlement: Settlement | None = None) -> Reservation | None:
        return await self._call(reserve_budget, self._claim, need, entry, settlement)

    async def settle(self, settlement: Settlement, entry: Entry) -> int:
        return await self._call(settle_reservation, self._claim, settlement, entry)

    async def read(self, name: str) -> str | None:
        return await self._call(read_document, self._claim, name)

    async def write(self, name: str, text: str) -> str:
        return await self._call(write_document, self._claim, name, text)

    async def names(self) -> tuple[str, ...]:
        return await self._call(list_documents, self._claim)

    async def _call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        async with self._turn:
            return await self.database.call(function, *arguments)
