"""Which policies are in force, and what becomes of one whose stored document was changed."""

import hashlib

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance.append_only import triggers_lifted
from compliance.models import Policy, PolicyPublication
from compliance.policies_in_force import (
    RetiredPolicy,
    UnknownPolicy,
    find_policy,
    list_policies_in_force,
    load_policies,
    load_policy_documents,
    load_policy_terms,
    publish_builtin_policies,
    read_policy_document,
)
from compliance.policy import builtin_policies
from compliance.policy_versions import retire_policy
from tests.people import make_person
from tests.workflow_driver import find_execution, request_review_and_release, run_to_rest, submit

pytestmark = pytest.mark.django_db


def weaken(name: str) -> Policy:
    """Take the sign-offs out of a stored document, as somebody with the table owner's rights could."""
    row = find_policy(name)
    with triggers_lifted(connection):
        Policy.objects.filter(pk=row.pk).update(document=row.document.replace('"required":1', '"required":0'))
    row.refresh_from_db()
    return row


def publish_outdated() -> Policy:
    """Publish a document that is as it was drafted, but no policy to this version of ours."""
    document = '{"name":"outdated"}'
    digest = hashlib.sha256(document.encode()).hexdigest()
    row = Policy.objects.create(name="outdated", version=1, digest=digest, document=document)
    PolicyPublication.objects.create(policy=row, name="outdated", version=1)
    return row


def test_an_alias_names_its_policy() -> None:
    assert find_policy("legal") == find_policy("legal_privilege")


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownPolicy, match="no policy named laissez-faire"):
        find_policy("laissez-faire")


def test_publishing_the_builtin_policies_again_changes_nothing() -> None:
    before = list(Policy.objects.values_list("pk", "digest"))
    publish_builtin_policies()
    assert list(Policy.objects.values_list("pk", "digest")) == before


def test_a_changed_document_is_no_policy() -> None:
    row = weaken("sox")

    assert row.digest not in load_policy_terms()
    assert row.digest not in load_policy_documents({row.digest})
    with pytest.raises(UnknownPolicy):
        read_policy_document(row)
    with pytest.raises(UnknownPolicy):
        find_policy("sox")


def test_nothing_is_released_under_a_changed_document() -> None:
    workflow = submit(request_review_and_release(compliance_policy="sox"))
    weaken("sox")
    workflow = run_to_rest(workflow)

    assert (workflow.status, workflow.reason_code) == ("blocked", "policy_unknown")
    assert find_execution(workflow, "review").artifact_digest == ""


def test_a_stored_document_that_is_no_longer_valid_hides_no_other_policy() -> None:
    row = publish_outdated()

    assert find_policy("legal").name == "legal_privilege"
    assert "outdated" not in [policy.name for policy in list_policies_in_force()]
    assert load_policy_documents({row.digest}) == {}
    for refused in (lambda: find_policy("outdated"), lambda: read_policy_document(row)):
        with pytest.raises(UnknownPolicy):
            refused()


def test_a_stored_document_that_is_no_longer_valid_keeps_no_stage_from_running() -> None:
    row = publish_outdated()
    terms, documents = load_policies()

    assert row.digest not in terms | documents
    assert row.digest not in load_policy_terms({row.digest})
    assert run_to_rest(submit(request_review_and_release())).status == "completed"


def test_a_document_that_was_read_before_it_was_changed_is_no_policy_after() -> None:
    row = find_policy("sox")
    named = {row.digest}
    assert all(row.digest in known for known in load_policies(named))
    weaken("sox")
    assert load_policies(named) == ({}, {})


def test_only_the_versions_that_are_named_are_loaded_in_one_query() -> None:
    named = {find_policy(name).digest for name in ("sox", "hipaa")}
    with CaptureQueriesContext(connection) as queries:
        terms, documents = load_policies(named)

    assert terms.keys() == documents.keys() == named
    assert len(queries) == 1
    assert load_policies(set()) == ({}, {})


def test_a_builtin_policy_that_was_retired_does_not_come_back_with_an_upgrade(monkeypatch: pytest.MonkeyPatch) -> None:
    retire_policy(person=make_person("bob", "approver"), policy=find_policy("hipaa"), reason="Not here")
    [hipaa] = [policy for policy in builtin_policies() if policy.name == "hipaa"]
    upgraded = hipaa.model_copy(update={"version": hipaa.version + 1})
    monkeypatch.setattr("compliance.policies_in_force.builtin_policies", lambda: (upgraded,))
    publish_builtin_policies()
    with pytest.raises(RetiredPolicy):
        find_policy("hipaa")
