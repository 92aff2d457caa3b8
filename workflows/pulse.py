"""Signs of life of a worker, as files that its supervisor watches.

A django-q2 cluster can hang while every process of it lives: one that is killed while it reads the shared queue takes
the queue's lock along. So each process touches the pulse when it takes a task, and the supervisor sends a probe when
the pulse has been still for a while. The loop on which a process runs its stages has a heartbeat of its own: a process
whose main thread takes wake-ups may still have a loop that does not turn.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

PULSE_VARIABLE = "COUNTERSIGN_PULSE_FILE"


@dataclass(frozen=True)
class LoopHeartbeat:
    """The file of one loop. `process` is its name in leases, which begins with the worker's id and its process id."""

    process: str
    pid: int
    path: Path


def note_pulse() -> None:
    """Touch the file that the supervisor watches; without a supervisor do nothing. For worker processes."""
    path = os.environ.get(PULSE_VARIABLE)
    if path:
        Path(path).touch()


def run_directory() -> Path:
    """Return the folder of these files; it is made when it is not there."""
    folder: Path = settings.VAR_DIR / "run"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def heartbeat_file(process: str) -> Path:
    """Return the file that the loop of a worker process touches."""
    return run_directory() / f"loop-{process}"


def list_heartbeats(worker_id: str) -> list[LoopHeartbeat]:
    """Return the loops of a worker that have shown themselves and not ended in good order."""
    found = []
    for path in run_directory().glob(f"loop-{worker_id}:*"):
        process = path.name.removeprefix("loop-")
        found.append(LoopHeartbeat(process, int(process.split(":")[1]), path))
    return found


@dataclass
class FileWatch:
    """Watches one file. Ages are in seconds by the monotonic clock: a wrong wall clock changes nothing."""

    path: Path
    _seen_mtime: int = 0
    _changed_at: float = field(default_factory=time.monotonic)

    def reset(self, grace: float) -> None:
        """Start afresh, with `grace` seconds for what touches it to come up."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.touch()
        self._seen_mtime = self.path.stat().st_mtime_ns
        self._changed_at = time.monotonic() + grace

    def age(self) -> float:
        """Return how long the file was not touched; negative within the grace."""
        try:
            mtime = self.path.stat().st_mtime_ns
        except FileNotFoundError:
            mtime = 0
        if mtime != self._seen_mtime:
            self._seen_mtime = mtime
            self._changed_at = max(self._changed_at, time.monotonic())
        return time.monotonic() - self._changed_at

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
