"""What is found in the many texts of one call, however a value is written into them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.workflows.agents.fakes import make_policy
from workflows.agents.call_content import Passage, collect_passages, cut_tail, find_blocked_passages
from workflows.content_rules import BlockedFinding

DETECTORS = "compliance.inspection.detectors"
NUMBER = "123-45-6789"
FULL_WIDTH = "".join(chr(ord(character) + 0xFEE0) for character in NUMBER)
ZERO_WIDTH = "\u200b".join(NUMBER)

POLICY = make_policy(
    "strict",
    content=[{"types": ["us_ssn", "medical_record_number", "privilege"], "action": "block_tool_call"}],
    detectors=[
        f"{DETECTORS}.numbers.TaxpayerNumberDetector",
        f"{DETECTORS}.numbers.LabelledNumberDetector",
        f"{DETECTORS}.markers.PrivilegeDetector",
    ],
)
LAX = make_policy(
    "lax",
    content=[{"types": ["us_ssn"], "action": "block"}],
    detectors=[f"{DETECTORS}.numbers.TaxpayerNumberDetector"],
)


def find(value: Any, before: str = "") -> tuple[BlockedFinding, ...]:
    return find_blocked_passages(collect_passages(value, "the value"), [LAX, POLICY], "tool_call", before=before)


def nest(value: Any, levels: int) -> Any:
    for _ in range(levels):
        value = json.dumps({"inner": value})
    return value


@pytest.mark.parametrize(
    "value",
    [
        NUMBER,
        FULL_WIDTH,
        ZERO_WIDTH,
        {"text": NUMBER},
        {NUMBER: "a name may hold it as well"},
        [["deep", {"list": [NUMBER]}]],
        json.dumps({"text": FULL_WIDTH}),
        f"  {json.dumps({'text': ZERO_WIDTH})}",
        f'{{"text": {json.dumps(FULL_WIDTH)}, "text": "the second of that name"}}',
        "[" * 60 + json.dumps(FULL_WIDTH) + "]" * 60,
        nest(NUMBER, 4),
        "as in " + "".join(f"\\u{ord(character):04x}" for character in NUMBER),
        ["123-45-", "6789"],
        ["123", "-45-", "6789"],
        {"first": "123-45-", "second": "6789"},
        ["soup", "123-45-", "6789", "soup"],
        ["soup", "123", "-45-", "6789", "soup"],
        {"label": "MRN", "value": "00123456"},
        {"medical_record_number": "00123456"},
        {"MRN": 4711234567},
        {"one": "attorney-client", "two": "privileged communication"},
    ],
    ids=str,
)
def test_a_value_is_found_however_it_is_written(value: Any) -> None:
    assert find(value), value


@pytest.mark.parametrize(
    "value",
    [
        "",
        None,
        True,
        {},
        [],
        {"text": "The soup is ready."},
        "{",
        '{"a": ',
        "[" * 5000,
        4711,
        {"count": 3, "ok": None},
        [123, 45, 6789, 123.45, 67.89, 1],
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_holds_nothing_passes(value: Any) -> None:
    assert find(value) == ()


def test_a_policy_without_the_rule_lets_it_pass() -> None:
    passages = collect_passages({"text": NUMBER}, "the value")
    assert find_blocked_passages(passages, [LAX], "tool_call") == ()
    assert find_blocked_passages(passages, [POLICY], "model_call") == ()


def test_a_finding_has_its_place_in_the_text_that_holds_it() -> None:
    (found,) = find(["Soup.", f"The number is {NUMBER}."])
    assert (found.place, found.finding.start, found.finding.end) == ("the value, text 2 in it", 14, 25)
    (alone,) = find(f"The number is {NUMBER}.")
    assert (alone.place, alone.finding.start, alone.finding.end) == ("the value", 14, 25)


def test_a_place_says_nothing_of_what_is_in_the_call() -> None:
    places = {found.place for found in find({NUMBER: {NUMBER: NUMBER}})}
    assert all(place.startswith("the value, text ") and NUMBER not in place for place in places), places


def test_a_value_that_is_cut_by_the_end_of_a_call_is_found_in_the_next() -> None:
    first = collect_passages(["Soup.", "The number is 123-45-"], "the value")
    assert find_blocked_passages(first, [POLICY], "tool_call") == ()
    (found,) = find("6789 it is.", cut_tail(first))
    assert found.place == "what went before and what follows it"


def test_the_ends_of_a_long_text_are_no_neighbours() -> None:
    assert find(["123-45-" + "x" * 1000 + "6789", "and more"]) == ()
    (found,) = find(["x" * 1000 + " 123-45-", "6789 " + "x" * 1000])
    assert (found.place, found.finding.start) == ("the value, text 1 in it and what follows it", 1001)


def test_of_a_text_with_too_many_parts_the_escapes_are_read_still() -> None:
    escaped = "".join(f"\\u{ord(character):04x}" for character in NUMBER)
    assert find("[" + "1," * 30_000 + f'"{escaped}"]')


def test_a_passage_of_a_name_is_no_value_that_another_could_continue() -> None:
    assert find_blocked_passages(
        [Passage("a", "123-45-"), Passage("b", "of", is_name=True), Passage("c", "6789")], [POLICY], "tool_call"
    )


def plant(value: Any, path: list[int]) -> Any:
    """Put the number into a JSON value, where the path leads: beside what is there, or in the place of a scalar."""
    if isinstance(value, list) and value:
        index = (path[0] if path else 0) % len(value)
        return [*value[:index], plant(value[index], path[1:]), *value[index + 1 :]]
    if isinstance(value, dict) and value:
        name = sorted(value)[(path[0] if path else 0) % len(value)]
        return {**value, name: plant(value[name], path[1:])}
    return NUMBER


@hypothesis_settings(max_examples=80, deadline=None)
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=12,
    ),
    path=st.lists(st.integers(0, 9), max_size=6),
    encoded=st.integers(0, 3),
)
def test_wherever_in_a_json_value_a_number_stands_it_is_found(value: Any, path: list[int], encoded: int) -> None:
    planted = plant(value, path)
    for _ in range(encoded):
        planted = json.dumps(planted)
    found = find(planted)
    assert "us_ssn" in {entry.finding.type for entry in found}
    assert all(entry.place.startswith("the value") for entry in found)
