"""What a run has used and spent, in exact decimals, and what its budget still buys."""

import math
from dataclasses import dataclass
from decimal import Decimal

from genai_prices import Usage as PricedUsage
from genai_prices import calc_price
from genai_prices.types import AbstractUsage

from workflows.agents.types import AgentFailure, FailureCode, JsonScalar, Spent, Usage

_MILLION = 1_000_000
# A rough size of a token for the estimate of what a request costs to send; billing goes by what is reported.
_BYTES_PER_TOKEN = 4
# No answer has as many; what is above would not fit the evidence (RFC 8785: integers below 2^53) or the budget.
_MOST_TOKENS = 10**9


@dataclass(frozen=True)
class Charge:
    """What one answer is charged. `plausible`: whether the usage that came with it can be true."""

    input_tokens: int
    output_tokens: int
    dollars: Decimal
    plausible: bool = True

    def facts(self) -> dict[str, JsonScalar]:
        """Return the charge as facts of the journal, from which what was spent is summed again."""
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cents": f"{self.dollars * 100:f}",
        }


class Meter:
    """Counts an execution's usage against its budget, from what earlier attempts at it have spent.

    `provider` and `model` name an entry of genai-prices. Not safe across threads; one run lives on one loop.
    """

    def __init__(self, provider: str, model: str, budget_cents: int, spent: Spent | None = None) -> None:
        before = spent or Spent()
        self._provider = provider
        self._model = model
        self._budget = Decimal(budget_cents) / 100
        self._spent = before.cents / 100
        self._requests = before.usage.requests
        self._input_tokens = before.usage.input_tokens
        self._output_tokens = before.usage.output_tokens

    @property
    def usage(self) -> Usage:
        return Usage(self._requests, self._input_tokens, self._output_tokens)

    @property
    def cost_cents(self) -> int:
        """Everything spent, rounded up to whole cents."""
        return math.ceil(self._spent * 100)

    def require_price(self) -> None:
        """Raise `model_unpriced` where genai-prices knows no price per token: no budget could hold."""
        try:
            price = self._price(PricedUsage(input_tokens=_MILLION, output_tokens=_MILLION))
        except (LookupError, ValueError):
            price = Decimal(0)
        if price <= 0:
            raise self.failure(
                "model_unpriced",
                f"no price is known for model {self._model!r} of {self._provider}, so no "
                "budget can be kept; name a priced model",
            )

    def charge(self, usage: AbstractUsage, *, input_bytes: int, output_bytes: int) -> Charge:
        """Add one answer's usage and return what it is charged.

        An answer that reports no tokens, or a number that cannot be (negative, or above a billion), is charged by
        its size: what is not reported is not free.
        """
        plausible = all(0 <= count <= _MOST_TOKENS for count in _reported_counts(usage))
        input_tokens = int(getattr(usage, "input_tokens", 0) or 0) if plausible else 0
        output_tokens = int(getattr(usage, "output_tokens", 0) or 0) if plausible else 0
        if not input_tokens + output_tokens:
            input_tokens, output_tokens = _tokens(input_bytes), _tokens(output_bytes)
            usage = PricedUsage(input_tokens=input_tokens, output_tokens=output_tokens)
        try:
            cost = self._price(usage)
        except ValueError:  # cache counts that exceed the input they are part of
            cost = self._price(PricedUsage(input_tokens=input_tokens, output_tokens=output_tokens))
        self._requests += 1
        self._input_tokens += input_tokens
        self._output_tokens += output_tokens
        self._spent += cost
        return Charge(input_tokens, output_tokens, cost, plausible)

    def output_allowance(self, input_bytes: int, longest: int, shortest: int) -> int:
        """Return how many output tokens the next request may ask for.

        Raises `budget_exhausted` where the budget is spent, or what is left of it after sending the request
        buys fewer than `shortest` tokens.
        """
        left = self._budget - self._spent
        if left <= 0:
            raise self._exhausted("it is spent")
        sent = PricedUsage(input_tokens=_tokens(input_bytes))
        sending = self._price(sent)
        both = self._price(PricedUsage(input_tokens=_tokens(input_bytes), output_tokens=_MILLION))
        per_token = (both - sending) / _MILLION
        affordable = int((left - sending) / per_token) if per_token > 0 else longest
        if affordable < shortest:
            raise self._exhausted(f"what is left buys fewer than {shortest} tokens of answer")
        return min(longest, affordable)

    def failure(self, code: FailureCode, detail: str) -> AgentFailure:
        """Return a failure that carries what was used so far."""
        blocked = code in {"budget_exhausted", "model_unpriced"}
        return AgentFailure(
            code,
            detail,
            status="blocked" if blocked else "failed",
            usage=self.usage,
            cost_cents=self.cost_cents,
            model=self._model,
        )

    def _exhausted(self, why: str) -> AgentFailure:
        return self.failure(
            "budget_exhausted",
            f"the budget of {int(self._budget * 100)} cents allows no further request: {why}",
        )

    def _price(self, usage: AbstractUsage) -> Decimal:
        return calc_price(usage, self._model, provider_id=self._provider).total_price


def _reported_counts(usage: AbstractUsage) -> list[float]:
    """Return every number of tokens that a usage gives, those of caches and of reasoning among them."""
    return [count for name, count in vars(usage).items() if name.endswith("_tokens") and count is not None]


def _tokens(size: int) -> int:
    return max(1, math.ceil(size / _BYTES_PER_TOKEN))
