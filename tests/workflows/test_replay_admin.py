"""The admin's page on what a policy would have done."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from compliance.models import Policy
from compliance.policies_in_force import find_policy
from compliance.policy_versions import draft_policy
from tests.admin_people import alice_desk, bob_desk, breaches_of_the_content_policy, desk_as, page_address
from tests.people import make_person
from tests.replayed_policies import MAIL_TEXT, block, change, in_force, run, script_stages
from tests.workflow_driver import find_execution, run_to_rest, script_agents, submit
from workflows import replay_admin
from workflows.agents.types import WorkerAnswer
from workflows.requests import StageRequest, WorkflowRequest

__all__ = ["alice_desk", "bob_desk", "desk_as"]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    script_stages(monkeypatch)


@pytest.fixture
def strict_draft(db: None) -> Policy:
    author = make_person("the-policy_author", "policy_author")
    document = change(in_force("default"), block("email_address", action="block_release"))
    return draft_policy(author=author, document=document)


def address_of(policy: Policy) -> str:
    return reverse("admin:policy-replay", args=[policy.digest])


def test_it_lists_what_would_change_with_its_reasons_and_links(bob_desk: Client, strict_draft: Policy) -> None:
    release = find_execution(run(MAIL_TEXT), "release")

    answer = bob_desk.get(address_of(strict_draft))
    page = answer.content.decode()

    assert answer.status_code == 200
    assert page_address(release) in page
    assert "completed, compliant" in page
    assert "blocked, non_compliant (content_blocked)" in page
    assert "holds email_address at characters" in page
    assert "jane.roe" not in page
    assert breaches_of_the_content_policy(answer.content) == []


def test_the_policys_own_page_leads_to_it(bob_desk: Client, strict_draft: Policy) -> None:
    assert address_of(strict_draft) in bob_desk.get(page_address(strict_draft)).content.decode()


def test_a_version_in_force_can_be_looked_at_too(bob_desk: Client) -> None:
    run(MAIL_TEXT)
    page = bob_desk.get(address_of(find_policy("default"))).content.decode()
    assert "What would change" not in page


@pytest.mark.parametrize("role", ["admin", "approver", "auditor", "policy_author"])
def test_those_who_work_on_policies_may_look(desk_as: Callable[[str], Client], strict_draft: Policy, role: str) -> None:
    assert desk_as(role).get(address_of(strict_draft)).status_code == 200


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_others_may_not(desk_as: Callable[[str], Client], strict_draft: Policy, role: str) -> None:
    assert desk_as(role).get(address_of(strict_draft)).status_code == 403


def test_whoever_is_not_signed_in_is_sent_to_sign_in(strict_draft: Policy) -> None:
    assert Client().get(address_of(strict_draft)).status_code == 302


def test_an_author_who_may_not_read_the_executions_gets_no_links(
    desk_as: Callable[[str], Client], strict_draft: Policy
) -> None:
    release = find_execution(run(MAIL_TEXT), "release")
    page = desk_as("policy_author").get(address_of(strict_draft)).content.decode()
    assert str(release.id) in page
    assert page_address(release) not in page


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"since": "yesterday", "in_place_of": "default"}, 400),
        ({"since": "2026-01-01", "in_place_of": "nothing-of-that-name"}, 400),
        ({"since": "0001-01-01", "in_place_of": "default"}, 200),
        ({"since": "9999-12-31", "in_place_of": "sox"}, 200),
        ({"since": ""}, 400),
    ],
)
def test_what_is_asked_for_is_checked(
    bob_desk: Client, strict_draft: Policy, asked: dict[str, str], status: int
) -> None:
    answer = bob_desk.get(address_of(strict_draft), asked)
    assert answer.status_code == status, answer.content.decode()


def test_of_a_policy_that_is_new_it_asks_in_whose_place(bob_desk: Client) -> None:
    document = change(in_force("default"), lambda members: members.update(name="house_rules"))
    draft = draft_policy(author=make_person("the-policy_author", "policy_author"), document=document)
    answer = bob_desk.get(address_of(draft))
    assert answer.status_code == 200, answer.text
    assert "Select a valid choice" not in answer.text
    assert "Looked at" not in answer.text


def test_it_answers_no_post_and_knows_no_other_digest(bob_desk: Client, strict_draft: Policy) -> None:
    assert bob_desk.post(address_of(strict_draft)).status_code == 405
    assert bob_desk.get(reverse("admin:policy-replay", args=["0" * 64])).status_code == 404


def test_that_there_are_more_is_said(bob_desk: Client, strict_draft: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_admin, "MAX_EXECUTIONS", 1)
    run(MAIL_TEXT)
    assert "1: the newest, there are more" in bob_desk.get(address_of(strict_draft)).content.decode()


def test_names_that_people_gave_are_shown_as_text(
    bob_desk: Client, strict_draft: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile: Any = "<script>alert(1)</script>"
    stage = StageRequest(id=hostile, name="Write", task=MAIL_TEXT, compliance_policy="default")
    script_agents(monkeypatch, {hostile: lambda work: WorkerAnswer(MAIL_TEXT)})
    run_to_rest(submit(WorkflowRequest(name="One", stages=(stage,))))
    author = make_person("the-policy_author", "policy_author")
    draft = draft_policy(author=author, document=change(in_force("default"), block("email_address")))

    page = bob_desk.get(address_of(draft)).content.decode()

    assert hostile not in page
    assert escape(hostile) in page
