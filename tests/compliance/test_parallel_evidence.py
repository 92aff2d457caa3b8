"""Certificates of stages that ran at the same time: which orders the gate and the verifier accept, and which not."""

import itertools
from typing import Any

import pytest

from compliance.chain import ChainError
from compliance.gate import Allow, Refuse
from compliance.lineage import Lineage
from compliance.package import VerificationReport, verify_package
from compliance.package.text_output import format_report
from compliance.statements import StageFacts
from tests.evidence_builder import EvidenceBuilder
from tests.forged_evidence import sign_again
from tests.package_builder import build_package
from tests.package_tampering import changed
from tests.reviewed_evidence import TEXT, count_sign_offs, refusal


class Branches:
    """A review and its release, and beside them two workers of which the second names the first."""

    def __init__(self, mode: str = "parallel", *, strict_sign_offs: int = 0) -> None:
        self.builder = EvidenceBuilder(mode=mode)
        lax = self.builder.add_policy("lax")
        strict = self.builder.add_policy("strict", sign_offs=strict_sign_offs)
        add = self.builder.add_stage
        self.review = add("review", "reviewer", policy=lax, document=TEXT)
        self.first = add("first", policy=strict, document="Notes.")
        self.second = add("second", policy=lax, upstreams=["first"])
        self.release = add("release", "release", policy=lax, upstreams=["review"])
        self.decisions: dict[str, tuple[Allow, str]] = {}

    def begin(self, stage: StageFacts) -> None:
        decision = self.builder.ask(stage)
        assert isinstance(decision, Allow), decision
        self.decisions[stage.id] = decision, self.builder.admit(stage, decision)

    def force(self, stage: StageFacts, lineage: Lineage) -> None:
        """Certify an admission that the gate did not give."""
        decision = Allow(lineage)
        self.decisions[stage.id] = decision, self.builder.admit(stage, decision)

    def finish(self, stage: StageFacts, text: str | None = None) -> None:
        decision, admission = self.decisions[stage.id]
        subject = decision.lineage.subject_digest
        artifact = self.builder.texts[subject] if text is None and subject else text or f"Made by {stage.id}."
        self.builder.end(stage, decision, admission, artifact=artifact)

    def verify(self) -> VerificationReport:
        self.builder.close()
        return verify_package(build_package(self.builder), self.builder.public_key_pem)


def failures(report: VerificationReport) -> dict[str, str]:
    return {failure.name: failure.detail for failure in report.failures}


STAGES = ("review", "first", "second", "release")


def list_interleavings() -> list[tuple[tuple[str, str], ...]]:
    """Every order of the admissions and ends of all four stages that the upstreams allow."""
    events = [(stage, moment) for stage in STAGES for moment in ("begin", "finish")]
    needed = {(stage, "finish"): [(stage, "begin")] for stage in STAGES}
    needed |= {("second", "begin"): [("first", "finish")], ("release", "begin"): [("review", "finish")]}
    found = []
    for order in itertools.permutations(events):
        place = {event: index for index, event in enumerate(order)}
        if all(place[before] < place[event] for event, others in needed.items() for before in others):
            found.append(order)
    return found


ORDERS = list_interleavings()


def test_every_honest_interleaving_verifies() -> None:
    assert len(ORDERS) == 70
    for order in ORDERS:
        branches = Branches()
        for stage_id, moment in order:
            stage = getattr(branches, stage_id)
            (branches.begin if moment == "begin" else branches.finish)(stage)
        report = branches.verify()
        assert report.ok, (order, list(format_report(report)))


def test_a_stage_is_asked_for_once_in_parallel_too() -> None:
    branches = Branches()
    branches.begin(branches.first)
    branches.finish(branches.first)
    assert refusal(branches.builder.ask(branches.first)) == "stage_already_ended"


def test_a_stage_is_refused_before_what_it_names_has_ended_and_needs_no_other() -> None:
    branches = Branches()
    branches.begin(branches.first)
    assert refusal(branches.builder.ask(branches.second)) == "upstream_evidence_missing"
    branches.finish(branches.first)
    assert isinstance(branches.builder.ask(branches.second), Allow)


