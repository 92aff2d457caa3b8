"""Which policies are in force, and what becomes of one whose stored document was changed."""

import pytest
from django.db import connection

from compliance.append_only import triggers_lifted
from compliance.models import Policy
from compliance.policies_in_force import (
    UnknownPolicy,
    find_policy,
    load_policy_documents,
    load_policy_terms,
    publish_builtin_policies,
    read_policy_document,
)
from tests.workflow_driver import find_execution, request_review_and_release, run_to_rest, submit

pytestmark = pytest.mark.django_db


def weaken(name: str) -> Policy:
    """Take the sign-offs out of a stored document, as somebody with the table owner's rights could."""
    row = find_policy(name)
    with triggers_lifted(connection):
        Policy.objects.filter(pk=row.pk).update(document=row.document.replace('"required":1', '"required":0'))
    row.refresh_from_db()
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
