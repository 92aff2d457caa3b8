"""The workers of a run: `manage.py worker` processes with an environment of their own, started again when they end."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.environment import ARMED_VARIABLE, CLOCK_VARIABLE
from tests.chaos.tickets import Tickets
from tests.live_service import find_processes_naming
from tests.real_processes import find_descendants, kill_all

REPOSITORY = Path(__file__).resolve().parents[2]
SUPERVISOR = "supervisor"


@dataclass
class _Worker:
    name: str
    log: Path
    process: "subprocess.Popen[bytes] | None" = None
    starts: int = 0


class Workers:
    """`environment` is what every one of them has; `urls` the database as each one reaches it, by name.

    The clock of the first is right, that of any other is wrong by minutes, and by others at each start.
    """

    def __init__(
        self,
        tickets: Tickets,
        environment: Mapping[str, str],
        urls: Mapping[str, str],
        draw: random.Random,
    ) -> None:
        self._tickets = tickets
        self._environment = dict(environment)
        self._urls = dict(urls)
        self._draw = draw
        self._lock = threading.RLock()
        self._workers = {name: _Worker(name, tickets.directory / f"worker-{name}.log") for name in urls}
        self._keeping = True
        self.clocks: list[float] = []

    @property
    def names(self) -> list[str]:
        return list(self._workers)

    def start(self) -> None:
        for worker in self._workers.values():
            self._start(worker)

    def keep_up(self) -> None:
        """Start again whatever has ended, as whoever runs workers does."""
        with self._lock:
            for worker in self._workers.values():
                if self._keeping and worker.process is not None and worker.process.poll() is not None:
                    self._start(worker)

    def find(self, name: str, role: str) -> list[int]:
        """Return the ids of a worker's processes of a role."""
        supervisor = self._process(name)
        if supervisor is None:
            return []
        if role == SUPERVISOR:
            return [supervisor.pid]
        return [pid for pid in find_descendants(supervisor.pid) if self._tickets.read_role(pid) == role]

    def drain(self, name: str) -> None:
        """Ask a worker to end; `keep_up` starts it again once it has."""
        supervisor = self._process(name)
        if supervisor is not None and supervisor.poll() is None:
            supervisor.send_signal(signal.SIGTERM)

    def stop(self, seconds: float) -> list[str]:
        """Ask all to end. Returns which did not within so long, and what they left running; that is then killed."""
        with self._lock:
            self._keeping = False
            running = [worker for worker in self._workers.values() if worker.process is not None]
        for worker in running:
            self.drain(worker.name)
        problems = []
        deadline = time.monotonic() + seconds
        for worker in running:
            assert worker.process is not None
            try:
                worker.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                problems.append(f"worker {worker.name} had not ended {seconds:.0f} s after SIGTERM")
        time.sleep(1.0)
        left = [pid for pid in find_processes_naming(self._marker) if pid != os.getpid()]
        roles = [f"{self._tickets.read_role(pid) or 'another'} {pid}" for pid in left]
        if left and not problems:
            problems.append(f"processes left running when their worker had ended: {', '.join(roles)}")
        kill_all(left)
        return problems

    @property
    def _marker(self) -> Path:
        return self._tickets.directory / "armed"

    def _process(self, name: str) -> "subprocess.Popen[bytes] | None":
        with self._lock:
            return self._workers[name].process

    def _start(self, worker: _Worker) -> None:
        clock = 0.0
        if worker is not next(iter(self._workers.values())):
            clock = self._draw.choice((-1, 1)) * self._draw.uniform(120, 600)
            self.clocks.append(clock)
        environment = {
            **self._environment,
            "DATABASE_URL": self._urls[worker.name],
            "LOG_LEVEL": "INFO",
            CLOCK_VARIABLE: f"{clock:.1f}",
            ARMED_VARIABLE: str(self._marker),
        }
        with worker.log.open("ab") as log:
            log.write(f"=== start {worker.starts}, clock {clock:+.0f} s\n".encode())
            log.flush()
            worker.process = subprocess.Popen(
                [sys.executable, "manage.py", "worker"],
                cwd=REPOSITORY,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        worker.starts += 1
