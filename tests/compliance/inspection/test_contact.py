"""E-mail, phone, web, network and hardware addresses in the forms they have in life, and what looks like them."""

from __future__ import annotations

import pytest

from compliance.inspection import inspect

FOUND = [
    ("email_address", "jane [at] example [dot] org"),
    ("email_address", "o'brien.j+lab@mail.example.co.uk"),
    ("phone_number", "206/565-6526"),
    ("phone_number", "212 - 699 - 1727"),
    ("phone_number", "(555) 123-4567 x12"),
    ("phone_number", "(555)123-4567x1234"),
    ("phone_number", "312.555.0142x093"),
    ("phone_number", "+1-222-914-4800x134"),
    ("phone_number", "001-750-341-3588x57091"),
    ("phone_number", "(135) 117-6686"),
    ("phone_number", "020 7946 0958"),
    ("phone_number", "07700 900123"),
    ("phone_number", "01 23 45 67 89"),
    ("phone_number", "089/1234567"),
    ("phone_number", "+49 (0)89 1234567"),
    ("phone_number", "0049 89 1234567"),
    ("url", "mychart.example.org/login"),
    ("ip_address", "fe80::1"),
    ("ip_address", "2001:dd99:f351:3222:23e9:81b9:aac2:6dff"),
    ("device_id", "001a.2b3c.4d5e"),
    ("device_id", "00:1a:2b:3c:4d:5e:6f:70"),
]
LABELLED = [
    ("phone number on file is «555-0142».", "phone_number"),
    ('{"patient_phone": "«5551234567»"}', "phone_number"),
    ("Cell (work): «555 123 4567» 2 kids", "phone_number"),
    ("call me at «4155552671» ok", "phone_number"),
    ("call «02079460648» or T: 1", "phone_number"),
    ("Phone: «555-123-4567» 12/03/2024", "phone_number"),
    ("T: «312 - 747 - 4358»", "phone_number"),
    ("agent: your phone number?\ncustomer: «07886 243814»", "phone_number"),
    ("new address, same number «5455472601»", "phone_number"),
    ("Contact Jane at a clinic or «8322976206» now", "phone_number"),
    ("Haleberg, MA 87140\n«7726288863»\n", "phone_number"),
    ("Emergency contact: (daughter), «3272439409».", "phone_number"),
    ("a,09APR2009,«0131 496 0251»,b", "phone_number"),
    ("v a long way of words before a host | here it is: «203.0.113.7»", "ip_address"),
    ("from «10.2.3.4»/24 to", "ip_address"),
    ("no route to «2001:db8:f351:3222:23e9:81b9:aac2:6dff»:8080", "ip_address"),
    ('HOST = "«192.168.181.17»"', "ip_address"),
    ("MAC: «001A2B3C4D5E»", "device_id"),
    ("(see «https://example.org/c(d)»).", "url"),
    ("[x](«https://example.org/c»)", "url"),
]
LEFT_ALONE = [
    "postgres://app:Winter$$7@db.internal:5432/app has no mailbox in it",
    "order 8322976206 was placed at 8322976206 and 0x5551234x12 is no call",
    "tracking 415-555-2671, part no. 415-555-2671, case no. 415-555-2671",
    "rows 200 300 4000 500; mobile app version 20240312",
    "The phone rang on 12/03, phone 3 of 12.",
    "NHS number: 867 901 8686 is no phone",
    "upgraded from 1.2.3.3 to 1.2.3.4; Chrome/120.0.6099.109; lib-1.2.3.4.tar.gz",
    "std::dead::beef and a1::b2 at 12:30:45",
    "icon@2x.png, a@self.weights, git@example.com:team/repo.git, react@18.2.0",
    'xmlns="http://www.example.org/2001/schema" and http://localhost:8000/x and https://api.internal',
    "00:00:00:00:00:00 and ff:ff:ff:ff:ff:ff",
]


def _find(text: str) -> list[tuple[str, str]]:
    kinds = {kind for kind, _ in FOUND}
    return [(finding.type, text[finding.start : finding.end]) for finding in inspect(text) if finding.type in kinds]


@pytest.mark.parametrize(("kind", "value"), FOUND)
def test_a_value_is_found_whole_without_a_label(kind: str, value: str) -> None:
    assert _find(f"Then she wrote to {value}, and left.") == [(kind, value)]


@pytest.mark.parametrize(("marked", "kind"), LABELLED)
def test_what_stands_before_a_value_says_what_it_is(marked: str, kind: str) -> None:
    value = marked[marked.index("«") + 1 : marked.index("»")]
    assert _find(marked.replace("«", "").replace("»", "")) == [(kind, value)]


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_look_alikes_are_left_alone(text: str) -> None:
    assert _find(text) == []
