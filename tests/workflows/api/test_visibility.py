"""Alice owns, Bob is an approver, Charlie is an outsider: every address, every method."""

import uuid
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from compliance.models import AuditEvent, Certificate
from tests.workflow_driver import find_execution, find_stage, request_review_and_release, run_to_rest, submit
from workflows.models import Workflow

METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


@pytest.fixture
def finished(alice: User) -> Workflow:
    return run_to_rest(submit(request_review_and_release(), alice))


@pytest.fixture
def queued(alice: User) -> Workflow:
    return submit(request_review_and_release(), alice)


def addresses(workflow: Workflow) -> list[str]:
    """Every address of one record of the workflow."""
    certificate = Certificate.objects.filter(chain_id=workflow.id).first()
    records = [
        f"workflows/{workflow.id}",
        f"workflows/{workflow.id}/export",
        f"stages/{find_stage(workflow, 'review').uid}",
        f"executions/{find_execution(workflow, 'review').id}",
    ]
    return [f"/api/v1/{record}" for record in records + ([f"certificates/{certificate.id}"] if certificate else [])]


def test_the_owner_and_every_reader_get_each_record(
    alice_api: APIClient, bob_api: APIClient, api_as: Callable[[str], APIClient], finished: Workflow
) -> None:
    for client in (alice_api, bob_api, api_as("auditor"), api_as("admin")):
        for address in addresses(finished):
            assert client.get(address).status_code == 200, address


@pytest.mark.parametrize("role", ["operator", "viewer", "policy_author"])
def test_to_an_outsider_every_record_is_unknown_by_every_method(
    api_as: Callable[[str], APIClient], finished: Workflow, role: str
) -> None:
    outsider = api_as(role)
    for address in addresses(finished):
        for method in METHODS:
            if "certificates" in address and method not in {"get", "head"}:
                continue  # answered 405 whether the certificate exists or not
            response = getattr(outsider, method)(address)
            assert response.status_code == 404, (method, address, response.content)


def test_an_outsider_cannot_tell_a_foreign_record_from_one_that_is_not_there(
    charlie_api: APIClient, finished: Workflow
) -> None:
    for kind, foreign in (
        ("workflows", finished.id),
        ("stages", find_stage(finished, "review").uid),
        ("executions", find_execution(finished, "review").id),
    ):
        for method in METHODS:
            there = getattr(charlie_api, method)(f"/api/v1/{kind}/{foreign}")
            nowhere = getattr(charlie_api, method)(f"/api/v1/{kind}/{uuid.uuid4()}")
            assert there.content == nowhere.content
            assert there.status_code == nowhere.status_code


def test_without_a_key_every_record_answers_401(anonymous: APIClient, finished: Workflow) -> None:
    for address in addresses(finished):
        for method in METHODS:
            assert getattr(anonymous, method)(address).status_code == 401, (method, address)


def test_what_an_owner_may_see_but_not_do_is_405(alice_api: APIClient, finished: Workflow) -> None:
    for address in addresses(finished):
        for method in ("post", "put", "patch"):
            assert getattr(alice_api, method)(address).status_code == 405, (method, address)


@pytest.mark.parametrize("kind", ["workflows", "stages", "executions", "certificates"])
@pytest.mark.parametrize("name", ["1", "not-a-uuid", "00000000-0000-0000-0000-00000000000g", "%F0%9F%98%80", "..."])
def test_a_malformed_id_is_unknown(alice_api: APIClient, kind: str, name: str) -> None:
    assert alice_api.get(f"/api/v1/{kind}/{name}").status_code == 404
    assert alice_api.delete(f"/api/v1/{kind}/{name}").status_code == 404


@pytest.mark.parametrize("kind", ["workflows", "stages", "executions", "certificates"])
def test_a_list_holds_ones_own_and_with_scope_all_everything(
    alice_api: APIClient, bob_api: APIClient, charlie_api: APIClient, finished: Workflow, kind: str
) -> None:
    own = alice_api.get(f"/api/v1/{kind}").json()["results"]
    assert own
    assert charlie_api.get(f"/api/v1/{kind}").json()["results"] == []
    assert bob_api.get(f"/api/v1/{kind}").json()["results"] == []
    assert bob_api.get(f"/api/v1/{kind}", {"scope": "all"}).json()["results"] == own


@pytest.mark.parametrize("kind", ["workflows", "stages", "executions", "certificates"])
@pytest.mark.parametrize(
    ("role", "status"),
    [("admin", 200), ("approver", 200), ("auditor", 200), ("operator", 403), ("viewer", 403), ("policy_author", 403)],
)
def test_scope_all_takes_a_role_that_reads_everything(
    api_as: Callable[[str], APIClient], kind: str, role: str, status: int
) -> None:
    assert api_as(role).get(f"/api/v1/{kind}", {"scope": "all"}).status_code == status


class TestCancel:
    def test_the_owner_cancels_and_a_second_time_changes_nothing(self, alice_api: APIClient, queued: Workflow) -> None:
        expected = {"workflow_id": str(queued.id), "status": "cancelled"}
        for _ in range(2):
            response = alice_api.delete(f"/api/v1/workflows/{queued.id}")
            assert (response.status_code, response.json()) == (200, expected)
        assert AuditEvent.objects.filter(action="workflow.cancel", target_id=str(queued.id)).count() == 1
        record = alice_api.get(f"/api/v1/workflows/{queued.id}").json()
        assert (record["status"], record["reason"]["code"]) == ("cancelled", "cancelled")
        assert {stage["status"] for stage in record["stages"]} == {"cancelled"}

    def test_a_finished_workflow_is_left_in_place(self, alice_api: APIClient, finished: Workflow) -> None:
        response = alice_api.delete(f"/api/v1/workflows/{finished.id}")
        assert (response.status_code, response.json()["status"]) == (200, "completed")

    def test_an_admin_cancels_anybodys(self, api_as: Callable[[str], APIClient], queued: Workflow) -> None:
        assert api_as("admin").delete(f"/api/v1/workflows/{queued.id}").status_code == 200

    @pytest.mark.parametrize("role", ["approver", "auditor"])
    def test_who_reads_everything_does_not_thereby_cancel(
        self, api_as: Callable[[str], APIClient], queued: Workflow, role: str
    ) -> None:
        response = api_as(role).delete(f"/api/v1/workflows/{queued.id}")
        assert response.status_code == 403
        queued.refresh_from_db()
        assert queued.status == "queued"

    def test_an_outsider_changes_nothing(self, charlie_api: APIClient, queued: Workflow) -> None:
        assert charlie_api.delete(f"/api/v1/workflows/{queued.id}").status_code == 404
        queued.refresh_from_db()
        assert queued.status == "queued"