def test_a_mode_that_is_not_known_does_not_open_a_workflow() -> None:
    builder = Branches("at once").builder
    builder.open()
    with pytest.raises(ChainError, match="mode"):
        builder.read()


# --- what a dishonest holder of the key would certify


def test_an_admission_before_the_end_of_what_it_names_is_found() -> None:
    branches = Branches()
    branches.begin(branches.review)
    branches.begin(branches.first)
    honest = Branches()
    honest.begin(honest.first)
    honest.finish(honest.first)
    decision = honest.builder.ask(honest.second)
    assert isinstance(decision, Allow)
    branches.force(branches.second, decision.lineage)
    branches.finish(branches.first)
    branches.finish(branches.second)
    branches.finish(branches.review)
    branches.begin(branches.release)
    branches.finish(branches.release)
    found = failures(branches.verify())
    assert set(found) == {"gate"}
    assert "upstream_evidence_missing" in found["gate"]


def test_a_stage_out_of_its_turn_in_a_sequential_workflow_is_found() -> None:
    branches = Branches("sequential")
    branches.begin(branches.review)
    first = Branches()
    decision = first.builder.ask(first.first)
    assert isinstance(decision, Allow)
    branches.force(branches.first, decision.lineage)
    for stage in (branches.review, branches.first):
        branches.finish(stage)
    for stage in (branches.second, branches.release):
        branches.begin(stage)
        branches.finish(stage)
    found = failures(branches.verify())
    assert set(found) == {"gate"}
    assert "earlier_stage_not_completed" in found["gate"]


def run_all(mode: str) -> tuple[EvidenceBuilder, dict[str, Any]]:
    branches = Branches(mode)
    for stage in branches.builder.stages:
        branches.begin(stage)
        branches.finish(stage)
    branches.builder.close()
    return branches.builder, build_package(branches.builder)


@pytest.mark.parametrize(("mode", "other"), [("sequential", "parallel"), ("parallel", "sequential")])
def test_the_mode_is_the_same_from_the_opening_to_the_closing_and_in_the_record(mode: str, other: str) -> None:
    builder, package = run_all(mode)

    def change(predicate: dict[str, Any]) -> None:
        predicate["mode"] = other

    last = len(package["certificates"]) - 1
    for sequence in (0, last):
        found = failures(verify_package(sign_again(package, builder.key, {sequence: change}), builder.public_key_pem))
        assert list(found) == ["chain"], found
        assert "mode" in found["chain"]
    found = failures(verify_package(changed(package, "workflow", "mode", to=other), builder.public_key_pem))
    assert list(found) == ["workflow"], found


def test_calling_a_workflow_sequential_does_not_hide_that_its_stages_ran_at_the_same_time() -> None:
    branches = Branches()
    branches.begin(branches.review)
    branches.begin(branches.first)
    for stage in (branches.first, branches.review):
        branches.finish(stage)
    for stage in (branches.second, branches.release):
        branches.begin(stage)
        branches.finish(stage)
    assert branches.verify().ok
    package = build_package(branches.builder)

    def change(predicate: dict[str, Any]) -> None:
        predicate["mode"] = "sequential"

    forged = sign_again(package, branches.builder.key, {0: change, len(package["certificates"]) - 1: change})
    forged["workflow"]["mode"] = "sequential"
    assert "gate" in failures(verify_package(forged, branches.builder.public_key_pem))


# --- the same text in two branches


@pytest.mark.parametrize("strict_sign_offs", [0, 1])
def test_a_release_that_completes_after_its_text_came_under_a_further_policy_is_found(strict_sign_offs: int) -> None:
    branches = Branches(strict_sign_offs=strict_sign_offs)
    branches.begin(branches.review)
    branches.finish(branches.review)
    branches.begin(branches.release)
    branches.begin(branches.first)
    branches.builder.touch_document(branches.first, "document_write", TEXT)
    branches.finish(branches.first)
    branches.finish(branches.release)
    branches.begin(branches.second)
    branches.finish(branches.second)
    found = failures(branches.verify())
    assert set(found) == {"gate"}


