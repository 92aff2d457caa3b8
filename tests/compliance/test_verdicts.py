"""Judging an execution by its checks."""

import base64
from typing import Any

import pytest

from compliance import statements
from compliance.chain import ChainError
from compliance.package import verify_package
from compliance.verdicts import Check, describe_check, find_verdict_problem, judge
from tests.evidence_builder import EvidenceBuilder
from tests.package_builder import build_package, build_reviewed_release
from tests.package_tampering import changed, places


def test_a_verdict_needs_every_proof_that_the_role_owes() -> None:
    builder = EvidenceBuilder()
    builder.add_policy(proofs=["content_rules", "digest_bound"])
    terms = list(builder.terms.values())
    passed = [Check("content_rules", True, ""), Check("review_approved", True, "")]
    assert judge(passed, terms, "reviewer") == ("compliant", ())
    assert judge(passed, terms, "release") == ("non_compliant", ("digest_bound", "sign_offs_complete"))
    assert judge(passed[1:], terms, "reviewer") == ("non_compliant", ("content_rules",))


def test_a_check_that_failed_once_is_not_healed_by_another_of_its_name() -> None:
    checks = [Check("content_rules", False, ""), Check("content_rules", True, "")]
    assert judge(checks, [], "worker")[0] == "non_compliant"


def test_roles_owe_their_own_proofs_under_any_policy() -> None:
    assert judge([], [], "worker") == ("compliant", ())
    assert judge([], [], "reviewer") == ("non_compliant", ("review_approved",))


def leave_inputs_out(check: Check) -> dict[str, Any]:
    return {"name": check.name, "passed": check.passed, "detail": check.detail}


def test_certificates_from_before_inputs_were_recorded_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "describe_check", leave_inputs_out)
    builder, package = build_reviewed_release()
    assert not any("inputs" in check for check in package["stages"][0]["execution"]["checks"])
    assert verify_package(package, builder.public_key_pem).ok
    for end in (entry for entry in builder.read() if entry.kind == "execution"):
        assert find_verdict_problem(builder.terms, end) is None


def test_what_a_check_says_that_it_was_given_is_signed() -> None:
    builder = EvidenceBuilder()
    stage = builder.add_stage("draft", policy=builder.add_policy(proofs=["content_rules"]))
    builder.run(stage, "Soup.", checks=[Check("content_rules", True, "", {"blocked_count": 0, "rules": [{"rule": 1}]})])
    builder.close()
    package = build_package(builder)
    assert verify_package(package, builder.public_key_pem).ok
    record = changed(package, "stages", 0, "execution", "checks", 0, "inputs", "blocked_count", to=1)
    assert "stages[0].execution.checks" in places(verify_package(record, builder.public_key_pem))
    scan = changed(package, "stages", 0, "compliance_package", "safety_scans", 0, "inputs", to={})
    assert "stages[0].compliance_package.safety_scans" in places(verify_package(scan, builder.public_key_pem))
    [position] = [entry.sequence for entry in builder.read() if entry.kind == "execution"]
    forged = changed(package, "certificates", position, "payload", to=_raise_count)
    assert f"certificates[{position}]" in places(verify_package(forged, builder.public_key_pem))


def _raise_count(payload: str) -> str:
    statement = base64.b64decode(payload)
    assert statement.count(b'"blocked_count":0') == 1
    return base64.b64encode(statement.replace(b'"blocked_count":0', b'"blocked_count":1')).decode()


@pytest.mark.parametrize(
    "inputs",
    [None, [], "text", {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": {}}}}}}}}}}],
    ids=["null", "a list", "a text", "too deep"],
)
def test_inputs_that_are_no_such_object_break_the_chain(monkeypatch: pytest.MonkeyPatch, inputs: Any) -> None:
    monkeypatch.setattr(statements, "describe_check", lambda check: {**describe_check(check), "inputs": inputs})
    builder = EvidenceBuilder()
    stage = builder.add_stage("draft", policy=builder.add_policy(proofs=["content_rules"]))
    builder.run(stage, "Soup.")
    with pytest.raises(ChainError, match=r"checks\[0\]\.inputs.*(is not an object|nested too deeply)"):
        builder.read()
