"""Work grows with the text, not with its square: counted in calls of the pattern engine, not in seconds."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest

from compliance.inspection import inspect

UNITS = [
    "a",
    "1",
    "-",
    " ",
    "\n",
    "@",
    "é",
    "\u200b",
    "\u3302",
    "a\u0301",
    "a@b.co ",
    "1/1/20 ",
    "2020-01-01 ",
    "Dr. A",
    "Mr. Aaa ",
    "To: Aa Aa ",
    "123-45-6789 ",
    "4111111111111111 ",
    "http://a@b.co/",
    "password: x1y2z3 ",
    "-----BEGIN PRIVATE KEY-----",
    "confidential revenue $1 ",
    "not public merger ",
    "tel: 1 2 3 4 5 6 7 ",
    "1 Main St ",
    "a:",
    "GB82 WEST ",
    "<",
    "<b",
    "<b>a",
    "a*b",
    "<!--",
    "&",
    "&#1",
    "&amp;",
    "&#109;",
    "\\n1",
    "\\u0031",
    "material - ",
    "material_non_public_",
    "123\n45\n6789\n",
    "123-\n",
    "1 ",
    "1 2 3-",
    "\u0301",
    " \u200b",
    "a ａ",
    "MNPI: ",
    "do not share earnings ",
    "The CEO resigned, not announced. ",
    "counsel's advice ",
]


def _count_steps(text: str) -> int:
    """Count the calls made while the text is inspected, of functions in Python and in C alike."""
    steps = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal steps
        steps += event in ("call", "c_call")

    previous = sys.getprofile()
    sys.setprofile(count)
    try:
        inspect(text)
    finally:
        sys.setprofile(previous)
    return steps


@pytest.mark.parametrize("unit", UNITS)
def test_four_times_the_text_takes_about_four_times_the_steps(unit: str) -> None:
    inspect(unit * 10)
    once = _count_steps(unit * 400)
    assert _count_steps(unit * 1600) <= 5 * once
