"""Candidates of a pattern, judged by what they are and by what stands around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from compliance.inspection.patterns import Pattern
from compliance.inspection.registry import Span

# Takes what stands before, the value, and what stands after it; gives a span of the value, or none.
Judge = Callable[[bytes, bytes, bytes], Span | None]


# A line is broken for its length only from here on.
_SHORTEST_WRAPPED_LINE = 45


def join_wrapped_lines(data: bytes) -> bytes:
    """Return the text with a blank for each line break that only wraps a long line, and so of the same length."""
    lines = data.split(b"\n")
    if len(lines) < 2:
        return data
    joined = [lines[0]]
    for line, following in pairwise(lines):
        wraps = len(line) >= _SHORTEST_WRAPPED_LINE and following[:1] > b" " and following[:1] not in b"-*|>#<[\"'{("
        joined += (b" " if wraps else b"\n", following)
    return b"".join(joined)


def judge_candidates(
    pattern: Pattern,
    data: bytes,
    judge: Judge,
    *,
    group: int = 0,
    before: int = 48,
    after: int = 24,
    joined: bytes | None = None,
) -> Iterator[Span]:
    """Yield what the judge makes of each match of the pattern, in the order of the text.

    The judge sees up to `before` and `after` bytes around the match's group, and each neighbourhood once: what is
    repeated ten thousand times is judged one time. With `joined` the pattern is looked for there, in the same text
    without the breaks of wrapped lines, while the judge sees the lines as they stand. Clean text seldom matches the
    pattern.
    """
    known: dict[tuple[bytes, bytes, bytes], Span | None] = {}
    searched = data if joined is None else joined
    for match in pattern.find(searched):
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
