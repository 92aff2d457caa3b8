"""The checks that rest on certificates: each is made on the evidence at the end, and each can fail."""

from dataclasses import replace

import pytest

from compliance.gate import Allow, Evidence, Lineage
from compliance.statements import StageFacts
from tests.evidence_builder import EvidenceBuilder
from tests.journal_events import digest_of
from tests.reviewed_evidence import TEXT, build_review
from workflows.evidence_checks import (
    Basis,
    check_binding,
    check_grant,
    check_lineage,
    check_reviews,
    check_sign_offs,
    read_basis,
    select_terms,
)


def admit(builder: EvidenceBuilder, stage: StageFacts) -> Lineage:
    decision = builder.ask(stage)
    assert isinstance(decision, Allow), decision
    builder.admit(stage, decision)
    return decision.lineage


def basis_of(builder: EvidenceBuilder, stage: StageFacts, admitted: Lineage) -> Basis:
    return read_basis(builder.request(stage), admitted, builder.terms, builder.evidence)


@pytest.fixture
def released() -> tuple[EvidenceBuilder, StageFacts, Lineage]:
    """A release that two persons may sign, one has signed, and that was admitted."""
    builder, release = build_review(sign_offs=1)
    builder.sign_off(release, TEXT, signer="2")
    return builder, release, admit(builder, release)


def test_all_pass_on_the_evidence_of_an_honest_release(released: tuple[EvidenceBuilder, StageFacts, Lineage]) -> None:
    builder, release, admitted = released
    basis = basis_of(builder, release, admitted)
    digest = digest_of(TEXT)
    checks = [
        check_lineage(basis),
        check_grant(basis),
        check_reviews(basis, digest),
        check_binding(basis, digest),
        check_sign_offs(basis),
    ]
    assert [(check.name, check.passed) for check in checks] == [
        ("lineage_verified", True),
        ("grant_within_ceiling", True),
        ("review_approved", True),
        ("digest_bound", True),
        ("sign_offs_complete", True),
    ]
    lineage, grant, reviews, binding, sign_offs = (check.inputs for check in checks)
    (upstream,) = admitted.upstreams
    assert lineage["upstreams"] == [{"stage_id": "review", "certificate_sha256": upstream.certificate_digest}]
    assert lineage["policies"] == list(builder.documents)
    assert grant["granted"] == builder.grants["release"]["effective"]
    assert grant["policy_sha256"] in builder.documents
    assert [review["certificate_sha256"] for review in reviews["reviews"]] == [upstream.certificate_digest]
    assert binding == {"released_sha256": digest, "approved_sha256": digest}
    assert sign_offs["required"] == 1
    assert [entry.kind for entry in builder.read() if entry.digest in sign_offs["sign_offs"]] == ["sign_off"]


def test_a_certificate_that_no_longer_verifies_fails_what_rests_on_it(
    released: tuple[EvidenceBuilder, StageFacts, Lineage],
) -> None:
    builder, release, admitted = released
    basis = read_basis(
        builder.request(release), admitted, builder.terms, Evidence(builder.evidence.certificates, keys={})
    )
    checks = [check_lineage(basis), check_reviews(basis, digest_of(TEXT)), check_sign_offs(basis)]
    assert [check.passed for check in checks] == [False, False, False]
    assert "which is not trusted" in checks[0].detail


def test_a_lineage_that_is_not_the_admitted_one_fails(released: tuple[EvidenceBuilder, StageFacts, Lineage]) -> None:
    builder, release, admitted = released
    for other in (
        replace(admitted, policies=(*admitted.policies, "0" * 64)),
        replace(admitted, upstreams=()),
        replace(admitted, subject_digest="0" * 64),
    ):
        check = check_lineage(basis_of(builder, release, other))
        assert not check.passed, other
        assert check.detail == "the certificates no longer say what they did at admission"


def test_a_stage_that_has_ended_meanwhile_fails_its_lineage() -> None:
    builder = EvidenceBuilder()
    stage = builder.add_stage("draft", policy=builder.add_policy())
    admitted = admit(builder, stage)
    builder.end(stage, Allow(admitted), builder.envelopes[-1].digest, artifact=TEXT)
    check = check_lineage(basis_of(builder, stage, admitted))
    assert not check.passed
    assert "stage_already_ended" in check.detail


def test_a_grant_beyond_the_ceiling_fails() -> None:
    builder = EvidenceBuilder()
    policy = builder.add_policy(ceiling=["document:read:reports"])
    stage = builder.add_stage("draft", policy=policy, granted=["document:read:reports"])
    admitted = admit(builder, stage)
    basis = basis_of(builder, stage, admitted)
    assert check_grant(basis).passed
    wider = replace(basis, request=replace(basis.request, granted=("document:write:reports",)))
    check = check_grant(wider)
    assert not check.passed
    assert "document:write:reports" in check.detail
    unknown = check_grant(replace(basis, terms={}))
    assert (unknown.passed, unknown.detail) == (False, "its policy is not known")


def test_a_text_that_the_reviewer_did_not_approve_fails_review_and_binding(
    released: tuple[EvidenceBuilder, StageFacts, Lineage],
) -> None:
    builder, release, admitted = released
    basis = basis_of(builder, release, admitted)
    other = digest_of("Another text.")
    assert not check_reviews(basis, other).passed
    assert not check_binding(basis, other).passed
    assert check_reviews(basis, other).detail == "not approved by review"


def test_missing_and_refused_sign_offs_fail() -> None:
    builder, release = build_review(sign_offs=2)
    decision = builder.ask(release)
    lineage = decision.lineage
    assert lineage is not None
    builder.sign_off(release, TEXT, signer="2")
    few = check_sign_offs(basis_of(builder, release, lineage))
    assert (few.passed, few.detail) == (False, "1 sign-offs given, 2 required")
    builder.sign_off(release, TEXT, signer="2")
    assert not check_sign_offs(basis_of(builder, release, lineage)).passed, "one person has signed for two"
    builder.sign_off(release, TEXT, signer="3")
    assert check_sign_offs(basis_of(builder, release, lineage)).passed
    unread = replace(basis_of(builder, release, lineage), terms={})
    assert not check_sign_offs(unread).passed, "what an unknown policy asks for cannot have been given"
    builder.sign_off(release, TEXT, signer="4", decision="reject")
    refused = check_sign_offs(basis_of(builder, release, lineage))
    assert (refused.passed, refused.detail) == (False, "a person refused to sign")


def test_an_execution_is_judged_by_every_policy_of_its_lineage(
    released: tuple[EvidenceBuilder, StageFacts, Lineage],
) -> None:
    builder, release, admitted = released
    basis = basis_of(builder, release, admitted)
    assert {terms.digest for terms in select_terms(basis)} == set(admitted.policies)
