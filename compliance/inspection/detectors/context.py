"""What stands just before or after a candidate."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from compliance.inspection.patterns import Match, Pattern
from compliance.inspection.registry import Span

_WORD_BYTES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") | frozenset(
    range(0xC0, 0x100)
)
_DIGITS = frozenset(b"0123456789")

# A number with this just before it is a business reference, whatever its shape.
_REFERENCE_BEFORE = Pattern(
    r"(?:\b(?:orders?|invoices?|tickets?|po|p\.o\.|purchase orders?|parts?|p/n|sku|items?|tracking|isbn|issn|"
    r"doi|model|build|"
    r"version|ver|release|revision|rev|section|bugs?|issues?|ref|reference|refs|catalog(?:ue)?|batch|lot|parcel|"
    r"shipment|"
    r"waybill|awb|consignment|receipt|confirmation|booking|transaction|txn|rma|quote|quotation|job|request|req|asset|"
    r"barcode|ean|upc|gtin|cusip|isin|sedol|ndc|docket|bates|serial|product|article|stock|commit|hash|epoch|"
    r"timestamp)\b"
    r"[ \t_]*(?:numbers?|num|no|nr|ids?|code|#)?[\"'\])]*[ \t]*(?:is|was|"
    r"[.:#=-])*[ \t]*[\"'#(]{0,2}(?:[A-Za-z]{1,4}-)?)$",
    ignore_case=True,
)


# Takes the text and a match in it; gives spans as offsets from the start of the match.
Judge = Callable[[bytes, Match], tuple[Span, ...]]


def judge_matches(pattern: Pattern, data: bytes, judge: Judge, *, reach: int, ahead: int) -> Iterator[Span]:
    """Yield what the judge makes of each match of the pattern, in the order of the text.

    Each match is judged once with its surroundings, `reach` bytes before it and `ahead` bytes after: what is repeated
    ten thousand times is judged one time. The judge must look no further.
    """
    known: dict[tuple[bytes, int], tuple[Span, ...]] = {}
    for match in pattern.find(data):
        start, end = match.span()
        origin = start - reach if start > reach else 0
        seen = data[origin : end + ahead], start - origin
        try:
            spans = known[seen]
        except KeyError:
            spans = known[seen] = judge(data, match)
        for kind, first, last, confidence in spans:
            yield Span(kind, start + first, start + last, confidence)


def is_reference(context: bytes) -> bool:
    """Whether the value that follows this context is announced as a business reference (an order, a part, ...)."""
    # A column or a list of numbers has no labels in it.
    return not context.rstrip()[-1:].isdigit() and _REFERENCE_BEFORE.is_in(context)


def before(data: bytes, start: int, reach: int = 32) -> bytes:
    """Return up to `reach` bytes before `start`."""
    return data[max(0, start - reach) : start]


def is_inside_word(data: bytes, start: int, end: int) -> bool:
    """Whether a letter, digit or underscore touches the span."""
    return (start > 0 and data[start - 1] in _WORD_BYTES) or (end < len(data) and data[end] in _WORD_BYTES)


def is_inside_number(data: bytes, start: int, end: int, joiners: bytes = b"-./") -> bool:
    """Whether the span is part of a longer run of digits, or of digits joined by one of `joiners`."""
    if is_inside_word(data, start, end):
        return True
    joined_before = start > 1 and data[start - 1] in joiners and data[start - 2] in _WORD_BYTES
    joined_after = end + 1 < len(data) and data[end] in joiners and data[end + 1] in _DIGITS
    return joined_before or joined_after


def words(text: str) -> frozenset[str]:
    """Return the words of a list that is written as running text."""
    return frozenset(text.split())


def digits_of(value: bytes) -> str:
    """Return the digits of a value, without what separates them."""
    return "".join(chr(byte) for byte in value if byte in _DIGITS)
