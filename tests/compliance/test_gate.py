"""The gate: what it admits, what it refuses and why, and what it can never be talked into."""

import json
from dataclasses import replace
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from compliance.envelope import parse_envelope
from compliance.gate import (
    AdmissionRequest,
    Allow,
    Check,
    Evidence,
    Permit,
    Refuse,
    Wait,
    decide,
    decide_tool_call,
    judge,
    read_policy_terms,
    read_request,
)
from compliance.statements import StageFacts
from tests.evidence_builder import EvidenceBuilder, digest_of, sign

TEXT = "The cafeteria opens at eight."


def build_review(**policy: Any) -> tuple[EvidenceBuilder, StageFacts]:
    """A workflow whose reviewer has approved TEXT, and whose release is still to be asked about."""
    builder = EvidenceBuilder()
    facts = builder.add_policy(**policy)
    review = builder.add_stage("review", "reviewer", policy=facts, document=TEXT)
    release = builder.add_stage("release", "release", policy=facts, upstreams=["review"])
    builder.run(review)
    return builder, release


def refusal(decision: Allow | Wait | Refuse) -> str:
    assert isinstance(decision, Refuse), decision
    return decision.code


# --- lineage


def test_a_release_is_admitted_for_exactly_the_approved_digest() -> None:
    builder, release = build_review()
    decision = builder.ask(release)
    assert isinstance(decision, Allow)
    assert decision.lineage.subject_digest == digest_of(TEXT)
    assert [binding.certificate_digest for binding in decision.lineage.upstreams] == [builder.envelopes[1].digest]


def test_a_release_that_names_no_reviewer_is_refused() -> None:
    builder = EvidenceBuilder()
    policy = builder.add_policy()
    builder.run(builder.add_stage("work", policy=policy), TEXT)
    release = builder.add_stage("release", "release", policy=policy, upstreams=["work"])
    assert refusal(builder.ask(release)) == "no_reviewer"


def test_a_stage_whose_upstream_has_not_run_is_refused() -> None:
    builder, _ = build_review()
    late = builder.add_stage("late", policy=builder.stage_policies["review"], upstreams=["review", "nothing"])
    assert refusal(builder.ask(late)) == "upstream_evidence_missing"


@pytest.mark.parametrize("status", ["failed", "blocked", "cancelled"])
def test_an_upstream_that_did_not_complete_is_refused(status: str) -> None:
    builder = EvidenceBuilder()
    policy = builder.add_policy()
    review = builder.add_stage("review", "reviewer", policy=policy, document=TEXT)
    release = builder.add_stage("release", "release", policy=policy, upstreams=["review"])
    builder.run(review, status=status, reason=("provider_error", ""))
    assert refusal(builder.ask(release)) == "upstream_not_completed"


def test_a_rejecting_reviewer_is_refused() -> None:
    builder = EvidenceBuilder()
    policy = builder.add_policy()
    review = builder.add_stage("review", "reviewer", policy=policy, document=TEXT)
    release = builder.add_stage("release", "release", policy=policy, upstreams=["review"])
    decision = builder.ask(review)
    assert isinstance(decision, Allow)
    failed = [Check("review_approved", False, "the reviewer's answer is rejected")]
    builder.end(review, decision, builder.admit(review, decision), artifact=None, answer="rejected", checks=failed)
    assert refusal(builder.ask(release)) == "upstream_not_compliant"


@pytest.mark.parametrize(
    "ending",
    [
        {"verdict": "compliant", "checks": ()},
        {"verdict": "compliant", "checks": [Check("review_approved", False, "")]},
        {"verdict": "compliant", "checks": [Check("lineage_verified", True, ""), Check("content_inspected", True, "")]},
        {"answer": "rejected"},
        {"answer": "none"},
        {"text": "Another text than the one under review."},
    ],
    ids=["no checks", "a check that failed", "no review", "rejected", "nothing answered", "another text"],
)
def test_a_verdict_that_its_own_certificate_does_not_bear_out_is_refused(ending: dict[str, Any]) -> None:
    """Not even a certificate that the trusted key signed is taken at its word."""
    builder = EvidenceBuilder()
    policy = builder.add_policy()
    review = builder.add_stage("review", "reviewer", policy=policy, document=TEXT)
    release = builder.add_stage("release", "release", policy=policy, upstreams=["review"])
    builder.run(review, **ending)
    assert refusal(builder.ask(release)) == "upstream_not_compliant"


def test_a_modified_text_is_what_is_released() -> None:
    builder = EvidenceBuilder()
    policy = builder.add_policy()
    review = builder.add_stage("review", "reviewer", policy=policy, document=TEXT)
    release = builder.add_stage("release", "release", policy=policy, upstreams=["review"])
    builder.run(review, "A better text.", answer="modified")
    decision = builder.ask(release)
    assert isinstance(decision, Allow)
    assert decision.lineage.subject_digest == digest_of("A better text.")


