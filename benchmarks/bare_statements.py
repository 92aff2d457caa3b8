"""The floor of whatever uses the database: the same number of commits and of reads, by the plain driver.

Run in an environment with a migrated database: `python -m benchmarks.bare_statements CONNECTIONS`. Prints JSON.
"""

import json
import os
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg

Execute = Callable[[str], object]

COMMITS = 150
READS = 600
_TEXT = "x" * 1500
# As an append to a journal: a row changed, and two added, of some 5 kB in all with what the write-ahead log adds.
_WRITES = (
    "UPDATE bare_row SET length = length + 1 WHERE id = 1",
    f"INSERT INTO bare_row (length, body) VALUES (0, '{_TEXT}')",  # noqa: S608
    f"INSERT INTO bare_row (length, body) VALUES (1, '{_TEXT}')",  # noqa: S608
)
_CREATE = "CREATE TABLE IF NOT EXISTS bare_row (id {key} PRIMARY KEY, length integer, body text)"
_READ = "SELECT id, length, body FROM bare_row WHERE id = 1"


def measure(open_connection: Callable[[], Execute], create: str, connections: int) -> dict[str, float]:
    """Return the median milliseconds of a commit of three writes, and of a read by its key, on one connection; and
    how many such commits go through in a second on several."""
    execute = open_connection()
    execute(create)
    execute(_WRITES[1])
    commits = [_time(execute, "BEGIN", *_WRITES, "COMMIT") for _ in range(COMMITS)]
    reads = [_time(execute, _READ) for _ in range(READS)]
    started = time.perf_counter()
    with ThreadPoolExecutor(connections) as threads:
        list(threads.map(lambda _: _commit_many(open_connection()), range(connections)))
    rate = connections * COMMITS / (time.perf_counter() - started)
    execute("DROP TABLE bare_row")
    return {"commit": statistics.median(commits), "read": statistics.median(reads), "commit_rate": rate}


def _commit_many(execute: Execute) -> None:
    # An insert each, so that none waits for a row that another has changed.
    for _ in range(COMMITS):
        _time(execute, "BEGIN", *_WRITES[1:], _WRITES[1], "COMMIT")


def _time(execute: Execute, *statements: str) -> float:
    started = time.perf_counter()
    for statement in statements:
        execute(statement)
    return (time.perf_counter() - started) * 1000


def _open_postgresql(url: str) -> Execute:
    connection = psycopg.connect(url, autocommit=True)
    return lambda statement: connection.execute(statement.encode())


def _open_sqlite(path: Path) -> Execute:
    connection = sqlite3.connect(path, isolation_level=None, timeout=20, check_same_thread=False)
    # As the product opens it: see config/databases.py.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection.execute


def main() -> None:
    url = os.environ.get("DATABASE_URL", "")
    if url:
        found = measure(lambda: _open_postgresql(url), _CREATE.format(key="serial"), int(sys.argv[1]))
    else:
        path = Path(os.environ["VAR_DIR"]) / "countersign.sqlite3"
        found = measure(lambda: _open_sqlite(path), _CREATE.format(key="integer"), 1)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
