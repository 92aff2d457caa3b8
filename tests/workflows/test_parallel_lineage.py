"""Rule 12 where stages run at the same time: in no order of admissions and ends does a text lose a policy."""

from typing import Any

import pytest

from compliance.models import Policy
from compliance.package import verify_package
from compliance.package.text_output import format_report
from compliance.services import read_attestations
from compliance.signing import public_identity
from tests.held_journal import read_document, write_document
from tests.workflow_driver import CLEAN_TEXT, claim_execution, find_execution, run_to_rest, submit
from workflows.agents.types import AgentResult, Answer, ReleaseAnswer, ReviewAnswer, Usage, WorkerAnswer
from workflows.endings import Ending
from workflows.engine import begin_execution, end_without_answer, finish_execution
from workflows.export import build_workflow_package
from workflows.leases import Claim
from workflows.models import Execution, Workflow
from workflows.requests import StageRequest, WorkflowRequest

pytestmark = pytest.mark.django_db

MNPI_TEXT = "This is material non-public information: the merger has not yet been announced."


class Running:
    """An execution that was admitted and whose agent has not answered."""

    def __init__(self, workflow: Workflow, stage_id: str) -> None:
        claim = claim_execution(find_execution(workflow, stage_id).id)
        assert claim is not None
        self.claim: Claim = claim
        self.begun = begin_execution(claim)

    @property
    def is_admitted(self) -> bool:
        return self.begun is not None

    def begin_again(self) -> None:
        """Repeat the admission, as after a connection that was lost before its answer came."""
        self.begun = begin_execution(self.claim)

    def write(self, text: str) -> None:
        write_document(self.claim, "reports", text)

    def finish(self, answer: Answer) -> Execution:
        assert self.begun is not None, "it was never admitted"
        finish_execution(self.claim, self.begun, AgentResult(answer, "embedded", "scripted", Usage()))
        return Execution.objects.select_related("stage__workflow").get(id=self.claim.execution_id)


APPROVED = ReviewAnswer("approved", None, (), "fine")
RELEASED = ReleaseAnswer("release", "fine")
DONE = WorkerAnswer("Done.")


def stage(stage_id: str, *upstreams: str, role: str = "worker", policy: str = "default", **fields: Any) -> StageRequest:
    return StageRequest(
        id=stage_id,
        name=stage_id,
        task=f"Task of {stage_id}.",
        stage_role=role,
        compliance_policy=policy,
        upstream_stage_ids=upstreams,
        **fields,
    )


def submit_branches(*others: StageRequest, text: str = CLEAN_TEXT) -> Workflow:
    """A review of the text and its release under `default`, and at the same time other stages."""
    review = stage("review", role="reviewer", document=text)
    stages = (review, stage("release", "review", role="release"), *others)
    return submit(WorkflowRequest(name="Branches", mode="parallel", stages=stages))


def approve_review(workflow: Workflow) -> None:
    Running(workflow, "review").finish(APPROVED)


def writer(policy: str) -> StageRequest:
    """A stage whose document is another text; what it writes is not known before it has ended."""
    return stage("strict", policy=policy, document="Notes.")


def policies_of(workflow: Workflow, stage_id: str) -> set[str]:
    """Names of the policies in the lineage of a stage's last certificate of its own."""
    own = [entry for entry in read_attestations(workflow.id) if entry.stage_id == stage_id]
    return set(Policy.objects.filter(digest__in=own[-1].lineage_policies).values_list("name", flat=True))


def assert_verifies(workflow: Workflow, *, has_ended: bool = True) -> None:
    report = verify_package(build_workflow_package(workflow), public_identity().public_key_pem)
    not_ended = set() if has_ended else {"closing", "records"}
    assert {failure.name for failure in report.failures} <= not_ended, "\n".join(format_report(report))


# --- the same bytes come out of another branch


@pytest.mark.parametrize("ends_first", [True, False])
def test_a_text_that_a_strict_branch_has_written_before_the_admission_waits_for_its_sign_off(ends_first: bool) -> None:
    """Written is what an ended stage certifies; the review of the same bytes may end before or after it."""
    workflow = submit_branches(writer("sox"))
    strict = Running(workflow, "strict")
    strict.write(CLEAN_TEXT)
    if ends_first:
        strict.finish(DONE)
        approve_review(workflow)
    else:
        approve_review(workflow)
        strict.finish(DONE)
    assert not Running(workflow, "release").is_admitted
    workflow.refresh_from_db()
    assert workflow.status == "awaiting_sign_off"
    assert_verifies(workflow, has_ended=False)


