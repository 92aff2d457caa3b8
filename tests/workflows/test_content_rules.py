"""What content rules block, in which texts, and how it is said without saying the value."""

import json
from collections.abc import Iterable

import pytest

from compliance.inspection import Finding, inspect
from compliance.inspection.person_model_state import PERSON_MODEL_PATH
from compliance.policy import PolicyDocument, builtin_policies, parse_policy
from tests.workflows.agents.fakes import make_policy
from workflows import content_rules
from workflows.content_checks import check_content
from workflows.content_rules import (
    LISTED_FINDINGS,
    BlockedFinding,
    describe_finding,
    explain_blocked,
    find_blocked_in,
    inspect_under,
    list_blocking_rules,
    list_types,
)

DETECTORS = "compliance.inspection.detectors"
NUMBER = "123-45-6789"
TEXT = f"The file number is {NUMBER}, as agreed."
PLACE = (TEXT.index(NUMBER), TEXT.index(NUMBER) + len(NUMBER))

NUMBERS = make_policy(
    "numbers",
    content=[
        {"types": ["us_ssn"], "action": "flag"},
        {"types": ["pii"], "action": "block_release"},
        {"types": ["us_ssn"], "action": "block_model_call"},
    ],
    detectors=[f"{DETECTORS}.numbers.TaxpayerNumberDetector"],
)
ADDRESSES = make_policy(
    "addresses",
    content=[{"types": ["email_address"], "action": "block"}],
    detectors=[f"{DETECTORS}.contact.EmailDetector"],
)


def builtin(name: str) -> PolicyDocument:
    return next(policy for policy in builtin_policies() if policy.name == name)


def requiring(policy: PolicyDocument, *proofs: str) -> PolicyDocument:
    return parse_policy({**policy.model_dump(mode="json", exclude_unset=True), "required_proofs": list(proofs)})


def digests(policies: Iterable[PolicyDocument]) -> set[str]:
    return {policy.digest for policy in policies}


@pytest.mark.parametrize("policy", [*builtin_policies(), NUMBERS, ADDRESSES], ids=lambda policy: policy.name)
@pytest.mark.parametrize("role", ["worker", "release"])
def test_the_rules_that_block_are_those_that_the_policy_names_for_the_role(policy: PolicyDocument, role: str) -> None:
    rules = list_blocking_rules(policy, content_rules.find_use(role))
    assert frozenset(name for rule in rules for name in policy.content[rule].types) == policy.blocked_types(role)


def test_what_is_blocked_depends_on_what_becomes_of_the_text() -> None:
    assert [entry.rule for entry in find_blocked_in(TEXT, [NUMBERS], "release")] == [1]
    assert [entry.rule for entry in find_blocked_in(TEXT, [NUMBERS], "model_call")] == [2]
    assert find_blocked_in(TEXT, [NUMBERS], "artifact") == ()
    assert find_blocked_in(TEXT, [NUMBERS], "tool_call") == ()


def test_what_any_policy_blocks_is_blocked_by_that_one() -> None:
    """Rule 12: neither policy alone finds both."""
    text = f"{TEXT} Write to anna@example.org."
    blocked = find_blocked_in(text, [ADDRESSES, NUMBERS], "release")
    assert [(entry.policy.name, entry.finding.type) for entry in blocked] == [
        ("numbers", "us_ssn"),
        ("addresses", "email_address"),
    ]
    assert list_types(blocked) == ("email_address", "us_ssn")


def test_a_policy_without_such_a_rule_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> tuple[Finding, ...]:
        raise AssertionError("inspected for nothing")

    monkeypatch.setattr(content_rules, "inspect", refuse)
    assert find_blocked_in(TEXT, [ADDRESSES, make_policy()], "model_call") == ()


def test_the_words_name_type_place_detector_and_policy_and_never_the_value() -> None:
    words = explain_blocked(find_blocked_in(TEXT, [NUMBERS], "release"))
    start, end = PLACE
    assert words == f"us_ssn at characters {start}–{end} (found by taxpayer_number, blocked by numbers v1)"


def test_the_words_name_a_few_findings_and_count_the_rest() -> None:
    finding = Finding("us_ssn", "pii", 0, 11, 0.9, "taxpayer_number")
    words = explain_blocked([BlockedFinding(NUMBERS, 1, finding)] * 7)
    assert words.count("us_ssn") == 3
    assert words.endswith("; and 4 more")


def test_a_finding_is_written_as_canonical_json_writes_it() -> None:
    """1.0 would come back as 1 from a certificate and as 1.0 from the record, which an auditor takes for tampering."""
    written = describe_finding(Finding("us_ssn", "pii", 0, 11, 1.0, "taxpayer_number"))
    assert type(written["confidence"]) is int
    assert describe_finding(Finding("us_ssn", "pii", 0, 11, 0.9, "taxpayer_number"))["confidence"] == 0.9


