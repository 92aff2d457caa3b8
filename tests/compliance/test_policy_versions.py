"""The life of a policy's version: who may draft, publish and retire it, and what holds before and after."""

import importlib
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction

from compliance.append_only import missing_triggers
from compliance.models import AuditEvent, Policy, PolicyPublication, PolicyStatus
from compliance.policies_in_force import (
    RetiredPolicy,
    UnknownPolicy,
    find_policy,
    list_policies_in_force,
    load_policy_terms,
    publish_builtin_policies,
)
from compliance.policy import PolicyDocument, builtin_policies, parse_policy
from compliance.policy_versions import (
    PolicyConflict,
    PolicyNotAllowed,
    draft_policy,
    find_policy_version,
    list_policy_versions,
    publish_policy,
    retire_policy,
)
from tests.people import make_person
from tests.workflow_driver import request_review_and_release, run_to_rest, submit
from tests.workflows.test_concurrency import run_together
from workflows.requests import RequestRefused

pytestmark = pytest.mark.django_db


@pytest.fixture
def author() -> User:
    return make_person("author", "policy_author")


@pytest.fixture
def approver() -> User:
    return make_person("approver", "approver")


def make_document(**changes: Any) -> PolicyDocument:
    """Return the sox policy under another name, changed."""
    sox = next(policy for policy in builtin_policies() if policy.name == "sox")
    document = {**sox.model_dump(mode="json", exclude_unset=True), "name": "house_rules", "version": 1, **changes}
    return parse_policy(document)


def test_a_draft_is_not_in_force_until_a_second_person_publishes_it(author: User, approver: User) -> None:
    draft = draft_policy(author=author, document=make_document())
    assert draft.status == PolicyStatus.DRAFT
    assert draft.digest not in load_policy_terms()
    with pytest.raises(UnknownPolicy):
        find_policy("house_rules")

    publish_policy(approver=approver, policy=draft)

    assert find_policy("house_rules") == draft
    assert find_policy("house_rules").status == PolicyStatus.PUBLISHED
    assert draft.digest in load_policy_terms()
    assert [event.action for event in AuditEvent.objects.filter(target_id=draft.digest).order_by("id")] == [
        "policy.draft",
        "policy.publish",
    ]


def test_nobody_publishes_what_they_drafted(author: User) -> None:
    both = make_person("both", "policy_author", "approver")
    draft = draft_policy(author=both, document=make_document())
    with pytest.raises(PolicyNotAllowed, match="second person"):
        publish_policy(approver=both, policy=draft)
    assert not PolicyPublication.objects.filter(policy=draft).exists()


@pytest.mark.parametrize("role", ["admin", "operator", "approver", "auditor", "viewer"])
def test_drafting_takes_the_role_of_an_author(role: str) -> None:
    with pytest.raises(PolicyNotAllowed, match="policy_author"):
        draft_policy(author=make_person(role, role), document=make_document())


@pytest.mark.parametrize("role", ["admin", "operator", "auditor", "viewer", "policy_author"])
def test_publishing_takes_the_role_of_an_approver(author: User, role: str) -> None:
    draft = draft_policy(author=author, document=make_document())
    with pytest.raises(PolicyNotAllowed, match="approver"):
        publish_policy(approver=make_person(role, role), policy=draft)


def test_a_version_is_published_once_and_numbers_only_rise(author: User, approver: User) -> None:
    first = draft_policy(author=author, document=make_document(version=2))
    rival = draft_policy(author=author, document=make_document(version=2, title="The same number"))
    publish_policy(approver=approver, policy=first)
    with pytest.raises(PolicyConflict, match="only a draft"):
        publish_policy(approver=approver, policy=first)
    with pytest.raises(PolicyConflict, match="number it 3"):
        publish_policy(approver=approver, policy=rival)
    with pytest.raises(PolicyConflict, match="number it 3"):
        draft_policy(author=author, document=make_document(version=1))


