"""Findings of one value are seen to be of one value, by whoever has the key, and by nobody else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.inspection import Finding, inspect

KEY = b"k" * 32


def _hashes(text: str, key: bytes = KEY) -> list[str]:
    return [finding.value_hash for finding in inspect(text, hash_key=key)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SSN 123-45-6789", "SSN １２３-４５-６７８９"),
        ("SSN 123-45-6789", "SSN 12\u200b3-45-6789"),
        ("SSN 123-45-6789", "SSN 123 45 6789"),
        ("Card 4111 1111 1111 1111", "Card 4111111111111111"),
        ("Patient: John Smith\n", "Patient: JOHN SMITH\n"),
        ("Patient: John Smith\n", "Patient: J\u043ehn Smith\n"),
        ("john@example.org", "John@Example.org"),
    ],
)
def test_forms_of_one_value_hash_alike(one: str, other: str) -> None:
    assert _hashes(one) == _hashes(other)
    assert len(_hashes(one)) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SSN 123-45-6789", "SSN 123-45-6780"),
        ("password: Tr0ub4dor&3", "password: tr0ub4dor&3"),
        ("password: Tr0ub4dor&3", "password: Tr0ub4dor&&3"),
        ("password: 漢字漢字12", "password: 漢字字漢12"),
    ],
)
def test_other_values_hash_otherwise(one: str, other: str) -> None:
    assert len(_hashes(one)) == len(_hashes(other)) == 1
    assert _hashes(one) != _hashes(other)


def test_the_hash_depends_on_the_key_and_not_on_the_place() -> None:
    here, there = _hashes("SSN 123-45-6789, again: SSN 123-45-6789")
    assert here == there
    assert len(bytes.fromhex(here)) == 32
    assert _hashes("SSN 123-45-6789", b"another key") != [here]


def test_without_a_key_there_is_no_hash() -> None:
    assert [finding.value_hash for finding in inspect("SSN 123-45-6789")] == [""]


@given(st.text(st.sampled_from("0123456789-. @aZ漢é\ud800\u200b&;#"), max_size=60))
def test_any_value_can_be_hashed_and_nothing_else_changes(text: str) -> None:
    def bare(finding: Finding) -> tuple[str, int, int]:
        return finding.type, finding.start, finding.end

    text = f"password: {text}\n"
    hashed = inspect(text, hash_key=KEY)
    assert [bare(finding) for finding in hashed] == [bare(finding) for finding in inspect(text)]
    assert all(len(finding.value_hash) == 64 for finding in hashed)
