"""What a release needs besides its reviewers: an inspection under its whole lineage, and people's sign-offs."""

import pytest

from compliance.gate import Allow, Wait
from tests.evidence_builder import EvidenceBuilder, digest_of
from tests.reviewed_evidence import TEXT, build_review, refusal


def test_what_a_policy_blocks_is_not_released_whoever_signs() -> None:
    builder, release = build_review(sign_offs=1)
    builder.sign_off(release, TEXT)
    assert refusal(builder.ask(release, blocking=["us_ssn"])) == "content_blocked"


@pytest.mark.parametrize("left_out", ["lax", "strict"])
def test_what_was_not_inspected_under_every_policy_of_its_lineage_is_not_released(left_out: str) -> None:
    builder = EvidenceBuilder()
    policies = {name: builder.add_policy(name) for name in ("lax", "strict")}
    draft = builder.add_stage("draft", policy=policies["strict"])
    review = builder.add_stage("review", "reviewer", policy=policies["lax"], upstreams=["draft"])
    release = builder.add_stage("release", "release", policy=policies["lax"], upstreams=["review"])
    builder.run(draft, TEXT)
    builder.run(review)
    inspected = [policy.digest for name, policy in policies.items() if name != left_out]
    decision = builder.ask(release, inspected=inspected)
    assert refusal(decision) == "content_not_inspected"
    assert f"{left_out} v1" in decision.detail  # type: ignore[union-attr]
    assert isinstance(builder.ask(release, inspected=[*inspected, policies[left_out].digest, "00" * 32]), Allow)


def test_a_refusal_for_want_of_an_inspection_says_what_must_be_inspected_under_what() -> None:
    builder, release = build_review(sign_offs=1)
    decision = builder.ask(release, inspected=())
    assert refusal(decision) == "content_not_inspected"
    assert decision.lineage is not None
    assert decision.lineage.subject_digest == digest_of(TEXT)
    assert decision.lineage.policies == tuple(builder.documents)


def test_a_stage_that_puts_nothing_out_needs_no_inspection() -> None:
    builder = EvidenceBuilder()
    stage = builder.add_stage("review", "reviewer", policy=builder.add_policy(), document=TEXT)
    assert isinstance(builder.ask(stage, inspected=()), Allow)


def test_sign_offs_by_different_persons_are_needed() -> None:
    builder, release = build_review(sign_offs=2)
    waiting = builder.ask(release)
    assert (isinstance(waiting, Wait), waiting.required, waiting.present) == (True, 2, 0)  # type: ignore[union-attr]
    builder.sign_off(release, TEXT, signer="2")
    builder.sign_off(release, TEXT, signer="2")
    assert isinstance(builder.ask(release), Wait), "one person has signed for two"
    third = builder.sign_off(release, TEXT, signer="3")
    decision = builder.ask(release)
    assert isinstance(decision, Allow)
    assert decision.sign_offs == (builder.envelopes[3].digest, third)


@pytest.mark.parametrize("allowed", [False, True])
def test_the_requesters_own_sign_off_counts_only_where_the_policy_says_so(allowed: bool) -> None:
    builder, release = build_review(sign_offs=1, requester_may_sign=allowed)
    builder.sign_off(release, TEXT, signer="1")
    assert isinstance(builder.ask(release), Allow if allowed else Wait)


def test_one_policy_that_bars_the_requester_is_enough() -> None:
    builder = EvidenceBuilder()
    strict = builder.add_policy("strict", sign_offs=1)
    open_to_all = builder.add_policy("open", sign_offs=1, requester_may_sign=True)
    review = builder.add_stage("review", "reviewer", policy=strict, document=TEXT)
    release = builder.add_stage("release", "release", policy=open_to_all, upstreams=["review"])
    builder.run(review)
    builder.sign_off(release, TEXT, signer="1")
    assert isinstance(builder.ask(release), Wait)


def test_a_sign_off_of_other_bytes_or_of_another_execution_does_not_count() -> None:
    builder = EvidenceBuilder()
    policy = builder.add_policy(sign_offs=1)
    review = builder.add_stage("review", "reviewer", policy=policy, document=TEXT)
    release, other = (
        builder.add_stage(name, "release", policy=policy, upstreams=["review"]) for name in ("release", "other")
    )
    builder.run(review)
    builder.sign_off(release, "Other bytes.")
    builder.sign_off(other, TEXT)
    assert isinstance(builder.ask(release), Wait)


def test_one_refusal_outweighs_every_approval() -> None:
    builder, release = build_review(sign_offs=1)
    builder.sign_off(release, TEXT, signer="2")
    builder.sign_off(release, TEXT, signer="3", decision="reject")
    assert refusal(builder.ask(release)) == "sign_off_refused"
