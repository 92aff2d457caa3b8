"""`mode: "parallel"`: each stage starts when the stages that it names have completed, and no sooner."""

import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from compliance.package import verify_package
from compliance.services import read_attestations
from compliance.signing import public_identity
from releases.services import sign_off
from tests.people import PASSWORD, make_alice, make_bob
from tests.workflow_driver import (
    CLEAN_TEXT,
    claim_execution,
    find_execution,
    find_stage,
    run_ready_execution,
    run_to_rest,
    script_agents,
    submit,
)
from tests.workflows.test_concurrency import PATIENCE_SECONDS, run_together
from workflows import endings, engine
from workflows.agents.types import (
    AgentFailure,
    AgentResult,
    AgentWork,
    Answer,
    OutcomeUnknown,
    ReviewAnswer,
    Usage,
    WorkerAnswer,
)
from workflows.endings import Ending
from workflows.engine import begin_execution, end_without_answer, finish_execution
from workflows.export import build_workflow_package
from workflows.leases import LeaseLost
from workflows.models import Execution, Stage, Workflow
from workflows.records import find_current_stage
from workflows.requests import RequestRefused, StageRequest, WorkflowRequest
from workflows.services import cancel_workflow, settle_execution

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


def show(workflow: Workflow) -> str:
    """The workflow's status as it is now."""
    return Workflow.objects.get(id=workflow.id).status


def sign(workflow: Workflow, decision: str = "approve") -> None:
    waiting = find_execution(workflow, "release")
    sign_off(
        execution_id=waiting.id,
        actor=make_bob(),
        decision=decision,
        artifact_sha256=waiting.subject_digest,
        meaning="Approval",
        reason="Read it.",
        password=PASSWORD,
        address=None,
    )


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
def test_certificates_of_stages_that_run_at_once_interleave_and_verify() -> None:
    workflow = submit_parallel(stage("outer"), stage("inner"))
    claim = claim_execution(find_execution(workflow, "outer").id)
    assert claim is not None
    begun_outer = begin_execution(claim)
    assert begun_outer is not None
    run_stage(workflow, "inner")
    finish_execution(claim, begun_outer, AgentResult(WorkerAnswer("outer"), "embedded", "scripted", Usage()))
    assert show(workflow) == "completed"
    assert [entry.stage_id for entry in read_attestations(workflow.id)] == ["", "outer", "inner", "inner", "outer", ""]
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


@DB
def test_a_decision_that_is_due_is_shown_before_a_sign_off_and_neither_outlives_its_cause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = engine.run_agent

    async def run(work: AgentWork, journal: Any, documents: Any) -> AgentResult:
        if work.task != "Do aside.":
            return await real(work, journal, documents)
        facts = {"tool": "pay", "tool_call_id": "pay-1", "capability": "document:read:ledger", "decision": "allow"}
        await journal.record("tool_call", facts, {"arguments": {}})
        raise OutcomeUnknown(tool="pay", tool_call_id="pay-1", step=0, occurrence=0)

    monkeypatch.setattr(engine, "run_agent", run)
    workflow = submit_parallel(
        stage("review", role="reviewer", document=CLEAN_TEXT, compliance_policy="sox"),
        stage("release", "review", role="release", compliance_policy="sox"),
        stage("aside"),
    )
    assert run_to_rest(workflow).status == "awaiting_decision"
    assert find_stage(workflow, "release").status == "awaiting_sign_off"

    settle_execution(
        execution_id=find_execution(workflow, "aside").id,
        actor=make_bob(),
        outcome="give_up",
        result=None,
        reason="Nobody knows.",
        address=None,
    )
    assert run_to_rest(workflow).status == "awaiting_sign_off"
    sign(workflow)
    assert run_to_rest(workflow).status == "failed"
    assert find_stage(workflow, "release").status == "completed"
    assert verified(workflow)


@DB
@pytest.mark.parametrize(("decision", "status"), [("approve", "completed"), ("reject", "blocked")])
def test_a_sign_off_ends_its_wait_and_no_claim_hides_it_before(decision: str, status: str) -> None:
    workflow = submit_parallel(
        stage("review", role="reviewer", document=CLEAN_TEXT, compliance_policy="sox"),
        stage("release", "review", role="release", compliance_policy="sox"),
        stage("aside"),
    )
    run_stage(workflow, "review")
    run_stage(workflow, "release")
    claim = claim_execution(find_execution(workflow, "aside").id)
    assert claim is not None
    assert begin_execution(claim) is not None
    assert show(workflow) == "awaiting_sign_off"
    sign(workflow, decision)
    assert show(workflow) == "running"
    run_stage(workflow, "release")
    assert (find_stage(workflow, "release").status, show(workflow)) == (status, "running")
    end_without_answer(claim, Ending("failed", ("provider_error", "it broke")))
    assert show(workflow) == "failed"
    assert verified(workflow)


