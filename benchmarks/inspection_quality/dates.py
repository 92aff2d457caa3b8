"""Makers of dates and ages, in the forms in which people write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from benchmarks.inspection_quality.documents import Draw, Maker, Segment, Value

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_SHORT = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _month(day: date) -> str:
    return _MONTHS[day.month - 1]


def _short(day: date) -> str:
    return _SHORT[day.month - 1]


def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th and so on."""
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


_WITH_YEAR: tuple[Callable[[date], str], ...] = (
    lambda day: f"{day.month:02}/{day.day:02}/{day.year}",
    lambda day: f"{_month(day)} {day.day}, {day.year}",
    lambda day: f"{day.year}-{day.month:02}-{day.day:02}",
    lambda day: f"{day.day}.{day.month}.{day.year % 100:02}",
    lambda day: f"{_short(day)} {ordinal(day.day)}, {day.year}",
    lambda day: f"{day.month}/{day.day}/{day.year % 100:02}",
    lambda day: f"{day.day:02}-{_short(day)}-{day.year}",
    lambda day: f"{day.day} {_month(day)} {day.year}",
    lambda day: f"{day.day:02}.{day.month:02}.{day.year}",
    lambda day: f"{day.month:02}-{day.day:02}-{day.year}",
    lambda day: f"{_short(day)}. {day.day}, {day.year}",
    lambda day: f"{day.day:02}{_short(day).upper()}{day.year}",
    lambda day: f"{_WEEKDAYS[day.weekday()]}, {_month(day)} {day.day}, {day.year}",
    lambda day: f"{day.day}/{day.month}/{day.year}",
    lambda day: f"{day.day} {_short(day)} {day.year}",
    lambda day: f"{day.day}-{_short(day)}-{day.year % 100:02}",
    lambda day: f"{day.year}/{day.month:02}/{day.day:02}",
    lambda day: f"{_month(day)} {ordinal(day.day)} {day.year}",
    lambda day: f"{_short(day).upper()} {day.day:02}, {day.year}",
    lambda day: f"the {ordinal(day.day)} of {_month(day)} {day.year}",
    lambda day: f"{ordinal(day.day)} {_month(day)} {day.year}",
    lambda day: f"{_short(day)} {day.day} {day.year}",
    lambda day: f"{day.day}. {_month(day)} {day.year}",
    lambda day: f"{day.month}-{day.day}-{day.year % 100:02}",
    lambda day: f"{_WEEKDAYS[day.weekday()][:3]} {_short(day)} {day.day}, {day.year}",
    lambda day: f"{day.month:02}/{day.day:02}/{day.year % 100:02}",
    lambda day: f"{day.day} {_short(day).upper()} {day.year % 100:02}",
    lambda day: f"the {ordinal(day.day)} day of {_month(day)}, {day.year}",
    lambda day: f"{_month(day)} {day.day:02}, {day.year}",
    lambda day: f"{_WEEKDAYS[day.weekday()]} {day.day} {_month(day)} {day.year}",
    lambda day: f"{_month(day).upper()} {day.day}, {day.year}",
    lambda day: f"{day.day:02}/{day.month:02}/{day.year}",
)

_WITHOUT_YEAR: tuple[Callable[[date], str], ...] = (
    lambda day: f"{_month(day)} {day.day}",
    lambda day: f"the {ordinal(day.day)} of {_month(day)}",
    lambda day: f"{_short(day)} {day.day}",
    lambda day: f"{_month(day)} {ordinal(day.day)}",
    lambda day: f"{day.day} {_month(day)}",
    lambda day: f"{ordinal(day.day)} of {_short(day)}",
    lambda day: f"{_short(day)}. {ordinal(day.day)}",
    lambda day: f"{day.day} {_short(day)}",
)


def _draw_day(draw: Draw, first: int = 2016, last: int = 2027) -> date:
    return date(first, 1, 1) + timedelta(days=draw.number(0, 365 * (last - first + 1) - 1))


def _make_date(draw: Draw) -> Value:
    return Value(draw.wording(_WITH_YEAR)(_draw_day(draw)), "date")


def _make_yearless(draw: Draw) -> Value:
    return Value(draw.wording(_WITHOUT_YEAR)(_draw_day(draw)), "date", "without_year")


