"""Identity numbers: by their own rules, or by the label before them (45 CFR 164.514(b)(2)(i)(G) to (M), (P) and (R)).

The last four digits of a number count as the number where a label says whose they are: a part of an identifier is
one still (HHS, Guidance on De-identification, question 2.9).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from compliance.inspection.detectors.context import before, digits_of, is_inside_number, is_reference, judge_matches
from compliance.inspection.detectors.number_labels import ANY_LABEL, NUMBER_LABELS, NumberLabel
from compliance.inspection.normalise import NormalisedText
from compliance.inspection.patterns import Match, Pattern, any_of
from compliance.inspection.registry import Span

# What may stand between a label and its value: what closes the label, a remark in brackets, a sign or a verb, what
# opens the value. Labels stand in prose, JSON, XML, tables and file names alike.
_BLANKS = r"[ \t]{0,4}(?:\r?\n[ \t]{0,8})?"
BETWEEN = (
    rf"(?:'s|[\"'*_`\])]{{0,3}}){_BLANKS}(?:\([^()\n]{{1,24}}\)[ \t]{{0,2}})?(?:on file[ \t]|of record[ \t])?"
    rf"(?::=|=>|->|[:=#>|~.,-]|(?:is|was|are|of|reads)\s)?[ \t\"'*_`#:(\[=]{{0,4}}{_BLANKS}"
)


class TaxpayerNumberDetector:
    """Social security numbers and individual taxpayer numbers of the United States.

    A number must be one that can be issued: no area 000, 666 or 900 and up, no group 00, no serial 0000 (SSA,
    "Social Security Number Randomization"); a taxpayer number starts with 9 and has a group of the ranges that
    the IRS uses. Without separators, and of the last four digits alone, it needs its label.
    """

    name = "taxpayer_number"
    types = frozenset({"us_ssn", "us_itin"})

    # Twice the same kind of separator. A line may end at a hyphen or a blank.
    _separators = (r"\s{0,3}-\s{0,3}", r"[ \t]?/[ \t]?", "_", r"\.", r"[ \t]{0,2}(?:[ \t]|\r?\n)[ \t]{0,2}")
    _separated = Pattern(
        rf"[0-9]{{3}}{any_of([f'{separator}[0-9]{{2}}{separator}' for separator in _separators])}[0-9]{{4}}"
    )
    _label = (
        r"(?:\bssn?(?:[ \t_]?(?:#|no\.?|number|num))?|\bss[ ]?#|\bs\.s\.n?\.?(?:[ ]?#|[ ]no\.?)?|"
        r"social[ _-]?sec(?:urity)?(?:[ \t_]?(?:number|no\.?|num|card|id|#|nbr))*|"
        r"\bsoc(?:ial|\.)?[ ]sec\.?(?:[ ]?(?:no\.?|#|number))?|\bsocial(?:[ ](?:number|no\.?|#))?|\b(?:us[ _]?)?i?tin|"
        r"tax(?:payer)?[ _-]?(?:id(?:entification)?)(?:[ _]?(?:number|no\.?))?)"
    )
    # Group 1 all nine digits, groups 2 and 3 the last four.
    _labelled = Pattern(
        rf"{_label}{BETWEEN}(?:([0-9]{{9}})|[x*#]{{3}}[ -]?[x*#]{{2}}[ -]?([0-9]{{4}}))\b"
        rf"|(?:last[ \t](?:four|4)(?:[ \t]digits)?[ \t](?:of[ \t](?:(?:the|my|his|her|your|their)[ \t])?)?{_label}"
        rf"|{_label}[ \t]{{0,2}}\(?(?:that[ \t])?(?:ending|ends|last[ \t](?:four|4))(?:[ \t](?:in|with|digits?))?\)?)"
        rf"{BETWEEN}([0-9]{{4}})\b",
        ignore_case=True,
    )
    _ends_with_label = Pattern(_label + BETWEEN + "$", ignore_case=True)

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the numbers."""
        data = text.data
        yield from judge_matches(self._separated, data, self._judge_separated, reach=48, ahead=8)
        for match in self._labelled.find(data):
            if match.span(1)[0] < 0:
                yield Span("us_ssn", *match.span(2 if match.span(2)[0] >= 0 else 3), 0.85)
            elif (kind := _taxpayer_number_type(match.group(1))) is not None:
                yield Span(kind, *match.span(1), 0.97)

    def _judge_separated(self, data: bytes, match: Match) -> tuple[Span, ...]:
        start, end = match.span()
        kind = _taxpayer_number_type(data[start:end])
        if kind is None or is_inside_number(data, start, end) or _is_in_column(data, start, end):
            return ()
        context = before(data, start, 48)
        labelled = not context.rstrip()[-1:].isdigit() and self._ends_with_label.is_in(context)
        if not labelled and is_reference(context):
            return ()
        return (Span(kind, 0, end - start, 0.99 if labelled else 0.9),)