def test_the_same_document_is_stored_once(author: User) -> None:
    draft_policy(author=author, document=make_document())
    with pytest.raises(PolicyConflict, match="stored already, as draft"):
        draft_policy(author=make_person("second_author", "policy_author"), document=make_document())


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "legal"}, "alias of policy legal_privilege"),
        ({"aliases": ["hipaa"]}, "name of another policy"),
        ({"aliases": ["legal"]}, "alias of policy legal_privilege"),
    ],
)
def test_a_name_that_means_another_policy_is_refused(author: User, changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(PolicyConflict, match=problem):
        draft_policy(author=author, document=make_document(**changes))


def test_an_alias_leads_to_the_newest_version(author: User, approver: User) -> None:
    draft = draft_policy(author=author, document=make_document(aliases=["house"]))
    publish_policy(approver=approver, policy=draft)
    assert find_policy("house") == draft


def test_a_retired_policy_takes_no_new_workflow_and_lets_the_running_one_end(author: User, approver: User) -> None:
    draft = draft_policy(author=author, document=make_document(name="house_rules"))
    publish_policy(approver=approver, policy=draft)
    running = submit(request_review_and_release(compliance_policy="house_rules"))

    retire_policy(person=approver, policy=draft, reason="Superseded by the group's rules")

    with pytest.raises(RetiredPolicy):
        find_policy("house_rules")
    with pytest.raises(RequestRefused, match="retired"):
        submit(request_review_and_release(compliance_policy="house_rules"))
    assert run_to_rest(running).status == "awaiting_sign_off"
    assert "house_rules" not in [document.name for document in list_policies_in_force()]


def test_retiring_the_newest_version_brings_no_older_one_back(author: User, approver: User) -> None:
    for version in (1, 2):
        draft = draft_policy(author=author, document=make_document(version=version))
        publish_policy(approver=approver, policy=draft)
    retire_policy(person=approver, policy=draft, reason="Too lax")
    with pytest.raises(RetiredPolicy, match="house_rules v2 is retired"):
        find_policy("house_rules")


def test_a_draft_is_withdrawn_by_its_author_or_an_approver_and_by_nobody_else(author: User, approver: User) -> None:
    draft = draft_policy(author=author, document=make_document())
    with pytest.raises(PolicyNotAllowed):
        retire_policy(person=make_person("second_author", "policy_author"), policy=draft, reason="Not mine")
    retire_policy(person=author, policy=draft, reason="A slip of the pen")
    stored = find_policy_version(draft.digest)
    assert stored is not None
    assert stored.status == PolicyStatus.WITHDRAWN
    with pytest.raises(PolicyConflict, match="withdrawn"):
        publish_policy(approver=approver, policy=draft)
    with pytest.raises(PolicyConflict, match="withdrawn already"):
        retire_policy(person=approver, policy=draft, reason="Twice")


@pytest.mark.parametrize("reason", ["", "   ", "x" * 401])
def test_retiring_takes_a_reason(author: User, approver: User, reason: str) -> None:
    draft = draft_policy(author=author, document=make_document())
    with pytest.raises(ValueError, match="1 to 400"):
        retire_policy(person=approver, policy=draft, reason=reason)


def test_drafts_are_seen_by_those_who_work_on_policies(author: User) -> None:
    draft = draft_policy(author=author, document=make_document())
    assert draft in list_policy_versions(make_person("approver", "approver"))
    assert draft in list_policy_versions(author)
    assert draft not in list_policy_versions(make_person("operator", "operator"))


def test_a_published_policy_of_persons_is_not_overtaken_by_the_product(author: User, approver: User) -> None:
    [hipaa] = [policy for policy in builtin_policies() if policy.name == "hipaa"]
    changed = {**hipaa.model_dump(mode="json", exclude_unset=True), "version": 7, "retention_days": 4000}
    draft = draft_policy(author=author, document=parse_policy(changed))
    publish_policy(approver=approver, policy=draft)
    publish_builtin_policies()
    assert find_policy("hipaa") == draft


def test_nobody_puts_a_policy_out_of_force_by_withdrawing_the_version_that_an_upgrade_brings(
    author: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_force = find_policy("hipaa")
    [hipaa] = [policy for policy in builtin_policies() if policy.name == "hipaa"]
    newer = parse_policy({**hipaa.model_dump(mode="json", exclude_unset=True), "version": hipaa.version + 1})
    retire_policy(person=author, policy=draft_policy(author=author, document=newer), reason="Not yet")
    monkeypatch.setattr("compliance.policies_in_force.builtin_policies", lambda: (newer,))
    publish_builtin_policies()
    assert find_policy("hipaa") == in_force


def test_what_became_of_a_version_is_never_changed(author: User, approver: User) -> None:
    draft = draft_policy(author=author, document=make_document())
    publication = publish_policy(approver=approver, policy=draft)
    for row in (publication, draft):
        row.version = 9
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            row.save()
    assert Policy.objects.get(pk=draft.pk).document == draft.document


def test_a_migration_back_and_forth_publishes_no_draft(author: User, approver: User) -> None:
    published, draft, withdrawn = (draft_policy(author=author, document=make_document(version=n)) for n in (1, 2, 3))
    publish_policy(approver=approver, policy=published)
    retire_policy(person=author, policy=withdrawn, reason="No")
    migration = importlib.import_module("compliance.migrations.0003_publish_stored_policies")
    migration.remove_drafts(apps, SimpleNamespace(connection=connection))
    assert list(Policy.objects.filter(name="house_rules")) == [published]
    assert find_policy_version(draft.digest) is None
    assert missing_triggers(connection) == []


@pytest.mark.django_db(transaction=True)
def test_of_two_policies_that_take_one_alias_at_one_moment_one_is_published() -> None:
    author, approver = make_person("author", "policy_author"), make_person("approver", "approver")
    names = ("one", "two", "three", "four")
    drafts = [draft_policy(author=author, document=make_document(name=name, aliases=["shared"])) for name in names]

    results = run_together(lambda: publish_policy(approver=approver, policy=drafts.pop()), len(names))

    refused = [result for result in results if isinstance(result, PolicyConflict)]
    assert len(refused) == len(names) - 1, results
    assert all("'shared' is an alias of policy" in str(refusal) for refusal in refused)
