"""Identity numbers: by their own rules, or by the label before them (45 CFR 164.514(b)(2)(i)(G) to (M))."""

from __future__ import annotations

from collections.abc import Iterator

from compliance.inspection.detectors.context import REFERENCE_LABEL, before, digits_of, is_inside_number, label_ends
from compliance.inspection.normalise import NormalisedText
from compliance.inspection.patterns import Pattern, any_of
from compliance.inspection.registry import Span


class TaxpayerNumberDetector:
    """Social security numbers and individual taxpayer numbers of the United States.

    A number must be one that can be issued: no area 000, 666 or 900 and up, no group 00, no serial 0000 (SSA,
    "Social Security Number Randomization"); a taxpayer number starts with 9 and has a group of the ranges that
    the IRS uses. Without separators it needs its label.
    """

    name = "taxpayer_number"
    types = frozenset({"us_ssn", "us_itin"})

    # Twice the same kind of separator. A line may end at a hyphen or a blank.
    _separators = (r"\s{0,3}-\s{0,3}", r"[ \t]?/[ \t]?", "_", r"\.", r"[ \t]{0,2}(?:[ \t]|\r?\n)[ \t]{0,2}")
    _separated = Pattern(
        rf"[0-9]{{3}}{any_of([f'{separator}[0-9]{{2}}{separator}' for separator in _separators])}[0-9]{{4}}"
    )
    _label = (
        r"\b(?:ssn|ss#|s\.s\.n\.?|social security(?: number| no\.?| num| #)?|soc sec(?: no)?|itin|tin|"
        r"taxpayer(?: id| identification)?(?: number| no\.?)?)"
    )
    _labelled = Pattern(_label + r"[\"')]?[ \t]*(?:is|[:=#-])?[ \t]*[\"']?([0-9]{9})\b", ignore_case=True)
    _label_alone = Pattern(_label + r"[\"')]?[ \t]*(?:is|[:=#-])?[ \t]*[\"']?", ignore_case=True)

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the numbers."""
        data = text.data
        labels, references = label_ends(self._label_alone, data), label_ends(REFERENCE_LABEL, data)
        for match in self._separated.find(data):
            start, end = match.span()
            kind = _taxpayer_number_type(digits_of(match.group()))
            if kind is None or is_inside_number(data, start, end) or _is_in_column(data, start, end):
                continue
            if start in labels or start not in references:
                yield Span(kind, start, end, 0.99 if start in labels else 0.9)
        for match in self._labelled.find(data):
            kind = _taxpayer_number_type(match.group(1).decode())
            if kind is not None:
                yield Span(kind, *match.span(1), 0.97)


def _is_in_column(data: bytes, start: int, end: int) -> bool:
    """Whether a span over several lines, one group on each, goes on above or below: then it is a column of figures."""
    if b"-" in data[start:end] or data[start:end].count(b"\n") < 2:
        return False
    return before(data, start, 8).rstrip(b" \t\r\n")[-1:].isdigit() or data[end : end + 8].lstrip()[:1].isdigit()


def _taxpayer_number_type(digits: str) -> str | None:
    area, group, serial = digits[:3], int(digits[3:5]), digits[5:]
    if area[0] == "9":
        issued = 50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99
        return "us_itin" if issued else None
    if area in ("000", "666") or group == 0 or serial == "0000":
        return None
    return "us_ssn"


_NUMBER = r"(?:[ \t]*(?:number|num\.?|no\.?|nr\.?|id|identifier|#))"
_LABELS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "medical_record_number",
        (
            rf"mrn{_NUMBER}?",
            rf"m\.r\.n\.{_NUMBER}?",
            rf"med(?:ical)?\.?[ _-]?rec(?:ord)?s?{_NUMBER}",
            r"medical[ _-]?record",
            rf"chart{_NUMBER}",
            rf"patient(?:[ _-]?id|{_NUMBER})",
            rf"encounter{_NUMBER}",
            rf"accession{_NUMBER}",
        ),
    ),
    (
        "health_plan_number",
        (
            rf"(?:member|subscriber|beneficiary|group|plan|policy|insurance|medicare|medicaid){_NUMBER}",
            r"member[ _-]id",
            r"subscriber[ _-]id",
            r"hicn",
            r"mbi",
        ),
    ),
    (
        "account_number",
        (
            rf"(?:bank[ \t])?(?:account|acct\.?|a/c){_NUMBER}?",
            rf"routing{_NUMBER}?",
            rf"customer{_NUMBER}",
            rf"employee{_NUMBER}",
        ),
    ),
    (
        "licence_number",
        (
            rf"(?:driver'?s?|driving|medical|nursing)[ \t]licen[sc]e{_NUMBER}?",
            rf"licen[sc]e{_NUMBER}",
            rf"certificate{_NUMBER}",
            r"dl[ \t]?#",
            rf"npi{_NUMBER}?",
            rf"dea{_NUMBER}",
        ),
    ),
    ("passport_number", (rf"passport{_NUMBER}?",)),
    ("vehicle_id", (rf"licen[sc]e plate{_NUMBER}?", rf"plate{_NUMBER}?", rf"registration{_NUMBER}", rf"vin{_NUMBER}?")),
    (
        "device_id",
        (
            rf"(?:device|implant|pacemaker){_NUMBER}",
            r"(?:device|implant|pacemaker) serial(?: number| no\.?)?",
            rf"serial{_NUMBER}",
            r"imei",
            r"udi",
        ),
    ),
)


class LabelledNumberDetector:
    """Numbers whose label says what they are: MRN, member id, account, licence, passport, plate, serial number."""

    name = "labelled_number"
    types = frozenset(kind for kind, _ in _LABELS)

    _patterns = tuple(
        (
            kind,
            Pattern(
                rf"\b{any_of(labels)}[\"']?[ \t]*(?:is|was|[:=#-]|\.:)?[ \t]*(?:\n[ \t]*)?[\"'#]?"
                r"([A-Z0-9][A-Z0-9-]{2,30}[A-Z0-9])\b",
                ignore_case=True,
            ),
        )
        for kind, labels in _LABELS
    )
    # What four characters or more of a label's neighbour need to pass for a number: digits, and enough of them.
    _fewest_digits = 4
    _most_digits = 24

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the numbers, without their labels."""
        for kind, pattern in self._patterns:
            for match in pattern.find(text.data):
                value = match.group(1)
                digits = sum(48 <= byte <= 57 for byte in value)
                letters = sum(byte >= 65 for byte in value)
                if self._fewest_digits <= digits <= self._most_digits and letters <= digits + 4:
                    yield Span(kind, *match.span(1), 0.93)


class VehicleNumberDetector:
    """Vehicle identification numbers by their check digit (49 CFR 565.15)."""

    name = "vehicle_number"
    types = frozenset({"vehicle_id"})

    _candidate = Pattern(r"\b[A-HJ-NPR-Z0-9]{8}[0-9X][A-HJ-NPR-Z0-9]{8}\b")
    _weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    _values = {
        **{ord(digit): int(digit) for digit in "0123456789"},
        **dict(zip(b"ABCDEFGHJKLMNPRSTUVWXYZ", (*range(1, 9), 1, 2, 3, 4, 5, 7, 9, *range(2, 10)), strict=True)),
    }

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the numbers."""
        for match in self._candidate.find(text.data):
            value = match.group()
            # Seventeen digits alone are more often something else; every maker's code has a letter.
            if value.isdigit() or not any(48 <= byte <= 57 for byte in value[-4:]):
                continue
            total = sum(self._values[byte] * weight for byte, weight in zip(value, self._weights, strict=True))
            if b"0123456789X"[total % 11] == value[8]:
                yield Span("vehicle_id", *match.span(), 0.95)
