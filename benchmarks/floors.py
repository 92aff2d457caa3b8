"""What a figure is held against: the bare agent loop, and the plain driver's statements."""

import json
import subprocess
import sys
from dataclasses import dataclass

from benchmarks.figures import Floor
from benchmarks.installation import Installation
from examples.local_service import REPOSITORY

_CONNECTIONS_PER_PROCESS = 4


@dataclass(frozen=True)
class BareLoops:
    """Several bare loops at one time, in a process each: together runs per second, and CPU milliseconds per run."""

    rate: float
    cpu: float


@dataclass(frozen=True)
class Statements:
    """Milliseconds of one commit, and of one read, by the plain driver, and commits per second on as many connections
    as the worker's stages have (SQLite: one)."""

    commit: float
    read: float
    commit_rate: float

    def floor(self, commits: int, reads: int) -> Floor:
        """Return what so many take, one after the other."""
        return Floor(commits * self.commit + reads * self.read, f"{commits} commits, {reads} reads")


def run_bare_loops(base_url: str, provider: str, processes: int, runs: int, concurrency: int) -> BareLoops:
    """Run pydantic-ai alone, `runs` runs in each process, against a stub that runs already."""
    command = [sys.executable, "-m", "benchmarks.bare_loop", "--provider", provider, "--base-url", base_url]
    command += ["--runs", str(runs), "--concurrency", str(concurrency), "--only-agents", "--json"]
    started = [subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) for _ in range(processes)]  # noqa: S603
    found = [json.loads(process.communicate()[0])[0] for process in started]
    return BareLoops(sum(1000 / loop["wall"] for loop in found), sum(loop["cpu"] for loop in found) / processes)


def measure_statements(place: Installation) -> Statements:
    """Measure on this installation's database."""
    connections = _CONNECTIONS_PER_PROCESS * place.processes
    return Statements(**json.loads(place.run("benchmarks.bare_statements", str(connections))))


def count_commits(place: Installation, workflows: int) -> tuple[float, float]:
    """Return commits and statements per stage, counted over some workflows that run in one process."""
    place.fill(workflows, "openai", 3)
    found = json.loads(place.run("benchmarks.profile_loop", "--json"))
    return found["commits"], found["statements"]
