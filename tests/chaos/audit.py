"""Triggers of the suite's own, which write down which process claimed an execution and which one wrote its evidence.

Times are the server's. What a transaction that rolled back did, is not in them either.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

_INSTALL = """
CREATE TABLE chaos_claim (
    id bigserial PRIMARY KEY, execution_id uuid, fence int, before text, status text, writer text, at timestamptz);
CREATE TABLE chaos_write (
    id bigserial PRIMARY KEY, relation text, kind text, execution_id uuid, sequence int, fence int, writer text,
    at timestamptz);
CREATE FUNCTION chaos_note_claim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos_claim (execution_id, fence, before, status, writer, at)
    VALUES (NEW.id, NEW.fence, OLD.status, NEW.status, current_setting('application_name'), clock_timestamp());
    RETURN NULL;
END $$;
CREATE FUNCTION chaos_note_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos_write (relation, kind, execution_id, sequence, fence, writer, at)
    SELECT TG_TABLE_NAME, NEW.kind, NEW.execution_id, NEW.sequence,
        (SELECT fence FROM workflows_execution WHERE id = NEW.execution_id),
        current_setting('application_name'), clock_timestamp();
    RETURN NULL;
END $$;
CREATE TRIGGER chaos_claims AFTER UPDATE ON workflows_execution
    FOR EACH ROW WHEN (NEW.fence <> OLD.fence) EXECUTE FUNCTION chaos_note_claim();
CREATE TRIGGER chaos_events AFTER INSERT ON workflows_executionevent
    FOR EACH ROW EXECUTE FUNCTION chaos_note_write();
CREATE TRIGGER chaos_certificates AFTER INSERT ON compliance_certificate
    FOR EACH ROW EXECUTE FUNCTION chaos_note_write();
"""


@dataclass(frozen=True)
class Claimed:
    """An execution's fence was raised: by whom, and to what status."""

    execution_id: UUID
    fence: int
    before: str
    status: str
    writer: str
    at: datetime


@dataclass(frozen=True)
class Written:
    """An event (`workflows_executionevent`) or a certificate was inserted, under the fence that then stood."""

    relation: str
    kind: str
    execution_id: UUID | None
    sequence: int
    fence: int | None
    writer: str
    at: datetime


def install_triggers() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_INSTALL)


def count_writes() -> int:
    """Return how many events and certificates there are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM chaos_write")
        (count,) = cursor.fetchone()
    return int(count)


def list_claims() -> list[Claimed]:
    """Return every change of a fence, in order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT execution_id, fence, before, status, writer, at FROM chaos_claim ORDER BY id")
        return [Claimed(*row) for row in cursor.fetchall()]


def list_writes() -> list[Written]:
    """Return every event and every certificate, in order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relation, kind, execution_id, sequence, fence, writer, at FROM chaos_write ORDER BY id")
        return [Written(*row) for row in cursor.fetchall()]