def test_reviewers_that_approved_different_texts_release_neither() -> None:
    builder = EvidenceBuilder()
    policy = builder.add_policy()
    for name, text in (("first", TEXT), ("second", "Another.")):
        builder.run(builder.add_stage(name, "reviewer", policy=policy, document=text))
    release = builder.add_stage("release", "release", policy=policy, upstreams=["first", "second"])
    assert refusal(builder.ask(release)) == "approvals_differ"


def test_a_worker_named_beside_the_reviewer_lends_no_bytes() -> None:
    builder, _ = build_review()
    policy = builder.stage_policies["review"]
    builder.run(builder.add_stage("work", policy=policy), "Bytes of a worker.")
    release = builder.add_stage("other", "release", policy=policy, upstreams=["work", "review"])
    decision = builder.ask(release)
    assert isinstance(decision, Allow)
    assert decision.lineage.subject_digest == digest_of(TEXT)


def test_a_reviewer_of_several_texts_is_refused() -> None:
    builder = EvidenceBuilder()
    policy = builder.add_policy()
    for name in ("one", "two"):
        builder.run(builder.add_stage(name, policy=policy), f"Text {name}.")
    both = builder.add_stage("both", "reviewer", policy=policy, upstreams=["one", "two"])
    mixed = builder.add_stage("mixed", "reviewer", policy=policy, upstreams=["one"], document="A third.")
    assert [refusal(builder.ask(stage)) for stage in (both, mixed)] == ["ambiguous_subject"] * 2


def test_the_last_certificate_of_an_upstream_counts() -> None:
    builder, release = build_review()
    review = replace(builder.stages[0])
    decision = builder.ask(review)
    assert isinstance(decision, Allow)
    builder.execution_id = lambda stage: f"second of {stage.id}"  # type: ignore[method-assign]
    builder.end(review, decision, builder.admit(review, decision), artifact=None, status="failed", reason=("x", ""))
    assert refusal(builder.ask(release)) == "upstream_not_completed"


# --- evidence and policies


@given(st.data())
def test_evidence_with_any_byte_changed_admits_nothing(data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(REVIEWED.envelopes) - 1))
    payload = bytearray(REVIEWED.envelopes[index].payload)
    payload[data.draw(st.integers(0, len(payload) - 1))] ^= data.draw(st.integers(1, 255))
    certificates = list(REVIEWED.envelopes)
    certificates[index] = replace(certificates[index], payload=bytes(payload))
    evidence = Evidence(tuple(certificates), REVIEWED.keys)
    assert refusal(decide(REVIEWED.terms, REVIEWED.request(RELEASE), evidence)) == "evidence_invalid"


def test_evidence_signed_by_another_key_admits_nothing() -> None:
    evidence = replace(REVIEWED.evidence, keys=EvidenceBuilder().keys)
    assert refusal(decide(REVIEWED.terms, REVIEWED.request(RELEASE), evidence)) == "evidence_invalid"


def test_evidence_of_another_workflow_admits_nothing() -> None:
    request = replace(REVIEWED.request(RELEASE), workflow_id="another")
    assert refusal(decide(REVIEWED.terms, request, REVIEWED.evidence)) == "evidence_invalid"


def test_an_unknown_policy_admits_nothing() -> None:
    assert refusal(decide({}, REVIEWED.request(RELEASE), REVIEWED.evidence)) == "policy_unknown"


def test_an_upstream_under_an_unknown_policy_admits_nothing() -> None:
    builder = EvidenceBuilder()
    lax, strict = builder.add_policy("lax"), builder.add_policy("strict")
    builder.run(builder.add_stage("review", "reviewer", policy=strict, document=TEXT))
    release = builder.add_stage("release", "release", policy=lax, upstreams=["review"])
    known = {digest: terms for digest, terms in builder.terms.items() if digest != strict.digest}
    assert refusal(decide(known, builder.request(release), builder.evidence)) == "policy_unknown"


def test_a_closed_workflow_admits_nothing_more() -> None:
    builder, release = build_review()
    builder.close()
    assert refusal(builder.ask(release)) == "workflow_closed"


def test_a_role_that_is_not_known_is_refused_not_let_through() -> None:
    request = replace(REVIEWED.request(RELEASE), role="Release")
    assert refusal(decide(REVIEWED.terms, request, REVIEWED.evidence)) == "evidence_invalid"


# --- no laundering through a laxer policy


def count_sign_offs(builder: EvidenceBuilder, release: StageFacts) -> int:
    decision = builder.ask(release)
    return decision.required if isinstance(decision, Wait) else 0


