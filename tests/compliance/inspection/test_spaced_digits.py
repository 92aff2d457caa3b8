"""Digits set apart hide no number, and rows of single digits are not numbers for being rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.inspection import inspect, redact
from compliance.inspection.spaced_digits import join_spaced_digits


@pytest.mark.parametrize(
    ("kind", "label", "value"),
    [
        ("us_ssn", "SSN", "1 2 3 - 4 5 - 6 7 8 9"),
        ("us_ssn", "SSN", "1 2 3   4 5   6 7 8 9"),
        ("us_ssn", "ssn:", "1 2 3 4 5 6 7 8 9"),
        ("us_ssn", "SSN", "１ ２ ３ - ４ ５ - ６ ７ ８ ９"),
        ("us_ssn", "SSN", "1\u20092\u20093 \u2013 4\u20095 \u2013 6\u20097\u20098\u20099"),
        ("card_number", "paid by", "4 1 1 1  1 1 1 1  1 1 1 1  1 1 1 1"),
        ("card_number", "paid by", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"),
        ("phone_number", "call", "( 5 5 5 ) 1 2 3 - 4 5 6 7"),
        ("phone_number", "call", "5  5  5  -  1  2  3  -  4  5  6  7"),
        ("iban", "to", "D E 8 9  3 7 0 4  0 0 4 4  0 5 3 2  0 1 3 0  0 0"),
        ("date_of_birth", "DOB:", "0 3 / 0 5 / 1 9 6 1"),
    ],
)
def test_a_spaced_number_is_found_and_taken_out_whole(kind: str, label: str, value: str) -> None:
    text = f"Known, {label} {value}, so"
    found = inspect(text)
    assert [finding.type for finding in found] == [kind]
    assert redact(text, found) == f"Known, {label} [{kind.upper()}], so"


def test_a_spaced_number_hashes_like_the_number() -> None:
    spaced, plain = inspect("SSN 1 2 3 - 4 5 - 6 7 8 9; SSN 123-45-6789", hash_key=b"key")
    assert spaced.value_hash == plain.value_hash


@pytest.mark.parametrize(
    "text",
    [
        "1 0 0 1 1 0 1 0\n0 1 1 0 0 1 1 1\n1 1 0 1 0 0 1 0\n",
        "Pages: 1 2 3 4 5 6 7 8 9 10 next",
        "scores 5 4 4 3 5 5 2 1 4 and 3 3 4 5 1 2 2 3 4",
        "[0 0 1], [1 2 3], [4 5 6]",
        "print(1 + 2 - 3 / 4 * 5)",
    ],
)
def test_rows_of_single_digits_are_no_numbers(text: str) -> None:
    assert inspect(text) == ()


def test_a_text_without_spaced_digits_is_not_read_again() -> None:
    assert join_spaced_digits(b"Order 4111 1111 of 1 to 3, 2 or 4 items") is None


@given(st.text(st.sampled_from("0123456789   -/().+AB x\n"), max_size=400))
def test_each_byte_of_the_second_reading_stands_in_the_text_at_its_origin(text: str) -> None:
    data = text.encode()
    joined = join_spaced_digits(data)
    if joined is None:
        return
    assert len(joined.origins) == len(joined.data)
    assert list(joined.origins) == sorted(joined.origins)
    for row_start, row_end in zip(joined.row_starts, joined.row_ends, strict=True):
        origins = joined.origins[row_start:row_end]
        assert bytes(data[origin] for origin in origins) == joined.data[row_start:row_end]
        assert len(set(origins)) == len(origins)


@given(st.integers(1, 899).filter(lambda area: area != 666), st.integers(1, 99), st.integers(1, 9999), st.data())
def test_wherever_it_stands_a_spaced_number_is_found(area: int, group: int, serial: int, data: st.DataObject) -> None:
    number = " - ".join((" ".join(f"{area:03}"), " ".join(f"{group:02}"), " ".join(f"{serial:04}")))
    filling = st.lists(st.sampled_from(["so ", "then\n", "漢字 ", "x" * 150 + " ", "1 2 3 "]), max_size=3).map("".join)
    text = f"{data.draw(filling)}note, SSN {number}; {data.draw(filling)}"
    start = text.index(number)
    assert ("us_ssn", start, start + len(number)) in [
        (finding.type, finding.start, finding.end) for finding in inspect(text)
    ]