def test_the_checks_of_an_artifact_hold_their_inputs_and_no_value() -> None:
    policies = (NUMBERS, ADDRESSES)
    inspected, rules = check_content(TEXT, policies, "release", digests(policies))
    assert (inspected.name, inspected.passed) == ("content_inspected", True)
    assert [entry["name"] for entry in inspected.inputs["policies"]] == ["numbers", "addresses"]
    assert {entry["ner"] for entry in inspected.inputs["policies"]} == {"not_listed"}
    assert inspected.inputs["counts"] == {"us_ssn": 1}
    (found,) = inspected.inputs["findings"]
    assert (found["start"], found["end"]) == PLACE
    assert (rules.name, rules.passed) == ("content_rules", False)
    assert [entry["policy"] for entry in rules.inputs["rules"]] == ["numbers", "addresses"]
    (blocked,) = rules.inputs["blocked"]
    assert (blocked["policy_sha256"], blocked["rule"], blocked["action"]) == (NUMBERS.digest, 1, "block_release")
    assert NUMBER not in json.dumps([check.inputs for check in (inspected, rules)]) + inspected.detail + rules.detail


def test_with_a_key_each_finding_has_a_hash_by_which_equal_values_are_known() -> None:
    inspected, rules = check_content(f"{TEXT} {NUMBER}", (NUMBERS,), "release", {NUMBERS.digest}, hash_key=b"k" * 32)
    hashes = [entry["value_hash"] for entry in inspected.inputs["findings"]]
    assert len(hashes) == 2
    assert len(set(hashes)) == 1
    assert len(hashes[0]) == 64
    assert [entry["value_hash"] for entry in rules.inputs["blocked"]] == hashes


def test_long_lists_of_findings_are_cut_and_counted() -> None:
    many = " ".join(f"{NUMBER}," for _ in range(LISTED_FINDINGS + 20))
    inspected, rules = check_content(many, (NUMBERS,), "release", {NUMBERS.digest})
    assert (len(inspected.inputs["findings"]), len(rules.inputs["blocked"])) == (LISTED_FINDINGS, LISTED_FINDINGS)
    assert inspected.inputs["finding_count"] == rules.inputs["blocked_count"] == LISTED_FINDINGS + 20
    assert inspected.inputs["counts"] == {"us_ssn": LISTED_FINDINGS + 20}


def test_what_several_policies_find_alike_is_one_finding() -> None:
    twin = make_policy("twin", content=NUMBERS.model_dump(mode="json")["content"], detectors=list(NUMBERS.detectors))
    inspected, rules = check_content(TEXT, (NUMBERS, twin), "release", digests((NUMBERS, twin)))
    assert inspected.inputs["finding_count"] == 1
    assert {entry["policy"] for entry in rules.inputs["blocked"]} == {"numbers", "twin"}


def test_an_artifact_that_was_not_inspected_under_a_policy_of_its_lineage_fails_the_check() -> None:
    inspected, _ = check_content(TEXT, (NUMBERS,), "worker", digests((NUMBERS, ADDRESSES)))
    assert not inspected.passed
    assert ADDRESSES.digest[:12] in inspected.detail


@pytest.mark.parametrize(
    ("requires", "state", "passed"),
    [
        (True, "ran", True),
        (True, "not_installed", False),
        (True, "not_listed", False),
        (False, "ran", True),
        (False, "not_installed", None),
    ],
)
def test_whether_the_person_model_ran_is_a_check_where_it_ran_or_is_required(
    monkeypatch: pytest.MonkeyPatch, requires: bool, state: str, passed: bool | None
) -> None:
    monkeypatch.setattr(content_rules, "describe_person_model", lambda policy: state)
    policy = NUMBERS
    if state != "not_listed":
        policy = parse_policy({**NUMBERS.model_dump(mode="json"), "detectors": [*NUMBERS.detectors, PERSON_MODEL_PATH]})
    if requires:
        policy = requiring(policy, "ner_ran")
    checks = {check.name: check for check in check_content("Soup.", (policy,), "worker", {policy.digest})}
    assert (checks["ner_ran"].passed if "ner_ran" in checks else None) is passed
    assert checks["content_inspected"].inputs["policies"][0]["ner"] == state


def test_the_person_model_must_have_run_under_every_policy_that_is_concerned(monkeypatch: pytest.MonkeyPatch) -> None:
    """One policy lists the model, where it ran; the other requires the proof and does not list it."""
    listing = parse_policy({**NUMBERS.model_dump(mode="json"), "detectors": [*NUMBERS.detectors, PERSON_MODEL_PATH]})
    other = requiring(ADDRESSES, "ner_ran")
    monkeypatch.setattr(
        content_rules, "describe_person_model", lambda policy: "ran" if policy == listing else "not_listed"
    )
    checks = {check.name: check for check in check_content("Soup.", (listing, other), "worker", set())}
    assert not checks["ner_ran"].passed
    assert checks["ner_ran"].detail == "addresses v1: not listed"


def test_an_inspection_is_each_policys_own() -> None:
    (first, second) = inspect_under(f"{TEXT} anna@example.org", (NUMBERS, ADDRESSES))
    assert first.findings == inspect(f"{TEXT} anna@example.org", NUMBERS)
    assert {finding.type for finding in second.findings} == {"email_address"}
