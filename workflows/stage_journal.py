"""The journal, ledger and documents of one run, for its coroutine: one write at a time, each off the event loop.

The holder of a claim is the only writer of its execution, so that the next event's number and what is charged are known
here, and the database holds each write against them. `Execution.charged_nanocents` has charges and open reservations;
it changes in the transaction that records why in the journal, so that the two agree whatever is killed between two
lines.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from compliance.content import OpenKey, seal_text, store_sealed
from workflows.agents.amounts import NANOCENTS_PER_CENT, format_cents
from workflows.agents.types import Entry, JsonScalar, Need, Reservation, Settlement
from workflows.database_calls import DatabaseCalls
from workflows.journal import LedgerChange, PreparedEvent, append_event, prepare_event
from workflows.leases import Claim
from workflows.stage_documents import add_document, find_document, list_documents


@dataclass(frozen=True)
class JournalState:
    """Where a journal stands when a run takes it up: its next event's number, and what is charged in nano-cents."""

    opened: OpenKey
    next_sequence: int
    charged: int
    budget_cents: int


class StageJournal:
    """What `run_agent` is handed. Every method that writes raises LeaseLost once the claim is gone."""

    def __init__(self, database: DatabaseCalls, claim: Claim, state: JournalState) -> None:
        self.database = database
        self._claim = claim
        self._opened = state.opened
        self._next_sequence = state.next_sequence
        self._charged = state.charged
        self._budget = state.budget_cents * NANOCENTS_PER_CENT
        self._turn = asyncio.Lock()

    async def record(self, kind: str, facts: Mapping[str, JsonScalar], payload: object) -> None:
        async with self._turn:
            await self._append(Entry(kind, facts, payload))

    async def reserve(self, need: Need, entry: Entry, settlement: Settlement | None = None) -> Reservation | None:
        async with self._turn:
            settled = _growth(settlement)
            tokens = need.fit(self._budget - self._charged - settled)
            if tokens is None:
                return None
            reservation = Reservation(need.worst(tokens), tokens)
            facts: dict[str, JsonScalar] = {"max_tokens": tokens, "reserved_cents": format_cents(reservation.nanocents)}
            await self._append(_extend(entry, {**_release(settlement), **facts}), settled + reservation.nanocents)
            return reservation

    async def settle(self, settlement: Settlement, entry: Entry) -> int:
        async with self._turn:
            await self._append(_extend(entry, _release(settlement)), _growth(settlement))
            return self._budget - self._charged

    async def read(self, name: str) -> str | None:
        """What is handed out is journalled first, for the certificate to list."""
        async with self._turn:
            found = await self.database.call(find_document, self._claim, self._opened, name)
            if found is None:
                return None
            digest, text = found
            await self._append(Entry("document_read", {"name": name, "sha256": digest}, {}))
            return text

    async def write(self, name: str, text: str) -> str:
        sealed = seal_text(self._opened, text)

        def store() -> None:
            store_sealed(self._claim.workflow_id, [sealed])
            add_document(self._claim, name, sealed.digest)

        async with self._turn:
            await self._append(Entry("document_write", {"name": name, "sha256": sealed.digest}, {}), along=store)
            return sealed.digest

    async def names(self) -> tuple[str, ...]:
        return await self.database.call(list_documents, self._claim)

    async def _append(self, entry: Entry, growth: int = 0, along: Callable[[], None] | None = None) -> None:
        event: PreparedEvent = prepare_event(self._opened, self._next_sequence, entry)
        await self.database.call(append_event, self._claim, event, LedgerChange(self._charged, growth), along)
        self._next_sequence += 1
        self._charged += growth


def _growth(settlement: Settlement | None) -> int:
    return 0 if settlement is None else settlement.charged - settlement.reserved


def _release(settlement: Settlement | None) -> dict[str, JsonScalar]:
    return {} if settlement is None else {"released_cents": format_cents(settlement.reserved)}


def _extend(entry: Entry, facts: Mapping[str, JsonScalar]) -> Entry:
    return Entry(entry.kind, {**entry.facts, **facts}, entry.payload)
