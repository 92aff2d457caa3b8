"""`POST /executions/{id}/settle`."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.api_people import alice, alice_api, api_as, bob, bob_api, charlie, charlie_api
from tests.workflows.test_settlement import told, wait_for_a_person
from workflows.models import Execution

__all__ = ["alice", "alice_api", "api_as", "bob", "bob_api", "charlie", "charlie_api", "told"]

pytestmark = pytest.mark.django_db

BODY = {"outcome": "happened", "result": {"sent": True}, "reason": "It is on the account."}


@pytest.fixture
def waiting(told: list[Any]) -> Execution:
    return wait_for_a_person()[1]


def post(client: APIClient, execution: Execution, **changes: Any) -> Any:
    return client.post(f"/api/v1/executions/{execution.id}/settle", {**BODY, **changes})


def test_an_approver_settles_and_is_answered_the_execution(bob_api: APIClient, waiting: Execution) -> None:
    answer = post(bob_api, waiting)
    assert answer.status_code == 200, answer.json()
    assert (answer.json()["id"], answer.json()["status"]) == (str(waiting.id), "queued")
    assert post(bob_api, waiting).status_code == 409


def test_a_decision_about_another_call_is_a_conflict(bob_api: APIClient, waiting: Execution) -> None:
    execution = bob_api.get(f"/api/v1/executions/{waiting.id}").json()
    sequence = execution["tool_calls"][-1]["sequence"]
    assert post(bob_api, waiting, call=sequence + 1).status_code == 409
    assert post(bob_api, waiting, call=str(sequence)).status_code == 400
    assert post(bob_api, waiting, call=sequence).status_code == 200


def test_who_may_read_it_and_not_settle_it_gets_403_and_others_404(
    alice_api: APIClient, charlie_api: APIClient, api_as: Callable[[str], APIClient], waiting: Execution
) -> None:
    statuses = [post(client, waiting).status_code for client in (alice_api, api_as("auditor"), charlie_api)]
    assert statuses == [403, 403, 404]
    assert APIClient().post(f"/api/v1/executions/{waiting.id}/settle", BODY).status_code == 401


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("outcome", {"outcome": "maybe"}),
        ("result", {"result": "text"}),
        ("result", {"result": None}),
        ("reason", {"reason": ""}),
        ("actor", {"actor": "bob"}),
    ],
)
def test_a_bad_field_is_refused_by_its_name(
    bob_api: APIClient, waiting: Execution, field: str, changes: dict[str, Any]
) -> None:
    answer = post(bob_api, waiting, **changes)
    assert answer.status_code == 400
    assert field in answer.content.decode()


def test_what_does_not_wait_is_a_conflict(bob_api: APIClient, waiting: Execution) -> None:
    Execution.objects.filter(id=waiting.id).update(reason_code="sign_off_required")
    assert post(bob_api, waiting).status_code == 409
