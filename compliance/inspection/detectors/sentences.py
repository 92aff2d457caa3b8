"""The sentence of a wording that a phrase stands in."""

from __future__ import annotations

from compliance.inspection.patterns import Pattern

_REACH = 240
# A line that begins with a speaker's name and a colon begins a sentence, as does an item of a list.
_BREAK = Pattern(r"[.!?]\s+(?:[A-Z0-9À-Þ])|\n\s*\n|\n *(?:[0-9:]+ +)?[A-Za-z-]{1,16}: |\n *- ")


def find_sentence(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Return where the sentence around a span begins and ends, no more than 240 characters away from it."""
    first = max(0, start - _REACH)
    for match in _BREAK.find(data[first : start + 1]):
        first_after = match.span()[1] - 1
        if max(0, start - _REACH) + first_after <= start:
            first = max(0, start - _REACH) + first_after
    after = next(iter(_BREAK.find(data[end - 1 : end + _REACH])), None)
    last = min(len(data), end + _REACH) if after is None else end - 1 + after.span()[0] + 1
    return first, max(last, end)
