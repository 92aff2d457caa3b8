"""An installation that the benchmark measures, and the records that it leaves.

Times come from the records, read over a connection of the benchmark's own, so that neither web nor the client is part
of what is measured.
"""

import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.model_stub import ModelStub
from examples.local_service import REPOSITORY, LocalService, temporary_database

PATIENCE_SECONDS = 600.0
_POLL_SECONDS = 0.1
_AT_REST = "('completed', 'blocked', 'failed', 'cancelled')"


class Unfinished(Exception):
    """Workflows did not end as they should; the message says how."""


class Installation:
    """A `LocalService` with its database's records. `server_url` is PostgreSQL's, empty for SQLite."""

    def __init__(self, service: LocalService, stub: ModelStub, processes: int) -> None:
        self.service, self.stub, self.processes = service, stub, processes
        self.url = service.environment["DATABASE_URL"]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        if self.url:
            with psycopg.connect(self.url, autocommit=True) as connection:
                return connection.execute(sql.encode()).fetchall()
        with closing(sqlite3.connect(self.service.var_dir / "countersign.sqlite3", timeout=20)) as connection:
            return connection.execute(sql).fetchall()

    def backends(self) -> list[int]:
        """Return the processes of PostgreSQL that serve this database, and those that write for all; none on SQLite."""
        if not self.url:
            return []
        serving = (
            "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (datname = current_database() "
            "OR backend_type IN ('walwriter', 'background writer', 'checkpointer', 'autovacuum worker'))"
        )
        return [row[0] for row in self.query(serving)]

    def fill(self, count: int, provider: str, stages: int, owners: int = 1) -> None:
        """Queue workflows while no worker runs."""
        self.run("benchmarks.fill", str(count), provider, "--stages", str(stages), "--owners", str(owners))

    def run(self, module: str, *arguments: str) -> str:
        """Run a module of the benchmark in this installation's environment, and return what it prints."""
        command = [sys.executable, "-m", module, *arguments]
        done = subprocess.run(  # noqa: S603
            command, cwd=REPOSITORY, env=self.service.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{module} failed:\n{done.stderr[-2000:]}")
        return done.stdout

    def wait_until_started(self, before: int) -> None:
        """Return once more than `before` executions have started."""
        self._wait(f"SELECT count(*) > {before} FROM workflows_execution WHERE started_at IS NOT NULL")  # noqa: S608

    def count_started(self) -> int:
        return int(self.query("SELECT count(*) FROM workflows_execution WHERE started_at IS NOT NULL")[0][0])

    def wait_until_drained(self) -> None:
        """Return once every workflow has ended. Raises Unfinished where one did not end `completed`."""
        self._wait(f"SELECT NOT EXISTS (SELECT 1 FROM workflows_workflow WHERE status NOT IN {_AT_REST})")  # noqa: S608
        bad = self.query(
            "SELECT status, reason_code, reason_detail FROM workflows_execution WHERE status <> 'completed' LIMIT 1"
        )
        if bad:
            raise Unfinished(f"a stage ended {bad[0][0]}, {bad[0][1]}: {bad[0][2]}")

    def stage_times(self, skip: int) -> list[tuple[float, float]]:
        """Return start and end, in seconds since the epoch, of all executions but the `skip` that started first."""
        rows = self.query("SELECT started_at, completed_at FROM workflows_execution ORDER BY started_at")
        return [(_seconds(start), _seconds(end)) for start, end in rows[skip:]]

    def _wait(self, condition: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.query(condition)[0][0]:
            if time.monotonic() > deadline:
                raise Unfinished(f"not after {PATIENCE_SECONDS:.0f} s: {condition}")
            time.sleep(_POLL_SECONDS)


def _seconds(value: datetime | str) -> float:
    """Return a time of the records, which SQLite has as text in UTC."""
    if isinstance(value, str):
        return datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp()
    return value.timestamp()


@contextmanager
def installation(
    server_url: str, *, processes: int, delay: float = 0.0, environment: Mapping[str, str] | None = None
) -> Iterator[Installation]:
    """Yield a migrated installation with nothing started, over a database of its own and a stub of the models."""
    with (
        ModelStub(delay) as stub,
        tempfile.TemporaryDirectory(prefix="countersign-bench-", ignore_cleanup_errors=True) as directory,
        temporary_database(server_url) as url,
    ):
        settings = {**stub.environment(), **(environment or {})}
        service = LocalService(Path(directory), url, worker_processes=processes, environment=settings)
        try:
            service.migrate()
            yield Installation(service, stub, processes)
        finally:
            service.stop()
