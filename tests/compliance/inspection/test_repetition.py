"""A repetition is cut short for the detectors, and nobody can tell."""

from __future__ import annotations

import pytest

from compliance.inspection import BUILTIN_DETECTORS, load_detector
from compliance.inspection.normalise import normalise
from compliance.inspection.repetition import find_repeated, find_repetition

UNITS = [
    "123-45-6789 ",
    "Patient: Ann Bell\n",
    "a@b.co ",
    "MNPI: ",
    "password: x1y2z3 ",
    "on May 5, 2024 we met. ",
    "1-",
]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(("before", "after"), [("", ""), ("SSN 987-65-4320. Dr. Cole ", " tel 555-123-4567 end")])
def test_what_is_seen_in_a_repetition_is_what_is_seen_without_cutting_it(unit: str, before: str, after: str) -> None:
    text = normalise(before + unit * (60_000 // len(unit)) + after)
    repetition = find_repetition(text.data)
    assert repetition is not None
    assert len(repetition.text.data) < len(text.data) // 2
    for path in BUILTIN_DETECTORS:
        detector = load_detector(path)
        assert sorted(find_repeated(detector, repetition)) == sorted(detector.find(text)), path


@pytest.mark.parametrize("text", ["", "a", "abc" * 1000, "".join(f"{number} " for number in range(20_000))])
def test_any_other_text_is_left_whole(text: str) -> None:
    assert find_repetition(text.encode()) is None
