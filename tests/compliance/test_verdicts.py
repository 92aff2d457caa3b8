"""Judging an execution by its checks."""

from compliance.verdicts import Check, judge
from tests.evidence_builder import EvidenceBuilder


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
