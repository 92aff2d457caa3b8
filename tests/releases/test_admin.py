"""The sign-off page: what the approver sees, and what is signed when."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from compliance.content import destroy_content_key
from compliance.models import AuditEvent, Certificate
from releases.models import SignOff
from releases.services import sign_off
from tests.admin_people import (
    alice_desk,
    bob_desk,
    breaches_of_the_content_policy,
    charlie_desk,
    desk_as,
    page_address,
    sign_in,
)
from tests.people import PASSWORD, make_alice, make_bob, make_person
from tests.workflow_driver import find_execution, request_review_and_release, run_to_rest, submit
from workflows.models import Execution, Workflow
from workflows.services import cancel_workflow

__all__ = ["alice_desk", "bob_desk", "charlie_desk", "desk_as"]

HOSTILE = "Soup on Thursdays.\u202e</pre><script>alert(1)</script><form action='/x'>{{ 7|add:7 }}"
DIGEST = hashlib.sha256(HOSTILE.encode()).hexdigest()


@pytest.fixture
def waiting(db: None) -> Execution:
    workflow = run_to_rest(submit(request_review_and_release(HOSTILE, compliance_policy="sox"), make_alice()))
    execution = find_execution(workflow, "release")
    assert execution.status == "waiting"
    return execution


def page(execution: Execution) -> str:
    return reverse("admin:workflows_execution_sign_off", args=[execution.id])


def filled(**changes: Any) -> dict[str, Any]:
    return {
        "decision": "approve",
        "meaning": "Approval for release",
        "reason": "I have read it.",
        "password": PASSWORD,
        "artifact_sha256": DIGEST,
        **changes,
    }


def test_names_that_reorder_their_line_are_marked_and_a_reason_comes_back_as_it_was_typed(
    bob_desk: Client, waiting: Execution
) -> None:
    workflow = waiting.stage.workflow
    workflow.name = "tfard \u202eesaeler"
    workflow.save(update_fields=["name"])
    reason = "read\u200d and\u202e weighed"
    response = bob_desk.post(page(waiting), filled(reason=reason, meaning="none of them"))
    assert response.status_code == 400
    assert "Sign off: tfard [U+202E]esaeler" in response.text
    before, typed, after = response.text.partition(reason)
    assert typed
    assert "\u202e" not in before + after


def test_the_page_shows_the_artifact_as_it_is_and_what_it_rests_on(bob_desk: Client, waiting: Execution) -> None:
    assert page(waiting).encode() in bob_desk.get(page_address(waiting)).content
    response = bob_desk.get(page(waiting))
    body = response.content.decode()

    assert response.status_code == 200
    assert DIGEST in body
    assert (
        "Soup on Thursdays.<mark>U+202E</mark>&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;"
        "&lt;form action=&#x27;/x&#x27;&gt;{{ 7|add:7 }}</pre>"
    ) in body
    for fact in (
        "alice",
        "release",
        "review: approved, Compliant",
        "0 of 1 given",
        "nothing found",
        "looked for by a language model",
        "v2: asks for 1",
    ):
        assert fact in body, fact
    assert breaches_of_the_content_policy(response.content) == []
    assert PASSWORD not in body


def test_an_approval_is_signed_and_shown_with_its_certificate(bob_desk: Client, waiting: Execution) -> None:
    response = bob_desk.post(page(waiting), filled(), follow=True)

    record = SignOff.objects.get()
    assert (record.decision, record.signer.username, record.artifact_digest) == ("approve", "bob", DIGEST)
    assert response.redirect_chain[-1][0] == page_address(record)
    assert str(record.certificate_id) in response.content.decode()
    assert AuditEvent.objects.filter(action="sign_off.approve", address="127.0.0.1").count() == 1
    workflow = run_to_rest(Workflow.objects.get())
    assert (workflow.status, find_execution(workflow, "release").artifact_digest) == ("completed", DIGEST)


def test_a_refusal_blocks_the_release(bob_desk: Client, waiting: Execution) -> None:
    bob_desk.post(page(waiting), filled(decision="reject", meaning="Refusal of release"))
    assert run_to_rest(Workflow.objects.get()).status == "blocked"
    assert SignOff.objects.get().decision == "reject"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("decision", ""),
        ("decision", "maybe"),
        ("meaning", "Whatever"),
        ("reason", ""),
        ("reason", "  \n"),
        ("reason", "x" * 2001),
        ("password", ""),
        ("artifact_sha256", ""),
    ],
)
def test_an_incomplete_form_signs_nothing_and_says_what_is_missing(
    bob_desk: Client, waiting: Execution, field: str, value: str
) -> None:
    response = bob_desk.post(page(waiting), filled(**{field: value}))
    assert response.status_code == 400
    assert b"errorlist" in response.content or b'role="alert"' in response.content
    assert PASSWORD.encode() not in response.content
    assert not SignOff.objects.exists()


def test_a_wrong_password_signs_nothing(bob_desk: Client, waiting: Execution) -> None:
    response = bob_desk.post(page(waiting), filled(password="not it"))
    assert (response.status_code, b"password is not right" in response.content) == (403, True)
    assert b"not it" not in response.content
    assert not SignOff.objects.exists()


def test_wrong_passwords_are_counted_together_with_the_apis(bob_desk: Client, waiting: Execution) -> None:
    for _ in range(10):
        assert bob_desk.post(page(waiting), filled(password="not it")).status_code == 403
    response = bob_desk.post(page(waiting), filled())
    assert (response.status_code, b"Too many attempts" in response.content) == (429, True)
    assert not SignOff.objects.exists()


def test_a_page_that_is_stale_signs_nothing_and_offers_the_present_artifact(
    bob_desk: Client, waiting: Execution
) -> None:
    response = bob_desk.post(page(waiting), filled(artifact_sha256="0" * 64))
    body = response.content.decode()
    assert (response.status_code, 'role="alert"' in body) == (409, True)
    assert f'name="artifact_sha256" value="{DIGEST}"' in body
    assert not SignOff.objects.exists()


def test_what_does_not_wait_any_more_is_not_signed(bob_desk: Client, waiting: Execution) -> None:
    cancel_workflow(workflow_id=waiting.stage.workflow_id, actor=make_alice(), address=None)
    for response in (bob_desk.get(page(waiting), follow=True), bob_desk.post(page(waiting), filled(), follow=True)):
        assert response.redirect_chain[-1][0] == page_address(waiting)
        assert b"does not wait for a sign-off" in response.content
    assert page(waiting).encode() not in bob_desk.get(page_address(waiting)).content
    assert not SignOff.objects.exists()


def test_an_artifact_that_was_erased_cannot_be_signed(bob_desk: Client, waiting: Execution) -> None:
    destroy_content_key(waiting.stage.workflow_id)
    response = bob_desk.get(page(waiting))
    assert b"cannot be signed" in response.content
    assert b'name="password"' not in response.content


def test_the_requester_is_refused_also_as_an_approver(waiting: Execution) -> None:
    desk = sign_in(make_person("alice", "approver"))
    response = desk.post(page(waiting), filled())
    assert (response.status_code, b"signed off by somebody else" in response.content) == (403, True)
    assert not SignOff.objects.exists()


@pytest.mark.parametrize(("role", "status"), [("admin", 403), ("auditor", 403), ("operator", 404), ("viewer", 404)])
def test_only_approvers_reach_the_page(
    desk_as: Callable[[str], Client], waiting: Execution, role: str, status: int
) -> None:
    desk = desk_as(role)
    assert desk.get(page(waiting)).status_code == status
    assert desk.post(page(waiting), filled()).status_code == status
    assert page(waiting).encode() not in desk.get(page_address(waiting)).content
    assert not SignOff.objects.exists()


def test_the_owner_sees_that_it_waits_and_cannot_sign(alice_desk: Client, waiting: Execution) -> None:
    assert alice_desk.get(page_address(waiting)).status_code == 200
    assert alice_desk.post(page(waiting), filled()).status_code == 403
    assert not SignOff.objects.exists()


def test_nobody_signs_by_a_link_or_without_the_token(bob_desk: Client, waiting: Execution) -> None:
    bob_desk.get(page(waiting), filled())
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make_bob())
    assert strict.post(page(waiting), filled()).status_code == 403
    assert not SignOff.objects.exists()


def test_there_is_no_sign_off_in_bulk(bob_desk: Client, waiting: Execution) -> None:
    response = bob_desk.get(reverse("admin:workflows_execution_changelist"))
    assert b'name="action"' not in response.content


def test_sign_offs_are_listed_to_those_who_may_see_them(
    alice_desk: Client, bob_desk: Client, charlie_desk: Client, waiting: Execution
) -> None:
    record = sign_off(execution_id=waiting.id, actor=make_bob(), address=None, **filled())
    listed = reverse("admin:releases_signoff_changelist")
    for desk, count in ((alice_desk, 1), (bob_desk, 1), (charlie_desk, 0)):
        assert desk.get(listed).context["cl"].result_count == count
    assert alice_desk.get(page_address(record)).status_code == 200
    assert charlie_desk.get(page_address(record)).status_code == 302
    assert Certificate.objects.filter(kind="sign_off").count() == 1
