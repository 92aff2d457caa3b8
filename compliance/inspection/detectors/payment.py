"""Payment cards and bank accounts, by their check digits."""

from __future__ import annotations

from collections.abc import Iterator

from stdnum import iban, luhn
from stdnum.exceptions import ValidationError

from compliance.inspection.detectors.context import digits_of, is_inside_word
from compliance.inspection.normalise import NormalisedText
from compliance.inspection.patterns import Pattern
from compliance.inspection.registry import Span

# Prefixes and lengths of the issuers' ranges (ISO/IEC 7812-1).
_LENGTHS_BY_PREFIX: tuple[tuple[range, int, tuple[int, ...]], ...] = (
    (range(4, 5), 1, (16, 13, 19)),
    (range(51, 56), 2, (16,)),
    (range(2221, 2721), 4, (16,)),
    (range(34, 35), 2, (15,)),
    (range(37, 38), 2, (15,)),
    (range(6011, 6012), 4, (16, 19)),
    (range(64, 66), 2, (16, 19)),
    (range(62, 63), 2, (16, 17, 18, 19)),
    (range(3528, 3590), 4, (16, 17, 18, 19)),
    (range(300, 306), 3, (14,)),
    (range(36, 37), 2, (14,)),
    (range(38, 40), 2, (14,)),
)


class CardDetector:
    """Card numbers of the known issuers whose Luhn digit (ISO/IEC 7812-1, annex B) is right."""

    name = "card"
    types = frozenset({"card_number"})

    # Longer than any card number: the card may stand in a row of figures.
    _run = Pattern(r"[0-9](?:[ -]?[0-9]){12,39}")

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the numbers."""
        data = text.data
        known: dict[bytes, tuple[int, int] | None] = {}
        for match in self._run.find(data):
            start, end = match.span()
            if is_inside_word(data, start, end) or data[max(0, start - 1) : start] == b".":
                continue
            value = match.group()
            if value not in known:
                known[value] = _find_card(value)
            inner = known[value]
            if inner is not None:
                yield Span("card_number", start + inner[0], start + inner[1], 0.97)


def _find_card(value: bytes) -> tuple[int, int] | None:
    """Return where in a run of digits and separators a card number stands, on the borders of its groups."""
    positions = [index for index, byte in enumerate(value) if 48 <= byte <= 57]
    digits = digits_of(value)
    for first, position in enumerate(positions):
        if position and value[position - 1] not in b" -":
            continue
        for length in _card_lengths(digits[first:]):
            last = first + length - 1
            if last >= len(positions):
                continue
            end = positions[last] + 1
            at_border = end == len(value) or value[end] in b" -"
            number = digits[first : last + 1]
            if at_border and len(set(number)) > 1 and luhn.is_valid(number):
                return position, end
    return None


def _card_lengths(digits: str) -> tuple[int, ...]:
    for prefixes, width, lengths in _LENGTHS_BY_PREFIX:
        if len(digits) >= width and int(digits[:width]) in prefixes:
            return lengths
    return ()


class IbanDetector:
    """International bank account numbers (ISO 13616) with right check digits, country and length."""

    name = "iban"
    types = frozenset({"iban"})

    _candidate = Pattern(r"\b[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b")

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the numbers."""
        known: dict[bytes, int] = {}
        for match in self._candidate.find(text.data):
            value = match.group()
            if value not in known:
                known[value] = _iban_length(value)
            if known[value]:
                start, _ = match.span()
                yield Span("iban", start, start + known[value], 0.99)


def _iban_length(value: bytes) -> int:
    """Return how many bytes of the candidate are an IBAN; words in capitals may follow it. 0 for none."""
    ends = [len(value), *(index for index in range(len(value) - 1, 14, -1) if value[index] in b" -")]
    for end in ends:
        try:
            iban.validate(value[:end].replace(b"-", b"").decode("ascii"), check_country=False)
        except ValidationError:
            continue
        return end
    return 0
