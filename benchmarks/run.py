"""The benchmark: `make bench`, or `python -m benchmarks.run [--quick] [--database sqlite|postgresql] [--only NAME]`.

Prints medians of several runs; asserts no time. Models are stubs on the loopback that speak the providers' wire
formats. Each figure that has a floor is followed by its ratio to it. On SQLite, and on PostgreSQL where one answers.
"""

import argparse
import os
import platform
import signal
import sqlite3
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg

from benchmarks import recovery
from benchmarks.installation import Unfinished
from benchmarks.latency import measure_latency
from benchmarks.reading import measure_export, measure_lists
from benchmarks.throughput import measure_holding, measure_stages, measure_waiting
from examples.countersign_client import Surprise
from tests.find_postgresql import DEFAULT_URL

# How much of each: rounds are the runs that a median is taken of, `runs` those of the bare loop in each process.
FULL = {
    "rounds": 3, "workflows": 200, "runs": 600, "waiting": 1000, "slots": 500, "posts": 100, "starts": 40,
    "reads": 60, "few": 1_000, "many": 1_000_000,
}  # fmt: skip
QUICK = {
    "rounds": 1, "workflows": 4, "runs": 30, "waiting": 10, "slots": 500, "posts": 4, "starts": 3,
    "reads": 4, "few": 30, "many": 60,
}  # fmt: skip

Measure = Callable[[str, int, Mapping[str, int]], None]


def measure_recovery(server_url: str, processes: int, sizes: Mapping[str, int]) -> None:
    """Print how long cancellations and killed workers take."""
    recovery.measure(server_url, processes, sizes["rounds"])


FIGURES: dict[str, Measure] = {
    "stages": measure_stages,
    "waiting": measure_waiting,
    "holding": measure_holding,
    "latency": measure_latency,
    "lists": measure_lists,
    "export": measure_export,
    "recovery": measure_recovery,
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Figures of this installation, against their floors.")
    parser.add_argument("--quick", action="store_true", help="few samples: to see that it runs")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], help="this one only")
    parser.add_argument("--only", choices=FIGURES, action="append", help="these figures only; may be repeated")
    parser.add_argument("--processes", type=int, default=max(2, os.cpu_count() or 2), help="of the worker")
    parser.add_argument("--rounds", type=int, help="runs that a median is taken of")
    options = parser.parse_args()
    # As at an error: what was started ends, and the databases go.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    _print_head()
    sizes = dict(QUICK if options.quick else FULL)
    sizes["rounds"] = options.rounds or sizes["rounds"]
    measured = True
    for database in [options.database] if options.database else ["sqlite", "postgresql"]:
        url = (os.environ.get("TEST_DATABASE_URL") or DEFAULT_URL) if database == "postgresql" else ""
        title = _describe_postgresql(url) if url else f"SQLite {sqlite3.sqlite_version}"
        if title is None:
            print("\nPostgreSQL: NOT MEASURED, no server answers; TEST_DATABASE_URL names one.")
            measured = not options.database
            continue
        print(f"\n{title}")
        for name in options.only or FIGURES:
            print(f"\n[{name}] ", end="")
            FIGURES[name](url, options.processes, sizes)
    return 0 if measured else 1


def _print_head() -> None:
    print(f"$ {' '.join(['python -m benchmarks.run', *sys.argv[1:]])}")
    print(f"{os.cpu_count()} cores, {_processor()}, Python {platform.python_version()}, {platform.system()}")
    load = os.getloadavg()[0]
    print(f"Load average at the start {load:.1f}: figures say little while much of anything else runs.")
    print("Figure, median, spread; then how many times its floor that is, and the floor.")


def _describe_postgresql(url: str) -> str | None:
    """Return its name and version; None where none answers."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            row = connection.execute("SHOW server_version").fetchone()
    except psycopg.Error:
        return None
    return f"PostgreSQL {str(row[0]).split()[0]}" if row else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Surprise, Unfinished) as problem:
        sys.exit(f"The benchmark stopped: {problem}")
