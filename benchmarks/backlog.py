"""Draining a queue that is full before the worker starts: what it takes, per stage."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.installation import Installation
from benchmarks.usage import GroupUsage, Watch, family

_POLL_SECONDS = 0.5
# After so long without a further model call, whatever holds stages holds all that it can.
_SETTLED_SECONDS = 10.0


@dataclass(frozen=True)
class Drain:
    """One backlog. `seconds`: from the first start of a stage to the last end. `durations` are the stages' own, in
    seconds. CPU in `usage` counts from the first start; groups `worker`, `database`, `stub`. `most_open` is the most
    requests that the model had at one time. `commits` and `wal_bytes` are the database's, PostgreSQL alone."""

    stages: int
    seconds: float
    durations: Sequence[float]
    usage: dict[str, GroupUsage]
    most_open: int
    commits: int
    wal_bytes: int

    @property
    def rate(self) -> float:
        """Stages per second."""
        return self.stages / self.seconds

    def cpu_per_stage(self, group: str) -> float:
        """Milliseconds of CPU for each stage."""
        return self.usage[group].cpu_total * 1000 / self.stages

    @property
    def median_duration(self) -> float:
        """Milliseconds from a stage's start to its end, others running at the same time."""
        return statistics.median(self.durations) * 1000


def drain(
    place: Installation, count: int, provider: str, stages: int, *, owners: int = 1, memory: bool = False
) -> Drain:
    """Queue `count` workflows, start a worker, wait until all have completed, and stop it."""
    place.fill(count, provider, stages, owners)
    earlier = place.count_started()
    place.service.start_worker()
    groups = {
        "worker": family(place.service.process_id("worker")),
        "database": place.backends,
        "stub": lambda: [place.stub.process_id],
    }
    with Watch(groups, ["worker"] if memory else []) as watch:
        place.wait_until_started(earlier)
        before = _read_counters(place)
        watch.mark()
        place.wait_until_drained()
        usage, after = watch.read(), _read_counters(place)
    place.service.stop()
    times = place.stage_times(earlier)
    seconds = max(end for _, end in times) - times[0][0]
    durations = [end - start for start, end in times]
    most_open = place.stub.read_traffic().most_open
    return Drain(len(times), seconds, durations, usage, most_open, after[0] - before[0], after[1] - before[1])


def hold(place: Installation, count: int, owners: int) -> tuple[GroupUsage, list[int]]:
    """Queue `count` workflows whose model does not answer, start a worker, and wait until no more of them come to ask.

    Returns the worker's usage and how many stages each of its processes has with their agents.
    """
    place.fill(count, "openai", 2, owners)
    place.service.start_worker()
    with Watch({"worker": family(place.service.process_id("worker"))}, ["worker"]) as watch:
        place.wait_until_started(0)
        waiting, since = 0, time.monotonic()
        while waiting < count and time.monotonic() - since < _SETTLED_SECONDS:
            time.sleep(_POLL_SECONDS)
            asked = place.stub.read_traffic().open
            if asked > waiting:
                waiting, since = asked, time.monotonic()
        held = place.query(
            "SELECT count(*) FROM workflows_execution WHERE status = 'executing' GROUP BY lease_owner ORDER BY 1"
        )
        return watch.read()["worker"], [int(row[0]) for row in held]


def _read_counters(place: Installation) -> tuple[int, int]:
    if not place.url:
        return 0, 0
    sql = (
        "SELECT xact_commit, (SELECT wal_bytes FROM pg_stat_wal) FROM pg_stat_database "
        "WHERE datname = current_database()"
    )
    commits, wal = place.query(sql)[0]
    return int(commits), int(wal)
