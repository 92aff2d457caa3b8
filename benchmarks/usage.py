"""What processes use, as the kernel counts it: CPU seconds, and memory at its peak. Linux."""

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.real_processes import find_descendants

SAMPLE_SECONDS = 0.5
_TICKS = os.sysconf("SC_CLK_TCK")

Processes = Callable[[], Iterable[int]]
"""Finds the ids of a group's processes, as they are at the moment."""


def cpu_seconds(pid: int) -> float | None:
    """Return what the process has used, its threads included and its children not; None where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / _TICKS


def proportional_bytes(pid: int) -> int | None:
    """Return its share of the memory that it and others have in use (PSS); None where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def family(pid: int) -> Processes:
    """Return a group of the process and all that descend from it."""
    return lambda: [pid, *find_descendants(pid)]


@dataclass
class GroupUsage:
    """CPU seconds by process since the last mark, and bytes: the peak of the group together and of each process."""

    cpu: dict[int, float] = field(default_factory=dict)
    peak: int = 0
    peaks: dict[int, int] = field(default_factory=dict)

    @property
    def cpu_total(self) -> float:
        return sum(self.cpu.values())

    def largest(self, count: int) -> list[int]:
        """Return the peaks of those `count` processes that had the largest, in bytes."""
        return sorted(self.peaks.values(), reverse=True)[:count]


class Watch:
    """Samples groups of processes from a thread, until it is left. `memory` names the groups whose memory is read."""

    def __init__(self, groups: Mapping[str, Processes], memory: Iterable[str] = ()) -> None:
        self._groups, self._memory = dict(groups), frozenset(memory)
        self._first: dict[int, float] = {}
        self._last: dict[str, dict[int, float]] = {name: {} for name in groups}
        self._usage = {name: GroupUsage() for name in groups}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self.mark()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def mark(self) -> None:
        """Count CPU from here on. What starts later counts from its start."""
        with self._lock:
            self._sample_cpu()
            self._first = {pid: used for last in self._last.values() for pid, used in last.items()}

    def read(self) -> dict[str, GroupUsage]:
        """Return each group's usage so far."""
        with self._lock:
            self._sample_cpu()
            for name, usage in self._usage.items():
                usage.cpu = {pid: used - self._first.get(pid, 0.0) for pid, used in self._last[name].items()}
            return self._usage

    def _run(self) -> None:
        while not self._stopping.wait(SAMPLE_SECONDS):
            with self._lock:
                self._sample_cpu()
                for name in self._memory:
                    self._sample_memory(name)

    def _sample_cpu(self) -> None:
        for name, find in self._groups.items():
            for pid in find():
                used = cpu_seconds(pid)
                if used is not None:
                    self._last[name][pid] = used

    def _sample_memory(self, name: str) -> None:
        usage = self._usage[name]
        found = {pid: proportional_bytes(pid) for pid in self._groups[name]()}
        sizes = {pid: size for pid, size in found.items() if size is not None}
        usage.peak = max(usage.peak, sum(sizes.values()))
        for pid, size in sizes.items():
            usage.peaks[pid] = max(usage.peaks.get(pid, 0), size)
