"""Evidence tables refuse every change in the database itself."""

import pytest
from django.core.checks import run_checks
from django.db import DatabaseError, connection, transaction

from compliance.append_only import install_triggers, missing_triggers, protected_tables, remove_triggers
from tests.workflow_driver import request_review_and_release, run_to_rest, submit

pytestmark = pytest.mark.django_db

EVIDENCE = {
    "compliance_auditevent",
    "compliance_certificate",
    "compliance_content",
    "compliance_policy",
    "compliance_signingkey",
    "releases_signoff",
    "workflows_executionevent",
    "workflows_stagedocument",
}


def test_every_evidence_table_is_protected() -> None:
    assert set(protected_tables()) >= EVIDENCE
    assert missing_triggers(connection) == []


@pytest.mark.parametrize("table", ["compliance_certificate", "compliance_content", "compliance_policy"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET digest = 'x'"])
def test_rows_of_evidence_cannot_be_changed_or_deleted(table: str, statement: str) -> None:
    run_to_rest(submit(request_review_and_release()))
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))


@pytest.mark.postgresql
@pytest.mark.parametrize("table", sorted(EVIDENCE))
def test_evidence_cannot_be_truncated(table: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table} CASCADE")


def test_a_missing_trigger_fails_the_system_check_and_is_installed_again() -> None:
    remove_triggers(connection)
    messages = run_checks(tags=["database"], databases=["default"])
    assert [message.id for message in messages] == ["compliance.E001"]

    install_triggers(connection)
    assert run_checks(tags=["database"], databases=["default"]) == []
