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
from tests.people import make_bob
from tests.workflows.test_settlement import HOSTILE, begin_call_and_wait, settle, told, wait_for_a_person
from workflows.models import Execution
from workflows.settlement import find_unknown_call

__all__ = ["alice_desk", "bob_desk", "charlie_desk", "desk_as", "told"]

pytestmark = pytest.mark.django_db

FORM = {"outcome": "happened", "result": '{"sent": true}', "reason": "It is on the account."}


@pytest.fixture
def waiting(told: list[Any]) -> Execution:
    return wait_for_a_person()[1]


def form_of(execution: Execution) -> dict[str, Any]:
    call = find_unknown_call(execution)
    return {**FORM, "call": call and call.event.sequence}


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
    form = form_of(waiting)
    assert bob_desk.post(page(waiting), form).status_code == 302
    waiting.refresh_from_db()
    assert waiting.status == "queued"
    again = bob_desk.post(page(waiting), form, follow=True)
    assert "waits for no call" in again.content.decode()
    assert waiting.events.filter(kind="tool_settlement").count() == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"result": "[]"},
        {"result": ""},
        {"result": '{"a": NaN}'},
        {"result": '{"a": 1, "a": 2}'},
        {"result": '{"a": "\\ud800"}'},
        {"reason": " "},
        {"outcome": "maybe"},
        {"call": ""},
    ],
)
def test_a_form_that_is_not_right_comes_back_and_decides_nothing(
    bob_desk: Client, waiting: Execution, changes: dict[str, str]
) -> None:
    answer = bob_desk.post(page(waiting), {**form_of(waiting), **changes})
    assert answer.status_code == 400
    assert "errorlist" in answer.content.decode()
    waiting.refresh_from_db()
    assert waiting.status == "waiting"


def test_a_page_that_is_stale_decides_nothing_and_leads_to_what_waits_since(
    bob_desk: Client, waiting: Execution
) -> None:
    stale = form_of(waiting)
    assert f'name="call" value="{stale["call"]}"' in bob_desk.get(page(waiting)).content.decode()
    settle(waiting, make_bob())
    begin_call_and_wait(waiting, "pay-2")

    answer = bob_desk.post(page(waiting), stale, follow=True).content.decode()
    assert "Not settled" in answer
    assert page(waiting) in answer
    assert waiting.events.filter(kind="tool_settlement").count() == 1


@pytest.mark.parametrize(("policy", "is_shown"), [("default", True), ("hipaa", False)])
def test_arguments_are_redacted_as_the_policy_says(
    bob_desk: Client, told: list[Any], policy: str, is_shown: bool
) -> None:
    _, execution = wait_for_a_person(compliance_policy=policy)
    settle(execution, make_bob())
    begin_call_and_wait(execution, "pay-2", arguments={"memo": "Patient SSN: 123-45-6789", "cents": 5})

    text = bob_desk.get(page(execution)).content.decode()
    assert ("123-45-6789" in text) is is_shown
    assert "&quot;cents&quot;: 5" in text


def test_nobody_else_may_settle(
    alice_desk: Client, charlie_desk: Client, desk_as: Callable[[str], Client], waiting: Execution
) -> None:
    assert desk_as("auditor").get(page(waiting)).status_code == 403
    assert desk_as("auditor").post(page(waiting), form_of(waiting)).status_code == 403
    assert alice_desk.post(page(waiting), form_of(waiting)).status_code == 403
    assert charlie_desk.post(page(waiting), form_of(waiting)).status_code == 404
    assert Client().post(page(waiting), form_of(waiting)).status_code == 302
    waiting.refresh_from_db()
    assert waiting.status == "waiting"
    assert page(waiting) not in alice_desk.get(page_address(waiting)).content.decode()


def test_an_execution_that_waits_for_nothing_has_no_such_page(bob_desk: Client, waiting: Execution) -> None:
    Execution.objects.filter(id=waiting.id).update(reason_code="sign_off_required")
    assert bob_desk.get(page(waiting)).status_code == 302
