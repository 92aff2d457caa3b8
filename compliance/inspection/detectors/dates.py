"""Dates more exact than a year (45 CFR 164.514(b)(2)(i)(C)), and dates of birth by their label."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from compliance.inspection.detectors.context import REFERENCE_LABEL, VERSION_LABEL, is_inside_number, label_ends
from compliance.inspection.normalise import NormalisedText
from compliance.inspection.patterns import Pattern, any_of
from compliance.inspection.registry import Span

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def _spellings() -> list[str]:
    # Capitals are asked for: "may" and "march" are words.
    found = []
    for month in _MONTHS:
        found += [month, month.upper(), month[:3], month[:3].upper()]
    found += ["Sept", "SEPT"]
    return sorted(set(found), key=len, reverse=True)


_MONTH = any_of(_spellings())
_DAY = r"[0-3]?[0-9](?:st|nd|rd|th)?"
_YEAR = r"(?:18|19|20)[0-9]{2}"


class DateDetector:
    """Calendar dates in figures and in words. One after a birth label is a date of birth, any other a date.

    A date of the form 2024-03-05 in source code, logs and file names is no date of a person, unless words of care
    or birth stand on its line.
    """

    name = "date"
    types = frozenset({"date", "date_of_birth"})

    _figures = Pattern(r"\b[0-9]{1,2}(?:/[0-9]{1,2}/|\.[0-9]{1,2}\.|-[0-9]{1,2}-)(?:[0-9]{4}|[0-9]{2})\b")
    _iso = Pattern(
        r"\b[0-9]{4}(?:/[0-9]{1,2}/|\.[0-9]{1,2}\.|-[0-9]{1,2}-)[0-9]{1,2}"
        r"(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?\b"
    )
    _words = Pattern(
        rf"\b(?:{_MONTH}\.?[ \t]{{1,2}}{_DAY}(?:,?[ \t]{{1,2}}{_YEAR})?"
        rf"|{_MONTH}\.?,?[ \t]{{1,2}}{_YEAR}"
        rf"|{_DAY}[ \t-]{{1,2}}(?:of[ \t])?{_MONTH}\.?(?:,?[ \t-]{{1,2}}{_YEAR}|-[0-9]{{2}})?)\b"
    )
    _day_and_month = Pattern(
        r"\b(?:admitted|admission|discharged|discharge|seen|visit|surgery|procedure|dos|since|expired|died)"
        r"(?:[ \t](?:on|date|of))?[ \t:]{1,3}([0-9]{1,2}/[0-9]{1,2})\b",
        ignore_case=True,
    )
    _birth_label = Pattern(
        r"(?:\bD\.?O\.?B\.?|\bdate of birth|\bbirth[ _-]?dates?|\bbirthday|\bborn)[\"']?[ \t]*(?:[:=(-]|is|was|on)?"
        r"[ \t\n]{0,2}[\"']?",
        ignore_case=True,
    )

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the dates."""
        data = text.data
        births = label_ends(self._birth_label, data)
        for start, end, confidence in self._find_dates(data):
            if start in births:
                yield Span("date_of_birth", start, end, 0.97)
            else:
                yield Span("date", start, end, confidence)

    def _find_dates(self, data: bytes) -> Iterator[tuple[int, int, float]]:
        versions = label_ends(VERSION_LABEL, data)
        references = versions | label_ends(REFERENCE_LABEL, data)
        known: dict[bytes, bool] = {}
        for match in self._figures.find(data):
            start, end = match.span()
            value = data[start:end]
            if value not in known:
                known[value] = _is_date(value)
            if known[value] and start not in references and not is_inside_number(data, start, end):
                yield start, end, 0.85
        lines = _Lines(data)
        for match in self._iso.find(data):
            start, end = match.span()
            day = data[start:end].partition(b"T")[0]
            if day not in known:
                known[day] = _is_date(day)
            if not known[day] or start in references or is_inside_number(data, start, end):
                continue
            if lines.are_prose(start, end):
                yield start, end, 0.85
        for match in self._words.find(data):
            if not is_inside_number(data, *match.span()):
                yield *match.span(), 0.8
        for match in self._day_and_month.find(data):
            start, end = match.span(1)
            if _is_date(match.group(1) + b"/2000") and data[end : end + 1] != b"/":
                yield start, end, 0.6


def _is_date(value: bytes) -> bool:
    """Whether three figures can be a year, first or last, and a month and a day, in either order."""
    separator = next(separator for separator in (b"/", b".", b"-") if separator in value)
    figures = value.split(separator)
    year = figures.pop(0) if len(figures[0]) == 4 else figures.pop()
    one, two = (int(figure) for figure in figures)
    if not (1 <= one <= 31 and 1 <= two <= 31 and min(one, two) <= 12):
        return False
    if len(year) == 4:
        return 1850 <= int(year) <= 2100
    # 1.2.24 is a version as well as a date.
    return separator != b"."


class _Lines:
    """Tells lines of prose, of care and of source code apart. The words are looked up when first asked for."""

    _care = Pattern(
        r"\b(?:patient|admit|admitted|admission|discharged?|visit|seen|encounter|procedure|surgery|diagnosed|"
        r"birth|born|dob|deceased|died|death|hospital|clinic|date of service|dos|follow-?up|appointment)",
        ignore_case=True,
    )
    _code = Pattern(r"[{};=<>]|://|\w\(|\b(?:import|return|const|SELECT|INFO|DEBUG|WARN|ERROR)\b|`")
    _reach = 120

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._cares: list[int] | None = None
        self._codes: list[int] | None = None

    def are_prose(self, start: int, end: int) -> bool:
        """Whether the line around a span speaks of care, or shows no sign of code, within reach."""
        first = max(0, start - self._reach)
        first = max(first, self._data.rfind(b"\n", first, start) + 1)
        last = self._data.find(b"\n", end, end + self._reach)
        last = end + self._reach if last < 0 else last
        if self._cares is None or self._codes is None:
            self._cares = [match.span()[0] for match in self._care.find(self._data)]
            self._codes = [match.span()[0] for match in self._code.find(self._data)]
        return _any_between(self._cares, first, last) or not _any_between(self._codes, first, last)


def _any_between(positions: list[int], start: int, end: int) -> bool:
    index = bisect_left(positions, start)
    return index < len(positions) and positions[index] < end
