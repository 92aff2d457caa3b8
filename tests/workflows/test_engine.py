"""The life of a stage, end to end, with the embedded agent and with scripted ones."""

import base64

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from compliance.content import compute_digest, load_text
from compliance.services import read_attestations
from releases.services import sign_off
from tests.people import PASSWORD, make_alice, make_bob, make_person
from tests.workflow_driver import (
    CLEAN_TEXT,
    claim_execution,
    expire_leases,
    find_execution,
    find_stage,
    request_review_and_release,
    run_ready_execution,
    run_to_rest,
    script_agents,
    submit,
)
from workflows import engine
from workflows.agents.types import AgentFailure, AgentWork, Answer, ReleaseAnswer, ReviewAnswer, WorkerAnswer
from workflows.engine import begin_execution
from workflows.leases import (
    LeaseLost,
    sweep,
)
from workflows.models import Execution, Workflow
from workflows.requests import Conflict, NotAllowed, StageRequest, WorkflowRequest
from workflows.services import cancel_workflow

pytestmark = pytest.mark.django_db

MNPI_TEXT = "This is material non-public information: the merger has not yet been announced."


def approve(work: AgentWork) -> Answer:
    return ReviewAnswer("approved", None if work.subject is not None else CLEAN_TEXT, (), "fine")


def reject(work: AgentWork) -> Answer:
    return ReviewAnswer("rejected", None, (), "not fine")


def release(work: AgentWork) -> Answer:
    return ReleaseAnswer("release", "approved")


def sign(workflow: Workflow, signer: User, decision: str = "approve") -> None:
    execution = find_execution(workflow, "release")
    sign_off(
        execution_id=execution.id,
        actor=signer,
        decision=decision,
        artifact_sha256=execution.subject_digest,
        meaning="Approval for release",
        reason="Read it.",
        password=PASSWORD,
        address=None,
    )


def kinds(workflow: Workflow) -> list[str]:
    return [entry.kind for entry in read_attestations(workflow.id)]


def test_a_reviewed_text_is_released_for_exactly_its_bytes() -> None:
    workflow = run_to_rest(submit(request_review_and_release()))

    released = find_execution(workflow, "release")
    assert (workflow.status, workflow.verdict) == ("completed", "compliant"), workflow.reason_detail
    assert released.artifact_digest == compute_digest(CLEAN_TEXT)
    assert load_text(workflow.id, released.artifact_digest) == CLEAN_TEXT
    assert kinds(workflow) == ["opening", "admission", "execution", "admission", "execution", "closing"]


def test_a_rejecting_reviewer_completes_and_blocks_the_release(monkeypatch: pytest.MonkeyPatch) -> None:
    script_agents(monkeypatch, {"review": reject})
    workflow = run_to_rest(submit(request_review_and_release()))

    review, released = find_execution(workflow, "review"), find_execution(workflow, "release")
    assert (review.status, review.verdict, review.artifact_digest) == ("completed", "non_compliant", "")
    assert (released.status, released.reason_code) == ("blocked", "upstream_not_compliant")
    assert workflow.status == "blocked"
    rejection = read_attestations(workflow.id)[2]
    assert rejection.predicate["reviewed_sha256"] == compute_digest(CLEAN_TEXT)


def test_a_reviewer_without_a_verdict_fails_and_the_rest_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_verdict(work: AgentWork) -> Answer:
        raise AgentFailure("no_verdict", "the reviewer gave no structured answer")

    script_agents(monkeypatch, {"review": no_verdict})
    workflow = run_to_rest(submit(request_review_and_release()))

    assert (workflow.status, workflow.reason_code) == ("failed", "no_verdict")
    stage = find_stage(workflow, "release")
    assert (stage.status, stage.reason_code) == ("cancelled", "earlier_stage_ended")
    assert not stage.executions.exists()
    assert kinds(workflow) == ["opening", "admission", "execution", "closing"]


def test_a_reviewer_never_replaces_its_subject_by_its_own_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    script_agents(monkeypatch, {"review": lambda work: ReviewAnswer("approved", "another text", (), "fine")})
    workflow = run_to_rest(submit(request_review_and_release()))

    assert find_execution(workflow, "release").artifact_digest == compute_digest(CLEAN_TEXT)


