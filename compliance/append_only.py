"""Evidence tables that the database itself keeps append-only.

A model marked with `append_only` gets triggers that refuse UPDATE and DELETE (and TRUNCATE on PostgreSQL), so
that evidence survives a bug or a shell with the application's own credentials. On SQLite an INSERT that would take
the place of a row is refused as well: INSERT OR REPLACE deletes without a DELETE trigger. SQLite drops triggers when a
table is rebuilt by a schema change, so they are installed again after every migration, and a system check fails when
one is missing, disabled or another than ours. Nothing lifts them but test teardown and a migration that removes drafts.

Who owns the tables can drop the triggers all the same. What that could change is found by verification, since
every certificate is signed and chained.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

ModelType = TypeVar("ModelType", bound=models.Model)

_protected_models: list[type[models.Model]] = []

_FUNCTION = "countersign_refuse_change"
_FUNCTION_BODY = """
BEGIN
    RAISE EXCEPTION 'evidence is append-only: % on % refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END """


def append_only(model: type[ModelType]) -> type[ModelType]:
    """Mark a model's table as append-only; used as a class decorator."""
    _protected_models.append(model)
    return model


def protected_tables() -> list[str]:
    """Return the names of every append-only table, in the order in which the models were declared."""
    return [model._meta.db_table for model in _protected_models]


def install_triggers(connection: BaseDatabaseWrapper) -> None:
    """Create what is missing or changed; tables that do not exist yet are passed over. Safe to call at any time."""
    missing = {name.rsplit(".", 1)[1] for name in missing_triggers(connection)}
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $${_FUNCTION_BODY}$$"
            )
        for table, name, statement in _existing_triggers(connection):
            if name in missing:
                on_table = f' ON "{table}"' if connection.vendor == "postgresql" else ""
                cursor.execute(f'DROP TRIGGER IF EXISTS "{name}"{on_table}')
                cursor.execute(statement)


def remove_triggers(connection: BaseDatabaseWrapper) -> None:
    """Drop every trigger of ours. Test teardown only: a flush cannot empty a protected table otherwise."""
    with connection.cursor() as cursor:
        for table, name, _ in _existing_triggers(connection):
            on_table = f' ON "{table}"' if connection.vendor == "postgresql" else ""
            cursor.execute(f'DROP TRIGGER IF EXISTS "{name}"{on_table}')


def missing_triggers(connection: BaseDatabaseWrapper) -> list[str]:
    """Return `table.trigger` for each trigger that should be in force and is not, as we would create it."""
    wanted = _existing_triggers(connection)
    in_force = _postgresql_triggers if connection.vendor == "postgresql" else _sqlite_triggers
    present = in_force(connection)
    return [f"{table}.{name}" for table, name, statement in wanted if present.get(name) not in {statement, "in force"}]


@contextmanager
def triggers_lifted(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Lift the triggers for a while, and put them back whatever happens."""
    remove_triggers(connection)
    try:
        yield
    finally:
        install_triggers(connection)


def install_after_migrate(using: str, **_: Any) -> None:
    """Receiver of `post_migrate`."""
    from django.db import connections

    install_triggers(connections[using])


def _existing_triggers(connection: BaseDatabaseWrapper) -> list[tuple[str, str, str]]:
    """Return (table, trigger, CREATE statement) for every protected table that exists."""
    existing = set(connection.introspection.table_names())
    describe = _postgresql_statements if connection.vendor == "postgresql" else _sqlite_statements
    return [
        (model._meta.db_table, name, statement)
        for model in _protected_models
        if model._meta.db_table in existing
        for name, statement in describe(model).items()
    ]


def _postgresql_statements(model: type[models.Model]) -> dict[str, str]:
    table = model._meta.db_table
    levels = {"update": "ROW", "delete": "ROW", "truncate": "STATEMENT"}
    return {
        f"{table}_no_{operation}": f'CREATE TRIGGER "{table}_no_{operation}" BEFORE {operation.upper()} ON "{table}" '
        f"FOR EACH {level} EXECUTE FUNCTION {_FUNCTION}()"
        for operation, level in levels.items()
    }


def _sqlite_statements(model: type[models.Model]) -> dict[str, str]:
    table = model._meta.db_table
    statements = {
        f"{table}_no_{operation}": f'CREATE TRIGGER "{table}_no_{operation}" BEFORE {operation.upper()} ON "{table}" '
        f"BEGIN {_refuse(operation.upper(), table)}; END"
        for operation in ("update", "delete")
    }
    taken = " OR ".join(
        f'EXISTS (SELECT 1 FROM "{table}" WHERE {" AND ".join(f"{name} = NEW.{name}" for name in columns)})'  # noqa: S608
        for columns in _unique_columns(model)
    )
    # RAISE(IGNORE) would let a doubled row pass in silence, RAISE(ABORT) is the error that the constraint gives.
    statements[f"{table}_no_replace"] = (
        f'CREATE TRIGGER "{table}_no_replace" BEFORE INSERT ON "{table}" WHEN {taken} '
        f"BEGIN {_refuse('REPLACE', table)}; END"
    )
    return statements


def _refuse(operation: str, table: str) -> str:
    return f"SELECT RAISE(ABORT, 'evidence is append-only: {operation} on {table} refused')"


def _unique_columns(model: type[models.Model]) -> list[list[str]]:
    """Return the sets of columns by which a new row could take the place of another, quoted."""
    options = model._meta
    unique = [[field.column] for field in options.local_concrete_fields if field.unique]
    for constraint in options.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            unique.append([str(options.get_field(name).column) for name in constraint.fields])  # type: ignore[union-attr]
    return [[f'"{column}"' for column in columns] for columns in unique]


def _sqlite_triggers(connection: BaseDatabaseWrapper) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        return dict(cursor.fetchall())


def _postgresql_triggers(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """Return the triggers that fire for everybody and call our function as we wrote it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid "
            "WHERE NOT tgisinternal AND tgenabled IN ('O', 'A') AND tgqual IS NULL AND proname = %s AND prosrc = %s",
            [_FUNCTION, _FUNCTION_BODY],
        )
        return {row[0]: "in force" for row in cursor.fetchall()}
