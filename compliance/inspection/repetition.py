"""Texts that repeat themselves: what a detector sees in one stretch of a repetition, it sees in all the others.

A megabyte of one short line over and over holds a hundred thousand findings, each of which costs its detector some
microseconds. A stretch is cut out of the repetition, the rest is inspected, and what was seen is put back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from compliance.inspection.normalise import NormalisedText
from compliance.inspection.registry import Detector, Span

# No value is longer, and no detector looks farther around one; a unit that is repeated may be as long.
_STRETCH = 4096
_SAMPLE = 128
# Fewer stretches are not worth the cut.
_FEWEST_STRETCHES = 8


class Repetition(NamedTuple):
    """A text with `removed` bytes cut out of a repetition in it, from `seam` on.

    `stretch` bytes before the seam and as many after it are alike; `removed` is a multiple of them.
    """

    text: NormalisedText
    seam: int
    stretch: int
    removed: int


def find_repetition(data: bytes) -> Repetition | None:
    """Return what is left of a text that repeats a unit of up to 4 KiB around its middle; None for any other."""
    middle = len(data) // 2
    sample = data[middle : middle + _SAMPLE]
    unit = data.find(sample, middle + 1, middle + 1 + _STRETCH + _SAMPLE) - middle
    if unit <= 0 or len(data) < _FEWEST_STRETCHES * _STRETCH:
        return None
    stretch = -(-_STRETCH // unit) * unit
    start = middle - _measure_agreement(data, middle, unit, backwards=True)
    end = middle + unit + _measure_agreement(data, middle, unit, backwards=False)
    stretches = (end - start) // stretch
    if stretches < _FEWEST_STRETCHES:
        return None
    # Two stretches stay before the seam and two after it.
    seam, removed = start + 2 * stretch, (stretches - 4) * stretch
    return Repetition(NormalisedText(data[:seam] + data[seam + removed :]), seam, stretch, removed)


def _measure_agreement(data: bytes, middle: int, unit: int, *, backwards: bool) -> int:
    """Return how far from the middle on, in one direction, each byte is the one a unit later."""
    known, limit = 0, middle if backwards else len(data) - middle - unit
    step = limit
    while step:
        reach = min(known + step, limit)
        first, last = (middle - reach, middle - known) if backwards else (middle + known, middle + reach)
        if data[first:last] == data[first + unit : last + unit]:
            known = reach
        step = 0 if known == limit else step // 2
    return known


def find_repeated(detector: Detector, repetition: Repetition) -> Iterator[Span]:
    """Yield what the detector sees in the whole text."""
    text, seam, stretch, removed = repetition
    for span in detector.find(text):
        kind, start, end, confidence = span
        if start >= seam:
            yield Span(kind, start + removed, end + removed, confidence)
        elif end > seam + stretch:
            yield Span(kind, start, end + removed, confidence)
        else:
            yield span
            if start >= seam - stretch:
                for shift in range(stretch, removed + 1, stretch):
                    yield Span(kind, start + shift, end + shift, confidence)