@DB
def test_cancelling_ends_what_runs_what_waits_and_what_has_not_begun() -> None:
    workflow = submit_parallel(
        stage("review", role="reviewer", document=CLEAN_TEXT, compliance_policy="sox"),
        stage("release", "review", role="release", compliance_policy="sox"),
        stage("one"),
        stage("two"),
        stage("three", "one"),
    )
    run_stage(workflow, "review")
    run_stage(workflow, "release")
    claims = [claim_execution(find_execution(workflow, name).id) for name in ("one", "two")]
    begun_one = begin_execution(claims[0]) if claims[0] else None
    assert claims[0] is not None
    assert begun_one is not None
    cancel_workflow(workflow_id=workflow.id, actor=make_alice(), address=None)

    ends = dict(Stage.objects.filter(workflow=workflow).values_list("stage_id", "status"))
    assert ends == {**dict.fromkeys(("release", "one", "two", "three"), "cancelled"), "review": "completed"}
    certified = [entry.stage_id for entry in read_attestations(workflow.id) if entry.kind == "execution"]
    assert sorted(certified) == ["one", "release", "review", "two"]
    with pytest.raises(LeaseLost):
        finish_execution(claims[0], begun_one, AgentResult(WorkerAnswer("late"), "embedded", "scripted", Usage()))
    assert verified(workflow)


@DB
def test_the_current_stage_is_the_first_that_has_not_ended() -> None:
    workflow = submit_parallel(stage("one"), stage("two"), stage("three"))
    run_stage(workflow, "one")
    run_stage(workflow, "three")
    assert find_current_stage(list(Stage.objects.filter(workflow=workflow))) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", ["completed", "failed"])
def test_two_ends_at_the_same_moment_start_what_waits_for_both_once(end: str) -> None:
    """Both are admitted before, so that nothing but the two last transactions meet."""
    workflow = submit_parallel(stage("one"), stage("two"), stage("join", "one", "two"), stage("after", "join"))
    running = []
    for name in ("one", "two"):
        claim = claim_execution(find_execution(workflow, name).id)
        assert claim is not None
        running.append((claim, begin_execution(claim)))

    def finish() -> None:
        claim, work = running.pop()
        assert work is not None
        if end == "failed":
            end_without_answer(claim, Ending("failed", ("provider_error", "it broke")))
        else:
            finish_execution(claim, work, AgentResult(WorkerAnswer("Done."), "embedded", "scripted", Usage()))

    results = run_together(finish, 2)
    assert not [result for result in results if isinstance(result, Exception)], results
    if end == "completed":
        assert Execution.objects.filter(stage__workflow=workflow, stage__stage_id="join").count() == 1
        assert run_to_rest(workflow).status == "completed"
    else:
        assert show(workflow) == "failed"
        assert {find_stage(workflow, name).status for name in ("join", "after")} == {"cancelled"}
    assert verified(workflow)


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


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_the_second_of_two_ends_waits_for_the_first_and_sees_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is held open until the database says that the second waits for a lock of its."""
    workflow = submit_parallel(stage("one"), stage("two"), stage("join", "one", "two"))
    running = []
    for name in ("one", "two"):
        claim = claim_execution(find_execution(workflow, name).id)
        assert claim is not None
        running.append((claim, begin_execution(claim)))
    real, ends = endings._advance, itertools.count()

    def hold_first_open(*arguments: Any) -> None:
        real(*arguments)
        if next(ends) == 0:
            wait_until(is_somebody_blocked)

    monkeypatch.setattr(endings, "_advance", hold_first_open)

    def finish() -> None:
        claim, work = running.pop()
        assert work is not None
        answer = WorkerAnswer(f"Made by {claim.stage_uid}.")  # one text for both would make them wait for its row
        finish_execution(claim, work, AgentResult(answer, "embedded", "scripted", Usage()))

    results = run_together(finish, 2)
    assert not [result for result in results if isinstance(result, Exception)], results
    assert Execution.objects.filter(stage__workflow=workflow, stage__stage_id="join").count() == 1
    assert run_to_rest(workflow).status == "completed"
    assert verified(workflow)


def is_somebody_blocked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
        )
        return bool(cursor.fetchone()[0])


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "nobody waits"
