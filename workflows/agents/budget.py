"""What a run has used, and what its requests may and do cost. Arithmetic alone: the ledger is the engine's.

Amounts are in nano-cents (1e-9 cent) and rounded up, so that sums of them are exact.
"""

import math
from dataclasses import dataclass

from genai_prices import Usage as PricedUsage
from genai_prices.types import AbstractUsage

from workflows.agents.amounts import format_cents
from workflows.agents.prices import Price, describe_missing_price, find_price
from workflows.agents.types import (
    AgentFailure,
    AgentWork,
    FailureCode,
    JsonScalar,
    Need,
    Reservation,
    Settlement,
    Usage,
)

# A rough size of a token, for counts that are not reported. What is charged then does not go by it.
_BYTES_PER_TOKEN = 4
# No answer has as many tokens, or took as many of anything else that is billed; what is above would not fit the
# evidence (RFC 8785: integers below 2^53) or the ledger.
_MOST = 10**9


@dataclass(frozen=True)
class Charge:
    """What one request is charged. `plausible`: whether the usage that came with its answer can be true."""

    input_tokens: int
    output_tokens: int
    nanocents: int
    price_source: str
    plausible: bool = True

    def facts(self) -> dict[str, JsonScalar]:
        """Return the charge as facts of the journal, from which what was spent is summed again."""
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cents": format_cents(self.nanocents),
            "price": self.price_source,
        }


class Meter:
    """Counts an execution's usage, from what earlier attempts at it have used, and prices it.

    Not safe across threads; one run lives on one loop.
    """

    def __init__(self, work: AgentWork, model: str) -> None:
        """Raises `model_unpriced` where no price is known: no budget could hold."""
        self._model = model
        self._budget_cents = work.budget_cents
        self._requests = work.used.requests
        self._input_tokens = work.used.input_tokens
        self._output_tokens = work.used.output_tokens
        price = find_price(work.provider, model, work.own_prices)
        if price is None:
            raise self.failure("model_unpriced", describe_missing_price(work.provider, model))
        self._price: Price = price

    @property
    def budget(self) -> int:
        """The budget in cents."""
        return self._budget_cents

    @property
    def usage(self) -> Usage:
        return Usage(self._requests, self._input_tokens, self._output_tokens)

    def need(self, input_tokens: int, longest: int, shortest: int) -> Need:
        """Return what a request of at most so many tokens may cost."""
        return Need(
            fixed=self._price.most_for_input(input_tokens),
            per_token=self._price.most_per_output_token(input_tokens),
            longest=longest,
            shortest=shortest,
        )

    def charge(
        self, usage: AbstractUsage, reservation: Reservation, *, input_bytes: int, output_bytes: int, ended: bool = True
    ) -> Charge:
        """Add one request's usage and return what it is charged.

        It is charged what is reported. Where nothing is, or what cannot be (a number below zero or above a billion,
        parts that exceed their whole), or where the answer broke off before its end was reported, it is charged at
        least what was reserved for it: what is not known is not free.
        """
        plausible = all(0 <= count <= _MOST for count in _reported_counts(usage))
        input_tokens = int(getattr(usage, "input_tokens", 0) or 0) if plausible else 0
        output_tokens = int(getattr(usage, "output_tokens", 0) or 0) if plausible else 0
        known = ended
        if not input_tokens + output_tokens:
            input_tokens, output_tokens = _count_roughly(input_bytes), _count_roughly(output_bytes)
            cost, known = 0, False
        else:
            try:
                cost = self._price.cost(usage)
            except ValueError:
                cost = self._price.cost(PricedUsage(input_tokens=input_tokens, output_tokens=output_tokens))
                known = False
        self._requests += 1
        self._input_tokens += input_tokens
        self._output_tokens += output_tokens
        nanocents = cost if known else max(cost, reservation.nanocents)
        return Charge(input_tokens, output_tokens, nanocents, self._price.source, plausible)

    def exhausted(self, why: str, last_text: str | None) -> AgentFailure:
        """Return the failure of a run whose budget is at its end, with the last text that its model gave."""
        detail = f"the budget of {self._budget_cents} cents allows no further request: {why}"
        return self.failure("budget_exhausted", detail, last_text)

    def failure(self, code: FailureCode, detail: str, last_text: str | None = None) -> AgentFailure:
        """Return a failure that carries what was used so far."""
        blocked = code in {"budget_exhausted", "model_unpriced", "content_blocked"}
        return AgentFailure(
            code,
            detail,
            status="blocked" if blocked else "failed",
            usage=self.usage,
            model=self._model,
            last_text=last_text,
        )


def settle(reservation: Reservation, charge: Charge | None) -> Settlement:
    """Return the settlement of a request; without a charge it is not billed."""
    return Settlement(reservation.nanocents, 0 if charge is None else charge.nanocents)


def _reported_counts(usage: AbstractUsage) -> list[float]:
    """Return every number that a usage gives: of tokens, also of caches and of reasoning, and of searches."""
    return [count for count in vars(usage).values() if isinstance(count, int | float)]


def _count_roughly(size: int) -> int:
    return max(1, math.ceil(size / _BYTES_PER_TOKEN)) if size else 0