def test_the_strictest_policy_of_the_lineage_holds() -> None:
    builder = EvidenceBuilder()
    lax, strict = builder.add_policy("lax"), builder.add_policy("strict", sign_offs=2)
    builder.run(builder.add_stage("draft", policy=strict), TEXT)
    builder.run(builder.add_stage("review", "reviewer", policy=lax, upstreams=["draft"]))
    release = builder.add_stage("release", "release", policy=lax, upstreams=["review"])
    assert count_sign_offs(builder, release) == 2


def test_the_same_bytes_under_a_stricter_policy_count_without_being_named() -> None:
    builder = EvidenceBuilder()
    lax, strict = builder.add_policy("lax"), builder.add_policy("strict", sign_offs=1)
    builder.run(builder.add_stage("strict", "reviewer", policy=strict, document=TEXT))
    builder.run(builder.add_stage("review", "reviewer", policy=lax, document=TEXT))
    release = builder.add_stage("release", "release", policy=lax, upstreams=["review"])
    assert count_sign_offs(builder, release) == 1


def test_rewording_a_text_does_not_shed_the_policies_it_was_under() -> None:
    """The strict stage handles the text only after the lax reviewer has reworded it, and names nobody."""
    builder = EvidenceBuilder()
    lax, strict = builder.add_policy("lax"), builder.add_policy("strict", sign_offs=1)
    builder.run(builder.add_stage("review", "reviewer", policy=lax, document=TEXT), "Reworded.", answer="modified")
    builder.run(builder.add_stage("strict", policy=strict, document=TEXT), "Something else.")
    release = builder.add_stage("release", "release", policy=lax, upstreams=["review"])
    assert count_sign_offs(builder, release) == 1


def test_a_strict_stage_that_was_refused_still_counts() -> None:
    builder = EvidenceBuilder()
    lax, strict = builder.add_policy("lax"), builder.add_policy("strict", sign_offs=1)
    refused = builder.add_stage("strict", "reviewer", policy=strict, document=TEXT)
    builder.admit(refused, Refuse("grant_exceeds_ceiling", ""))
    builder.run(builder.add_stage("review", "reviewer", policy=lax, document=TEXT))
    release = builder.add_stage("release", "release", policy=lax, upstreams=["review"])
    assert count_sign_offs(builder, release) == 1


# --- content and sign-offs


def test_what_a_policy_blocks_is_not_released_whoever_signs() -> None:
    builder, release = build_review(sign_offs=1)
    builder.sign_off(release, TEXT)
    assert refusal(builder.ask(release, blocking=["us_ssn"])) == "content_blocked"


@pytest.mark.parametrize("left_out", ["lax", "strict"])
def test_what_was_not_inspected_under_every_policy_of_its_lineage_is_not_released(left_out: str) -> None:
    builder = EvidenceBuilder()
    policies = {name: builder.add_policy(name) for name in ("lax", "strict")}
    builder.run(builder.add_stage("draft", policy=policies["strict"]), TEXT)
    builder.run(builder.add_stage("review", "reviewer", policy=policies["lax"], upstreams=["draft"]))
    release = builder.add_stage("release", "release", policy=policies["lax"], upstreams=["review"])
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
    assert decision.sign_offs == (builder.envelopes[2].digest, third)


@pytest.mark.parametrize("allowed", [False, True])
def test_the_requesters_own_sign_off_counts_only_where_the_policy_says_so(allowed: bool) -> None:
    builder, release = build_review(sign_offs=1, requester_may_sign=allowed)
    builder.sign_off(release, TEXT, signer="1")
    assert isinstance(builder.ask(release), Allow if allowed else Wait)


def test_one_policy_that_bars_the_requester_is_enough() -> None:
    builder = EvidenceBuilder()
    strict = builder.add_policy("strict", sign_offs=1)
    open_to_all = builder.add_policy("open", sign_offs=1, requester_may_sign=True)
    builder.run(builder.add_stage("review", "reviewer", policy=strict, document=TEXT))
    release = builder.add_stage("release", "release", policy=open_to_all, upstreams=["review"])
    builder.sign_off(release, TEXT, signer="1")
    assert isinstance(builder.ask(release), Wait)


def test_a_sign_off_of_other_bytes_or_of_another_execution_does_not_count() -> None:
    builder, release = build_review(sign_offs=1)
    other = builder.add_stage("other", "release", policy=builder.stage_policies["review"], upstreams=["review"])
    builder.sign_off(release, "Other bytes.")
    builder.sign_off(other, TEXT)
    assert isinstance(builder.ask(release), Wait)


def test_one_refusal_outweighs_every_approval() -> None:
    builder, release = build_review(sign_offs=1)
    builder.sign_off(release, TEXT, signer="2")
    builder.sign_off(release, TEXT, signer="3", decision="reject")
    assert refusal(builder.ask(release)) == "sign_off_refused"


