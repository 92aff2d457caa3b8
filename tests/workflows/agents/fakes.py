"""In-memory stand-ins for what the engine hands an agent, and a run of one with no time passing."""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from compliance.capabilities import Grant
from compliance.policy import PolicyDocument, parse_policy
from workflows.agents.amounts import NANOCENTS_PER_CENT, format_cents
from workflows.agents.runner import run_agent
from workflows.agents.settings import AgentSettings
from workflows.agents.types import (
    AgentFailure,
    AgentResult,
    AgentWork,
    Entry,
    JsonScalar,
    Need,
    PastEvent,
    Reservation,
    Settlement,
)

STAGE_KEY = "sk-canary-of-the-stage-4711"


@dataclass(frozen=True)
class Event:
    kind: str
    facts: dict[str, JsonScalar]
    payload: Any


@dataclass
class MemoryJournal:
    """A journal with its ledger, in nano-cents; `budget` is that of the work that `run` is given."""

    events: list[Event] = field(default_factory=list)
    budget: int = 1500 * NANOCENTS_PER_CENT
    charged: int = 0

    async def reserve(self, need: Need, entry: Entry, settlement: Settlement | None = None) -> Reservation | None:
        settled = self.charged + (0 if settlement is None else settlement.charged - settlement.reserved)
        tokens = need.fit(self.budget - settled)
        if tokens is None:
            return None
        self.charged = settled + need.worst(tokens)
        facts = {"max_tokens": tokens, "reserved_cents": format_cents(need.worst(tokens))}
        await self.record(entry.kind, {**entry.facts, **_released(settlement), **facts}, entry.payload)
        return Reservation(need.worst(tokens), tokens)

    async def settle(self, settlement: Settlement, entry: Entry) -> int:
        self.charged += settlement.charged - settlement.reserved
        await self.record(entry.kind, {**entry.facts, **_released(settlement)}, entry.payload)
        return self.budget - self.charged

    async def record(self, kind: str, facts: Mapping[str, JsonScalar], payload: object) -> None:
        self.events.append(Event(kind, dict(facts), payload))

    def facts(self, kind: str) -> list[dict[str, JsonScalar]]:
        return [event.facts for event in self.events if event.kind == kind]

    @property
    def history(self) -> tuple[PastEvent, ...]:
        """The events as an attempt finds them that goes on from here: what is stored is JSON."""
        return tuple(
            PastEvent(number, event.kind, event.facts, json.loads(json.dumps(event.payload)))
            for number, event in enumerate(self.events)
        )

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


def _released(settlement: Settlement | None) -> dict[str, JsonScalar]:
    return {} if settlement is None else {"released_cents": format_cents(settlement.reserved)}


@dataclass
class MemoryDocuments:
    texts: dict[str, str] = field(default_factory=dict)

    async def read(self, name: str) -> str | None:
        return self.texts.get(name)

    async def write(self, name: str, text: str) -> str:
        self.texts[name] = text
        return hashlib.sha256(text.encode()).hexdigest()

    async def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.texts))


@dataclass
class Run:
    """One run and all that it left. Exactly one of `result` and `failure` is set."""

    journal: MemoryJournal
    documents: MemoryDocuments
    slept: list[float]
    result: AgentResult | None = None
    failure: AgentFailure | None = None

    @property
    def cents(self) -> Decimal:
        """What the ledger holds at the end, exactly."""
        return Decimal(format_cents(self.journal.charged))

    @property
    def answer(self) -> Any:
        assert self.result is not None, self.failure
        return self.result.answer

    @property
    def code(self) -> str:
        assert self.failure is not None, self.result
        return self.failure.code


def make_policy(
    name: str = "plain",
    forbidden: Sequence[str] = (),
    content: Sequence[Mapping[str, Any]] = (),
    detectors: Sequence[str] = (),
) -> PolicyDocument:
    return parse_policy(
        {
            "name": name,
            "version": 1,
            "title": f"Policy {name}",
            "description": "For tests.",
            "capabilities": {"default": ["*"], "ceiling": ["*"], "forbidden": list(forbidden)},
            "content": list(content),
            "detectors": list(detectors),
            "required_proofs": [],
            "sign_offs": {"required": 0, "not_requester": False},
            "retention_days": 30,
        }
    )


def make_work(provider: str = "embedded", granted: Sequence[str] = ("*",), **changes: Any) -> AgentWork:
    policy = changes.pop("policy", None) or make_policy()
    values: dict[str, Any] = {
        "execution_id": "execution-1",
        "role": "worker",
        "task": "Write a summary.",
        "document": None,
        "inputs": (),
        "subject": None,
        "policy": policy,
        "lineage_policies": (policy,),
        "provider": provider,
        "model": None,
        "api_key": STAGE_KEY,
        "budget_cents": 1500,
        "grant": Grant(tuple(granted), ()),
    }
    return AgentWork(**(values | changes))


def run(
    work: AgentWork, *, documents: Mapping[str, str] | None = None, keep: list[Run] | None = None, **limits: Any
) -> Run:
    """Run the work on a loop of its own. No delay takes any time; `limits` are fields of AgentSettings.

    `keep` is given the run before it begins, for what it leaves when something is raised.
    """
    journal = MemoryJournal(budget=work.budget_cents * NANOCENTS_PER_CENT)
    run_ = Run(journal, MemoryDocuments(dict(documents or {})), [])

    if keep is not None:
        keep.append(run_)

    async def sleep(seconds: float) -> None:
        run_.slept.append(seconds)

    settings = AgentSettings(**({"sleep": sleep, "draw": lambda: 0.0} | limits))
    try:
        run_.result = asyncio.run(run_agent(work, run_.journal, run_.documents, settings))
    except AgentFailure as failure:
        run_.failure = failure
    return run_
