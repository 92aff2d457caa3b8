"""A second reading of a text, in which digits that stand apart are joined: `4 1 1 1  1 1 1 1` as `4111 1111`.

Read so are rows of single digits with a blank between any two, and with marks of a number's between their groups
(`1 2 3 - 4 5 - 6 7 8 9`). Letters may be among them, as in an IBAN, where the row begins with a digit or two letters.
Only the rows and what stands around them is read again, so that a text without any costs one search.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compliance.inspection.normalise import NormalisedText
from compliance.inspection.patterns import Pattern
from compliance.inspection.registry import Span

_BETWEEN = r" {1,3}(?:[-/.()+]{1,2} {1,3})?"
_ROW = Pattern(
    rf"(?:[(+] {{1,2}}|\b[A-Z] {{1,3}}[A-Z] {{1,3}})?\b[0-9]\b(?:{_BETWEEN}[0-9A-Z]\b){{3,}}{_BETWEEN}[0-9]\b"
)
_MARKS = re.compile(rb"[-/.()+]+")
_BLANKS = re.compile(rb" +")

# What a value's label and its look-alikes need to be told by, in characters before and after a row.
_BEFORE, _AFTER = 120, 48
_GAP = b"\n\n"


@dataclass(frozen=True)
class JoinedText:
    """The rows of a text, joined, and what stands around them. `origins` are indexes into the text, by byte."""

    data: bytes
    origins: Sequence[int]
    row_starts: Sequence[int]
    row_ends: Sequence[int]

    def as_text(self) -> NormalisedText:
        """Return it as detectors take it."""
        return NormalisedText(self.data)

    def locate(self, span: Span) -> Span | None:
        """Turn a span of this reading into one of the text; None where it holds nothing of a row."""
        row = bisect_left(self.row_ends, span.start + 1)
        if row == len(self.row_ends) or self.row_starts[row] >= span.end:
            return None
        return Span(span.type, self.origins[span.start], self.origins[span.end - 1] + 1, span.confidence)


def join_spaced_digits(data: bytes) -> JoinedText | None:
    """Return the second reading of a normalised text; None where no digits stand apart. Linear."""
    rows = [match.span() for match in _ROW.find(data)]
    if not rows:
        return None
    joined, origins = bytearray(), array("I")
    row_starts, row_ends = array("I"), array("I")
    position = 0

    def keep(start: int, end: int) -> None:
        joined.extend(data[start:end])
        origins.extend(range(start, end))

    for start, end in rows:
        context = max(position, start - _BEFORE)
        if position:
            keep(position, min(position + _AFTER, context))
        if context > position + _AFTER:
            joined.extend(_GAP)
            origins.extend((context,) * len(_GAP))
        else:
            context = min(position + _AFTER, context) if position else context
        keep(context, start)
        row_starts.append(len(joined))
        for kept in _join(data[start:end]):
            joined.append(data[start + kept])
            origins.append(start + kept)
        row_ends.append(len(joined))
        position = end
    keep(position, min(position + _AFTER, len(data)))
    return JoinedText(bytes(joined), origins, row_starts, row_ends)


def _join(row: bytes) -> Iterator[int]:
    """Yield the indexes of what is kept: all that is no blank, and one blank where groups are set further apart."""
    usual = min(len(match.group()) for match in _BLANKS.finditer(row))
    for index, byte in enumerate(row):
        if byte != 0x20:
            yield index
        elif row[index - 1] != 0x20:
            end = index
            while row[end] == 0x20:
                end += 1
            is_at_mark = _MARKS.match(row, end) or _MARKS.match(row, index - 1)
            if end - index > usual and not is_at_mark:
                yield index
