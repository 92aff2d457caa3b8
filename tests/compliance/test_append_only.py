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


def replace_row(table: str) -> str:
    """SQL that puts a changed copy in the place of a row, by its primary key."""
    with connection.cursor() as cursor:
        columns = [column.name for column in connection.introspection.get_table_description(cursor, table)]
    changed = ", ".join("'x'" if column in {"outcome", "document", "action"} else f'"{column}"' for column in columns)
    return f"INSERT OR REPLACE INTO {table} SELECT {changed} FROM {table} LIMIT 1"  # noqa: S608


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no INSERT OR REPLACE")
@pytest.mark.parametrize("table", ["compliance_certificate", "compliance_policy", "compliance_auditevent"])
def test_rows_of_evidence_cannot_be_replaced(table: str) -> None:
    run_to_rest(submit(request_review_and_release()))
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(replace_row(table))


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "weakening",
    [
        "ALTER TABLE compliance_certificate ENABLE REPLICA TRIGGER compliance_certificate_no_update",
        "ALTER TABLE compliance_certificate DISABLE TRIGGER compliance_certificate_no_update",
        "CREATE OR REPLACE FUNCTION countersign_refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RETURN NEW; END $$",
    ],
)
def test_a_weakened_trigger_fails_the_system_check_and_is_put_right(weakening: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(weakening)
    assert [message.id for message in run_checks(tags=["database"], databases=["default"])] == ["compliance.E001"]

    install_triggers(connection)
    assert missing_triggers(connection) == []


def test_a_missing_trigger_fails_the_system_check_and_is_installed_again() -> None:
    remove_triggers(connection)
    messages = run_checks(tags=["database"], databases=["default"])
    assert [message.id for message in messages] == ["compliance.E001"]

    install_triggers(connection)
    assert run_checks(tags=["database"], databases=["default"]) == []
