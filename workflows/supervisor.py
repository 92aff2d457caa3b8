"""The parent of a django-q2 cluster: restarts it on any exit, sweeps the queue of record and gives signs of life.

django-q2 can hang or lose processes when one of its own is killed, so this process does not rely on it for
anything but delivery: what it loses, the sweep finds.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from types import FrameType

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from workflows.leases import sweep
from workflows.models import WorkerHeartbeat
from workflows.processes import end_with_parent

DRAIN_SECONDS = 20
_FIRST_RESTART_DELAY = 0.5
_LONGEST_RESTART_DELAY = 15.0
_STABLE_AFTER_SECONDS = 60.0

log = structlog.get_logger(__name__)


@dataclass
class Supervisor:
    """One cluster and its upkeep. `start_cluster` is given so that a test can start something smaller."""

    start_cluster: Callable[[], "subprocess.Popen[bytes]"]
    name: str = field(default_factory=lambda: f"{os.uname().nodename}:{os.getpid()}")
    _stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Supervise until SIGTERM or SIGINT; then let the cluster drain for DRAIN_SECONDS, and end it."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._request_stop)
        started_at = timezone.now()
        delay = _FIRST_RESTART_DELAY
        cluster, cluster_started = self.start_cluster(), time.monotonic()
        try:
            while not self._stopping.is_set():
                self._keep_house(started_at)
                self._wait(cluster)
                if cluster.poll() is None or self._stopping.is_set():
                    continue
                log.error("cluster_ended", status=cluster.returncode, restart_in=delay)
                _end_process_group(cluster, signal.SIGKILL)
                if time.monotonic() - cluster_started > _STABLE_AFTER_SECONDS:
                    delay = _FIRST_RESTART_DELAY
                self._stopping.wait(delay)
                delay = min(_LONGEST_RESTART_DELAY, delay * 2)
                cluster, cluster_started = self.start_cluster(), time.monotonic()
        finally:
            _drain(cluster)
            _forget(self.name)

    def _request_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping.set()

    def _wait(self, cluster: "subprocess.Popen[bytes]") -> None:
        """Wait for the next sweep, a request to stop or the cluster's end, whichever is first."""
        deadline = time.monotonic() + settings.SWEEP_SECONDS
        while time.monotonic() < deadline and cluster.poll() is None:
            if self._stopping.wait(0.2):
                return

    def _keep_house(self, started_at: datetime) -> None:
        """Sweep and note a sign of life. A database that is away costs this round, not the supervisor."""
        close_old_connections()
        try:
            WorkerHeartbeat.objects.update_or_create(
                name=self.name,
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


def start_django_q_cluster() -> "subprocess.Popen[bytes]":
    """Start a django-q2 cluster in a process group of its own, which ends when this process does."""
    return subprocess.Popen(
        [sys.executable, "-m", "django", "qcluster"],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"]},
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
    _end_process_group(cluster, signal.SIGKILL)


def _end_process_group(cluster: "subprocess.Popen[bytes]", number: int) -> None:
    try:
        os.killpg(cluster.pid, number)
    except ProcessLookupError:
        return


def _forget(name: str) -> None:
    try:
        WorkerHeartbeat.objects.filter(name=name).delete()
    except DatabaseError as error:
        log.error("heartbeat_not_removed", error=type(error).__name__)
