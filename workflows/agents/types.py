"""What the engine hands an agent, and what it gets back. Plain data and protocols, nothing that runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, Protocol

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
    "content_blocked",
    "content_erased",
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
class TokenPrice:
    """What a model's tokens cost, in US dollars per million."""

    input: Decimal
    output: Decimal


@dataclass(frozen=True)
class PastEvent:
    """One event of the journal, as an earlier attempt at the execution left it. `payload` None: it was erased."""

    sequence: int
    kind: str
    facts: Mapping[str, JsonScalar]
    payload: Any


@dataclass(frozen=True)
class AgentWork:
    """One execution, as its agent sees it.

    `subject` is the text under review (reviewer) or the approved artifact (release; shown, never retyped).
    `lineage_policies` starts with `policy`. `api_key` is the stage's own key; None means the environment's.
    `used` is what earlier attempts at this execution used: it counts in what is reported. What they spent is in the
    ledger. `own_prices` are the operator's prices of the provider's models, by the model's name. `finding_key` keys
    the hashes of what is found in the workflow's texts. `history` is the whole journal so far, in order: a run goes
    on from there.
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
    used: Usage = Usage()
    own_prices: Mapping[str, TokenPrice] = field(default_factory=dict)
    finding_key: bytes | None = field(default=None, repr=False)
    history: tuple[PastEvent, ...] = field(default=(), repr=False)


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
    """How a run ended well. Usage is that of all attempts at the execution; what it cost is in the ledger."""

    answer: Answer
    provider: str
    model: str
    usage: Usage


class AgentFailure(Exception):
    """A run that ended without an answer. `detail` never holds a key; `status` is the execution's end.

    Usage is that of the whole execution, as far as the run came to count it.
    `model` is the one that ran or was to run; empty where the run did not come that far.
    `last_text` is the last text that the model gave, where the run was stopped short; it is no answer and no verdict.
    """

    def __init__(
        self,
        code: FailureCode,
        detail: str,
        *,
        status: Literal["failed", "blocked"] = "failed",
        usage: Usage | None = None,
        model: str = "",
        last_text: str | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.status = status
        self.usage = usage or Usage()
        self.model = model
        self.last_text = last_text


class OutcomeUnknown(Exception):
    """A tool call was made by an attempt that died before it knew the result, and may not be made again.

    `step` counts the model's answers so far; with it and its place among those of one id, a call has a name.
    """

    def __init__(self, *, tool: str, tool_call_id: str, step: int, occurrence: int) -> None:
        super().__init__(f"nobody knows whether call {tool_call_id} of {tool} happened")
        self.tool = tool
        self.tool_call_id = tool_call_id
        self.step = step
        self.occurrence = occurrence


class RetryLater(Exception):
    """The provider asks to be left alone for longer than a run holds its place: go on then, from the journal."""

    def __init__(self, seconds: float, detail: str) -> None:
        super().__init__(detail)
        self.seconds = seconds
        self.detail = detail


class Journal(Protocol):
    """Where a run leaves its trace. Called one event at a time, before what the event tells is acted on."""

    async def record(self, kind: str, facts: Mapping[str, JsonScalar], payload: object) -> None:
        """Store an event. `facts` are short and hold no text; `payload` is JSON-able and stored encrypted."""


@dataclass(frozen=True)
class Need:
    """What a request to a model may cost at most, in nano-cents (1e-9 cent): `fixed` for what is sent, and
    `per_token` for each token of its answer, of which it asks for `longest`, or `shortest` where less fits."""

    fixed: int
    per_token: int
    longest: int
    shortest: int

    def worst(self, tokens: int) -> int:
        """Return the most that an answer of so many tokens can cost."""
        return self.fixed + self.per_token * tokens

    def fit(self, left: int) -> int | None:
        """Return how many tokens of answer fit what is left of a budget; None where `shortest` do not."""
        if self.worst(self.shortest) > left:
            return None
        if self.per_token == 0:
            return self.longest
        return min(self.longest, (left - self.fixed) // self.per_token)


@dataclass(frozen=True)
class Reservation:
    """The part of a budget that a request holds until it is settled, in nano-cents, and the answer that it buys."""

    nanocents: int
    max_tokens: int


@dataclass(frozen=True)
class Settlement:
    """What a request was charged in the end, and what it had reserved for it; in nano-cents."""

    reserved: int
    charged: int


@dataclass(frozen=True)
class Entry:
    """One event for the journal."""

    kind: str
    facts: Mapping[str, JsonScalar]
    payload: object


class Ledger(Journal, Protocol):
    """A journal that keeps the budget as well: what changes the one is in the other, or neither is."""

    async def reserve(self, need: Need, entry: Entry, settlement: Settlement | None = None) -> Reservation | None:
        """Take the worst case out of what is left, and record the entry with `max_tokens` and `reserved_cents`.

        A settlement is of the attempt before, and lands with it. None where the need does not fit; then nothing has
        changed and nothing is recorded.
        """

    async def settle(self, settlement: Settlement, entry: Entry) -> int:
        """Put what was charged in the place of what was reserved, and record the entry with both.

        Returns what is left of the budget in nano-cents: below zero where more was charged than may be.
        """


class Documents(Protocol):
    """The documents of the run's workflow, by name."""

    async def read(self, name: str) -> str | None:
        """Return the text, or None where there is no such document."""

    async def write(self, name: str, text: str) -> str:
        """Store the text under the name, replacing what was there; return its SHA-256 in hex."""

    async def names(self) -> tuple[str, ...]:
        """Return the names of all documents, sorted."""
