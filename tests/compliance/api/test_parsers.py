import contextlib
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from compliance.api.errors import BodyTooLarge
from compliance.api.parsers import MAX_DEPTH, StrictJSONParser, parse_json

# Strings that UTF-8 and PostgreSQL can hold.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
documents: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda members: st.lists(members, max_size=4) | st.dictionaries(texts, members, max_size=4),
    max_leaves=20,
)


@given(documents)
def test_every_storable_document_is_read_back(document: Any) -> None:
    assert parse_json(json.dumps(document).encode()) == document
    assert parse_json(json.dumps(document, ensure_ascii=False).encode()) == document


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused_and_never_fail_otherwise(raw: bytes) -> None:
    with contextlib.suppress(ParseError):
        parse_json(raw)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1} x', "not JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "twice"),
        (b'{"a": 1, "\\u0061": 2}', "twice"),
        (b"[NaN]", "NaN"),
        (b"[-Infinity]", "Infinity"),
        (b"[1e999]", "too large"),
        (b"[" + b"9" * 5000 + b"]", "too large"),
        (b'{"a": "x\\u0000y"}', "NUL"),
        (b'{"\\u0000": 1}', "NUL"),
        (b'["\\ud800"]', "surrogate"),
        (b'["\\uDFFF tail"]', "surrogate"),
        (b'["raw \x00 nul"]', "not JSON"),
    ],
)
def test_what_two_readers_could_differ_on_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        parse_json(raw)


@pytest.mark.parametrize("raw", [b'["\\ud83d\\ude00"]', b'["\\\\u0000"]', b'["[[[[", "\\"{{{"]'])
def test_what_only_looks_like_it_is_read(raw: bytes) -> None:
    assert parse_json(raw) == json.loads(raw)


def test_nesting_is_allowed_up_to_the_limit() -> None:
    assert parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    with pytest.raises(ParseError, match="nested"):
        parse_json(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"":'])
def test_a_megabyte_of_nesting_is_refused_without_recursion(opening: bytes) -> None:
    with pytest.raises(ParseError, match="nested"):
        parse_json(opening * (900_000 // len(opening)))


def test_a_megabyte_of_text_is_read() -> None:
    document = {"document": 'x"\\[{' * 150_000}
    assert parse_json(json.dumps(document).encode()) == document


def test_a_body_over_the_limit_is_too_large_whatever_it_announced() -> None:
    with pytest.raises(BodyTooLarge):
        StrictJSONParser().parse(io.BytesIO(b'"' + b"x" * 1_000_000 + b'"'))


def test_a_refusal_does_not_quote_the_body() -> None:
    with pytest.raises(ParseError) as refusal:
        parse_json(b'{"password": "hunter2",,}')
    assert "hunter2" not in str(refusal.value)
