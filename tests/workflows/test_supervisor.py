"""The supervisor replaces a cluster that ended or hangs, and survives a database that is away."""

import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
from django.db import DatabaseError
from django.utils import timezone
from django_q.models import OrmQ

from workflows import supervisor
from workflows.models import WorkerHeartbeat
from workflows.pulse import PULSE_VARIABLE, PulseWatch, note_pulse
from workflows.supervisor import Supervisor, keep_house

pytestmark = pytest.mark.django_db


def start_process(code: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", code], start_new_session=True)


@pytest.mark.parametrize("status", [0, 1])
def test_a_cluster_that_ended_is_replaced_whatever_its_status(status: int) -> None:
    cluster = start_process(f"raise SystemExit({status})")
    cluster.wait()

    assert Supervisor(mock.Mock())._has_failed(cluster)


def test_a_hung_cluster_is_ended_and_replaced() -> None:
    cluster = start_process("import signal; signal.pause()")
    keeper = Supervisor(mock.Mock())
    with mock.patch.object(keeper._pulse, "age", return_value=3600.0):
        assert keeper._has_failed(cluster)
    assert cluster.poll() is not None, "the hung cluster was left running"


def test_a_silent_cluster_is_asked_by_a_probe_before_it_counts_as_hung() -> None:
    keeper = Supervisor(mock.Mock())
    with mock.patch.object(keeper._pulse, "age", return_value=supervisor.HUNG_AFTER_SECONDS - 1.0):
        assert not keeper._is_hung()
    assert OrmQ.objects.get().task["func"] == "workflows.tasks.answer_probe"


def test_a_cluster_that_takes_tasks_is_not_probed() -> None:
    keeper = Supervisor(mock.Mock())
    with mock.patch.object(keeper._pulse, "age", return_value=0.1):
        assert not keeper._is_hung()
    assert not OrmQ.objects.exists()


def test_a_cluster_whose_processes_are_all_busy_is_not_hung() -> None:
    keeper = Supervisor(mock.Mock())
    with (
        mock.patch.object(keeper._pulse, "age", return_value=3600.0),
        mock.patch.object(supervisor, "count_leases", return_value=10_000),
    ):
        assert not keeper._is_hung()


def test_a_task_taken_by_a_process_renews_the_pulse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = PulseWatch(tmp_path / "run" / "pulse")
    watch.reset(0)
    with mock.patch("workflows.pulse.time.monotonic", return_value=10_000_000.0):
        before = watch.age()
    monkeypatch.setenv(PULSE_VARIABLE, str(watch.path))
    watch.path.unlink()
    note_pulse()

    assert before > 1000
    assert watch.age() < 1000


def test_house_is_kept_with_a_sign_of_life() -> None:
    keep_house("w1", timezone.now())
    assert WorkerHeartbeat.objects.filter(name="w1").exists()


def test_a_database_that_is_away_costs_a_round_and_not_the_supervisor() -> None:
    with mock.patch.object(supervisor, "sweep", side_effect=DatabaseError("away")):
        keep_house("w1", timezone.now())
