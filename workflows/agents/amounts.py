"""Amounts of money in nano-cents (1e-9 cent): whole numbers, exact in sums and in a database."""

from decimal import Decimal, InvalidOperation

NANOCENTS_PER_CENT = 10**9


def format_cents(nanocents: int) -> str:
    """Return an amount in cents, exactly, in decimals."""
    return f"{Decimal(nanocents).scaleb(-9).normalize():f}"


def parse_cents(cents: str) -> int:
    """Return in nano-cents an amount that `format_cents` gave. Raises ValueError for anything else."""
    try:
        return int(Decimal(cents).scaleb(9))
    except InvalidOperation as error:
        raise ValueError(f"{cents!r} is no amount in cents") from error


def count_cents(nanocents: int) -> int:
    """Return an amount in whole cents, rounded up: what is reserved may have been spent."""
    return -(-nanocents // NANOCENTS_PER_CENT)
