"""Payment cards and bank accounts, by their check digits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from compliance.inspection.detectors.context import before, is_inside_number, is_reference, judge_matches
from compliance.inspection.normalise import NormalisedText
from compliance.inspection.patterns import Match, Pattern, any_of
from compliance.inspection.registry import Span

# Prefixes and lengths of the issuers' ranges (ISO/IEC 7812-1).
_LENGTHS_BY_PREFIX: tuple[tuple[range, int, tuple[int, ...]], ...] = (
    (range(4, 5), 1, (16, 13, 19)),
    (range(51, 56), 2, (16,)),
    (range(2221, 2721), 4, (16,)),
    (range(2200, 2205), 4, (16, 17, 18, 19)),
    (range(34, 35), 2, (15,)),
    (range(37, 38), 2, (15,)),
    (range(6011, 6012), 4, (16, 19)),
    (range(64, 66), 2, (16, 19)),
    (range(62, 63), 2, (16, 17, 18, 19)),
    (range(60, 61), 2, (16,)),
    (range(81, 83), 2, (16,)),
    (range(3528, 3590), 4, (16, 17, 18, 19)),
    (range(300, 306), 3, (14,)),
    (range(3095, 3096), 4, (14,)),
    (range(36, 37), 2, (14,)),
    (range(38, 40), 2, (14,)),
    (range(5018, 5019), 4, (13, 15, 16, 19)),
    (range(5020, 5021), 4, (13, 15, 16, 19)),
    (range(5038, 5039), 4, (13, 15, 16, 19)),
    (range(6304, 6305), 4, (13, 15, 16, 19)),
    (range(6759, 6764), 4, (13, 15, 16, 19)),
)
_LENGTHS_BY_FOUR_DIGITS = tuple(
    frozenset(
        length
        for prefixes, width, lengths in _LENGTHS_BY_PREFIX
        if number // 10 ** (4 - width) in prefixes
        for length in lengths
    )
    for number in range(10_000)
)
# How many digits the groups of a card number have, as it is embossed.
_GROUPINGS = ((4, 4, 4, 4, 3), (4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 5), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2))
_DIGITS_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
_DIGITS = bytes.maketrans(b"0123456789", bytes(range(10)))


class CardDetector:
    """Card numbers of the known issuers whose Luhn digit (ISO/IEC 7812-1, annex B) is right.

    In one run of digits, or in the groups in which cards show it, all apart by the same separator. A line may end
    within it.
    """

    name = "card"
    types = frozenset({"card_number"})

    _run = Pattern(
        r"\b(?:[2-68][0-9]{12,18}|[0-9]{4}(?:(?:[ ]?[-.][ ]?|[ ]{1,3}|\r?\n)[0-9]{3,6}){2,}(?:[ .-][0-9]{1,2})?)\b"
    )
    _group = re.compile(rb"[0-9]+")

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the numbers."""
        known: dict[bytes, bool] = {}

        def judge(data: bytes, match: Match) -> tuple[Span, ...]:
            start, end = match.span()
            return tuple(
                Span("card_number", first - start, last - start, 0.97)
                for first, last in self._find_cards(data, start, end, known)
                if not (first == start and is_reference(before(data, first, 40)))
                and not (first == start and last == end and is_inside_number(data, first, last))
            )

        yield from judge_matches(self._run, text.data, judge, reach=40, ahead=2)

    def _find_cards(self, data: bytes, start: int, end: int, known: dict[bytes, bool]) -> Iterator[tuple[int, int]]:
        """Yield where card numbers stand in a run of groups, from left to right."""
        if data[start:end].isdigit():
            if _is_card(data[start:end]):
                yield start, end
            return
        groups = [match.span() for match in self._group.finditer(data, start, end)]
        lengths = [last - first for first, last in groups]
        index = 0
        while index < len(groups) - 2:
            count = self._match_groups(data, groups, lengths, index, known)
            if count:
                yield groups[index][0], groups[index + count - 1][1]
            index += count or 1

    def _match_groups(
        self,
        data: bytes,
        groups: list[tuple[int, int]],
        lengths: list[int],
        index: int,
        known: dict[bytes, bool],
    ) -> int:
        """Return how many groups from the index on are a card number; 0 for none."""
        if data[groups[index][0]] not in b"234568":
            return 0
        for grouping in _GROUPINGS:
            count = len(grouping)
            if tuple(lengths[index : index + count]) != grouping:
                continue
            spans = groups[index : index + count]
            separators = {data[left[1] : right[0]].strip(b"\r") for left, right in pairwise(spans)}
            # One line end is a broken line; nothing but line ends is a column of figures.
            if len(separators - {b"\n"}) == 1 and _is_known_card(b"".join(data[a:b] for a, b in spans), known):
                return count
        return 0


