"""Amounts of money in nano-cents (1e-9 cent): whole numbers, exact in sums and in a database."""

from decimal import Decimal

NANOCENTS_PER_CENT = 10**9


def format_cents(nanocents: int) -> str:
    """Return an amount in cents, exactly, in decimals."""
    return f"{Decimal(nanocents).scaleb(-9).normalize():f}"
