"""`mode: "parallel"`: each stage starts when the stages that it names have completed, and no sooner."""

from typing import Any

import pytest

from compliance.package import verify_package
from compliance.services import read_attestations
from compliance.signing import public_identity
from tests.people import make_alice, make_bob
from tests.workflow_driver import (
    CLEAN_TEXT,
    find_execution,
    find_stage,
    run_ready_execution,
    run_to_rest,
    script_agents,
    submit,
)
from tests.workflows.test_concurrency import run_together
from workflows.agents.types import AgentFailure, AgentWork, Answer, ReviewAnswer, WorkerAnswer
from workflows.export import build_workflow_package
from workflows.models import Execution, Stage, Workflow
from workflows.requests import RequestRefused, StageRequest, WorkflowRequest
from workflows.services import cancel_workflow

DB = pytest.mark.django_db


def stage(name: str, *upstreams: str, role: str = "worker", **changes: Any) -> StageRequest:
    return StageRequest(
        id=name, name=name, task=f"Do {name}.", stage_role=role, upstream_stage_ids=upstreams, **changes
    )


def submit_parallel(*stages: StageRequest, mode: str = "parallel") -> Workflow:
    return submit(WorkflowRequest(name="Several", stages=stages, mode=mode))


def submit_diamond() -> Workflow:
    return submit_parallel(
        stage("first", document=CLEAN_TEXT),
        stage("left", "first"),
        stage("right", "first"),
        stage("review", "left", role="reviewer"),
        stage("join", "left", "right"),
    )


def begun(workflow: Workflow) -> set[str]:
    return set(Execution.objects.filter(stage__workflow=workflow).values_list("stage__stage_id", flat=True))


def run_stage(workflow: Workflow, stage_id: str) -> None:
    run_ready_execution(find_execution(workflow, stage_id).id)


def fail(work: AgentWork) -> Answer:
    raise AgentFailure("provider_error", "it failed")


def verified(workflow: Workflow) -> bool:
    return verify_package(build_workflow_package(workflow), public_identity().public_key_pem).ok


@DB
def test_stages_that_name_none_start_at_once_and_the_others_when_theirs_have_completed() -> None:
    workflow = submit_diamond()
    assert begun(workflow) == {"first"}
    run_stage(workflow, "first")
    assert begun(workflow) == {"first", "left", "right"}
    run_stage(workflow, "left")
    assert begun(workflow) == {"first", "left", "right", "review"}
    run_stage(workflow, "right")
    assert begun(workflow) == {"first", "left", "right", "review", "join"}
    workflow = run_to_rest(workflow)
    assert (workflow.status, workflow.verdict) == ("completed", "compliant"), workflow.reason_detail
    assert verified(workflow)


@DB
def test_sequential_is_the_default_and_starts_one_after_the_other() -> None:
    workflow = submit_parallel(stage("one"), stage("two"), mode="sequential")
    assert WorkflowRequest(name="x", stages=()).mode == "sequential"
    assert begun(workflow) == {"one"}
    run_stage(workflow, "one")
    assert begun(workflow) == {"one", "two"}


@DB
def test_certificates_of_stages_that_run_at_once_interleave_and_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = submit_parallel(stage("outer"), stage("inner"))

    def run_inner(work: AgentWork) -> Answer:
        return WorkerAnswer("the outer text")

    script_agents(monkeypatch, {"outer": run_inner, "inner": lambda work: WorkerAnswer("the inner text")})
    run_stage(workflow, "inner")
    workflow = run_to_rest(workflow)
    assert workflow.status == "completed"
    assert [entry.stage_id for entry in read_attestations(workflow.id)] == ["", "inner", "inner", "outer", "outer", ""]
    assert verified(workflow)