def test_a_modified_text_is_what_is_released(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = "The cafeteria opens at nine."
    script_agents(monkeypatch, {"review": lambda work: ReviewAnswer("modified", changed, (), "shorter")})
    workflow = run_to_rest(submit(request_review_and_release()))

    assert find_execution(workflow, "release").artifact_digest == compute_digest(changed)


def test_an_agent_that_holds_blocks_its_release(monkeypatch: pytest.MonkeyPatch) -> None:
    script_agents(monkeypatch, {"release": lambda work: ReleaseAnswer("hold", "not today")})
    workflow = run_to_rest(submit(request_review_and_release()))

    released = find_execution(workflow, "release")
    assert (released.status, released.reason_code, released.artifact_digest) == ("blocked", "release_held", "")


def test_reviewers_that_approve_different_texts_block_the_release(monkeypatch: pytest.MonkeyPatch) -> None:
    script_agents(monkeypatch, {"second": lambda work: ReviewAnswer("modified", "Another text.", (), "better")})
    first, last = request_review_and_release().stages
    second = StageRequest(id="second", name="Second", task="Review.", stage_role="reviewer", document=CLEAN_TEXT)
    last = StageRequest(**{**last.__dict__, "upstream_stage_ids": ("review", "second")})
    workflow = run_to_rest(submit(WorkflowRequest(name="Two", stages=(first, second, last))))

    assert find_execution(workflow, "release").reason_code == "approvals_differ"


def test_a_sox_release_waits_for_a_person_and_holds_no_lease() -> None:
    workflow = run_to_rest(submit(request_review_and_release(compliance_policy="sox")))

    released = find_execution(workflow, "release")
    assert (workflow.status, released.status, released.lease_expires_at) == ("awaiting_sign_off", "waiting", None)
    assert find_stage(workflow, "release").status == "awaiting_sign_off"

    sign(workflow, make_bob())
    workflow = run_to_rest(workflow)
    assert (workflow.status, workflow.verdict) == ("completed", "compliant")
    assert "sign_off" in kinds(workflow)


def test_a_refused_sign_off_blocks_the_release() -> None:
    workflow = run_to_rest(submit(request_review_and_release(compliance_policy="sox")))
    sign(workflow, make_bob(), "reject")
    workflow = run_to_rest(workflow)

    assert (workflow.status, find_execution(workflow, "release").reason_code) == ("blocked", "sign_off_refused")


@pytest.mark.parametrize(("reviewed", "released"), [("sox", "default"), ("default", "sox")])
def test_a_sox_text_under_default_still_waits_for_its_sign_off(reviewed: str, released: str) -> None:
    first, last = request_review_and_release().stages
    request = WorkflowRequest(
        name="Laundering",
        stages=(
            StageRequest(**{**first.__dict__, "compliance_policy": reviewed}),
            StageRequest(**{**last.__dict__, "compliance_policy": released}),
        ),
    )
    workflow = run_to_rest(submit(request))

    assert workflow.status == "awaiting_sign_off"


def test_a_text_that_a_sox_stage_handled_is_followed_by_its_digest() -> None:
    """The reviewer takes the same bytes as its own document, and names no sox stage: rule 12 holds all the same."""
    first, last = request_review_and_release().stages
    draft = StageRequest(
        id="draft", name="Draft", task="Draft.", stage_role="intake", compliance_policy="sox", document=CLEAN_TEXT
    )
    workflow = run_to_rest(submit(WorkflowRequest(name="Laundering", stages=(draft, first, last))))

    assert workflow.status == "awaiting_sign_off"


def test_inside_information_reviewed_under_sox_is_not_released_under_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even when a model approves it: the deterministic checks have their own word."""
    script_agents(monkeypatch, {"review": approve, "release": release})
    first, last = request_review_and_release(MNPI_TEXT).stages
    first = StageRequest(**{**first.__dict__, "compliance_policy": "sox"})
    workflow = run_to_rest(submit(WorkflowRequest(name="MNPI", stages=(first, last))))

    assert workflow.status == "blocked"
    assert find_execution(workflow, "review").verdict == "non_compliant"
    assert find_execution(workflow, "release").artifact_digest == ""


def test_inside_information_released_under_sox_is_blocked_though_reviewed_under_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script_agents(monkeypatch, {"review": approve, "release": release})
    first, last = request_review_and_release(MNPI_TEXT).stages
    last = StageRequest(**{**last.__dict__, "compliance_policy": "sox"})
    workflow = run_to_rest(submit(WorkflowRequest(name="MNPI", stages=(first, last))))

    assert find_execution(workflow, "release").reason_code == "content_blocked"


def test_the_requester_cannot_sign_off_the_own_workflow() -> None:
    owner = make_person("olga", "operator", "approver")
    workflow = run_to_rest(submit(request_review_and_release(compliance_policy="sox"), owner))

    with pytest.raises(NotAllowed, match="somebody else"):
        sign(workflow, owner)
    assert run_to_rest(workflow).status == "awaiting_sign_off"


def test_a_stale_digest_cannot_be_signed() -> None:
    workflow = run_to_rest(submit(request_review_and_release(compliance_policy="sox")))
    with pytest.raises(Conflict, match="read it again"):
        sign_off(
            execution_id=find_execution(workflow, "release").id,
            actor=make_bob(),
            decision="approve",
            artifact_sha256="0" * 64,
            meaning="Approval",
            reason="Read it.",
            password=PASSWORD,
            address=None,
        )


def test_a_cancelled_workflow_stays_cancelled_whatever_its_worker_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def cancel_meanwhile(work: AgentWork) -> Answer:
        return ReviewAnswer("approved", None, (), "fine")

    workflow = submit(request_review_and_release())
    script_agents(monkeypatch, {"review": cancel_meanwhile})
    real = engine.assess_answer

    def cancel_then_assess(*arguments: object, **options: object) -> object:
        cancel_workflow(workflow_id=workflow.id, actor=make_alice(), address=None)
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "assess_answer", cancel_then_assess)
    workflow = run_to_rest(workflow)

    assert workflow.status == "cancelled"
    assert find_execution(workflow, "review").status == "cancelled"
    assert find_execution(workflow, "review").artifact_digest == ""
    assert kinds(workflow) == ["opening", "admission", "execution", "closing"]


def test_cancelling_twice_changes_nothing() -> None:
    workflow = submit(request_review_and_release())
    first = cancel_workflow(workflow_id=workflow.id, actor=make_alice(), address=None)
    second = cancel_workflow(workflow_id=workflow.id, actor=make_alice(), address=None)

    assert (first.status, second.status) == ("cancelled", "cancelled")
    assert first.completed_at == second.completed_at


def test_a_stage_whose_worker_died_is_finished_by_another() -> None:
    workflow = submit(request_review_and_release())
    dead = claim_execution(find_execution(workflow, "review").id)
    assert dead is not None
    assert sweep() == 0, "a live lease was taken away"

    expire_leases(workflow)
    assert sweep() == 1
    workflow = run_to_rest(workflow)
    assert workflow.status == "completed"
    with pytest.raises(LeaseLost):
        begin_execution(dead)


def test_a_stage_that_kills_its_workers_fails_after_its_attempts(settings: Settings) -> None:
    settings.MAX_ATTEMPTS = 3
    workflow = submit(request_review_and_release())
    for _ in range(3):
        assert claim_execution(find_execution(workflow, "review").id) is not None
        expire_leases(workflow)
        sweep()
    workflow = run_to_rest(workflow)

    assert (workflow.status, workflow.reason_code) == ("failed", "attempts_exhausted")


def test_the_stage_key_reaches_the_agent_and_is_destroyed_when_the_stage_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = script_agents(monkeypatch, {"review": approve, "release": release})
    request = request_review_and_release(provider="anthropic", api_key="sk-canary-12345678")
    workflow = run_to_rest(submit(request))

    assert [work.api_key for work in asked] == ["sk-canary-12345678"] * 2
    assert not Execution.objects.filter(stage__workflow=workflow, stage__sealed_api_key__isnull=False).exists()


def test_a_worker_sees_only_the_stages_that_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = script_agents(
        monkeypatch, {name: lambda work: WorkerAnswer(f"text of {work.task}") for name in ("a", "b", "c")}
    )
    stages = (
        StageRequest(id="a", name="A", task="one"),
        StageRequest(id="b", name="B", task="two"),
        StageRequest(id="c", name="C", task="three", upstream_stage_ids=("b",)),
    )
    run_to_rest(submit(WorkflowRequest(name="Three", stages=stages)))

    assert [[entry.stage_id for entry in work.inputs] for work in asked] == [[], [], ["b"]]


def test_a_worker_with_the_wrong_master_key_fails_no_stage(settings: Settings) -> None:
    workflow = submit(request_review_and_release())
    right = settings.CONTENT_MASTER_KEY
    settings.CONTENT_MASTER_KEY = base64.b64encode(b"another key of thirty-two bytes!").decode()
    run_ready_execution(find_execution(workflow, "review").id)
    assert find_execution(workflow, "review").status == "queued", "the stage paid for its worker's configuration"

    settings.CONTENT_MASTER_KEY = right
    assert run_to_rest(workflow).status == "completed"


def test_a_rejected_review_is_not_run_again_until_it_approves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even by somebody who may write to the tables: the gate reads that the stage has ended."""
    answers = iter([reject, approve])
    script_agents(monkeypatch, {"review": lambda work: next(answers)(work), "release": release})
    workflow = submit(request_review_and_release())
    run_ready_execution(find_execution(workflow, "review").id)
    Execution.objects.filter(stage__workflow=workflow, stage__stage_id="release").delete()
    stage = find_stage(workflow, "review")
    type(stage).objects.filter(uid=stage.uid).update(status="pending")
    Execution.objects.create(stage=stage, owner=workflow.owner)
    workflow = run_to_rest(workflow)

    assert find_execution(workflow, "review").reason_code == "stage_already_ended"
    assert workflow.status == "blocked"
    assert kinds(workflow)[-1] == "closing"


def test_a_release_cannot_be_run_before_an_earlier_stage() -> None:
    first, last = request_review_and_release().stages
    audit = StageRequest(id="audit", name="Audit", task="Audit.", document="Figures.")
    workflow = submit(WorkflowRequest(name="Order", stages=(first, audit, last)))
    run_ready_execution(find_execution(workflow, "review").id)
    early = Execution.objects.create(stage=find_stage(workflow, "release"), owner=workflow.owner)
    run_ready_execution(early.id)

    early.refresh_from_db()
    assert (early.status, early.reason_code, early.artifact_digest) == ("blocked", "earlier_stage_not_completed", "")