def _make_slash(draw: Draw) -> Value:
    """A month and a day alone, as notes write them: `on 3/14`."""
    day = _draw_day(draw)
    return Value(f"{day.month}/{day.day}", "date", "month_and_day")


def _make_month(draw: Draw) -> Value:
    """A month with its year. Element (C) of Safe Harbor in a note on a patient."""
    day = _draw_day(draw)
    form = draw.wording(("{0} {2}", "{1} {2}", "{0}, {2}", "{1}. {2}", "{0} of {2}", "{3:02}/{2}"))
    return Value(form.format(_month(day), _short(day), day.year, day.month), "date", "month_and_year")


def _make_open_month(draw: Draw) -> Value:
    """The same where nobody's health is spoken of: arguable."""
    return Value(_make_month(draw).text, "date", "month_and_year", counted=False)


def _make_time(draw: Draw) -> tuple[Segment, ...]:
    """A date with a time of day. The time is no element of a date."""
    clock = draw.wording((" {0:02}:{1:02}", " at {0}:{1:02} am", ", {0:02}{1:02} h", " @ {0:02}:{1:02}"))
    day = _draw_day(draw)
    form = draw.wording(_WITH_YEAR[:6])
    return Value(form(day), "date", "with_time"), clock.format(draw.number(1, 11), draw.number(0, 59))


def _make_range(draw: Draw) -> tuple[Segment, ...]:
    first = _draw_day(draw)
    last = first + timedelta(days=draw.number(2, 40))
    form = draw.wording(_WITH_YEAR[:10])
    middle = draw.wording((" to ", " - ", " through ", " until "))
    return Value(form(first), "date"), middle, Value(form(last), "date")


def _make_short_range(draw: Draw) -> Value:
    """Some days of one month: March 3-5, 2024."""
    day = _draw_day(draw)
    first = draw.number(1, 20)
    last = first + draw.number(1, 8)
    form = draw.wording(("{0} {1}-{2}, {3}", "{1}-{2} {0} {3}", "{0} {1} to {2}, {3}", "{0} {1} - {2}, {3}"))
    return Value(form.format(draw.one((_month(day), _short(day))), first, last, day.year), "date", "days_of_month")


_BIRTH_LABELS = (
    "DOB: ", "Date of birth: ", "D.O.B. ", "born ", "Birth date: ", "DOB ", "Date of Birth ", "Born on ",
    "b. ", "Birthdate: ", "d.o.b.: ", "Birthday: ",
)  # fmt: skip


def _make_birth(draw: Draw) -> Value:
    day = _draw_day(draw, 1931, 2012)
    return Value(draw.wording(_WITH_YEAR)(day), "date_of_birth")


def _make_labelled_birth(draw: Draw) -> tuple[Segment, ...]:
    return draw.wording(_BIRTH_LABELS), _make_birth(draw)


def _make_iso_birth(draw: Draw) -> Value:
    """As a record or a fixture holds it."""
    return Value(_draw_day(draw, 1931, 2012).isoformat(), "date_of_birth", "in_record")


def _make_old_age(draw: Draw) -> tuple[Segment, ...]:
    age = draw.number(90, 104)
    before, after = draw.wording(
        (
            ("", "-year-old"), ("", " year old"), ("Age: ", ""), ("aged ", ""), ("", " y/o"), ("", " yo"),
            ("age ", ""), ("", " years old"), ("", "yo"), ("Age ", ""), ("", " years of age"), ("", "-yr-old"),
        )
    )  # fmt: skip
    return before, Value(str(age), "age_over_89"), after


def _make_young_age(draw: Draw) -> tuple[Segment, ...]:
    age = draw.number(1, 88)
    before, after = draw.one((("", "-year-old"), ("", " year old"), ("Age: ", ""), ("aged ", ""), ("", " yo")))
    return before, Value(str(age), "", "age_under_90"), after


DATE_MAKERS: Mapping[str, Maker] = {
    "date": _make_date,
    "yearless_date": _make_yearless,
    "slash_date": _make_slash,
    "month": _make_month,
    "open_month": _make_open_month,
    "date_time": _make_time,
    "date_range": _make_range,
    "short_range": _make_short_range,
    "birth_date": _make_birth,
    "birth": _make_labelled_birth,
    "iso_birth": _make_iso_birth,
    "old_age": _make_old_age,
    "young_age": _make_young_age,
}
