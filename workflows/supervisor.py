"""The parent of a django-q2 cluster: restarts it on any exit, replaces it when it hangs, sweeps the queue of record.

django-q2 can hang or lose processes when one of its own is killed, so this process does not rely on it for
anything but delivery: what it loses, the sweep finds.
"""

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from types import FrameType

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from workflows.leases import WORKER_VARIABLE, count_leases, sweep
from workflows.models import WorkerHeartbeat
from workflows.processes import end_with_parent
from workflows.pulse import PULSE_VARIABLE, PulseWatch
from workflows.queue import send_probe

DRAIN_SECONDS = 20
HUNG_AFTER_SECONDS = 9
_START_GRACE_SECONDS = 10.0
_FIRST_RESTART_DELAY = 0.5
_LONGEST_RESTART_DELAY = 15.0
_STABLE_AFTER_SECONDS = 60.0

log = structlog.get_logger(__name__)


@dataclass
class Supervisor:
    """One cluster and its upkeep. `start_cluster` gets the cluster's extra environment."""

    start_cluster: Callable[[dict[str, str]], "subprocess.Popen[bytes]"]
    worker_id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    _stopping: threading.Event = field(default_factory=threading.Event)
    _restart_delay: float = _FIRST_RESTART_DELAY

    def __post_init__(self) -> None:
        self._started_at = timezone.now()
        self._pulse = PulseWatch(settings.VAR_DIR / "run" / f"pulse-{self.worker_id}")

    def run(self) -> None:
        """Supervise until SIGTERM or SIGINT; then let the cluster drain for DRAIN_SECONDS, and end it."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._request_stop)
        cluster, cluster_started = self._start(), time.monotonic()
        try:
            while not self._stopping.is_set():
                close_old_connections()
                keep_house(self.worker_id, self._started_at)
                self._wait(cluster)
                if self._stopping.is_set() or not self._has_failed(cluster):
                    continue
                self._back_off(time.monotonic() - cluster_started)
                cluster, cluster_started = self._start(), time.monotonic()
        finally:
            _drain(cluster)
            self._pulse.remove()
            _forget(self.worker_id)

    def _start(self) -> "subprocess.Popen[bytes]":
        self._pulse.reset(_START_GRACE_SECONDS)
        return self.start_cluster({WORKER_VARIABLE: self.worker_id, PULSE_VARIABLE: str(self._pulse.path)})

    def _has_failed(self, cluster: "subprocess.Popen[bytes]") -> bool:
        """Say whether the cluster must be replaced; whatever is left of it is ended."""
        if cluster.poll() is not None:
            log.error("cluster_ended", status=cluster.returncode)
            _end_process_group(cluster)
            return True
        if self._is_hung():
            log.error("cluster_hung", seconds=round(self._pulse.age()))
            if count_leases(self.worker_id):
                _drain(cluster)
            _end_process_group(cluster)
            return True
        return False

    def _is_hung(self) -> bool:
        """Say whether no process takes tasks though some are free; ask them by a probe before saying so."""
        age = self._pulse.age()
        if age < settings.SWEEP_SECONDS / 2:
            return False
        try:
            if count_leases(self.worker_id) >= settings.WORKER_PROCESSES:
                self._pulse.reset(0)
                return False
            send_probe()
        except DatabaseError as error:
            log.error("probe_failed", error=type(error).__name__)
            self._pulse.reset(0)
            return False
        return age > HUNG_AFTER_SECONDS

    def _back_off(self, lived_seconds: float) -> None:
        if lived_seconds > _STABLE_AFTER_SECONDS:
            self._restart_delay = _FIRST_RESTART_DELAY
        self._stopping.wait(self._restart_delay)
        self._restart_delay = min(_LONGEST_RESTART_DELAY, self._restart_delay * 2)

    def _request_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping.set()

    def _wait(self, cluster: "subprocess.Popen[bytes]") -> None:
        """Wait for the next sweep, a request to stop or the cluster's end, whichever is first."""
        deadline = time.monotonic() + settings.SWEEP_SECONDS
        while time.monotonic() < deadline and cluster.poll() is None:
            if self._stopping.wait(0.2):
                return


def keep_house(worker_id: str, started_at: datetime) -> None:
    """Sweep and note a sign of life. A database that is away costs this round, not the supervisor."""
    try:
        WorkerHeartbeat.objects.update_or_create(
            name=worker_id,
            defaults={
                "seen_at": timezone.now(),
                "started_at": started_at,
                "process_count": settings.WORKER_PROCESSES,
            },
        )
        found = sweep()
    except DatabaseError as error:
        log.error("sweep_failed", error=type(error).__name__)
        return
    if found:
        log.info("swept", executions=found)


def start_django_q_cluster(environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Start a django-q2 cluster in a process group of its own, which ends when this process does."""
    return subprocess.Popen(
        [sys.executable, "-m", "django", "qcluster"],
        cwd=settings.BASE_DIR,
        env={**os.environ, **environment},
        start_new_session=True,
        preexec_fn=lambda: end_with_parent(signal.SIGTERM),
    )


def _drain(cluster: "subprocess.Popen[bytes]") -> None:
    """Ask the cluster to finish what it runs; what is not finished in time is left to the sweep."""
    if cluster.poll() is None:
        cluster.send_signal(signal.SIGTERM)
        try:
            cluster.wait(DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            log.warning("drain_timed_out", seconds=DRAIN_SECONDS)
    _end_process_group(cluster)


def _end_process_group(cluster: "subprocess.Popen[bytes]") -> None:
    try:
        os.killpg(cluster.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        cluster.wait()


def _forget(worker_id: str) -> None:
    try:
        WorkerHeartbeat.objects.filter(name=worker_id).delete()
    except DatabaseError as error:
        log.error("heartbeat_not_removed", error=type(error).__name__)
