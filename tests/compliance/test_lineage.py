"""Rule 12: a text is under every policy that a stage of its workflow handles it under, however the stages are laid."""

from collections.abc import Callable

import pytest

from compliance.gate import Allow, Check
from compliance.statements import PolicyFacts, StageFacts
from tests.evidence_builder import EvidenceBuilder
from tests.reviewed_evidence import TEXT, count_sign_offs


class Laundry:
    """A workflow whose review and release are under `lax`; a test adds stages under `strict`, which asks a person."""

    def __init__(self) -> None:
        self.builder = EvidenceBuilder()
        self.lax: PolicyFacts = self.builder.add_policy("lax")
        self.strict: PolicyFacts = self.builder.add_policy("strict", sign_offs=1)

    def add_strict(self, role: str = "reviewer", **fields: object) -> StageFacts:
        return self.builder.add_stage("strict", role, policy=self.strict, **fields)  # type: ignore[arg-type]

    def add_review(self, **fields: object) -> StageFacts:
        return self.builder.add_stage("review", "reviewer", policy=self.lax, **fields)  # type: ignore[arg-type]

    def add_release(self) -> StageFacts:
        return self.builder.add_stage("release", "release", policy=self.lax, upstreams=["review"])

    def reject(self, stage: StageFacts, judged: str | None = None) -> None:
        decision = self.builder.ask(stage)
        assert isinstance(decision, Allow)
        admission = self.builder.admit(stage, decision)
        failed = [Check("review_approved", False, "the reviewer's answer is rejected")]
        self.builder.end(stage, decision, admission, artifact=None, answer="rejected", checks=failed, judged=judged)


def test_the_strictest_policy_of_the_lineage_holds() -> None:
    builder = EvidenceBuilder()
    lax, strict = builder.add_policy("lax"), builder.add_policy("strict", sign_offs=2)
    draft = builder.add_stage("draft", policy=strict)
    review = builder.add_stage("review", "reviewer", policy=lax, upstreams=["draft"])
    release = builder.add_stage("release", "release", policy=lax, upstreams=["review"])
    builder.run(draft, TEXT)
    builder.run(review)
    assert count_sign_offs(builder, release) == 2


def test_a_text_that_only_lax_stages_handle_waits_for_nobody() -> None:
    laundry = Laundry()
    strict = laundry.add_strict(document="Another text.")
    review, release = laundry.add_review(document=TEXT), laundry.add_release()
    laundry.builder.run(strict)
    laundry.builder.run(review)
    assert isinstance(laundry.builder.ask(release), Allow)


# --- stages that have run


def test_the_same_bytes_under_a_stricter_policy_count_without_being_named() -> None:
    laundry = Laundry()
    strict = laundry.add_strict(document=TEXT)
    review, release = laundry.add_review(document=TEXT), laundry.add_release()
    laundry.builder.run(strict)
    laundry.builder.run(review)
    assert count_sign_offs(laundry.builder, release) == 1


def test_rewording_a_text_does_not_shed_the_policies_it_was_under() -> None:
    """The strict stage handles the text only after the lax reviewer has reworded it, and names nobody."""
    laundry = Laundry()
    review, strict = laundry.add_review(document=TEXT), laundry.add_strict("worker", document=TEXT)
    release = laundry.add_release()
    laundry.builder.run(review, "Reworded.", answer="modified")
    laundry.builder.run(strict, "Something else.")
    assert count_sign_offs(laundry.builder, release) == 1


def test_a_rejection_of_the_same_task_counts_though_nothing_says_what_was_judged() -> None:
    laundry = Laundry()
    task = f"Review.\n\n{TEXT}"
    strict, review, release = laundry.add_strict(task=task), laundry.add_review(task=task), laundry.add_release()
    laundry.reject(strict)
    laundry.builder.run(review, TEXT)
    assert count_sign_offs(laundry.builder, release) == 1


