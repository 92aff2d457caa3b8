"""`/releases/pending` and `POST /releases/{execution_id}/sign-off`, as owner, officer and outsider."""

import hashlib
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from compliance.envelope import load_public_keys, parse_envelope, verify_envelope
from compliance.models import SigningKey
from releases.models import SignOff
from tests.people import PASSWORD, make_person
from tests.workflow_driver import CLEAN_TEXT, find_execution, request_review_and_release, run_to_rest, submit
from workflows.models import Execution, Workflow
from workflows.services import cancel_workflow

PENDING = "/api/v1/releases/pending"
DIGEST = hashlib.sha256(CLEAN_TEXT.encode()).hexdigest()


@pytest.fixture
def waiting(alice: User) -> Execution:
    workflow = run_to_rest(submit(request_review_and_release(compliance_policy="sox"), alice))
    execution = find_execution(workflow, "release")
    assert (workflow.status, execution.status) == ("awaiting_sign_off", "waiting")
    return execution


def address(execution: Execution) -> str:
    return f"/api/v1/releases/{execution.id}/sign-off"


def decision(**changes: Any) -> dict[str, Any]:
    return {
        "decision": "approve",
        "artifact_sha256": DIGEST,
        "meaning": "Approval for release",
        "reason": "I have read it.",
        "password": PASSWORD,
        **changes,
    }


def sign(client: APIClient, execution: Execution, **changes: Any) -> tuple[int, dict[str, Any]]:
    response = client.post(address(execution), decision(**changes), format="json")
    return response.status_code, response.json()


def test_an_approval_is_a_certificate_over_the_digest_and_lets_the_release_go(
    bob_api: APIClient, waiting: Execution
) -> None:
    status, record = sign(bob_api, waiting)

    assert status == 201, record
    assert (record["execution_id"], record["decision"], record["artifact_sha256"]) == (
        str(waiting.id),
        "approve",
        DIGEST,
    )
    assert record["signer"] == "bob"
    envelope = parse_envelope(record["certificate"]["envelope"])
    keys = load_public_keys(SigningKey.objects.values_list("public_key_pem", flat=True))
    statement = verify_envelope(envelope, keys)
    assert statement["subject"][0]["digest"]["sha256"] == DIGEST
    assert statement["predicate"]["signer"]["name"] == "bob"
    assert statement["predicate"]["meaning"] == "Approval for release"
    workflow = run_to_rest(Workflow.objects.get())
    assert (workflow.status, workflow.verdict) == ("completed", "compliant")
    assert find_execution(workflow, "release").artifact_digest == DIGEST


def test_a_rejection_blocks_the_release(bob_api: APIClient, waiting: Execution) -> None:
    assert sign(bob_api, waiting, decision="reject")[0] == 201
    workflow = run_to_rest(Workflow.objects.get())
    execution = find_execution(workflow, "release")
    assert (execution.status, execution.reason_code, execution.artifact_digest) == ("blocked", "sign_off_refused", "")


@pytest.mark.parametrize("role", ["admin", "auditor"])
def test_who_may_read_it_but_is_no_approver_is_refused(
    api_as: Callable[[str], APIClient], waiting: Execution, role: str
) -> None:
    status, body = sign(api_as(role), waiting)
    assert (status, "approver" in body["detail"]) == (403, True)
    assert not SignOff.objects.exists()


def test_the_requester_is_refused_also_as_an_approver(
    alice: User, alice_api: APIClient, client_of: Callable[[User], APIClient], waiting: Execution
) -> None:
    assert sign(alice_api, waiting)[0] == 403
    make_person("alice", "approver")
    assert sign(client_of(alice), waiting)[0] == 403
    assert not SignOff.objects.exists()


@pytest.mark.parametrize("role", ["operator", "viewer", "policy_author"])
def test_to_an_outsider_the_execution_is_unknown(
    api_as: Callable[[str], APIClient], waiting: Execution, role: str
) -> None:
    assert sign(api_as(role), waiting)[0] == 404
    assert not SignOff.objects.exists()


def test_without_a_key_nothing_is_signed(anonymous: APIClient, waiting: Execution) -> None:
    assert sign(anonymous, waiting)[0] == 401
    assert anonymous.get(PENDING).status_code == 401


def test_an_unknown_or_malformed_execution_is_unknown(bob_api: APIClient) -> None:
    for name in (uuid.uuid4(), "1", "x"):
        response = bob_api.post(f"/api/v1/releases/{name}/sign-off", decision(), format="json")
        assert response.status_code == 404


def test_a_stale_digest_conflicts(bob_api: APIClient, waiting: Execution) -> None:
    status, body = sign(bob_api, waiting, artifact_sha256="0" * 64)
    assert (status, DIGEST in body["detail"]) == (409, True)
    assert not SignOff.objects.exists()


