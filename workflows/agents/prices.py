"""What a model's tokens cost: by the operator's own price, else by genai-prices. Imports that (about 0.1 s) at once."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from genai_prices import Usage as PricedUsage
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import AbstractUsage, ModelPrice, TieredPrices

from workflows.agents.types import TokenPrice

_MILLION = 1_000_000
_NANOCENTS_PER_DOLLAR = 10**11
# Prices of what no request from here holds.
_OTHER_MEDIA = ("audio", "image", "video")


@dataclass(frozen=True)
class Price:
    """The price of one model, as it is when a run starts: the whole run is reserved and charged by it."""

    source: Literal["own", "genai-prices"]
    rates: ModelPrice

    def cost(self, usage: AbstractUsage) -> int:
        """Return what the usage costs in nano-cents, rounded up. Raises ValueError where its counts contradict."""
        return math.ceil(self.rates.calc_price(usage)["total_price"] * _NANOCENTS_PER_DOLLAR)

    def most_for_input(self, tokens: int) -> int:
        """Return the most that so many tokens of input can cost, in nano-cents.

        Whatever of them is written to or read from a cache, and whatever is billed per request.
        """
        per_token = self._highest(("input_", "cache_"), tokens)
        thousand = self.rates.requests_kcount
        per_request = thousand / 1000 if isinstance(thousand, Decimal) else Decimal(0)
        return math.ceil((per_token * tokens / _MILLION + per_request) * _NANOCENTS_PER_DOLLAR)

    def most_per_output_token(self, input_tokens: int) -> int:
        """Return the most that one token of an answer to so much input can cost, in nano-cents."""
        return math.ceil(self._highest(("output_",), input_tokens) / _MILLION * _NANOCENTS_PER_DOLLAR)

    def _highest(self, prefixes: tuple[str, ...], input_tokens: int) -> Decimal:
        """Return the highest rate of any kind of text, in any tier that so much input, or less, can fall into."""
        rates = [Decimal(0)]
        for name, rate in vars(self.rates).items():
            if (
                not name.startswith(prefixes)
                or not name.endswith("_mtok")
                or any(kind in name for kind in _OTHER_MEDIA)
            ):
                continue
            if isinstance(rate, TieredPrices):
                rates += [rate.base, *(tier.price for tier in rate.tiers if tier.start < input_tokens)]
            elif rate is not None:
                rates.append(rate)
        return max(rates)


def find_price(provider: str, model: str, own_prices: Mapping[str, TokenPrice]) -> Price | None:
    """Return a model's price; None where nobody knows one per token, so that no budget could hold."""
    own = own_prices.get(model)
    if own is not None:
        return Price("own", ModelPrice(input_mtok=own.input, output_mtok=own.output))
    try:
        return _find_published_price(provider, model, datetime.now(UTC).replace(second=0, microsecond=0))
    except (LookupError, ValueError):
        return None


@lru_cache(maxsize=256)
def _find_published_price(provider: str, model: str, minute: datetime) -> Price | None:
    """Return what genai-prices says of a model at that minute. Raises LookupError or ValueError where that is nothing.

    Looking it up takes as long as pricing an answer; no price changes within a minute.
    """
    _, found = get_snapshot().find_provider_model(model, None, provider, None)
    price = Price("genai-prices", found.get_prices(minute))
    costs = price.cost(PricedUsage(input_tokens=_MILLION, output_tokens=_MILLION))
    return price if costs > 0 else None


def describe_missing_price(provider: str, model: str) -> str:
    """Say that a model has no price, and what to do."""
    return (
        f"no price is known for model {model!r} of {provider}, so no budget can be kept; name a priced model, or let "
        f"an operator give it one (manage.py set_model_price {provider} {model} --input USD --output USD)"
    )