@pytest.mark.parametrize(
    ("policy", "text", "code"),
    [
        ("sox", CLEAN_TEXT, "lineage_changed"),
        ("hipaa", CLEAN_TEXT, "lineage_changed"),
        ("sox", MNPI_TEXT, "content_blocked"),
    ],
)
def test_a_strict_branch_that_writes_the_text_while_its_release_runs_stops_the_release(
    policy: str, text: str, code: str
) -> None:
    workflow = submit_branches(writer(policy), text=text)
    approve_review(workflow)
    release, strict = Running(workflow, "release"), Running(workflow, "strict")
    assert release.is_admitted
    strict.write(text)
    strict.finish(DONE)
    ended = release.finish(RELEASED)

    assert (ended.status, ended.reason_code, ended.artifact_digest) == ("blocked", code, "")
    assert ended.stage.workflow.status == "blocked"
    if code == "lineage_changed":
        assert f"{policy} v" in ended.reason_detail
    assert_verifies(workflow)


def test_a_strict_branch_under_the_release_s_own_policies_stops_nothing() -> None:
    workflow = submit_branches(writer("default"))
    approve_review(workflow)
    release, strict = Running(workflow, "release"), Running(workflow, "strict")
    strict.write(CLEAN_TEXT)
    strict.finish(DONE)
    assert release.finish(RELEASED).status == "completed"
    workflow.refresh_from_db()
    assert (workflow.status, workflow.verdict) == ("completed", "compliant")
    assert_verifies(workflow)


def test_what_is_written_after_the_end_of_a_release_comes_too_late_for_it_and_verifies() -> None:
    """As with a stage that comes after it in sequence: nobody can know what it will make."""
    workflow = submit_branches(writer("sox"))
    approve_review(workflow)
    release, strict = Running(workflow, "release"), Running(workflow, "strict")
    strict.write(CLEAN_TEXT)
    assert release.finish(RELEASED).status == "completed"
    strict.finish(DONE)
    workflow.refresh_from_db()
    assert workflow.status == "completed"
    assert_verifies(workflow)


def test_a_stage_that_releases_nothing_is_not_disturbed_by_what_others_write_meanwhile() -> None:
    workflow = submit_branches(writer("sox"))
    review, strict = Running(workflow, "review"), Running(workflow, "strict")
    strict.write(CLEAN_TEXT)
    strict.finish(DONE)
    ended = review.finish(APPROVED)
    assert (ended.status, ended.verdict) == ("completed", "compliant")
    assert not Running(workflow, "release").is_admitted, "its release has to wait for the sign-off"


def test_an_admission_that_is_asked_again_certifies_what_has_changed_meanwhile() -> None:
    """A call is repeated after a lost connection: the end must rest on what the last admission says."""
    workflow = submit_branches(writer("hipaa"))
    approve_review(workflow)
    release, strict = Running(workflow, "release"), Running(workflow, "strict")
    release.begin_again()
    strict.write(CLEAN_TEXT)
    strict.finish(DONE)
    release.begin_again()
    assert release.finish(RELEASED).status == "completed"
    admissions = [e for e in read_attestations(workflow.id) if e.kind == "admission" and e.stage_id == "release"]
    assert len(admissions) == 2, "an answer that is the same is certified once"
    assert policies_of(workflow, "release") == {"default", "hipaa"}
    assert_verifies(workflow)


# --- what is known beforehand counts from the first, so that nothing hangs on who is faster


def by_all_orders() -> Any:
    return pytest.mark.parametrize("strict_first", [True, False], ids=["strict first", "release first"])


@by_all_orders()
def test_the_text_as_a_document_of_a_strict_branch(strict_first: bool) -> None:
    workflow = submit_branches(stage("strict", policy="sox", document=CLEAN_TEXT))
    if strict_first:
        Running(workflow, "strict").finish(DONE)
    approve_review(workflow)
    assert not Running(workflow, "release").is_admitted
    assert_verifies(workflow, has_ended=False)


@by_all_orders()
def test_a_reviewer_that_may_pass_the_text_on_to_a_strict_stage(strict_first: bool) -> None:
    workflow = submit_branches(
        stage("second", role="reviewer", document=CLEAN_TEXT), stage("strict", "second", policy="sox")
    )
    if strict_first:
        Running(workflow, "second").finish(APPROVED)
    approve_review(workflow)
    assert not Running(workflow, "release").is_admitted
    assert_verifies(workflow, has_ended=False)


