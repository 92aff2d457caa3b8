"""Dates in the forms they have in life, and figures and words that are none."""

from __future__ import annotations

import pytest

from compliance.inspection import inspect

FOUND = """
«12-Mar-24» | on «the 4th of May» | «3.12.24» | on «12/03»
seen «Mon, 12 March 2024»
«Tuesday, March 5, 2024» | «Tue 3/12/24»
«March 5-7, 2024» | «5-7 March 2024» | Date: «2024-03-12»
DOB «1984-02-29» | Admitted: «2024/03/12» | «12. März 2024»
am «3.12.» gesehen | «1er janvier 2024» | «12 de marzo de 2024» | «12MAR2024» | «May 4th '24»
DOB: «19840229» | in «03/2024»
«15. December 2017» | on «26 FEB 19» by | since «may 5th» | from «3/12 to 3/19»
«2024-Mar-12» | «3rd day of June, 2021»
X-ray «5/22»: clear | seen and again «10/9».
under Fed. R. Civ. P. 26(b)(3), production by «2014-09-18».
the week of «12/03» | Geboren am «12.03.1980» | [«2024-03-12» 10:02] Jane: hi | The meeting of «2024-03-12» went well.
"""
NONE = """
2024-03-12 10:02:11 INFO started | 2024-03-12T10:02:11Z worker started | ## [1.2.0] - 2024-03-12
start = "2024-03-12"
"date": "2024-03-12", | backup-2024-03-12.tar.gz | report_2024-03-12
2024-03-12-report.pdf | release 3.12.24 | python 3.12.1
bumps lodash from 2.23.12 to 6.9.13 | print("9.9.14")
pain from 8/10 to 4/10 | open 24/7 | reduced by 1/2 | BP 120/80
may 5 people come | march 5 miles | in 2024 | at 10:30 am | in the 1990s
strength 4+/5. May repeat once | 45 CFR 164.514(b)(2) | api-version: 2024-03-12 | deploying 23.12.70-rc1 now | ratio 3:2
"""


def _split(table: str) -> list[str]:
    return [cell.strip() for line in table.strip().splitlines() for cell in line.split(" | ")]


def _find(text: str) -> list[str]:
    return [text[item.start : item.end] for item in inspect(text) if item.type in ("date", "date_of_birth")]


@pytest.mark.parametrize("marked", _split(FOUND))
def test_a_date_is_found_whole(marked: str) -> None:
    value = marked[marked.index("«") + 1 : marked.index("»")]
    assert _find(marked.replace("«", "").replace("»", "")) == [value]


@pytest.mark.parametrize("text", _split(NONE))
def test_what_is_no_date_is_left_alone(text: str) -> None:
    assert _find(text) == []


def test_a_date_may_be_wrapped_with_its_line() -> None:
    text = "The annual meeting of all shareholders takes place on December\n7, 2020 as planned."
    assert _find(text) == ["December\n7, 2020"]


@pytest.mark.parametrize(
    "marked", ["your date of birth?\ncustomer: «March 4, 1990»\n", "Date de naissance : «13 November 1991»\n"]
)
def test_a_birth_date_is_told_from_others_by_its_label(marked: str) -> None:
    text, value = marked.replace("«", "").replace("»", ""), marked[marked.index("«") + 1 : marked.index("»")]
    assert [(item.type, text[item.start : item.end]) for item in inspect(text)] == [("date_of_birth", value)]
