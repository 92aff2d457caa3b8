"""The parent of a django-q2 cluster: restarts it on any exit, replaces it when it hangs, sweeps the queue of record.

django-q2 can hang or lose processes when one of its own is killed, so this process does not rely on it for
anything but delivery: what it loses, the loops and the sweep find.
"""

import os
import signal
import subprocess
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
from django.db.models.functions import Now
from django.utils import timezone

from workflows.claims import count_alone
from workflows.leases import release_dead, sweep
from workflows.models import WorkerHeartbeat
from workflows.processes import end_process_group, is_alive, send_signal
from workflows.pulse import PULSE_VARIABLE, FileWatch, list_heartbeats, run_directory
from workflows.queue import send_probe
from workflows.worker_process import DRAIN_SIGNAL, SUPERVISOR_VARIABLE, WORKER_VARIABLE

HUNG_AFTER_SECONDS = 9
_PROBE_AFTER_SECONDS = 2.5
_START_GRACE_SECONDS = 20.0
_FIRST_RESTART_DELAY = 0.5
_LONGEST_RESTART_DELAY = 15.0
_STABLE_AFTER_SECONDS = 60.0
_DRAIN_MARGIN_SECONDS = 3.0

log = structlog.get_logger(__name__)

Start = Callable[[dict[str, str]], "subprocess.Popen[bytes]"]


@dataclass
class Supervisor:
    """One cluster, the process for what must run alone, and their upkeep. Both get their extra environment."""

    start_cluster: Start
    start_alone: Start
    worker_id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    _stopping: threading.Event = field(default_factory=threading.Event)
    _restart_delay: float = _FIRST_RESTART_DELAY
    _loops: dict[str, FileWatch] = field(default_factory=dict)
    _alone: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        self._started_at = timezone.now()
        self._pulse = FileWatch(run_directory() / f"pulse-{self.worker_id}")

    def run(self) -> None:
        """Supervise until SIGTERM or SIGINT; then let the cluster drain for DRAIN_SECONDS, and end it."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._request_stop)
        cluster, cluster_started = self._start(), time.monotonic()
        try:
            while not self._stopping.is_set():
                close_old_connections()
                keep_house(self.worker_id, self._started_at)
                self._look_after_loops()
                self._look_after_alone()
                self._wait(cluster)
                if self._stopping.is_set() or not self._has_failed(cluster):
                    continue
                self._back_off(time.monotonic() - cluster_started)
                cluster, cluster_started = self._start(), time.monotonic()
        finally:
            self._drain([cluster, *([self._alone] if self._alone else [])])
            self._look_after_loops()
            self._pulse.remove()
            _forget(self.worker_id)

    def _start(self) -> "subprocess.Popen[bytes]":
        self._pulse.reset(_START_GRACE_SECONDS)
        return self.start_cluster(self._environment())

    def _environment(self) -> dict[str, str]:
        return {
            WORKER_VARIABLE: self.worker_id,
            SUPERVISOR_VARIABLE: str(os.getpid()),
            PULSE_VARIABLE: str(self._pulse.path),
        }

    def _has_failed(self, cluster: "subprocess.Popen[bytes]") -> bool:
        """Say whether the cluster must be replaced; whatever is left of it is ended."""
        if cluster.poll() is not None:
            log.error("cluster_ended", status=cluster.returncode)
            end_process_group(cluster)
            return True
        if self._is_hung():
            log.error("cluster_hung", seconds=round(self._pulse.age()))
            self._drain([cluster])
            return True
        return False

    def _is_hung(self) -> bool:
        """Say whether no process takes tasks; ask them by a probe before saying so."""
        age = self._pulse.age()
        if age < _PROBE_AFTER_SECONDS:
            return False
        if not send_probe():
            # What carries wake-ups is away: that says nothing of the cluster.
            self._pulse.reset(0)
            return False
        return age > HUNG_AFTER_SECONDS

    def _look_after_loops(self) -> None:
        """Hand on what a process held that has died, and kill one whose loop does not turn."""
        beats = list_heartbeats(self.worker_id)
        self._loops = {beat.process: self._loops.get(beat.process) or FileWatch(beat.path) for beat in beats}
        for beat in beats:
            if is_alive(beat.pid):
                # By then its leases have run out, and others have its stages.
                if self._loops[beat.process].age() > settings.LEASE_SECONDS and send_signal(beat.pid, signal.SIGKILL):
                    log.error("loop_hung", process=beat.process)
                continue
            try:
                found = release_dead(beat.process)
            except DatabaseError as error:
                log.error("release_failed", process=beat.process, error=type(error).__name__)
                continue
            beat.path.unlink(missing_ok=True)
            log.error("process_died", process=beat.process, executions=found)

    def _look_after_alone(self) -> None:
        """Have a process for the executions that must run alone, while there are any."""
        if self._alone is not None:
            if self._alone.poll() is None:
                return
            end_process_group(self._alone)
            self._alone = None
        try:
            needed = count_alone() > 0
        except DatabaseError as error:
            log.error("count_failed", error=type(error).__name__)
            return
        if needed:
            self._alone = self.start_alone(self._environment())

    def _drain(self, clusters: "list[subprocess.Popen[bytes]]") -> None:
        """Ask the loops and the clusters to end; what is not finished in time is left to the sweep."""
        for beat in list_heartbeats(self.worker_id):
            # To each, for a cluster that hangs passes nothing on.
            send_signal(beat.pid, DRAIN_SIGNAL)
        for cluster in clusters:
            if cluster.poll() is None:
                cluster.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + settings.DRAIN_SECONDS + _DRAIN_MARGIN_SECONDS
        for cluster in clusters:
            try:
                cluster.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("drain_timed_out", seconds=settings.DRAIN_SECONDS)
            end_process_group(cluster)

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
                "seen_at": Now(),  # by the database's clock: those who read it may have another
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


def _forget(worker_id: str) -> None:
    try:
        WorkerHeartbeat.objects.filter(name=worker_id).delete()
    except DatabaseError as error:
        log.error("heartbeat_not_removed", error=type(error).__name__)
