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
    read_policy_terms,
    read_request,
)
from tests.evidence_builder import GRANT, EvidenceBuilder, digest_of, sign
from tests.reviewed_evidence import TEXT, build_review, refusal

# --- lineage


def test_a_release_is_admitted_for_exactly_the_approved_digest() -> None:
    builder, release = build_review()
    decision = builder.ask(release)
    assert isinstance(decision, Allow)
    assert decision.lineage.subject_digest == digest_of(TEXT)
    assert [binding.certificate_digest for binding in decision.lineage.upstreams] == [builder.envelopes[2].digest]


def test_a_release_that_names_no_reviewer_is_refused() -> None:
    builder = EvidenceBuilder()
    policy = builder.add_policy()
    work = builder.add_stage("work", policy=policy)
    release = builder.add_stage("release", "release", policy=policy, upstreams=["work"])
    builder.run(work, TEXT)
    assert refusal(builder.ask(release)) == "no_reviewer"


def test_a_stage_whose_upstream_has_not_run_is_refused() -> None:
    builder = EvidenceBuilder()
    policy = builder.add_policy()
    review = builder.add_stage("review", "reviewer", policy=policy, document=TEXT)
    work = builder.add_stage("work", policy=policy, upstreams=["review", "nothing"])
    builder.run(review)
    assert refusal(builder.ask(work)) == "upstream_evidence_missing"


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
    first = builder.add_stage("first", "reviewer", policy=policy, document=TEXT)
    second = builder.add_stage("second", "reviewer", policy=policy, document="Another.")
    release = builder.add_stage("release", "release", policy=policy, upstreams=["first", "second"])
    builder.run(first)
    builder.run(second)
    assert refusal(builder.ask(release)) == "approvals_differ"


def test_a_worker_named_beside_the_reviewer_lends_no_bytes() -> None:
    builder = EvidenceBuilder()
    policy = builder.add_policy()
    review = builder.add_stage("review", "reviewer", policy=policy, document=TEXT)
    work = builder.add_stage("work", policy=policy)
    release = builder.add_stage("release", "release", policy=policy, upstreams=["work", "review"])
    builder.run(review)
    builder.run(work, "Bytes of a worker.")
    decision = builder.ask(release)
    assert isinstance(decision, Allow)
    assert decision.lineage.subject_digest == digest_of(TEXT)


def test_a_reviewer_of_several_texts_is_refused() -> None:
    builder = EvidenceBuilder()
    policy = builder.add_policy()
    workers = [builder.add_stage(name, policy=policy) for name in ("one", "two")]
    both = builder.add_stage("both", "reviewer", policy=policy, upstreams=["one", "two"])
    mixed = builder.add_stage("mixed", "reviewer", policy=policy, upstreams=["one"], document="A third.")
    for worker in workers:
        builder.run(worker, f"Text {worker.id}.")
    assert [refusal(builder.ask(stage)) for stage in (both, mixed)] == ["ambiguous_subject"] * 2


def test_a_stage_that_has_ended_does_not_run_again() -> None:
    """Or a reviewer that rejected could be asked until it approves."""
    builder = EvidenceBuilder()
    policy = builder.add_policy()
    review = builder.add_stage("review", "reviewer", policy=policy, document="Text.")
    release = builder.add_stage("release", "release", policy=policy, upstreams=["review"])
    allowed = builder.ask(review)
    assert isinstance(allowed, Allow)
    builder.run(review)
    assert refusal(builder.ask(review)) == "stage_already_ended"

    builder.execution_id = lambda stage: f"second of {stage.id}"  # type: ignore[method-assign]
    builder.end(review, allowed, builder.admit(review, allowed), artifact="Text.")
    assert refusal(builder.ask(release)) == "evidence_invalid"


def test_a_stage_whose_turn_has_not_come_is_refused() -> None:
    """A stage before it that was to stop the workflow cannot be passed over."""
    builder = EvidenceBuilder()
    policy = builder.add_policy()
    review = builder.add_stage("review", "reviewer", policy=policy, document="Text.")
    audit = builder.add_stage("audit", policy=policy, document="Other.")
    release = builder.add_stage("release", "release", policy=policy, upstreams=["review"])
    builder.run(review)
    assert refusal(builder.ask(release)) == "earlier_stage_not_completed"
    builder.run(audit, "Fine.")
    assert isinstance(builder.ask(release), Allow)


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
    review = builder.add_stage("review", "reviewer", policy=strict, document=TEXT)
    release = builder.add_stage("release", "release", policy=lax, upstreams=["review"])
    builder.run(review)
    known = {digest: terms for digest, terms in builder.terms.items() if digest != strict.digest}
    assert refusal(decide(known, builder.request(release), builder.evidence)) == "policy_unknown"


def test_a_closed_workflow_admits_nothing_more() -> None:
    builder, release = build_review()
    builder.close()
    assert refusal(builder.ask(release)) == "workflow_closed"


def test_evidence_without_an_opening_certificate_admits_nothing() -> None:
    evidence = Evidence((), REVIEWED.keys)
    assert refusal(decide(REVIEWED.terms, REVIEWED.request(RELEASE), evidence)) == "evidence_invalid"


# --- what was asked for is settled when the workflow is opened


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("stage_id", "other"),
        ("role", "worker"),
        ("role", "Release"),
        ("policy_digest", digest_of("a laxer policy")),
        ("task_digest", digest_of("another task")),
        ("document_digest", digest_of("another document")),
        ("upstream_stage_ids", ()),
        ("granted", ()),
        ("granted", ("*",)),
        ("requester_id", "2"),
    ],
)
def test_a_request_that_is_not_what_the_opening_says_is_refused(member: str, value: Any) -> None:
    request = replace(REVIEWED.request(RELEASE), **{member: value})
    known = {**REVIEWED.terms, digest_of("a laxer policy"): next(iter(REVIEWED.terms.values()))}
    decision = decide(known, request, REVIEWED.evidence)
    assert refusal(decision) == "request_differs"
    assert decision.lineage is None


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
    stage = builder.add_stage("stage", role, policy=policy, document=TEXT, granted=granted)
    assert refusal(builder.ask(stage)) == "grant_exceeds_ceiling"


def test_a_wildcard_under_a_wildcard_ceiling_is_held_against_every_call() -> None:
    builder = EvidenceBuilder()
    stage = builder.add_stage("stage", policy=builder.add_policy(forbidden=["network:smtp"]), granted=["*"])
    assert isinstance(builder.ask(stage), Allow)
    assert isinstance(decide_tool_call("document:read:reports", ["*"], ["network:smtp"], "worker"), Permit)
    assert isinstance(decide_tool_call("network:smtp:send", ["*"], ["network:smtp"], "worker"), Refuse)
    assert isinstance(decide_tool_call("document:write:reports", ["*"], [], "reviewer"), Refuse)


@given(st.text())
def test_a_call_for_something_that_is_no_capability_is_refused(capability: str) -> None:
    assert isinstance(decide_tool_call(f" {capability}", ["*"], [], "worker"), Refuse)


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
    granted=st.just(GRANT)
    | st.lists(st.sampled_from(["*", "a:b", "::", "", "A:B"]) | st.text(max_size=8), max_size=2).map(tuple),
    requester_id=st.sampled_from(["1", "2", ""]),
    task_digest=st.sampled_from([RELEASE.task_sha256, ""]),
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
