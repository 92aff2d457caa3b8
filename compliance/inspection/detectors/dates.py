"""Dates more exact than a year (45 CFR 164.514(b)(2)(i)(C)), and dates of birth by their label."""

from __future__ import annotations

from collections.abc import Iterator

from compliance.inspection.detectors.candidates import (
    Passages,
    compile_scout,
    find_passages,
    first_line,
    is_part_of_number,
    judge_candidates,
    last_line,
)
from compliance.inspection.detectors.date_lines import is_prose_line
from compliance.inspection.normalise import NormalisedText
from compliance.inspection.patterns import Pattern
from compliance.inspection.registry import Span

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)"
)
# German, French, Spanish, Italian, Dutch and Portuguese; only after the day.
_FOREIGN_MONTH = (
    r"(?:Januar[iy]?|Februar[iy]?|M[äa]rz|Mai|Juni|Juli|Augustus|Okt(?:ober)?|Dez(?:ember)?"
    r"|janvier|f[ée]vrier|mars|avril|juin|juillet|ao[ûu]t|septembre|octobre|novembre|d[ée]cembre"
    r"|enero|febrero|marzo|abril|mayo|junio|julio|agosto|sep?tiembre|octubre|noviembre|diciembre"
    r"|gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre|maart|mei"
    r"|janeiro|fevereiro|mar[çc]o|maio|junho|julho|setembro|outubro|novembro|dezembro)"
)
_WEEKDAY = (
    r"(?:(?:Mon(?:day)?|Tue(?:s(?:day)?)?|Wed(?:nesday)?|Thu(?:rs?(?:day)?)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?"
    r"|Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag|Sonntag|lundi|mardi|mercredi|jeudi|vendredi|samedi"
    r"|dimanche)"
    r"\.?,?[ \t](?:the |den |le )?)"
)
_DAY = r"(?:[12][0-9]|3[01]|0?[1-9])"
_ORDINAL = rf"{_DAY}(?:st|nd|rd|th)?"
_YEAR = r"(?:18|19|20)[0-9]{2}"
_GAP = r"(?:[ \t]{1,2}|\n)"


