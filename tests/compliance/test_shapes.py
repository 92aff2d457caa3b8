"""The shapes of JSON values that hold more than single members."""

from typing import Any

import pytest

from compliance.envelope import load_strict_json
from compliance.predicates import CHECK
from compliance.shapes import json_object

OLD_CHECK = {"name": "content_rules", "passed": True, "detail": "nothing is blocked"}


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"artifact_sha256": "0" * 64, "count": 2**53, "confidence": 0.95, "ner": None, "ok": True},
        {"findings": [{"type": "us_ssn", "start": 0, "end": 11}]},
    ],
)
def test_an_object_of_json_values_passes(value: dict[str, Any]) -> None:
    assert json_object(value, "inputs") is None


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([], "inputs: is not an object"),
        ("text", "inputs: is not an object"),
        ({"count": 2**53 + 1}, "inputs.count: is not a number of at most 2^53"),
        ({"count": -(2**60)}, "inputs.count: is not a number of at most 2^53"),
        ({"findings": [{"confidence": float("nan")}]}, "inputs.findings.0.confidence: is not a number of at most 2^53"),
        ({"confidence": 1e400}, "inputs.confidence: is not a number of at most 2^53"),
        ({"name": "\ud800"}, "inputs.name: holds a lone surrogate, which UTF-8 cannot express"),
        ({"\ud800": 1}, "inputs: holds a lone surrogate, which UTF-8 cannot express"),
        ({"value": b"bytes"}, "inputs.value: is not a JSON value"),
        ({"value": (1,)}, "inputs.value: is not a JSON value"),
    ],
)
def test_what_is_no_json_is_named_by_its_place(value: Any, problem: str) -> None:
    assert json_object(value, "inputs") == problem


@pytest.mark.parametrize("nested", ['{"a":' * 9 + "1" + "}" * 9, '{"a":' + "[" * 900 + "]" * 900 + "}"])
def test_nesting_is_bounded(nested: str) -> None:
    problem = json_object(load_strict_json(nested), "inputs")
    assert problem is not None
    assert problem.endswith("is nested too deeply")


def test_a_check_may_lack_its_inputs_and_nothing_else() -> None:
    """Certificates from before inputs were recorded verify for as long as they are kept."""
    assert CHECK(OLD_CHECK, "checks[0]") is None
    assert CHECK({**OLD_CHECK, "inputs": {"policies": []}}, "checks[0]") is None
    assert CHECK({**OLD_CHECK, "inputs": None}, "checks[0]") == "checks[0].inputs: is not an object"
    for name in OLD_CHECK:
        short = {member: value for member, value in OLD_CHECK.items() if member != name}
        assert CHECK(short, "checks[0]") == f"checks[0]: {name} is missing"
    assert "is not a member that this version knows" in str(CHECK({**OLD_CHECK, "inputs": {}, "note": ""}, "checks[0]"))