def test_inspecting_under_more_policies_than_it_was_admitted_under_does_not_help_a_release() -> None:
    """An admission may say that all were inspected: the policies of its lineage are still those that must hold."""
    branches = Branches()
    branches.begin(branches.review)
    branches.finish(branches.review)
    builder = branches.builder
    branches.begin(branches.release)
    branches.begin(branches.first)
    builder.touch_document(branches.first, "document_write", TEXT)
    for stage in (branches.first, branches.release):
        branches.finish(stage)
    branches.begin(branches.second)
    branches.finish(branches.second)
    builder.close()
    admission = next(e for e in builder.read() if e.kind == "admission" and e.stage_id == "release")

    def inspect_all(predicate: dict[str, Any]) -> None:
        predicate["content"]["policies"] = sorted(builder.documents)

    forged = sign_again(build_package(builder), builder.key, {admission.sequence: inspect_all})
    found = failures(verify_package(forged, builder.public_key_pem))
    assert set(found) == {"gate"}
    assert "more policies than it was admitted under" in found["gate"]


def build_passing_on() -> tuple[EvidenceBuilder, StageFacts, StageFacts, StageFacts]:
    """A lax review and release of a text that a second reviewer, who comes later, may pass on to a strict stage.

    Returns the builder, the review, its release and the second review. Nothing has run.
    """
    builder = EvidenceBuilder(mode="parallel")
    lax, strict = builder.add_policy("lax"), builder.add_policy("strict", sign_offs=1)
    review = builder.add_stage("review", "reviewer", policy=lax, document=TEXT)
    release = builder.add_stage("release", "release", policy=lax, upstreams=["review"])
    second = builder.add_stage("second", "reviewer", policy=lax, document=TEXT)
    builder.add_stage("third", "reviewer", policy=lax, upstreams=["second"])
    builder.add_stage("strict", policy=strict, upstreams=["third"])
    return builder, review, release, second


def pass_on(builder: EvidenceBuilder, second: StageFacts) -> None:
    builder.run(second)


def reject(builder: EvidenceBuilder, second: StageFacts) -> None:
    decision = builder.ask(second)
    assert isinstance(decision, Allow)
    builder.end(second, decision, builder.admit(second, decision), artifact=None, answer="rejected", judged=TEXT)


def fail_unadmitted(builder: EvidenceBuilder, second: StageFacts) -> None:
    never = Refuse("attempts_exhausted", "its worker died")
    builder.end(second, never, None, artifact=None, status="failed", reason=(never.code, never.detail))


@pytest.mark.parametrize("end", [pass_on, reject, fail_unadmitted])
@pytest.mark.parametrize("when", ["before the review", "before the release", "later"])
def test_what_may_be_passed_on_counts_whatever_becomes_of_it_and_whenever(end: Any, when: str) -> None:
    builder, review, release, second = build_passing_on()
    if when == "before the review":
        end(builder, second)
    builder.run(review)
    if when == "before the release":
        end(builder, second)
    assert count_sign_offs(builder, release) == 1


def test_what_comes_after_the_end_of_a_release_alone_does_not_count_for_it() -> None:
    builder = EvidenceBuilder(mode="parallel")
    lax, strict = builder.add_policy("lax"), builder.add_policy("strict", sign_offs=1)
    review = builder.add_stage("review", "reviewer", policy=lax, document=TEXT)
    release = builder.add_stage("release", "release", policy=lax, upstreams=["review"])
    builder.add_stage("heir", policy=strict, upstreams=["release"])
    builder.run(review)
    assert "strict" not in {builder.terms[digest].name for digest in lineage_of(builder, release)}


def lineage_of(builder: EvidenceBuilder, stage: StageFacts) -> tuple[str, ...]:
    decision = builder.ask(stage)
    assert decision.lineage is not None
    return decision.lineage.policies


def test_many_reviewers_that_name_all_before_them_are_traced_at_once() -> None:
    builder = EvidenceBuilder(mode="parallel")
    policy = builder.add_policy()
    for number in range(40):
        named = [f"s{earlier}" for earlier in range(number)]
        builder.add_stage(f"s{number}", "reviewer", policy=policy, upstreams=named, document=None if named else TEXT)
    assert isinstance(builder.ask(builder.stages[0]), Allow)