def test_a_state_that_has_moved_on_conflicts(alice: User, bob_api: APIClient, waiting: Execution) -> None:
    cancel_workflow(workflow_id=waiting.stage.workflow_id, actor=alice, address=None)
    assert sign(bob_api, waiting)[0] == 409
    assert not SignOff.objects.exists()


def test_nobody_signs_twice(bob_api: APIClient, waiting: Execution) -> None:
    assert sign(bob_api, waiting)[0] == 201
    assert sign(bob_api, waiting)[0] in {403, 409}
    assert SignOff.objects.count() == 1


def test_a_wrong_password_signs_nothing(bob_api: APIClient, waiting: Execution) -> None:
    status, body = sign(bob_api, waiting, password="wrong")
    assert (status, "password" in body["detail"]) == (403, True)
    assert not SignOff.objects.exists()


def test_wrong_passwords_are_counted_and_then_throttled(bob_api: APIClient, waiting: Execution) -> None:
    assert [sign(bob_api, waiting, password="wrong")[0] for _ in range(10)] == [403] * 10
    response = bob_api.post(address(waiting), decision(), format="json")
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert not SignOff.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("decision", "maybe"),
        ("decision", None),
        ("artifact_sha256", "abc"),
        ("artifact_sha256", DIGEST.upper()),
        ("artifact_sha256", DIGEST + "\n"),
        ("meaning", ""),
        ("meaning", " "),
        ("meaning", "x" * 121),
        ("reason", "\n"),
        ("reason", 1),
        ("reason", "x" * 2001),
        ("password", ""),
        ("password", None),
        ("signer", "alice"),
        ("execution_id", "1"),
    ],
)
def test_a_bad_field_is_named(bob_api: APIClient, waiting: Execution, field: str, value: Any) -> None:
    status, body = sign(bob_api, waiting, **{field: value})
    assert (status, list(body["errors"])) == (400, [field])
    assert not SignOff.objects.exists()


@pytest.mark.parametrize("field", ["decision", "artifact_sha256", "meaning", "reason", "password"])
def test_a_missing_field_is_named(bob_api: APIClient, waiting: Execution, field: str) -> None:
    sent = decision()
    del sent[field]
    response = bob_api.post(address(waiting), sent, format="json")
    assert (response.status_code, list(response.json()["errors"])) == (400, [field])


def test_the_password_is_in_no_answer(bob_api: APIClient, waiting: Execution) -> None:
    for changes in ({}, {"decision": "maybe"}):
        assert PASSWORD not in str(sign(bob_api, waiting, **changes))


class TestPending:
    def test_approvers_see_what_waits_and_owners_their_own(
        self, alice_api: APIClient, bob_api: APIClient, charlie_api: APIClient, waiting: Execution
    ) -> None:
        (entry,) = bob_api.get(PENDING).json()["results"]
        assert entry["execution_id"] == str(waiting.id)
        assert entry["workflow_id"] == str(waiting.stage.workflow_id)
        assert (entry["stage_id"], entry["policy"]["name"], entry["requested_by"]) == ("release", "sox", "alice")
        assert (entry["artifact_sha256"], entry["sign_offs"]) == (DIGEST, {"required": 1, "present": 0})
        assert entry["waiting_since"]
        assert alice_api.get(PENDING).json()["results"] == [entry]
        assert charlie_api.get(PENDING).json()["results"] == []

    def test_what_is_signed_waits_no_more(self, bob_api: APIClient, waiting: Execution) -> None:
        sign(bob_api, waiting)
        assert bob_api.get(PENDING).json()["results"] == []

    def test_a_release_that_needs_no_sign_off_is_not_listed(self, alice: User, bob_api: APIClient) -> None:
        run_to_rest(submit(request_review_and_release(), alice))
        assert bob_api.get(PENDING).json()["results"] == []

    @pytest.mark.parametrize("query", ["cursor=garbage", "page_size=0", "status=waiting", "scope=all"])
    def test_a_parameter_that_cannot_be_meant_is_refused(self, bob_api: APIClient, query: str) -> None:
        assert bob_api.get(f"{PENDING}?{query}").status_code == 400

    def test_pages_go_from_the_longest_waiting_on_with_a_fixed_number_of_queries(
        self, alice: User, bob_api: APIClient, waiting: Execution
    ) -> None:
        bob_api.get(PENDING)
        with CaptureQueriesContext(connection) as for_one:
            bob_api.get(PENDING)
        for _ in range(4):
            run_to_rest(submit(request_review_and_release(compliance_policy="sox"), alice))
        with CaptureQueriesContext(connection) as for_many:
            everything = bob_api.get(PENDING).json()["results"]
        assert len(for_many) == len(for_one)
        assert len(everything) == 5
        assert everything[0]["execution_id"] == str(waiting.id)
        first = bob_api.get(f"{PENDING}?page_size=3").json()
        second = bob_api.get(first["next"]).json()
        assert first["results"] + second["results"] == everything

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
    def test_it_is_read_only(self, bob_api: APIClient, method: str) -> None:
        assert getattr(bob_api, method)(PENDING).status_code == 405
