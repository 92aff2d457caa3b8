"""What the engine hands an agent, and what it gets back. Plain data and protocols, nothing that runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from compliance.capabilities import Grant
    from compliance.policy import PolicyDocument

Role = Literal["intake", "reviewer", "release", "worker"]
JsonScalar = str | int | float | bool | None
FailureCode = Literal[
    "provider_error",
    "provider_timeout",
    "provider_rate_limited",
    "provider_refused",
    "provider_auth_failed",
    "provider_not_configured",
    "malformed_answer",
    "no_verdict",
    "budget_exhausted",
    "model_unpriced",
    "step_limit",
]


@dataclass(frozen=True)
class StageInput:
    """The artifact of one stage that was named upstream."""

    stage_id: str
    text: str


@dataclass(frozen=True)
class Usage:
    """`requests` counts the model's answers, cut-off ones that were billed included."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True)
class Spent:
    """What an execution has used and spent so far. `cents` is exact."""

    usage: Usage = Usage()
    cents: Decimal = Decimal(0)

    @property
    def cost_cents(self) -> int:
        """Return the cents, rounded up to whole ones."""
        return math.ceil(self.cents)


@dataclass(frozen=True)
class AgentWork:
    """One execution, as its agent sees it.

    `subject` is the text under review (reviewer) or the approved artifact (release; shown, never retyped).
    `lineage_policies` starts with `policy`. `api_key` is the stage's own key; None means the environment's.
    `spent` is what earlier attempts at this execution spent: it counts against the budget and in what is reported.
    """

    execution_id: str
    role: Role
    task: str
    document: str | None
    inputs: tuple[StageInput, ...]
    subject: str | None
    policy: PolicyDocument
    lineage_policies: tuple[PolicyDocument, ...]
    provider: str
    model: str | None
    budget_cents: int
    grant: Grant
    api_key: str | None = field(default=None, repr=False)
    spent: Spent = Spent()


@dataclass(frozen=True)
class WorkerAnswer:
    """The artifact of an intake or worker stage."""

    text: str


@dataclass(frozen=True)
class ReviewFinding:
    """One thing that a reviewer found. `quote` is text out of the subject, so it is as sensitive as that."""

    severity: str
    description: str
    quote: str | None


@dataclass(frozen=True)
class ReviewAnswer:
    """A verdict. `text` is the new text of `modified`; where the work had no subject, the text that was judged,
    which an approval must give and a rejection may."""

    decision: Literal["approved", "modified", "rejected"]
    text: str | None
    findings: tuple[ReviewFinding, ...]
    reason: str


@dataclass(frozen=True)
class ReleaseAnswer:
    """Whether the approved artifact goes out."""

    decision: Literal["release", "hold"]
    reason: str


Answer = WorkerAnswer | ReviewAnswer | ReleaseAnswer


@dataclass(frozen=True)
class AgentResult:
    """How a run ended well. Usage and cost are the whole execution's, earlier attempts included.

    `cost_cents` is rounded up, once, from the exact sum.
    """

    answer: Answer
    provider: str
    model: str
    usage: Usage
    cost_cents: int


class AgentFailure(Exception):
    """A run that ended without an answer. `detail` never holds a key; `status` is the execution's end.

    Usage and cost are those of the whole execution, as far as the run came to count them.
    `model` is the one that ran or was to run; empty where the run did not come that far.
    """

    def __init__(
        self,
        code: FailureCode,
        detail: str,
        *,
        status: Literal["failed", "blocked"] = "failed",
        usage: Usage | None = None,
        cost_cents: int = 0,
        model: str = "",
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.status = status
        self.usage = usage or Usage()
        self.cost_cents = cost_cents
        self.model = model


class Journal(Protocol):
    """Where a run leaves its trace. Called one event at a time, before what the event tells is acted on."""

    async def record(self, kind: str, facts: Mapping[str, JsonScalar], payload: object) -> None:
        """Store an event. `facts` are short and hold no text; `payload` is JSON-able and stored encrypted."""


class Documents(Protocol):
    """The documents of the run's workflow, by name."""

    async def read(self, name: str) -> str | None:
        """Return the text, or None where there is no such document."""

    async def write(self, name: str, text: str) -> str:
        """Store the text under the name, replacing what was there; return its SHA-256 in hex."""

    async def names(self) -> tuple[str, ...]:
        """Return the names of all documents, sorted."""
