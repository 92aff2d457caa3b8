"""Drains what is queued through one event loop in this process, and prints what its stages cost, function by function.

Run by `benchmarks.profile_stage` in an environment with a filled database: `python -m benchmarks.profile_loop`
"""

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.backends.base.base import BaseDatabaseWrapper  # noqa: E402

from workflows import database_threads  # noqa: E402
from workflows.agents.runner import load_model_libraries  # noqa: E402
from workflows.models import Execution, ExecutionStatus  # noqa: E402
from workflows.stage_loop import StageLoop  # noqa: E402
from workflows.worker_process import make_stage_loop  # noqa: E402

_POLL_SECONDS = 0.1
_FUNCTIONS = 45


class DatabaseProfile:
    """Counts, by the function that a stage has a thread run: calls, CPU and wall-clock seconds, statements, commits."""

    def __init__(self, functions: bool) -> None:
        self._profiles: list[cProfile.Profile] | None = [] if functions else None
        self.calls: Counter[str] = Counter()
        self.cpu: Counter[str] = Counter()
        self.wall: Counter[str] = Counter()
        self.statements: Counter[str] = Counter()
        self.commits: Counter[str] = Counter()
        self._running = threading.local()

    def install(self) -> None:
        """Stand between the threads and what they run, and count commits."""
        run, commit = database_threads._run, BaseDatabaseWrapper._commit

        def run_counted(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
            name = self._running.name = function.__qualname__
            cpu, wall = time.thread_time(), time.perf_counter()
            profile = self._thread_profile()
            try:
                with connection.execute_wrapper(self._count_statement), profile or nullcontext():
                    return run(function, arguments)
            finally:
                self.calls[name] += 1
                self.cpu[name] += time.thread_time() - cpu  # type: ignore[assignment]
                self.wall[name] += time.perf_counter() - wall  # type: ignore[assignment]

        def commit_counted(wrapper: BaseDatabaseWrapper) -> None:
            self.commits[self._running.name] += 1
            commit(wrapper)

        database_threads._run = run_counted
        BaseDatabaseWrapper._commit = commit_counted  # type: ignore[method-assign]

    def _thread_profile(self) -> cProfile.Profile | None:
        if self._profiles is None:
            return None
        if not hasattr(self._running, "profile"):
            self._running.profile = cProfile.Profile()
            self._profiles.append(self._running.profile)
        found: cProfile.Profile = self._running.profile
        return found

    @property
    def profiles(self) -> list[cProfile.Profile]:
        """What cProfile took down, a profile for each thread."""
        return self._profiles or []

    def _count_statement(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        self.statements[self._running.name] += 1
        return execute(*arguments)

    def lines(self, stages: int) -> list[str]:
        """Return a table, what took the most CPU first, and its sums."""
        what = "on the database threads, per stage"
        found = [f"  {what:<44}{'calls':>7}{'CPU ms':>8}{'wall ms':>9}{'SQL':>6}{'commits':>9}"]
        rows = [(name, *(counter[name] for counter in self._counters())) for name, _ in self.cpu.most_common()]
        rows.append(("together", *(sum(counter.values()) for counter in self._counters())))
        for name, calls, cpu, wall, statements, commits in rows:
            found.append(
                f"    {name:<42}{calls / stages:7.2f}{cpu * 1000 / stages:8.2f}{wall * 1000 / stages:9.2f}"
                f"{statements / stages:6.1f}{commits / stages:9.2f}"
            )
        return found

    def _counters(self) -> tuple[Counter[str], ...]:
        return self.calls, self.cpu, self.wall, self.statements, self.commits


def drain(loop: StageLoop) -> None:
    """Have the loop end once nothing is queued and nothing runs; called in a thread of its own."""
    open_statuses = [ExecutionStatus.COMPLETED, ExecutionStatus.BLOCKED, ExecutionStatus.FAILED]
    while Execution.objects.exclude(status__in=open_statuses).exists():
        time.sleep(_POLL_SECONDS)
    loop.drain()
    connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="What stages cost in one process, function by function.")
    parser.add_argument("--json", action="store_true", help="print commits and statements per stage, and no more")
    parser.add_argument("--functions", choices=("loop", "database"), help="profile the functions of these threads")
    options = parser.parse_args()
    load_model_libraries()
    queued = Execution.objects.filter(status=ExecutionStatus.QUEUED)
    earlier = Execution.objects.count() - queued.count()
    loop, profile = make_stage_loop(slots=settings.SLOTS_PER_PROCESS), DatabaseProfile(options.functions == "database")
    profile.install()
    watcher = threading.Thread(target=drain, args=(loop,))
    functions = cProfile.Profile()
    watcher.start()
    process, thread, wall = time.process_time(), time.thread_time(), time.perf_counter()
    with functions if options.functions == "loop" else nullcontext():
        asyncio.run(loop.run())
    process, thread = time.process_time() - process, time.thread_time() - thread
    wall = time.perf_counter() - wall
    stages = Execution.objects.count() - earlier
    if options.json:
        totals = {"commits": profile.commits, "statements": profile.statements}
        json.dump({name: sum(counter.values()) / stages for name, counter in totals.items()}, sys.stdout)
        return
    print(f"{stages} stages through one event loop: {stages / wall:.1f} /s")
    print(f"  {'CPU of the process, per stage':<52}{process * 1000 / stages:8.2f} ms")
    print(f"  {'CPU of the event loop (agents, loading, waiting)':<52}{thread * 1000 / stages:8.2f} ms")
    print("\n".join(profile.lines(stages)))
    for order in ("tottime", "cumulative") if options.functions else ():
        profiles = [functions] if options.functions == "loop" else profile.profiles
        pstats.Stats(*profiles, stream=sys.stdout).sort_stats(order).print_stats(_FUNCTIONS)


if __name__ == "__main__":
    main()