def test_a_rejected_text_counts_whatever_the_task_around_it_says() -> None:
    laundry = Laundry()
    strict, review = laundry.add_strict(task=f"Review.\n\n{TEXT}"), laundry.add_review(task=f"Read it.\n\n{TEXT}")
    release = laundry.add_release()
    laundry.reject(strict, judged=TEXT)
    laundry.builder.run(review, TEXT)
    assert count_sign_offs(laundry.builder, release) == 1


def test_a_document_that_a_strict_stage_wrote_is_its_text() -> None:
    laundry = Laundry()
    strict = laundry.add_strict("worker", document="Notes.")
    review, release = laundry.add_review(document=TEXT), laundry.add_release()
    laundry.builder.touch_document(strict, "document_write", TEXT)
    laundry.builder.run(strict, "Done.")
    laundry.builder.run(review)
    assert count_sign_offs(laundry.builder, release) == 1


def test_a_document_that_was_read_goes_into_what_is_made() -> None:
    """A lax worker reads what a strict one wrote, and makes another text of it."""
    laundry = Laundry()
    strict = laundry.add_strict("worker", document="Notes.")
    work = laundry.builder.add_stage("work", policy=laundry.lax, document="Other notes.")
    review, release = laundry.add_review(upstreams=["work"]), laundry.add_release()
    laundry.builder.touch_document(strict, "document_write", "Inside information.")
    laundry.builder.run(strict, "Done.")
    laundry.builder.touch_document(work, "document_read", "Inside information.")
    laundry.builder.run(work, TEXT)
    laundry.builder.run(review)
    assert count_sign_offs(laundry.builder, release) == 1


# --- stages that have not run

Later = Callable[[Laundry], object]


@pytest.mark.parametrize("declare", [
    lambda laundry: laundry.add_strict(document=TEXT),
    lambda laundry: laundry.add_strict("worker", document=TEXT),
    lambda laundry: laundry.add_strict("worker", upstreams=["review"]),
    lambda laundry: laundry.add_strict("release", upstreams=["review"]),
], ids=["a review", "a document", "what the reviewer leaves", "another release"])  # fmt: skip
def test_a_strict_stage_that_is_still_to_come_counts(declare: Later) -> None:
    laundry = Laundry()
    review, release = laundry.add_review(document=TEXT), laundry.add_release()
    declare(laundry)
    laundry.builder.run(review)
    assert count_sign_offs(laundry.builder, release) == 1


def test_a_strict_stage_to_come_that_names_only_the_release_asks_nothing_of_it() -> None:
    """Until it is released, the text is none that this stage was given."""
    laundry = Laundry()
    review, release = laundry.add_review(document=TEXT), laundry.add_release()
    laundry.add_strict("worker", upstreams=["release"])
    laundry.builder.run(review)
    assert isinstance(laundry.builder.run(release), Allow)


def test_a_strict_stage_to_come_counts_by_the_text_that_the_released_one_was_made_from() -> None:
    laundry = Laundry()
    work = laundry.builder.add_stage("work", policy=laundry.lax, task="Write a notice.")
    review, release = laundry.add_review(upstreams=["work"]), laundry.add_release()
    laundry.add_strict("worker", task="Write a notice.")
    laundry.builder.run(work, TEXT)
    laundry.builder.run(review)
    assert count_sign_offs(laundry.builder, release) == 1


def test_the_task_of_a_stage_that_works_on_something_else_is_no_text_of_its_own() -> None:
    laundry = Laundry()
    review, release = laundry.add_review(task=f"Review.\n\n{TEXT}"), laundry.add_release()
    laundry.add_strict(task=f"Review.\n\n{TEXT}", document="Another text.")
    laundry.builder.run(review, TEXT)
    assert isinstance(laundry.builder.ask(release), Allow)


def test_a_lax_stage_works_under_the_strict_policy_from_the_start() -> None:
    laundry = Laundry()
    review = laundry.add_review(task=f"Review.\n\n{TEXT}")
    laundry.add_strict(task=f"Review.\n\n{TEXT}")
    decision = laundry.builder.ask(review)
    assert isinstance(decision, Allow)
    assert set(decision.lineage.policies) == {laundry.lax.digest, laundry.strict.digest}
