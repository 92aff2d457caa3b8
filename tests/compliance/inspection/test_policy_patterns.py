"""What a policy's own patterns find: with its own types, in the text as it was meant, beside the detectors."""

from __future__ import annotations

from typing import Any

from compliance.inspection import inspect, matches, redact
from compliance.policy import PolicyDocument, builtin_policies, parse_policy


def _policy(content: list[dict[str, Any]], *patterns: tuple[str, str, str]) -> PolicyDocument:
    document = builtin_policies()[0].model_dump(mode="json")
    document["content"] = content
    document["patterns"] = [
        {"type": name, "category": category, "pattern": pattern} for name, category, pattern in patterns
    ]
    return parse_policy(document)


STUDY = ("study_number", "phi", r"\bST-[0-9]{4}\b")


def test_a_type_of_the_policys_own_is_found_matched_and_taken_out() -> None:
    policy = _policy([{"types": ["study_number"], "action": "block"}], STUDY)
    text = "In study ST-0042 we saw"
    (finding,) = inspect(text, policy)
    assert (finding.type, finding.category, finding.detector) == ("study_number", "phi", "pattern")
    assert text[finding.start : finding.end] == "ST-0042"
    assert matches(finding, policy.blocked_types("worker"))
    assert redact(text, [finding]) == "In study [STUDY_NUMBER] we saw"


def test_a_rule_may_name_its_category_only() -> None:
    policy = _policy([{"types": ["phi"], "action": "flag"}], STUDY)
    assert [finding.type for finding in inspect("ST-0042", policy)] == ["study_number"]


def test_what_no_rule_names_is_not_reported() -> None:
    policy = _policy([{"types": ["secret"], "action": "flag"}], STUDY)
    assert inspect("ST-0042", policy) == ()


def test_a_pattern_sees_through_what_hides_a_value() -> None:
    policy = _policy([{"types": ["study_number"], "action": "flag"}], STUDY)
    text = "see Ｓ\u200bＴ‑００４２!"
    (finding,) = inspect(text, policy)
    assert text[finding.start : finding.end] == "Ｓ\u200bＴ‑００４２"


def test_a_pattern_and_a_detector_on_one_place_settle_as_detectors_do() -> None:
    badge = ("badge", "pii", r"badge [0-9-]+")
    alike = _policy([{"types": ["badge", "us_ssn"], "action": "flag"}], badge)
    assert [finding.type for finding in inspect("badge 123-45-6789", alike)] == ["badge"]
    stricter = _policy([{"types": ["badge"], "action": "flag"}, {"types": ["us_ssn"], "action": "block"}], badge)
    assert [finding.type for finding in inspect("badge 123-45-6789", stricter)] == ["badge", "us_ssn"]


def test_what_a_pattern_finds_has_a_hash_too() -> None:
    policy = _policy([{"types": ["study_number"], "action": "flag"}], STUDY)
    one, other = inspect("ST-0042 ＳＴ-００４２", policy, hash_key=b"key")
    assert one.value_hash == other.value_hash != ""


def test_a_pattern_sees_spaced_digits_and_every_stretch_of_a_repetition() -> None:
    policy = _policy([{"types": ["study_number"], "action": "flag"}], ("study_number", "phi", r"\bstudy [0-9]{6}\b"))
    text = "in study 1 2 3 4 5 6 here"
    (finding,) = inspect(text, policy)
    assert text[finding.start : finding.end] == "study 1 2 3 4 5 6"
    assert len(inspect("study 123456, " * 5_000, policy)) == 5_000
