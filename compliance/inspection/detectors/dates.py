"""Dates more exact than a year (45 CFR 164.514(b)(2)(i)(C)), and dates of birth by their label."""

from __future__ import annotations

from collections.abc import Iterator

from compliance.inspection.detectors.context import after, before, is_inside_number, is_reference, is_version
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

    _figures = Pattern(r"\b([0-9]{1,2})([/.-])([0-9]{1,2})([/.-])([0-9]{4}|[0-9]{2})\b")
    _iso = Pattern(
        r"\b([0-9]{4})([/.-])([0-9]{1,2})([/.-])([0-9]{1,2})"
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
    _birth_before = Pattern(
        r"(?:\bD\.?O\.?B\.?|\bdate of birth|\bbirth[ _-]?dates?|\bbirthday|\bborn)[\"']?[ \t]*(?:[:=(-]|is|was|on)?"
        r"[ \t\n]{0,2}[\"']?$",
        ignore_case=True,
    )
    _care = Pattern(
        r"\b(?:patient|admit|admitted|admission|discharged?|visit|seen|encounter|procedure|surgery|diagnosed|"
        r"birth|born|dob|deceased|died|death|hospital|clinic|date of service|dos|follow-?up|appointment)",
        ignore_case=True,
    )
    _code = Pattern(r"[{};=<>]|://|\w\(|\b(?:import|return|const|SELECT|INFO|DEBUG|WARN|ERROR)\b|`")
    _care_reach = 120

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the dates."""
        data = text.data
        for match in self._figures.find(data):
            if match.group(2) == match.group(4) and self._is_date_in_figures(data, *match.span()):
                yield self._span(data, *match.span(), 0.85)
        for match in self._iso.find(data):
            year, month, day = (int(match.group(number)) for number in (1, 3, 5))
            plausible = 1850 <= year <= 2100 and 1 <= month <= 12 and 1 <= day <= 31
            if plausible and match.group(2) == match.group(4) and self._is_prose(data, *match.span()):
                yield self._span(data, *match.span(), 0.85)
        for match in self._words.find(data):
            if not is_inside_number(data, *match.span()):
                yield self._span(data, *match.span(), 0.8)
        for match in self._day_and_month.find(data):
            month, day = (int(part) for part in match.group(1).split(b"/"))
            if 1 <= month <= 12 and 1 <= day <= 31 and after(data, match.span(1)[1], 1) != b"/":
                yield Span("date", *match.span(1), 0.6)

    def _span(self, data: bytes, start: int, end: int, confidence: float) -> Span:
        if self._birth_before.is_in(before(data, start)):
            return Span("date_of_birth", start, end, 0.97)
        return Span("date", start, end, confidence)

    def _is_date_in_figures(self, data: bytes, start: int, end: int) -> bool:
        separator = b"/" if b"/" in data[start:end] else b"." if b"." in data[start:end] else b"-"
        first, second, year = (int(part) for part in data[start:end].split(separator))
        if not ((1 <= first <= 12 and 1 <= second <= 31) or (1 <= first <= 31 and 1 <= second <= 12)):
            return False
        four_digits = data[end - 4 : end].isdigit()
        if four_digits and not 1850 <= year <= 2100:
            return False
        if separator == b"." and (not four_digits or is_version(data, start)):
            return False
        return not is_inside_number(data, start, end) and not is_reference(data, start)

    def _is_prose(self, data: bytes, start: int, end: int) -> bool:
        if is_inside_number(data, start, end) or is_version(data, start) or is_reference(data, start):
            return False
        line_start = max(data.rfind(b"\n", max(0, start - self._care_reach), start) + 1, start - self._care_reach, 0)
        line_end = data.find(b"\n", end, end + self._care_reach)
        line_end = min(end + self._care_reach, len(data)) if line_end < 0 else line_end
        if self._care.is_in(data, line_start, line_end):
            return True
        return not self._code.is_in(data, line_start, line_end)