def _is_in_column(data: bytes, start: int, end: int) -> bool:
    """Whether a span over several lines, one group on each, goes on above or below: then it is a column of figures."""
    if b"-" in data[start:end] or data[start:end].count(b"\n") < 2:
        return False
    return before(data, start, 8).rstrip(b" \t\r\n")[-1:].isdigit() or data[end : end + 8].lstrip()[:1].isdigit()


@lru_cache(maxsize=1024)
def _taxpayer_number_type(value: bytes) -> str | None:
    digits = digits_of(value)
    area, group, serial = digits[:3], int(digits[3:5]), digits[5:]
    if area[0] == "9":
        issued = 50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99
        return "us_itin" if issued else None
    if area in ("000", "666") or group == 0 or serial == "0000":
        return None
    return "us_ssn"


class LabelledNumberDetector:
    """Numbers whose label says what they are: MRN, member id, account, licence, passport, plate, serial number.

    Also, without a label: Medicare beneficiary identifiers (CMS, "Understanding the MBI") and unique device
    identifiers (21 CFR 801.40), which have a form of their own.
    """

    name = "labelled_number"
    types = frozenset(label.type for label in NUMBER_LABELS if label.type)

    # Groups of digits apart by blanks; letters, a blank and digits; a plate; letters and digits without a blank.
    _value = any_of(
        (
            r"[0-9]{3,4}(?:[ ][0-9]{3,4}){2,4}\b",
            r"[A-Z]{1,3}[0-9]{0,4}[ ][0-9]{5,12}\b",
            r"\(01\)[0-9]{14}(?:\([0-9]{2,3}\)[A-Z0-9-]{1,20}){0,6}",
            r"[A-Z]{1,4}-?[0-9]{0,2}[A-Z]{0,2}[ ][0-9]{1,5}(?:[ ]?[A-Z]{1,3})?\b",
            r"[0-9]{1,4}[ ][A-Z]{2,3}(?:[ ][0-9]{2,4})?\b",
            r"[A-Z]{1,2}[0-9]{1,3}[ ][A-Z]{3}\b",
            r"[0-9][A-Z]{1,2}[ ][A-Z][0-9]{2,4}\b",
            r"[0-9]{3}[ ][0-9][A-Z]{2}\b",
            r"[A-Z]{0,8}(?:[-_/]?[A-Z]{1,8})?[-_/]{0,2}[0-9][A-Z0-9]{0,40}"
            r"(?:[-_][A-Z0-9]{1,24}|[./][0-9][A-Z0-9]{0,24}|-{1,2}[0-9]{1,12}){0,6}\b",
        )
    )
    _labelled = Pattern(rf"(?:\b|_)({ANY_LABEL}){BETWEEN}(?:[A-Z]{{2}}[ -])??({_value})", ignore_case=True)
    _own_form = Pattern(
        r"\b[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?"
        r"[AC-HJKMNP-RT-Y]{2}[0-9]{2}\b|\(01\)[0-9]{14}(?:\([0-9]{2,3}\)[A-Za-z0-9-]{1,20}){1,6}"
    )

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the numbers, without their labels."""
        data = text.data
        yield from judge_matches(self._labelled, data, self._judge_labelled, reach=0, ahead=2)
        for match in self._own_form.find(data):
            yield Span("device_id" if match.group()[:1] == b"(" else "health_plan_number", *match.span(), 0.9)

    def _judge_labelled(self, data: bytes, match: Match) -> tuple[Span, ...]:
        (origin, _), (start, end) = match.span(), match.span(2)
        written, value = match.group(1), data[start:end]
        if match.span(1)[1] == start and not _may_touch(written, value):
            return ()
        label = _read_label(written.lower())
        length = _measure_number(value, label)
        if not length or _is_amount(data, start + length):
            return ()
        return (Span(label.type, start - origin, start - origin + length, 0.93),)


_LABEL_PATTERNS = tuple((label, Pattern(f"^(?:{label.expression})$", ignore_case=True)) for label in NUMBER_LABELS)
_DATE = Pattern(
    r"^(?:(?:19|20)[0-9]{2}[-/.](?:0?[1-9]|1[0-2])[-/.][0-3]?[0-9]"
    r"|[0-3]?[0-9](?:[/.][0-3]?[0-9][/.](?:[0-9]{2}){1,2}|-[0-3]?[0-9]-(?:19|20)[0-9]{2}))$"
)
_DECIMAL = Pattern(r"^(?:[0-9]+\.[0-9]{1,2}|[0-9]{1,2}(?:\.[0-9]{1,3}){1,3}|(?:19|20)[0-9]{2}|0x.*)$", ignore_case=True)
_UNIT = Pattern(
    r"[ ](?:mg|mcg|ml|kg|am|pm|days?|weeks?|months?|years?|hours?|and|or|for|of|in|on|at|to|the|was|is|if|by|mm|cm|"
    r"usd|eur|gbp|via|has|not|but|you|yet|who)$",
    ignore_case=True,
)
_UUID = Pattern(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$|^[0-9a-f]{32,}$", ignore_case=True)
_MOST_DIGITS = 34


@lru_cache(maxsize=1024)
def _read_label(written: bytes) -> NumberLabel:
    return next((label for label, pattern in _LABEL_PATTERNS if pattern.is_in(written)), NUMBER_LABELS[-1])


def _measure_number(value: bytes, label: NumberLabel) -> int:
    """Return how many bytes of the value are a number of this label; 0 for none."""
    if 5 <= len(value) <= 20 and value.isdigit() and label.type:
        return len(value) if len(value) >= label.fewest_digits and value.strip(b"0") else 0
    value = _cut_sentence(value, label)
    digits = sum(48 <= byte <= 57 for byte in value)
    letters = sum(65 <= byte <= 122 and byte not in b"_" for byte in value)
    if not label.type or not label.fewest_digits <= digits <= _MOST_DIGITS or set(digits_of(value)) == {"0"}:
        return 0
    if _UUID.is_in(value):
        return len(value) if label.takes_uuid else 0
    if letters > max(digits + 4, 6) or _DATE.is_in(value) or _DECIMAL.is_in(value):
        return 0
    if label.type == "vehicle_id" and not (4 <= len(value) <= 17 and value.upper() == value):
        return 0
    return len(value)


def _may_touch(label: bytes, value: bytes) -> bool:
    """Whether label and value may stand together without anything between: `MRN12345`, `Acct#12345`, not `dea2-b1`."""
    return not label[-1:].isalnum() or (label.isupper() and value.isdigit())


def _cut_sentence(value: bytes, label: NumberLabel) -> bytes:
    """Return the value without words of the sentence that stand apart from it by a blank."""
    while b" " in value:
        head, _, tail = value.rpartition(b" ")
        plate = label.type == "vehicle_id" and tail.isalnum() and tail.upper() == tail
        if tail.isdigit() and (head.isdigit() or len(tail) > 4 or plate or b" " in head):
            return value
        if plate and not _UNIT.is_in(b" " + tail):
            return value
        value = head
    return value


def _is_amount(data: bytes, end: int) -> bool:
    """Whether what follows makes a quantity of the number: 12,500 or 45% or 3.5 or a mail address."""
    sign, following = data[end : end + 1], data[end + 1 : end + 2]
    return sign in (b"%", b"@") or (sign in (b",", b".") and bool(following.isdigit()))


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
        yield from judge_matches(self._candidate, text.data, self._judge, reach=0, ahead=0)

    def _judge(self, _: bytes, match: Match) -> tuple[Span, ...]:
        return (Span("vehicle_id", 0, 17, 0.95),) if self._is_number(match.group()) else ()

    def _is_number(self, value: bytes) -> bool:
        # Seventeen digits alone are more often something else; every maker's code has a letter.
        if value.isdigit() or not any(48 <= byte <= 57 for byte in value[-4:]):
            return False
        total = sum(self._values[byte] * weight for byte, weight in zip(value, self._weights, strict=True))
        return bool(b"0123456789X"[total % 11] == value[8])
