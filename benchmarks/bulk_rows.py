"""Writes many rows of a model at once: by COPY on PostgreSQL, by one prepared statement on SQLite."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.models import Field, JSONField, Model

_LINES_PER_WRITE = 500


class BulkTable:
    """Rows of one table, kept until `flush`. Columns that a row does not name have their default.

    Values are strings, numbers, bytes or None; ids are 32 hexadecimal digits and times ISO 8601 without a zone, in
    UTC, which both databases take. A string holds no tab, line end or backslash.
    """

    def __init__(self, model: type[Model]) -> None:
        fields = [field for field in model._meta.concrete_fields if field is not model._meta.auto_field]
        self.model = model
        self._columns = [str(field.column) for field in fields]
        self._positions = {column: position for position, column in enumerate(self._columns)}
        self._defaults = [_default_of(field) for field in fields]
        self._rows: list[list[Any]] = []

    def add(self, **values: Any) -> None:
        """Keep a row; each name is a column's."""
        row = self._defaults.copy()
        for column, value in values.items():
            row[self._positions[column]] = value
        self._rows.append(row)

    def flush(self) -> None:
        """Write what was kept."""
        rows, self._rows = self._rows, []
        table = connection.ops.quote_name(self.model._meta.db_table)
        columns = ", ".join(connection.ops.quote_name(column) for column in self._columns)
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                    for start in range(0, len(rows), _LINES_PER_WRITE):
                        copy.write("".join(map(_copy_line, rows[start : start + _LINES_PER_WRITE])))
            else:
                marks = ", ".join(["%s"] * len(self._columns))
                cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)  # noqa: S608


@contextmanager
def without_indexes(models: Sequence[type[Model]]) -> Iterator[None]:
    """Take away the indexes of those tables that no constraint needs, and build them anew at the end."""
    catalogue = {
        "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) AND indexname NOT IN "
        "(SELECT conname FROM pg_constraint)",
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN "
        "(SELECT value FROM json_each(%s)) AND sql NOT LIKE 'CREATE UNIQUE%%'",
    }[connection.vendor]
    names = [model._meta.db_table for model in models]
    with connection.cursor() as cursor:
        cursor.execute(catalogue, [names if connection.vendor == "postgresql" else json.dumps(names)])
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {connection.ops.quote_name(name)}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for _, statement in indexes:
                cursor.execute(statement)


def _default_of(field: "Field[Any, Any]") -> Any:
    value = field.get_default()
    return json.dumps(value) if isinstance(field, JSONField) and value is not None else value


def _copy_line(row: Sequence[Any]) -> str:
    return "\t".join(map(_copy_value, row)) + "\n"


def _copy_value(value: Any) -> str:
    if value is None:
        return "\\N"
    return "\\\\x" + value.hex() if isinstance(value, bytes) else str(value)
