"""The settlement page: what the officer sees, and what is decided when."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.admin_people import (
    alice_desk,
    bob_desk,
    breaches_of_the_content_policy,
    charlie_desk,
    desk_as,
    page_address,
)
from tests.workflows.test_settlement import HOSTILE, told, wait_for_a_person
from workflows.models import Execution

__all__ = ["alice_desk", "bob_desk", "charlie_desk", "desk_as", "told"]

pytestmark = pytest.mark.django_db

FORM = {"outcome": "happened", "result": '{"sent": true}', "reason": "It is on the account."}


@pytest.fixture
def waiting(told: list[Any]) -> Execution:
    return wait_for_a_person()[1]


def page(execution: Execution) -> str:
    return reverse("admin:workflows_execution_settle", args=[execution.id])


def test_the_page_shows_the_call_and_hostile_arguments_as_text(bob_desk: Client, waiting: Execution) -> None:
    assert page(waiting) in bob_desk.get(page_address(waiting)).content.decode()
    answer = bob_desk.get(page(waiting))
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "payment_send" in text
    assert "document:read:ledger" in text
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text
    assert breaches_of_the_content_policy(answer.content) == []


def test_an_officer_decides_once(bob_desk: Client, waiting: Execution) -> None:
    assert bob_desk.post(page(waiting), FORM).status_code == 302
    waiting.refresh_from_db()
    assert waiting.status == "queued"
    again = bob_desk.post(page(waiting), FORM, follow=True)
    assert "waits for no call" in again.content.decode()
    assert waiting.events.filter(kind="tool_settlement").count() == 1


@pytest.mark.parametrize("changes", [{"result": "[]"}, {"result": ""}, {"reason": " "}, {"outcome": "maybe"}])
def test_a_form_that_is_not_right_comes_back_and_decides_nothing(
    bob_desk: Client, waiting: Execution, changes: dict[str, str]
) -> None:
    answer = bob_desk.post(page(waiting), {**FORM, **changes})
    assert answer.status_code == 400
    assert "errorlist" in answer.content.decode()
    waiting.refresh_from_db()
    assert waiting.status == "waiting"


def test_nobody_else_may_settle(
    alice_desk: Client, charlie_desk: Client, desk_as: Callable[[str], Client], waiting: Execution
) -> None:
    assert desk_as("auditor").get(page(waiting)).status_code == 403
    assert desk_as("auditor").post(page(waiting), FORM).status_code == 403
    assert alice_desk.post(page(waiting), FORM).status_code == 403
    assert charlie_desk.post(page(waiting), FORM).status_code == 404
    assert Client().post(page(waiting), FORM).status_code == 302
    waiting.refresh_from_db()
    assert waiting.status == "waiting"
    assert page(waiting) not in alice_desk.get(page_address(waiting)).content.decode()


def test_an_execution_that_waits_for_nothing_has_no_such_page(bob_desk: Client, waiting: Execution) -> None:
    Execution.objects.filter(id=waiting.id).update(reason_code="sign_off_required")
    assert bob_desk.get(page(waiting)).status_code == 302