# --- grants and tool calls


@pytest.mark.parametrize(
    ("granted", "role"),
    [
        (["network:smtp:send"], "worker"),
        (["document:*"], "worker"),
        (["document:write:secrets"], "worker"),
        (["document:write:reports"], "reviewer"),
        (["not a capability"], "worker"),
        ([""], "worker"),
        (["*"], "worker"),
    ],
)
def test_a_grant_beyond_policy_or_role_is_refused(granted: list[str], role: str) -> None:
    builder = EvidenceBuilder()
    policy = builder.add_policy(ceiling=["document:*"], forbidden=["document:write:secrets"])
    stage = builder.add_stage("stage", role, policy=policy, document=TEXT)
    assert refusal(builder.ask(stage, granted=granted)) == "grant_exceeds_ceiling"


def test_a_wildcard_under_a_wildcard_ceiling_is_held_against_every_call() -> None:
    builder = EvidenceBuilder()
    stage = builder.add_stage("stage", policy=builder.add_policy(forbidden=["network:smtp"]))
    assert isinstance(builder.ask(stage, granted=["*"]), Allow)
    assert isinstance(decide_tool_call("document:read:reports", ["*"], ["network:smtp"], "worker"), Permit)
    assert isinstance(decide_tool_call("network:smtp:send", ["*"], ["network:smtp"], "worker"), Refuse)
    assert isinstance(decide_tool_call("document:write:reports", ["*"], [], "reviewer"), Refuse)


@given(st.text())
def test_a_call_for_something_that_is_no_capability_is_refused(capability: str) -> None:
    assert isinstance(decide_tool_call(f" {capability}", ["*"], [], "worker"), Refuse)


# --- verdicts


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


# --- whatever it is asked


REVIEWED, RELEASE = build_review(sign_offs=1)

requests = st.builds(
    AdmissionRequest,
    workflow_id=st.sampled_from([REVIEWED.workflow_id, "", "x"]),
    stage_id=st.sampled_from(["release", "review", ""]),
    execution_id=st.text(max_size=5),
    role=st.sampled_from(["release", "reviewer", "worker", "intake", "single_agent", "", "admin"]),
    policy_digest=st.sampled_from([*REVIEWED.documents, "", "00" * 32]),
    upstream_stage_ids=st.lists(st.sampled_from(["review", "release", "", "x"]), max_size=3).map(tuple),
    granted=st.lists(st.sampled_from(["*", "a:b", "::", "", "A:B"]) | st.text(max_size=8), max_size=2).map(tuple),
    requester_id=st.sampled_from(["1", "2", ""]),
    document_digest=st.none() | st.sampled_from([digest_of(TEXT), ""]),
    inspected_policies=st.sampled_from([(), tuple(REVIEWED.documents), ("",)]),
    blocking_findings=st.lists(st.text(max_size=4), max_size=1).map(tuple),
)


@given(requests)
def test_a_release_without_its_sign_off_is_never_admitted_whatever_is_asked(request: AdmissionRequest) -> None:
    decision = decide(REVIEWED.terms, request, REVIEWED.evidence)
    assert not (request.role == "release" and isinstance(decision, Allow))
    if isinstance(decision, Allow | Wait):
        assert request.policy_digest in decision.lineage.policies


def test_an_admission_certificate_asks_its_own_question_again() -> None:
    builder, release = build_review()
    decision = builder.ask(release)
    assert isinstance(decision, Allow)
    builder.admit(release, decision)
    assert read_request(builder.read()[-1]) == builder.request(release)


@pytest.mark.parametrize(
    "change",
    [
        {"name": 1},
        {"version": "1"},
        {"required_proofs": "content_rules"},
        {"capabilities": {"ceiling": "*", "forbidden": []}},
        {"sign_offs": {"required": True, "not_requester": False}},
        {"sign_offs": {"required": -1, "not_requester": False}},
        {"content": [{}]},
    ],
    ids=lambda change: json.dumps(change)[:50],
)
def test_a_policy_of_another_shape_is_not_read(change: dict[str, Any]) -> None:
    document = json.loads(next(iter(REVIEWED.documents.values())))
    with pytest.raises(ValueError, match="policy"):
        read_policy_terms(rfc8785.dumps({**document, **change}))


def test_a_statement_that_the_key_signed_for_another_purpose_is_no_evidence() -> None:
    payload = rfc8785.dumps({"_type": "https://in-toto.io/Statement/v1", "subject": [], "predicateType": "other"})
    evidence = Evidence((parse_envelope(sign(REVIEWED.key, payload)),), REVIEWED.keys)
    assert refusal(decide(REVIEWED.terms, REVIEWED.request(RELEASE), evidence)) == "evidence_invalid"
