"""Evidence tables that the database itself keeps append-only.

A model marked with `append_only` gets triggers that refuse UPDATE and DELETE (and TRUNCATE on PostgreSQL), so
that evidence survives a bug or a shell with the application's own credentials. SQLite drops triggers when a
table is rebuilt by a schema change, so they are installed again after every migration, and a system check
fails when one is missing. Nothing but test teardown lifts them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

ModelType = TypeVar("ModelType", bound=models.Model)

_protected_models: list[type[models.Model]] = []

_POSTGRESQL_FUNCTION = """
CREATE OR REPLACE FUNCTION countersign_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'evidence is append-only: % on % refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def append_only(model: type[ModelType]) -> type[ModelType]:
    """Mark a model's table as append-only; used as a class decorator."""
    _protected_models.append(model)
    return model


def protected_tables() -> list[str]:
    """Return the names of every append-only table, in the order in which the models were declared."""
    return [model._meta.db_table for model in _protected_models]


def install_triggers(connection: BaseDatabaseWrapper) -> None:
    """Create what is missing; tables that do not exist yet are passed over. Safe to call at any time."""
    existing = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_POSTGRESQL_FUNCTION)
        for table in protected_tables():
            if table in existing:
                for statement in _creation_statements(connection, table):
                    cursor.execute(statement)


def remove_triggers(connection: BaseDatabaseWrapper) -> None:
    """Drop every trigger of ours. Test teardown only: a flush cannot empty a protected table otherwise."""
    existing = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for table in protected_tables():
            if table in existing:
                for name in _trigger_names(connection, table):
                    on_table = f' ON "{table}"' if connection.vendor == "postgresql" else ""
                    cursor.execute(f'DROP TRIGGER IF EXISTS "{name}"{on_table}')


def missing_triggers(connection: BaseDatabaseWrapper) -> list[str]:
    """Return `table.trigger` for each trigger that should be there and is not."""
    existing = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'")
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        present = {row[0] for row in cursor.fetchall()}
    return [
        f"{table}.{name}"
        for table in protected_tables()
        if table in existing
        for name in _trigger_names(connection, table)
        if name not in present
    ]


@contextmanager
def triggers_lifted(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Lift the triggers for the length of a test's teardown, and put them back whatever happens."""
    remove_triggers(connection)
    try:
        yield
    finally:
        install_triggers(connection)


def install_after_migrate(using: str, **_: Any) -> None:
    """Receiver of `post_migrate`."""
    from django.db import connections

    install_triggers(connections[using])


def _trigger_names(connection: BaseDatabaseWrapper, table: str) -> list[str]:
    operations = ["update", "delete"]
    if connection.vendor == "postgresql":
        operations.append("truncate")
    return [f"{table}_no_{operation}" for operation in operations]


def _creation_statements(connection: BaseDatabaseWrapper, table: str) -> list[str]:
    statements = []
    for name in _trigger_names(connection, table):
        operation = name.rsplit("_", 1)[1].upper()
        if connection.vendor == "postgresql":
            level = "STATEMENT" if operation == "TRUNCATE" else "ROW"
            statements.append(
                f'CREATE OR REPLACE TRIGGER "{name}" BEFORE {operation} ON "{table}" '
                f"FOR EACH {level} EXECUTE FUNCTION countersign_refuse_change()"
            )
        else:
            statements.append(
                f'CREATE TRIGGER IF NOT EXISTS "{name}" BEFORE {operation} ON "{table}" BEGIN '
                f"SELECT RAISE(ABORT, 'evidence is append-only: {operation} on {table} refused'); END"
            )
    return statements
