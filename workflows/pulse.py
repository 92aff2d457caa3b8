"""The pulse of a django-q2 cluster: whether its processes still take tasks.

A cluster can hang while every process of it lives: one that is killed while it reads the shared queue takes the
queue's lock along. So each process touches a file when it takes a task, and the supervisor sends a probe when the
file has been still for a while and there are processes free to take it.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

PULSE_VARIABLE = "COUNTERSIGN_PULSE_FILE"


def note_pulse() -> None:
    """Touch the file that the supervisor watches; without a supervisor do nothing. For worker processes."""
    path = os.environ.get(PULSE_VARIABLE)
    if path:
        Path(path).touch()


@dataclass
class PulseWatch:
    """Watches one cluster's file. Ages are in seconds by the monotonic clock: a wrong wall clock changes nothing."""

    path: Path
    _seen_mtime: int = 0
    _changed_at: float = field(default_factory=time.monotonic)

    def reset(self, grace: float) -> None:
        """Start afresh, with `grace` seconds for a new cluster to come up."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.touch()
        self._seen_mtime = self.path.stat().st_mtime_ns
        self._changed_at = time.monotonic() + grace

    def age(self) -> float:
        """Return how long no process has taken a task; negative within the grace of a new cluster."""
        mtime = self.path.stat().st_mtime_ns
        if mtime != self._seen_mtime:
            self._seen_mtime = mtime
            self._changed_at = max(self._changed_at, time.monotonic())
        return time.monotonic() - self._changed_at

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