@by_all_orders()
def test_a_stage_that_takes_the_text_together_with_what_a_strict_one_makes(strict_first: bool) -> None:
    workflow = submit_branches(
        stage("strict", policy="hipaa", document="Other notes."), stage("merge", "review", "strict")
    )
    approve_review(workflow)
    if strict_first:
        Running(workflow, "strict").finish(DONE)
        Running(workflow, "merge").finish(DONE)
    release = Running(workflow, "release")
    assert policies_of(workflow, "release") == {"default", "hipaa"}
    if not strict_first:
        Running(workflow, "strict").finish(DONE)
        Running(workflow, "merge").finish(DONE)
    assert release.finish(RELEASED).status == "completed"
    workflow.refresh_from_db()
    assert workflow.status == "completed"
    assert_verifies(workflow)


def test_two_releases_of_one_text_at_the_same_time_obey_the_policies_of_both() -> None:
    workflow = submit_branches(
        stage("second", role="reviewer", document=CLEAN_TEXT),
        stage("other", "second", role="release", policy="hipaa"),
    )
    approve_review(workflow)
    release = Running(workflow, "release")
    Running(workflow, "second").finish(APPROVED)
    other = Running(workflow, "other")
    assert other.finish(RELEASED).status == release.finish(RELEASED).status == "completed"
    assert policies_of(workflow, "release") == policies_of(workflow, "other") == {"default", "hipaa"}
    assert_verifies(workflow)


def test_a_text_that_was_not_passed_on_after_all_is_released_under_the_stricter_policies() -> None:
    workflow = submit_branches(
        stage("second", role="reviewer", document=CLEAN_TEXT), stage("strict", "second", policy="hipaa")
    )
    approve_review(workflow)
    release = Running(workflow, "release")
    Running(workflow, "second").finish(ReviewAnswer("rejected", None, (), "not fine"))
    assert release.finish(RELEASED).status == "completed"
    assert policies_of(workflow, "release") == {"default", "hipaa"}
    assert_verifies(run_to_rest(workflow))


def test_a_reviewer_that_fails_before_its_admission_takes_no_policy_back() -> None:
    """It will pass nothing on, but the release that counted on it is no less admitted for that."""
    workflow = submit_branches(
        stage("second", role="reviewer", document=CLEAN_TEXT), stage("strict", "second", policy="hipaa")
    )
    approve_review(workflow)
    release = Running(workflow, "release")
    claim = claim_execution(find_execution(workflow, "second").id)
    assert claim is not None
    end_without_answer(claim, Ending("failed", ("attempts_exhausted", "its worker died")))
    ended = release.finish(RELEASED)
    assert ended.status == "completed", ended.reason_detail
    assert policies_of(workflow, "release") == {"default", "hipaa"}
    assert_verifies(workflow)


def test_a_branch_with_other_texts_asks_nothing_of_the_release() -> None:
    workflow = submit_branches(writer("sox"))
    approve_review(workflow)
    release, strict = Running(workflow, "release"), Running(workflow, "strict")
    assert release.is_admitted
    strict.finish(DONE)
    assert release.finish(RELEASED).status == "completed"
    assert policies_of(workflow, "release") == {"default"}
    assert_verifies(workflow)


# --- documents


def test_what_a_stage_writes_is_read_by_no_stage_that_does_not_name_it() -> None:
    reader = stage("reader", document="Notes.")
    workflow = submit_branches(writer("sox"), reader, stage("heir", "strict"))
    strict, other = Running(workflow, "strict"), Running(workflow, "reader")
    strict.write(MNPI_TEXT)
    assert read_document(other.claim, "reports") is None
    strict.finish(DONE)
    assert read_document(other.claim, "reports") is None
    assert read_document(Running(workflow, "heir").claim, "reports") == MNPI_TEXT


# --- a stage that was made to start too early


def test_a_stage_cannot_run_before_what_it_names_has_ended() -> None:
    """Not even by somebody who may write to the tables."""
    workflow = submit_branches(writer("sox"))
    Running(workflow, "review")
    early = Execution.objects.create(stage=workflow.stages.get(stage_id="release"), owner=workflow.owner)
    claim = claim_execution(early.id)
    assert claim is not None
    assert begin_execution(claim) is None
    early.refresh_from_db()
    assert (early.status, early.reason_code) == ("blocked", "upstream_evidence_missing")
