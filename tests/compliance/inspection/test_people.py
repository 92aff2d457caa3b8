"""Names by title, label, greeting, signature, speaker and list, and what is named after people."""

from __future__ import annotations

import pytest

from compliance.inspection import inspect

FOUND = [
    "Doctor «James van den Berg» was told",
    "Dr. «ter Horst» was told",
    "Dear Judge «Miguel Osei»:\n",
    "Ms «St. Clair» came",
    "Patient: «Doe, Jane»; seen",
    "signed by «Pruitt, Diego» on 1/1/19",
    "APPLICANT: «A. TANAKA»\n",
    "<b>Name</b>: «Winthrop, Colleen»<br>",
    "Investor relations: «E. Whitaker», ext. 4",
    "my name is «Ó Briain, Marcus»\n",
    "I, «Zsófia Vandenberg», declare",
    "on behalf of «Tomasz Ferreira» we",
    "employee «Noor Castillo» left",
    "[10:02] «Xiulan Strand»: hi",
    "«Priya»: are you there?",
    "Hi «Priya»,\n",
    "Best regards,\n«A. Farouk»\nChief Financial Officer",
    "/s/ «Ibrahim van den Berg»",
    "To: «Jane Doe», legal",
    '"author": "«Will Salazar»"',
    "Je m'appelle «Quirino Hoz», bonjour",
    "Mein Name ist «Faris Dhar», ich",
    "«Robert»,\n\nPlease call",
    "See you.\n\n-«Kurt»\n",
    "As of May 3, 2001, «Yashica Contractor» was employed here",
    "«Rosalind Ng» lives at the coast",
    "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.abc\n«Joseph»: yes",
    "Assistant: «Balvan Seshadri». Done",
    "<firstName>«Okonkwo»</firstName>",
    "Name des Patienten: «Inge Lindner»\n",
    "Nom et prénom : «Haley Thompson»\n",
    "We met «Margaret Sullivan» there",
    "The chief executive, «Kwame Cross», will host.",
]
NONE = [
    "Will Rogers phenomenon was mentioned, and the Glasgow score.",
    "Jordan River, Florence Nightingale Hospital, Georgia State, San Diego Padres",
    "ATTORNEY-CLIENT PRIVILEGED COMMUNICATION",
    "Re: Fed. R. Civ. P. 26(b)(3); Re: Docket No. 1:23-cv-42049",
    "agent: May I have it?",
    "bought from Wayne Biologics, Inc. and Edward Miller Ltd",
    "Re: Atlas Marine plc v. Edwards Ltd",
    "To: Whom It May Concern; Copy to: P.O. Box",
    "Hi All,\nThanks Everyone,\nDear Sir or Madam,",
    "Name: Build and test\nOwner: Platform Team",
    "April May arrive; Mark the date. Grant access, and Will it work?",
    "<LI>item\n<B>bold</B>: x",
]
AGES = [
    "aged «93»",
    "«92»yo woman",
    "«100» years of age",
    "age: «91»",
    "«ninety-two»-year-old",
    "a «94»F with",
    "turned «95»",
]
NO_AGES = ["115 F.3d 188", "90 mg", "92 years ago", "99 years of lease", "age 45", "98.6 F"]


def _find(text: str, kind: str = "person_name") -> list[str]:
    return [text[item.start : item.end] for item in inspect(text) if item.type == kind]


def _split(marked: str) -> tuple[str, str]:
    return marked.replace("«", "").replace("»", ""), marked[marked.index("«") + 1 : marked.index("»")]


@pytest.mark.parametrize("marked", FOUND)
def test_a_name_is_found_whole(marked: str) -> None:
    text, name = _split(marked)
    assert _find(text) == [name]


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_name_is_left_alone(text: str) -> None:
    assert _find(text) == []


def test_names_in_a_row_are_found_one_by_one() -> None:
    assert _find("cc: Jane Doe, Priya Iyer; Omar Haddad") == ["Jane Doe", "Priya Iyer", "Omar Haddad"]


@pytest.mark.parametrize("marked", AGES)
def test_an_age_over_89_is_found(marked: str) -> None:
    text, age = _split(marked)
    assert _find(text, "age_over_89") == [age]


@pytest.mark.parametrize("text", NO_AGES)
def test_what_is_no_such_age_is_left_alone(text: str) -> None:
    assert _find(text, "age_over_89") == []
