"""Policies in the admin: reading, drafting, publishing, retiring."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from compliance.models import Policy, PolicyStatus
from compliance.policies_in_force import find_policy
from compliance.policy import builtin_policies
from compliance.policy_text import render_policy_yaml
from tests.admin_people import breaches_of_the_content_policy, desk_as, page_address

__all__ = ["desk_as"]

DRAFT = "/admin/compliance/policy/draft/"
HOSTILE = "<script>alert(1)</script>"
DeskAs = Callable[[str], Client]


def make_text(**changes: str) -> str:
    text = render_policy_yaml(next(policy for policy in builtin_policies() if policy.name == "sox"))
    return text.replace("title: SOX, financial reporting", f"title: {changes.get('title', 'SOX, ours')!r}").replace(
        "version: 2", f"version: {changes.get('version', '3')}"
    )


def draft(desk: Client, text: str) -> Policy:
    response = desk.post(DRAFT, {"document": text}, follow=True)
    assert response.status_code == 200, response.text
    assert "Drafted: " in response.text
    return Policy.objects.latest("id")


def test_an_author_drafts_and_another_person_publishes_and_retires(desk_as: DeskAs) -> None:
    author, approver = desk_as("policy_author"), desk_as("approver")
    policy = draft(author, make_text())
    offered = f"Publish {policy.digest[:12]}"
    assert offered not in author.get(page_address(policy)).text
    page = approver.get(page_address(policy))
    assert offered in page.text
    assert "title: SOX, financial reporting -&gt; SOX, ours" in page.text
    assert breaches_of_the_content_policy(page.content) == []

    published = approver.post(reverse("admin:compliance_policy_publish", args=[policy.pk]), follow=True)
    assert "Published: sox v3" in published.text
    assert "Published, in force" in published.text
    assert find_policy("sox") == policy
    retired = approver.post(
        reverse("admin:compliance_policy_retire", args=[policy.pk]), {"reason": HOSTILE}, follow=True
    )
    assert HOSTILE not in retired.text
    assert "Retired: sox v3" in retired.text
    in_force = approver.get(reverse("admin:compliance_policy_changelist"), {"status": "in_force"})
    assert "hipaa" in in_force.text
    assert policy.digest[:12] not in in_force.text
    assert Policy.objects.get(pk=policy.pk).status == PolicyStatus.RETIRED


def test_a_new_version_starts_from_an_old_one(desk_as: DeskAs) -> None:
    page = desk_as("policy_author").get(DRAFT, {"from": find_policy("hipaa").digest})
    assert "name: hipaa" in page.text
    assert "version: 3" in page.text
    assert breaches_of_the_content_policy(page.content) == []


def test_a_check_stores_nothing(desk_as: DeskAs) -> None:
    before = Policy.objects.count()
    page = desk_as("policy_author").post(DRAFT, {"document": make_text(), "check": "1"})
    assert "Sound: sox v3" in page.text
    assert "title: SOX, financial reporting -&gt; SOX, ours" in page.text
    assert Policy.objects.count() == before


@pytest.mark.parametrize(
    ("text", "problem", "status"),
    [
        (make_text() + "surprise: 1\n", "surprise: no such key", 400),
        (make_text(version="2"), "number it 3", 409),
        (f"name: {HOSTILE}\n", "this key is required", 400),
        ("", "This field is required", 400),
    ],
)
def test_what_is_wrong_is_told_on_the_page(desk_as: DeskAs, text: str, problem: str, status: int) -> None:
    page = desk_as("policy_author").post(DRAFT, {"document": text})
    assert page.status_code == status
    assert problem in page.text
    assert HOSTILE not in page.text


@pytest.mark.parametrize("role", ["admin", "approver", "auditor", "viewer", "operator"])
def test_who_may_not_draft_is_refused(desk_as: DeskAs, role: str) -> None:
    desk = desk_as(role)
    assert desk.get(DRAFT).status_code == 403
    assert desk.post(DRAFT, {"document": make_text()}).status_code == 403


def test_who_may_not_publish_is_refused_and_nothing_happens(desk_as: DeskAs) -> None:
    policy = draft(desk_as("policy_author"), make_text())
    for role in ("admin", "policy_author", "auditor"):
        address = reverse("admin:compliance_policy_publish", args=[policy.pk])
        assert "Not done: " in desk_as(role).post(address, follow=True).text, role
    assert desk_as("approver").get(address, follow=True).status_code == 200
    assert Policy.objects.get(pk=policy.pk).status == PolicyStatus.DRAFT


def test_a_draft_is_not_found_by_those_who_do_not_work_on_policies(desk_as: DeskAs) -> None:
    policy = draft(desk_as("policy_author"), make_text())
    viewer = desk_as("viewer")
    assert viewer.get(page_address(policy)).status_code == 302
    assert viewer.post(reverse("admin:compliance_policy_publish", args=[policy.pk])).status_code == 404
    listed = viewer.get("/admin/compliance/policy/", {"status": "draft"}).context["cl"].result_count
    assert listed == 0
