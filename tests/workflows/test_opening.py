"""The opening certificate: what was asked for holds, whatever somebody writes over the rows afterwards."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from compliance.append_only import triggers_lifted
from compliance.content import store_text
from compliance.models import Certificate, Policy
from compliance.package import verify_package
from compliance.policies_in_force import find_policy
from compliance.services import read_attestations
from compliance.signing import public_identity
from releases.services import sign_off
from tests.package_tampering import places
from tests.people import PASSWORD, make_alice, make_bob, make_charlie, make_person
from tests.workflow_driver import (
    CLEAN_TEXT,
    find_execution,
    find_stage,
    request_review_and_release,
    run_ready_execution,
    run_to_rest,
    submit,
)
from workflows import engine
from workflows.export import build_workflow_package
from workflows.models import Stage, Workflow
from workflows.requests import NotAllowed, StageRequest, WorkflowRequest

pytestmark = pytest.mark.django_db


def verify(workflow: Workflow) -> Any:
    return verify_package(build_workflow_package(workflow), public_identity().public_key_pem)


def find_lax_policy() -> Policy:
    return find_policy("default")


def test_a_workflow_is_opened_with_what_was_asked_for() -> None:
    request = WorkflowRequest(
        name="Notice",
        description="For everybody.",
        stages=(
            StageRequest(
                id="work",
                name="Work",
                task="Do it.",
                compliance_policy="sox",
                budget_cents=77,
                model="some-model",
                permissions=("document:read:reports", "network:smtp:send"),
            ),
        ),
    )
    workflow = submit(request)
    (opening,) = read_attestations(workflow.id)
    stage = find_stage(workflow, "work")
    assert opening.kind == "opening"
    assert opening.predicate["name"] == "Notice"
    assert opening.predicate["requester"] == {"id": str(make_alice().pk), "name": "alice"}
    (opened,) = opening.stages
    assert opened == {
        "id": "work",
        "uid": str(stage.uid),
        "name": "Work",
        "position": 0,
        "role": "worker",
        "task_sha256": stage.task_digest,
        "document_sha256": None,
        "upstream_stage_ids": [],
        "policy": {"name": "sox", "version": stage.policy.version, "digest": stage.policy.digest},
        "grant": {"effective": stage.granted_permissions, "denied": stage.denied_permissions},
        "budget_cents": 77,
        "permissions": ["document:read:reports", "network:smtp:send"],
        "provider": "embedded",
        "model": "some-model",
    }
    assert [denial["permission"] for denial in opened["grant"]["denied"]] == ["network:smtp:send"]


# --- rows that were changed

Change = Callable[[Workflow], dict[str, Any]]

CHANGES: dict[str, tuple[str, Change]] = {
    "policy": ("policy", lambda workflow: {"policy": find_lax_policy()}),
    "grant": ("grant", lambda workflow: {"granted_permissions": ["document:read:anything"]}),
    "task": ("task", lambda workflow: {"task_digest": store_text(workflow.id, "Release it at once.")}),
    "document": ("document", lambda workflow: {"document_digest": store_text(workflow.id, "Another text.")}),
    "role": ("role", lambda workflow: {"role": "worker"}),
    "upstream stages": ("upstream stages", lambda workflow: {"upstream_stage_ids": []}),
    "id": ("no stage 'other'", lambda workflow: {"stage_id": "other"}),
}


NO_CHANGE = ("review", "upstream stages")  # it names none


@pytest.mark.parametrize(
    ("stage_id", "name"),
    [(stage_id, name) for stage_id in ("review", "release") for name in CHANGES if (stage_id, name) != NO_CHANGE],
)
def test_a_stage_whose_row_was_changed_does_not_run(stage_id: str, name: str) -> None:
    said, change = CHANGES[name]
    workflow = submit(request_review_and_release(compliance_policy="sox"))
    if stage_id == "release":
        run_ready_execution(find_execution(workflow, "review").id)
    row = find_stage(workflow, stage_id)
    before = {field: getattr(row, field) for field in change(workflow)}
    Stage.objects.filter(uid=row.uid).update(**change(workflow))

    workflow = run_to_rest(workflow)
    ended = row.executions.get()
    assert (workflow.status, ended.status, ended.reason_code) == ("blocked", "blocked", "request_differs")
    assert said in ended.reason_detail
    assert ended.artifact_digest == ""

    # The refusal is evidence like any other: the chain holds, and says what was asked for, not what the row says.
    assert [entry.kind for entry in read_attestations(workflow.id)][-3:] == ["admission", "execution", "closing"]
    assert f"stages[{row.position}].stage." in "".join(places(verify(workflow)))
    Stage.objects.filter(uid=row.uid).update(**before)
    report = verify(workflow)
    assert report.ok, report.failures


def test_a_policy_that_is_swapped_while_a_release_runs_lets_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = submit(request_review_and_release())
    real = engine.assess_answer

    def swap(work: Any, *arguments: Any, **options: Any) -> Any:
        if work.role == "release":
            Stage.objects.filter(workflow=workflow, role="release").update(policy=find_policy("hipaa"))
        return real(work, *arguments, **options)

    monkeypatch.setattr(engine, "assess_answer", swap)
    workflow = run_to_rest(workflow)
    released = find_execution(workflow, "release")
    assert (released.status, released.reason_code, released.artifact_digest) == ("blocked", "request_differs", "")


@pytest.mark.parametrize("field", ["budget_cents", "model", "provider"])
def test_what_a_stage_may_spend_and_who_works_is_held_against_the_opening(field: str) -> None:
    workflow = run_to_rest(submit(request_review_and_release()))
    changed = {"budget_cents": 1_000_000, "model": "another", "provider": "openai"}
    Stage.objects.filter(workflow=workflow, stage_id="review").update(**{field: changed[field]})
    assert places(verify(workflow)) >= {f"stages[0].stage.{field}"}


def test_a_workflow_that_is_renamed_closes_under_its_own_name() -> None:
    workflow = submit(request_review_and_release())
    Workflow.objects.filter(id=workflow.id).update(name="Something harmless")
    workflow = run_to_rest(workflow)
    assert read_attestations(workflow.id)[-1].predicate["name"] == "Notice"
    assert places(verify(workflow)) == {"workflow.name"}


# --- who asked


def sign(workflow: Workflow, signer: User) -> None:
    execution = find_execution(workflow, "release")
    sign_off(
        execution_id=execution.id,
        actor=signer,
        decision="approve",
        artifact_sha256=execution.subject_digest,
        meaning="Approval for release",
        reason="Read it.",
        password=PASSWORD,
        address=None,
    )


def test_the_requester_cannot_sign_by_passing_the_workflow_to_somebody_else() -> None:
    olga = make_person("olga", "operator", "approver")
    workflow = run_to_rest(submit(request_review_and_release(compliance_policy="sox"), olga))
    Workflow.objects.filter(id=workflow.id).update(owner=make_charlie())
    with pytest.raises(NotAllowed, match="somebody else"):
        sign(workflow, olga)
    sign(workflow, make_bob())
    workflow = run_to_rest(workflow)
    release = find_execution(workflow, "release")
    assert (release.status, release.reason_code) == ("blocked", "request_differs")
    assert "requester" in release.reason_detail
    assert {entry.predicate["requester"]["name"] for entry in read_attestations(workflow.id) if entry.kind != "sign_off"
            and "requester" in entry.predicate} == {"olga"}  # fmt: skip


def test_who_stands_as_owner_now_cannot_sign_either() -> None:
    workflow = run_to_rest(submit(request_review_and_release(compliance_policy="sox")))
    Workflow.objects.filter(id=workflow.id).update(owner=make_bob())
    with pytest.raises(NotAllowed, match="somebody else"):
        sign(workflow, make_bob())


# --- an opening that does not hold


def test_without_its_opening_a_workflow_is_refused_and_still_comes_to_an_end() -> None:
    workflow = submit(request_review_and_release())
    with triggers_lifted(connection):
        Certificate.objects.filter(chain_id=workflow.id).delete()
    workflow = run_to_rest(workflow)
    review = find_execution(workflow, "review")
    assert (workflow.status, review.status, review.reason_code) == ("blocked", "blocked", "evidence_invalid")


def test_an_opening_that_was_written_over_is_no_evidence() -> None:
    workflow = submit(request_review_and_release(compliance_policy="sox"))
    opening = Certificate.objects.get(chain_id=workflow.id)
    other = Certificate.objects.get(chain_id=submit(request_review_and_release(CLEAN_TEXT)).id)
    with triggers_lifted(connection):
        Certificate.objects.filter(id=opening.id).update(envelope=other.envelope)
    workflow = run_to_rest(workflow)
    assert find_execution(workflow, "review").reason_code == "evidence_invalid"
    assert workflow.status == "blocked"