class DateDetector:
    """Calendar dates in figures and in words. One after a birth label is a date of birth, any other a date.

    A date of the form 2024-03-05 in source code, logs and file names is no date of a person, unless words of care
    or birth stand on its line. Years and times of day alone are none.
    """

    name = "date"
    types = frozenset({"date", "date_of_birth"})

    _figures = Pattern(
        rf"\b{_WEEKDAY}?(?:[0-9]{{1,2}}(?:/[0-9]{{1,2}}/|\.[0-9]{{1,2}}\.|-[0-9]{{1,2}}-)'?(?:[0-9]{{4}}|[0-9]{{2}})"
        rf"|[0-9]{{1,2}}(?: / [0-9]{{1,2}} / |\. ?[0-9]{{1,2}}\. ?){_YEAR}|(?:0?[1-9]|1[0-2])/{_YEAR})\b",
        ignore_case=True,
    )
    _iso = Pattern(
        r"\b[0-9]{4}(?:/[0-9]{1,2}/|\.[0-9]{1,2}\.|-[0-9]{1,2}-)[0-9]{1,2}"
        r"(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?\b"
    )
    _words = Pattern(
        rf"\b{_WEEKDAY}?(?:{_MONTH}\.?[ \t]{{1,2}}(?:the )?{_ORDINAL}(?:(?: ?-+ ?| and | & | to ){_ORDINAL}\b)?"
        rf"(?:,?{_GAP}{_YEAR}|,{_YEAR}|,? '[0-9]{{2}})?"
        rf"|{_MONTH}\.?,?(?: of)?[ \t-/]{{1,2}}{_YEAR}"
        rf"|{_MONTH}\.?[-/]{_DAY}[-/](?:{_YEAR}|[0-9]{{2}})"
        rf"|(?:the )?(?:{_ORDINAL}(?: ?-+ ?| and | & | to ))?{_ORDINAL}(?:[ \t]{{1,2}}|\.[ \t]"
        rf"|[-/.])?(?:(?:day )?of[ \t])?{_MONTH}"
        rf"\.?(?:,?{_GAP}(?:of )?{_YEAR}|,? '[0-9]{{2}}|[-/. ]?(?:{_YEAR}|[0-9]{{2}}))?"
        rf"|{_YEAR}[ -]{_MONTH}[ -]{_DAY}"
        rf"|{_DAY}(?:\.|er|\x1a|º)?[ \t]{{0,2}}(?:de )?{_FOREIGN_MONTH}(?:,?{_GAP}(?:de |del )?{_YEAR})?)\b",
        ignore_case=True,
    )
    _month = Pattern(rf"{_FOREIGN_MONTH}|{_MONTH}", ignore_case=True)
    # Words and numbers alike unless a year or an ordinal stands with them.
    _everyday_month = Pattern(r"^(?:may|march|mar|jan|feb|apr|jun|jul|aug|sept?|oct|nov|dec|august)$")
    _unmistakable = Pattern(rf"{_YEAR}|[0-9](?:st|nd|rd|th)|'[0-9]{{2}}|[0-9]-[a-z]+-[0-9]", ignore_case=True)

    _care_cue = (
        r"admitted|admission|discharged?|seen|visit|surgery|procedure|dos|expired|died|appointment|appt"
        r"|follow-?up|f/u"
        r"|dates?|dated|due|dx|lmp|onset|exam|imaging|refilled|signed|filed|served|received|paid|scheduled"
        r"|deadline|hearing|meeting|week|as|effective|again|x-?ray|cxr|ct|mri|ekg|ecg|echo|scan|biopsy|labs|recheck"
    )
    _day_and_month = Pattern(
        rf"(?:\b(?:{_care_cue}|on|by|since|until|till|through|thru|before|after|from|between|starting|beginning)"
        r"(?:[ \t](?:on|date|of|for|at|the|by))?[ \t:]{1,3}|\b(?:Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat"
        r"|Sun)[a-z]{0,6},?[ \t])"
        r"([0-9]{1,2}/[0-9]{1,2}(?:(?: ?- ?| to | and | through | thru | until )[0-9]{1,2}/[0-9]{1,2})?)\b"
        r"|(?m:^)[ \t]{0,4}([0-9]{1,2}/[0-9]{1,2})(?::[ \t]|[ \t]-+[ \t])"
        r"|\b(?:am|vom|bis|seit|zum|ab)[ \t]([0-9]{1,2}\.[0-9]{1,2}\.)",
        ignore_case=True,
    )
    _certain_cue = Pattern(rf"\b(?:{_care_cue})(?: [a-z]+)?[ \t:]*$", ignore_case=True)
    _no_measure = Pattern(
        r"^(?:[ -]?(?:of\b|mg|ml|tab|cup|inch|in\.|teaspoon|tsp|tbsp|dose|strength|hours?|pills?|scale|points?"
        r"|mile)|[%/])",
        ignore_case=True,
    )
    _labelled = Pattern(
        r"(?:\bd\.?o\.?b\.?|\bdate of birth|\bbirth[ _-]?date|\bborn(?: on)?|\bdate|\bdos|\badmitted|\badmission"
        r"|\bdischarged?)(?:[ _]date)?[\"']?[ \t]*[:=#]?[ \t]*[\"']?([0-9]{8}|[0-9]{2}[ .][0-9]{2}[ .](?:19"
        r"|20)[0-9]{2})\b",
        ignore_case=True,
    )
    _birth_label = Pattern(
        r"(?:\bD\.?O\.?B\.?|\bdate[ _-]of[ _-]birth|\bbirth[ _-]?(?:day|dates?)|\bb-?day|\bborn|\bgeboren"
        r"|\bgeb\.|\bb\."
        r"|\bgeburtsdatum|\bdate de naissance|\bdata di nascita|\bgeboortedatum|\bn[ée]e?\(?e?\)?"
        r"|\bfecha de nacimiento)"
        # A question may be answered on the next line, behind the name of who answers.
        r"(?:\?[ \t]*\n[ \t]*(?:[a-z][a-z0-9 ._-]{0,20}:[ \t]*)?|[\"'][ \t]*[:=]?[ \t]*[\"']?"
        r"|[ \t]*(?:\([a-z/ ]{1,12}\)[ \t]*)?"
        r"(?:[:=(,|-]|is|was|on|am|le|the|of)?[ \t]?(?:the|on|:)?[ \t\n]{0,2}[\"'(|]?[ \t]?)$",
        ignore_case=True,
    )
    _reference_label = Pattern(
        r"(?:^|[^a-z])(?:order|invoice|ticket|p\.?o|part|p/?n|s/?n|sku|item|tracking|isbn|model|build|api[-_ ]version"
        r"|version|ver|release|firmware|revision|rev|section|sec|chapter|bug|issue|ref|reference|catalog(?:ue)?|batch"
        r"|lot|rfc|tag|kernel|python|node|serial|docket|case|rule|clause|article|ratio|scale|icd|cpt|ndc|v)"
        r"[ \t]*(?:number|num|no|nr|id|code)?[ \t]*[.:#=-]*[ \t]*(?:to |is )?[\"']?$",
        ignore_case=True,
    )
    _software = Pattern(
        r"\b(?:versions?|ver|releases?|build|firmware|protocol|deploy(?:ing|ed)?|rolled|shipped|tagged|requires?"
        r"|bump(?:s|ed)?"
        r"|upgraded?|updated? to|library|package|kernel|python|node|section"
        r"|chapter|clause|ip)\b|[=~<>^]|\bv[0-9]",
        ignore_case=True,
    )

    _scout = compile_scout(_figures, _iso, _words, _labelled, _day_and_month)
    _suffix = Pattern(r"^[-.][a-z]")

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the dates."""
        data = text.data
        passages = find_passages(self._scout, data)
        if not passages.spans:
            return
        yield from judge_candidates(self._figures, data, self._judge_figures, before=64, passages=passages)
        yield from judge_candidates(self._iso, data, self._judge_iso, before=120, after=120, passages=passages)
        yield from judge_candidates(self._words, data, self._judge_words, after=12, passages=passages)
        yield from judge_candidates(self._labelled, data, self._judge_labelled, group=1, passages=passages)
        yield from self._find_without_year(passages)

    def _find_without_year(self, passages: Passages) -> Iterator[Span]:
        data = passages.data
        for match in passages.find(self._day_and_month):
            group = next(group for group in (1, 2, 3) if match.span(group)[0] >= 0)
            start, end = match.span(group)
            if self._is_day_and_month(data[max(0, start - 24) : start], match.group(group), data[end : end + 12]):
                yield Span("date", start, end, 0.6)

    def _is_day_and_month(self, before: bytes, value: bytes, after: bytes) -> bool:
        if after[:1].isdigit() or (after[:1] in (b"/", b".") and after[1:2].isdigit()):
            return False
        separator = b"/" if b"/" in value else b"."
        pairs = [tuple(int(figure) for figure in pair.strip(b" .").split(separator)) for pair in _split_range(value)]
        if not all(1 <= min(pair) <= 12 and max(pair) <= 31 for pair in pairs) or value == b"24/7":
            return False
        if separator == b"." or self._certain_cue.is_in(before):
            return not self._no_measure.is_in(after)
        # Fractions and scores: reduced by 1/2, strength from 3/5 to 4/5, pain after 8/10.
        if before.rstrip().lower().endswith((b"by", b"from", b"after", b"before", b"between", b"to")) and (
            value in (b"1/2", b"1/3", b"2/3", b"1/4", b"3/4") or all(pair[1] in (5, 10) for pair in pairs)
        ):
            return False
        return not self._no_measure.is_in(after)

    def _judge_figures(self, before: bytes, value: bytes, after: bytes) -> Span | None:
        figures = value[_start_of_figures(value) :].replace(b" ", b"").replace(b"'", b"")
        if is_part_of_number(before, after) or after[:2] in (b"-A", b"/A"):
            return None
        short = figures.count(b"/") == 1
        if not short and not _is_date(figures):
            return None
        if self._birth_label.is_in(before):
            return Span("date_of_birth", 0, len(value), 0.97)
        line = last_line(before)
        if self._reference_label.is_in(line):
            return None
        # 3.12.24 is a version as well as a date.
        if b"." in figures and len(figures) <= 8 and not _has_long_year(figures):
            day, month, _ = (int(figure) for figure in figures.split(b"."))
            quoted = before[-1:] in (b'"', b"'") and before[-1:] == after[:1]
            if month > 12 or day == 0 or quoted or self._software.is_in(line[-40:]) or self._suffix.is_in(after):
                return None
            # Of the last century, only what is written as dates are, 03.05.67.
            if int(figures[-2:]) > 40 and b"0" not in (figures[:1], figures[3:4]):
                return None
            return Span("date", 0, len(value), 0.6)
        return Span("date", 0, len(value), 0.7 if short else 0.85)

    def _judge_iso(self, before: bytes, value: bytes, after: bytes) -> Span | None:
        if not _is_date(value.partition(b"T")[0]) or is_part_of_number(before, after):
            return None
        if self._birth_label.is_in(before[-48:]):
            return Span("date_of_birth", 0, len(value), 0.97)
        if self._reference_label.is_in(last_line(before)):
            return None
        if not is_prose_line(last_line(before), value, first_line(after)):
            return None
        return Span("date", 0, len(value), 0.85)

    def _judge_words(self, before: bytes, value: bytes, after: bytes) -> Span | None:
        if is_part_of_number(before, after, b"."):
            return None
        month = next(iter(self._month.find(value, _length_of_weekday(value)))).group()
        if month.islower() and (b"\n" in value or (value[:4].isdigit() and value[4:5] == b" ")):
            return None
        if month.islower() and self._everyday_month.is_in(month) and not self._unmistakable.is_in(value):
            return None
        # A sentence may end in a figure, and the next begin with May.
        if b". " in value[:4] and month == b"May" and not self._unmistakable.is_in(value):
            return None
        # Run together or dotted without a year it is a name or a number: 5Mar, 12.May.
        if not month.islower() and not self._unmistakable.is_in(value) and not self._parted.is_in(value):
            return None
        # In 5 Mar 10:30 and 5 Mar 20 people came the last figures are no year.
        end = len(value)
        if value[-3:-2] == b" " and value[-2:].isdigit() and self._is_counted(after) and not month.isupper():
            end -= 3
        if self._birth_label.is_in(before):
            return Span("date_of_birth", 0, end, 0.97)
        return Span("date", 0, end, 0.8)

    _no_year = Pattern(r"^(?:[:%/]|[.,-][0-9])")
    _parted = Pattern(r"[ \t-]")

    def _is_counted(self, after: bytes) -> bool:
        """Whether the figures before are an hour or a number of something."""
        following = after[1:].split(maxsplit=1) if after[:1] == b" " else []
        return self._no_year.is_in(after) or bool(following and following[0].islower() and following[0] not in _JOINING)

    def _judge_labelled(self, before: bytes, value: bytes, after: bytes) -> Span | None:
        figures = value.replace(b" ", b"").replace(b".", b"")
        forms = (
            figures[:4] + b"-" + figures[4:6] + b"-" + figures[6:],
            figures[4:] + b"-" + figures[:2] + b"-" + figures[2:4],
        )
        if not any(_is_date(form) for form in forms):
            return None
        return Span("date_of_birth" if self._birth_label.is_in(before) else "date", 0, len(value), 0.9)


_JOINING = frozenset(b"a an and as at by for from he in is it on or per she that the to was we when with".split())
_WEEKDAY_HEAD = Pattern(rf"^{_WEEKDAY}", ignore_case=True)


def _length_of_weekday(value: bytes) -> int:
    match = next(iter(_WEEKDAY_HEAD.find(value)), None)
    return 0 if match is None else match.span()[1]


def _start_of_figures(value: bytes) -> int:
    return next(index for index, byte in enumerate(value) if 48 <= byte < 58)


def _has_long_year(figures: bytes) -> bool:
    return figures[-4:].isdigit()


def _split_range(value: bytes) -> list[bytes]:
    for word in (b" to ", b" and ", b" through ", b" thru ", b" until ", b"-"):
        if word in value:
            return value.split(word)
    return [value]


def _is_date(value: bytes) -> bool:
    """Whether three figures can be a year, first or last, and a month and a day, in either order."""
    separator = next(separator for separator in (b"/", b".", b"-") if separator in value)
    figures = value.split(separator)
    year = figures.pop(0) if len(figures[0]) == 4 else figures.pop()
    one, two = (int(figure) for figure in figures)
    if not (1 <= one <= 31 and 1 <= two <= 31 and min(one, two) <= 12):
        return False
    return len(year) == 2 or 1850 <= int(year) <= 2100