def _is_known_card(number: bytes, known: dict[bytes, bool]) -> bool:
    if number not in known:
        known[number] = _is_card(number)
    return known[number]


def _is_card(number: bytes) -> bool:
    """Whether an issuer's prefix, the length that goes with it and the Luhn digit are right."""
    doubled = number[-2::-2].translate(_DIGITS_DOUBLED)
    plain = number[::-2].translate(_DIGITS)
    if (sum(doubled) + sum(plain)) % 10 or len(set(number)) < 2:
        return False
    return len(number) in _LENGTHS_BY_FOUR_DIGITS[int(number[:4])]


# The lengths of the countries' numbers (ISO 13616, IBAN registry).
_IBAN_LENGTHS: Mapping[int, str] = {
    15: "NO",
    16: "BE",
    18: "DK FI FK FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
_LENGTH_BY_COUNTRY = {country: length for length, countries in _IBAN_LENGTHS.items() for country in countries.split()}


class IbanDetector:
    """International bank account numbers (ISO 13616) with right check digits, country and length."""

    name = "iban"
    types = frozenset({"iban"})

    # As printed in groups or not; what follows it is cut off by the country's length.
    _candidate = Pattern(
        rf"\b{any_of(sorted(_LENGTH_BY_COUNTRY))}[0-9]{{2}}(?:(?:[ ]?[-.]?[ ]?|\r?\n)[A-Z0-9]){{11,29}}",
        ignore_case=True,
    )

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the numbers."""
        yield from judge_matches(self._candidate, text.data, self._judge, reach=0, ahead=self._longest + 1)

    _longest = 72

    def _judge(self, data: bytes, match: Match) -> tuple[Span, ...]:
        """Judge the candidate, and what begins within it: "from GB82 ... to DE89 ..." reads on over both."""
        origin, last = match.span()
        limit = min(len(data), last + self._longest)
        start, end = origin, last
        spans = []
        while True:
            length = _measure_iban(data[start : end + 1], end - start)
            if length:
                spans.append(Span("iban", start - origin, start - origin + length, 0.99))
            following = next(iter(self._candidate.find(data, start + (length or 4), limit)), None)
            if following is None or following.span()[0] >= last:
                return tuple(spans)
            start, end = following.span()


def _measure_iban(value: bytes, length: int) -> int:
    """Return how many bytes of the value, which goes on one byte beyond its length, are an IBAN; 0 for none."""
    wanted = _LENGTH_BY_COUNTRY[value[:2].decode("ascii").upper()]
    end = count = 0
    for index, byte in enumerate(value[:length]):
        if byte not in b" -.\r\n":
            count, end = count + 1, index + 1
            if count == wanted:
                break
    if count < wanted or value[end : end + 1].isalnum():
        return 0
    number = bytes(byte for byte in value[:end] if byte not in b" -.\r\n").upper().decode("ascii")
    # Letters count as two digits: A is 10, Z is 35 (ISO 7064, MOD 97-10).
    as_digits = "".join(str(int(character, 36)) for character in number[4:] + number[:4])
    return end if int(as_digits) % 97 == 1 else 0