@DB
def test_a_stage_that_failed_takes_along_what_waits_for_it_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    script_agents(monkeypatch, {"bad": fail})
    workflow = submit_parallel(
        stage("bad"), stage("after", "bad"), stage("later", "after"), stage("good"), stage("better", "good")
    )
    run_stage(workflow, "bad")
    assert find_stage(workflow, "after").status == find_stage(workflow, "later").status == "cancelled"
    assert find_stage(workflow, "later").reason_code == "earlier_stage_ended"
    assert "stage bad" in find_stage(workflow, "later").reason_detail
    assert Workflow.objects.get(id=workflow.id).status == "running"

    workflow = run_to_rest(workflow)
    assert find_stage(workflow, "better").status == "completed"
    assert (workflow.status, workflow.reason_code) == ("failed", "provider_error")
    assert verified(workflow)


@DB
def test_what_names_a_stage_that_is_not_compliant_is_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    script_agents(monkeypatch, {"review": lambda work: ReviewAnswer("rejected", None, (), "no")})
    workflow = run_to_rest(
        submit_parallel(
            stage("review", role="reviewer", document=CLEAN_TEXT),
            stage("release", "review", role="release"),
            stage("aside"),
        )
    )
    assert find_stage(workflow, "aside").status == "completed"
    assert (find_stage(workflow, "release").status, workflow.status) == ("blocked", "blocked")
    assert find_stage(workflow, "release").reason_code == "upstream_not_compliant"
    assert verified(workflow)


@DB
def test_a_person_who_is_due_stays_in_sight_while_other_stages_run() -> None:
    workflow = submit_parallel(
        stage("review", role="reviewer", document=CLEAN_TEXT, compliance_policy="sox"),
        stage("release", "review", role="release", compliance_policy="sox"),
        stage("aside"),
        stage("beyond", "aside"),
    )
    run_stage(workflow, "review")
    run_stage(workflow, "release")
    assert Workflow.objects.get(id=workflow.id).status == "awaiting_sign_off"
    workflow = run_to_rest(workflow)
    assert find_stage(workflow, "beyond").status == "completed"
    assert workflow.status == "awaiting_sign_off"


@DB
def test_cancelling_ends_all_that_run_at_once() -> None:
    workflow = submit_parallel(stage("one"), stage("two"), stage("three", "one"))
    ended = cancel_workflow(workflow_id=workflow.id, actor=make_alice(), address=None)
    assert ended.status == "cancelled"
    assert set(Stage.objects.filter(workflow=workflow).values_list("status", flat=True)) == {"cancelled"}
    assert verified(workflow)


@DB
def test_the_mode_that_counts_is_the_one_that_was_asked_for() -> None:
    """A row that says parallel lets no stage of a sequential workflow run out of its turn."""
    workflow = submit_parallel(stage("one"), stage("two"), mode="sequential")
    Workflow.objects.filter(id=workflow.id).update(mode="parallel")
    early = Execution.objects.create(stage=find_stage(workflow, "two"), owner=workflow.owner)
    run_ready_execution(early.id)
    early.refresh_from_db()
    assert (early.status, early.reason_code) == ("blocked", "earlier_stage_not_completed")


@DB
def test_an_unknown_mode_is_refused_by_name() -> None:
    with pytest.raises(RequestRefused) as refused:
        submit_parallel(stage("one"), mode="sideways")
    assert "mode" in refused.value.errors


@pytest.mark.django_db(transaction=True)
def test_what_waits_for_two_that_end_at_the_same_moment_starts_once() -> None:
    make_bob()
    workflow = submit_parallel(stage("one"), stage("two"), stage("join", "one", "two"))
    ids = [find_execution(workflow, "one").id, find_execution(workflow, "two").id]
    results = run_together(lambda: run_ready_execution(ids.pop()), 2)
    assert not [result for result in results if isinstance(result, Exception)], results
    assert Execution.objects.filter(stage__workflow=workflow, stage__stage_id="join").count() == 1
    assert run_to_rest(workflow).status == "completed"
    assert verified(workflow)
