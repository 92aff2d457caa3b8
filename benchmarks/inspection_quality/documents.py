"""A generated document: text, the spans in it that are to be found, and those that only look like it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import TypeVar

# Wordings, labels and forms at these places of their lists never occur in the development corpus, so that the
# held-out one also measures what nobody saw while working on a detector.
_HELD_OUT_EVERY = 4

T = TypeVar("T")

# The type of what is arguable whatever it is taken for.
ANY = "any"

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")


@dataclass(frozen=True)
class Value:
    """A stretch of text with a meaning.

    `type` is a type of finding; empty for a look-alike, which must not be found. `subkind` tells forms of a type
    apart. What is not `counted` is arguable: to find it is neither right nor wrong.
    """

    text: str
    type: str
    subkind: str = ""
    counted: bool = True


Segment = str | Value


@dataclass(frozen=True)
class Label:
    """A value where it stands: `text[start:end]`."""

    start: int
    end: int
    value: Value


@dataclass(frozen=True)
class Document:
    genre: str
    number: int
    segments: tuple[Segment, ...]

    @cached_property
    def text(self) -> str:
        return "".join(part if isinstance(part, str) else part.text for part in self.segments)

    @cached_property
    def labels(self) -> tuple[Label, ...]:
        """Every value that is not a look-alike, in the order of the text."""
        return tuple(label for label in self._placed() if label.value.type)

    @cached_property
    def look_alikes(self) -> tuple[Label, ...]:
        return tuple(label for label in self._placed() if not label.value.type)

    def _placed(self) -> Iterator[Label]:
        position = 0
        for part in self.segments:
            length = len(part) if isinstance(part, str) else len(part.text)
            if isinstance(part, Value):
                yield Label(position, position + length, part)
            position += length


class Draw:
    """The source of all chance in a corpus. `all_wordings` is False for the development corpus."""

    def __init__(self, seed: str, *, all_wordings: bool) -> None:
        self.random = Random(seed)  # noqa: S311 (test data, no secret)
        self._all_wordings = all_wordings

    def wording(self, pool: Sequence[T]) -> T:
        """Return one of the pool; of those that the development corpus may use where this is one."""
        return self.random.choice(self._known(pool))

    def wordings(self, pool: Sequence[T], count: int) -> list[T]:
        """Return several of the pool, none twice, as many as there are at most."""
        known = self._known(pool)
        return self.random.sample(known, min(count, len(known)))

    def _known(self, pool: Sequence[T]) -> Sequence[T]:
        if self._all_wordings or len(pool) < _HELD_OUT_EVERY:
            return pool
        return [item for index, item in enumerate(pool) if index % _HELD_OUT_EVERY != _HELD_OUT_EVERY - 1]

    def one(self, pool: Sequence[T]) -> T:
        """Return one of the pool, whatever the corpus: for names, places and other material."""
        return self.random.choice(pool)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def number(self, low: int, high: int) -> int:
        """Return a whole number, both ends included."""
        return self.random.randint(low, high)

    def digits(self, count: int, first: str = "0123456789") -> str:
        """Return that many digits as text; `first` lists what the first one may be."""
        return self.one(first) + "".join(self.random.choices("0123456789", k=count - 1))

    def characters(self, alphabet: str, count: int) -> str:
        return "".join(self.random.choices(alphabet, k=count))


Maker = Callable[[Draw], Segment | Sequence[Segment]]


def fill_in(template: str, makers: Mapping[str, Maker], draw: Draw) -> Iterator[Segment]:
    """Yield the template's segments, with each `{name}` replaced by what the maker of that name returns.

    A text in what a maker returns may hold placeholders in turn. Raises KeyError for a name without a maker.
    """
    position = 0
    for match in _PLACEHOLDER.finditer(template):
        if match.start() > position:
            yield template[position : match.start()]
        made = makers[match.group(1)](draw)
        for part in [made] if isinstance(made, str | Value) else made:
            if isinstance(part, str):
                yield from fill_in(part, makers, draw)
            else:
                yield part
        position = match.end()
    if position < len(template):
        yield template[position:]


def wrap_lines(segments: Sequence[Segment], width: int) -> Iterator[Segment]:
    """Yield the segments with lines broken at spaces so that they fit the width, as mail and printed forms break them.

    Values are broken as well; none changes its length.
    """
    column = 0
    for part in segments:
        text = part if isinstance(part, str) else part.text
        broken = []
        for piece in re.split(r"( |\n)", text):
            if piece == " " and column >= width:
                piece = "\n"
            column = 0 if piece == "\n" else column + len(piece)
            broken.append(piece)
        yield "".join(broken) if isinstance(part, str) else replace(part, text="".join(broken))
