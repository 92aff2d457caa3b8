"""Candidates of a pattern, judged by what they are and by what stands around them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from compliance.inspection.patterns import Match, Pattern
from compliance.inspection.registry import Span

# Takes what stands before, the value, and what stands after it; gives a span of the value, or none.
Judge = Callable[[bytes, bytes, bytes], Span | None]


# A name or a label that a line begins with: what it says is another speaker's, or of another field.
_SPEAKER = re.compile(rb"[A-Z][A-Za-z]*(?: [A-Z][A-Za-z]*){0,2}:(?:[ \t]|$)")
# A line is broken for its length only from here on.
_SHORTEST_WRAPPED_LINE = 45


class Passages(NamedTuple):
    """Where in a text something may be found, and the text itself, without the breaks of wrapped lines there.

    A blank stands for such a break, so that `data` is as long as the text.
    """

    data: bytes
    spans: Sequence[tuple[int, int]]

    def find(self, pattern: Pattern) -> Iterator[Match]:
        """Yield the matches of a pattern in the passages."""
        for start, end in self.spans:
            yield from pattern.find(self.data, start, end)


def compile_scout(*patterns: Pattern, ignore_case: bool = False) -> Pattern:
    """Return one pattern for all that a detector looks for, whether on one line or wrapped.

    One pass with it over a text without findings takes the place of one for each of them.
    """
    expressions = (f"(?i:{each.expression})" if each.ignore_case else f"(?:{each.expression})" for each in patterns)
    return Pattern("|".join(_let_blanks_wrap(expression) for expression in expressions), ignore_case=ignore_case)


def _let_blanks_wrap(expression: str) -> str:
    """Let each blank of an expression be a line break as well."""
    pieces, in_class = [], False
    for piece in _PIECE.findall(expression):
        if piece[0] != "\\":
            in_class = piece == "[" or (in_class and piece != "]")
        pieces.append((" \\n" if in_class else "[ \\n]") if piece == " " else piece)
    return "".join(pieces)


_PIECE = re.compile(r"\\.|.", re.DOTALL)


def find_passages(scout: Pattern, data: bytes, before: int = 64, after: int = 160) -> Passages:
    """Return the surroundings of a scout's matches, joined where they overlap."""
    spans: list[tuple[int, int]] = []
    for match in scout.find(data):
        start, end = match.span()
        if spans and start - before <= spans[-1][1]:
            spans[-1] = (spans[-1][0], end + after)
        else:
            spans.append((max(0, start - before), end + after))
    pieces: list[bytes] = []
    position = 0
    for start, end in spans:
        pieces += (data[position:start], _join_wrapped_lines(data, start, min(end, len(data))))
        position = end
    return Passages(b"".join((*pieces, data[position:])), spans)


def _join_wrapped_lines(data: bytes, start: int, end: int) -> bytes:
    """Return a passage with a blank for each line break that only wraps a long line."""
    first, *following = data[start:end].split(b"\n")
    if not following:
        return first
    length = start - data.rfind(b"\n", 0, start) - 1 + len(first)
    joined = [first]
    for line in following:
        begins = line[:1] > b" " and line[:1] not in b"-*|>#<[\"'{(" and not _SPEAKER.match(line)
        wraps = length >= _SHORTEST_WRAPPED_LINE and begins
        joined += (b" " if wraps else b"\n", line)
        length = len(line)
    return b"".join(joined)


def judge_candidates(
    pattern: Pattern,
    data: bytes,
    judge: Judge,
    *,
    group: int = 0,
    before: int = 48,
    after: int = 24,
    passages: Passages | None = None,
) -> Iterator[Span]:
    """Yield what the judge makes of each match of the pattern, in the order of the text.

    The judge sees up to `before` and `after` bytes around the match's group, and each neighbourhood once: what is
    repeated ten thousand times is judged one time. With `passages` the pattern is looked for there alone, while
    the judge sees the lines as they stand. Clean text seldom matches the
    pattern.
    """
    known: dict[tuple[bytes, bytes, bytes], Span | None] = {}
    searched = data if passages is None else passages.data
    for match in pattern.find(data) if passages is None else passages.find(pattern):
        start, end = match.span(group)
        seen = (data[max(0, start - before) : start], searched[start:end], data[end : end + after])
        try:
            verdict = known[seen]
        except KeyError:
            verdict = known[seen] = judge(*seen)
        if verdict is not None:
            yield Span(verdict.type, start + verdict.start, start + verdict.end, verdict.confidence)


def is_part_of_number(before: bytes, after: bytes, joiners: bytes = b"-./") -> bool:
    """Whether what stands around a value makes it a part of a longer number, word or file name."""
    if _is_word_byte(before[-1:]) or _is_word_byte(after[:1]):
        return True
    joined_before = len(before) > 1 and before[-1] in joiners and _is_word_byte(before[-2:-1])
    joined_after = len(after) > 1 and after[0] in joiners and after[1:2].isdigit()
    return joined_before or joined_after


def last_line(before: bytes) -> bytes:
    """Return what of the text before a value stands on its line."""
    return before[before.rfind(b"\n") + 1 :]


def first_line(after: bytes) -> bytes:
    """Return what of the text after a value stands on its line."""
    end = after.find(b"\n")
    return after if end < 0 else after[:end]


def _is_word_byte(byte: bytes) -> bool:
    return byte.isalnum() or byte == b"_" or byte >= b"\xc0"
