"""Regular expressions on RE2, which takes linear time on any text.

They run over the bytes of a `NormalisedText`, one byte a character, so that a match's offsets are the text's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import re2


class Match(Protocol):
    """The part of a match that detectors use."""

    def span(self, group: int = 0) -> tuple[int, int]:
        """Return start and end of a group; (-1, -1) for one that took no part."""

    def group(self, group: int = 0) -> bytes:
        """Return the bytes of a group; None for one that took no part."""


class Pattern:
    """A compiled expression. `À` to `ÿ` stand for upper- and lower-case letters beyond ASCII."""

    def __init__(self, expression: str, *, ignore_case: bool = False, max_memory: int = 32 << 20) -> None:
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.case_sensitive = not ignore_case
        options.log_errors = False
        # Room for the automaton's states; past it RE2 goes on, but several times slower.
        options.max_mem = max_memory
        self.expression = expression
        self.ignore_case = ignore_case
        self._compiled = re2.compile(expression.encode("latin-1"), options=options)

    @property
    def program_size(self) -> int:
        """How many instructions the expression comes to, a measure of what it can cost."""
        return int(self._compiled.programsize)

    def find(self, data: bytes, start: int = 0, end: int | None = None) -> Iterator[Match]:
        """Yield the matches from left to right, none overlapping another."""
        matches: Iterator[Match] = self._compiled.finditer(data, start, end)
        return matches

    def is_in(self, data: bytes, start: int = 0, end: int | None = None) -> bool:
        """Whether there is a match. The bytes outside start and end are not looked at, only their edges."""
        return self._compiled.search(data, start, end) is not None


def any_of(words: Sequence[str]) -> str:
    """Return a group that matches any of the expressions."""
    return f"(?:{'|'.join(words)})"


def any_pattern(*patterns: Pattern) -> Pattern:
    """Return a pattern that matches where any of these does, so that one pass tells whether one is worth it."""
    return Pattern(
        "|".join(f"(?i:{each.expression})" if each.ignore_case else f"(?:{each.expression})" for each in patterns)
    )
