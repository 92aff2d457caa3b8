"""Rule 12 through the engine: no arrangement of stages lets a text out of `sox` that one of them has under `sox`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from compliance.content import compute_digest
from compliance.package import verify_package
from compliance.services import read_attestations
from compliance.signing import public_identity
from tests.workflow_driver import (
    CLEAN_TEXT,
    find_execution,
    request_review_and_release,
    run_to_rest,
    script_agents,
    submit,
)
from workflows import engine
from workflows.agents.types import AgentFailure, AgentResult, AgentWork, Answer, ReviewAnswer, Usage, WorkerAnswer
from workflows.export import build_workflow_package
from workflows.models import Execution, Workflow
from workflows.requests import StageRequest, WorkflowRequest

pytestmark = pytest.mark.django_db

MNPI_TEXT = "This is material non-public information: the merger has not yet been announced."
TEXTS = pytest.mark.parametrize("text", [CLEAN_TEXT, MNPI_TEXT], ids=["clean", "inside information"])


def approve(work: AgentWork) -> Answer:
    return ReviewAnswer("approved", work.subject or work.task.split("\n\n", 1)[1], (), "fine")


def reject(work: AgentWork) -> Answer:
    return ReviewAnswer("rejected", None, (), "not fine")


def plan(*stages: StageRequest) -> WorkflowRequest:
    return WorkflowRequest(name="Laundering", stages=stages)


def reviewer(stage_id: str, policy: str, **fields: Any) -> StageRequest:
    return StageRequest(
        **{
            "id": stage_id,
            "name": stage_id,
            "task": "Review it.",
            "stage_role": "reviewer",
            "compliance_policy": policy,
            **fields,
        }
    )


RELEASE = StageRequest(
    id="release", name="Release", task="Release it.", stage_role="release", upstream_stage_ids=("review",)
)


def assert_kept_in(workflow: Workflow, text: str) -> None:
    """A clean text waits for its sign-off, inside information does not go out whoever approves it; all verifies."""
    assert not Execution.objects.filter(stage__workflow=workflow, stage__role="release", status="completed").exists()
    assert workflow.status == ("awaiting_sign_off" if text == CLEAN_TEXT else "blocked"), workflow.reason_detail
    release = find_execution(workflow, "release")
    expected = {"sign_off_required"} if text == CLEAN_TEXT else {"content_blocked", "upstream_not_compliant"}
    assert release.reason_code in expected
    report = verify_package(build_workflow_package(workflow), public_identity().public_key_pem)
    not_ended = {"closing", "records"}
    assert {failure.name for failure in report.failures} == (not_ended if text == CLEAN_TEXT else set())


# --- a text in the tasks of two reviewers


@TEXTS
@pytest.mark.parametrize("first_decides", [reject, approve])
def test_a_text_in_a_task_that_a_sox_reviewer_had(
    text: str, first_decides: Callable[[AgentWork], Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    script_agents(monkeypatch, {"strict": first_decides, "review": approve})
    task = f"Review\n\n{text}"
    stages = (reviewer("strict", "sox", task=task), reviewer("review", "default", task=task), RELEASE)
    assert_kept_in(run_to_rest(submit(plan(*stages))), text)


def test_what_the_embedded_reviewer_rejects_is_certified_and_followed_into_another_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script_agents(monkeypatch, {"review": approve})
    stages = (
        reviewer("strict", "sox", task=f"Review\n\n{MNPI_TEXT}"),
        reviewer("review", "default", task=f"Please read this\n\n{MNPI_TEXT}"),
        RELEASE,
    )
    workflow = run_to_rest(submit(plan(*stages)))
    rejection = read_attestations(workflow.id)[2]
    assert rejection.predicate["agent"]["decision"] == "rejected"
    assert rejection.predicate["artifact_sha256"] is None
    assert rejection.predicate["reviewed_sha256"] == compute_digest(MNPI_TEXT)
    assert_kept_in(workflow, MNPI_TEXT)


def test_what_a_reviewer_without_a_subject_approves_is_what_it_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    script_agents(monkeypatch, {"review": approve})
    review = reviewer("review", "default", task=f"Review\n\n{CLEAN_TEXT}")
    workflow = run_to_rest(submit(plan(review, RELEASE)))
    assert workflow.status == "completed"
    end = read_attestations(workflow.id)[2]
    assert end.predicate["reviewed_sha256"] == end.artifact_digest == compute_digest(CLEAN_TEXT)
    assert verify_package(build_workflow_package(workflow), public_identity().public_key_pem).ok


# --- a strict stage that comes last


@TEXTS
@pytest.mark.parametrize(
    "strict",
    [
        reviewer("strict", "sox"),
        reviewer("strict", "sox", stage_role="worker"),
        reviewer("strict", "sox", upstream_stage_ids=("review",)),
    ],
    ids=["a review", "a worker", "what the reviewer leaves"],
)
def test_a_sox_stage_after_the_release(strict: StageRequest, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script_agents(monkeypatch, {"review": approve, "strict": approve})
    if not strict.upstream_stage_ids:
        strict = replace(strict, document=text)
    stages = (reviewer("review", "default", document=text), RELEASE, strict)
    assert_kept_in(run_to_rest(submit(plan(*stages))), text)


def test_a_sox_stage_with_another_text_asks_nothing_of_the_release() -> None:
    strict = reviewer("strict", "sox", document="The canteen is closed on Friday.")
    workflow = run_to_rest(submit(plan(strict, reviewer("review", "default", document=CLEAN_TEXT), RELEASE)))
    assert workflow.status == "completed"


# --- a text that a strict stage wrote with its tools


def let_write(monkeypatch: pytest.MonkeyPatch, text: str, *, then: Callable[[], Answer]) -> None:
    """Let the stage whose task is "Write." write a document as its tool does, and the others run as they are."""
    real = engine.run_agent

    async def run(work: AgentWork, journal: Any, documents: Any) -> AgentResult:
        if work.task == "Write.":
            await documents.write("reports", text)
            return AgentResult(then(), work.provider, "scripted", Usage())
        if work.task == "Read.":
            read = await documents.read("reports")
            return AgentResult(WorkerAnswer(f"{read} Thank you."), work.provider, "scripted", Usage())
        if work.role == "reviewer":
            return AgentResult(approve(work), work.provider, "scripted", Usage())
        return await real(work, journal, documents)

    monkeypatch.setattr(engine, "run_agent", run)


WRITER = StageRequest(id="strict", name="Write", task="Write.", compliance_policy="sox", document="Notes.")


@TEXTS
def test_a_document_that_a_sox_worker_wrote(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    let_write(monkeypatch, text, then=lambda: WorkerAnswer("Done."))
    workflow = run_to_rest(submit(plan(WRITER, reviewer("review", "default", document=text), RELEASE)))
    listed = [{"name": "reports", "sha256": compute_digest(text)}]
    assert read_attestations(workflow.id)[2].predicate["documents"] == {"read": [], "written": listed}
    assert_kept_in(workflow, text)


def test_what_a_stage_reads_is_certified_and_goes_into_what_it_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    let_write(monkeypatch, CLEAN_TEXT, then=lambda: WorkerAnswer("Done."))
    reader = StageRequest(id="reader", name="Read", task="Read.", upstream_stage_ids=("strict",))
    workflow = run_to_rest(submit(plan(WRITER, reader)))
    end = read_attestations(workflow.id)[4]
    assert end.predicate["documents"]["read"] == [{"name": "reports", "sha256": compute_digest(CLEAN_TEXT)}]
    assert compute_digest(CLEAN_TEXT) in end.sources
    report = verify_package(build_workflow_package(workflow), public_identity().public_key_pem)
    assert report.ok, report.failures


def test_what_an_execution_wrote_before_it_failed_is_certified(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off() -> Answer:
        raise AgentFailure("provider_error", "the provider broke")

    let_write(monkeypatch, CLEAN_TEXT, then=break_off)
    workflow = run_to_rest(submit(plan(WRITER, reviewer("review", "default", document=CLEAN_TEXT), RELEASE)))
    assert workflow.status == "failed"
    end = read_attestations(workflow.id)[2]
    assert end.predicate["documents"]["written"] == [{"name": "reports", "sha256": compute_digest(CLEAN_TEXT)}]


def test_a_review_and_release_under_one_policy_go_on_as_before() -> None:
    assert run_to_rest(submit(request_review_and_release())).status == "completed"
