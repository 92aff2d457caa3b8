"""The supervisor replaces a cluster that ended or hangs, and survives a database that is away."""

import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
from django.db import DatabaseError
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django.fixtures import Settings

from tests.workflow_driver import claim_execution, find_execution, request_review_and_release, submit
from workflows import supervisor
from workflows.claims import ALONE_AFTER
from workflows.models import Execution, WorkerHeartbeat
from workflows.pulse import PULSE_VARIABLE, FileWatch, heartbeat_file, note_pulse
from workflows.supervisor import Supervisor, keep_house

pytestmark = pytest.mark.django_db


def start_process(code: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", code], start_new_session=True)


@pytest.mark.parametrize("status", [0, 1])
def test_a_cluster_that_ended_is_replaced_whatever_its_status(status: int) -> None:
    cluster = start_process(f"raise SystemExit({status})")
    cluster.wait()

    assert Supervisor(mock.Mock(), mock.Mock())._has_failed(cluster)


def test_a_hung_cluster_is_ended_and_replaced() -> None:
    cluster = start_process("import signal; signal.pause()")
    keeper = Supervisor(mock.Mock(), mock.Mock())
    with mock.patch.object(keeper._pulse, "age", return_value=3600.0):
        assert keeper._has_failed(cluster)
    assert cluster.poll() is not None, "the hung cluster was left running"


def test_a_silent_cluster_is_asked_by_a_probe_before_it_counts_as_hung() -> None:
    keeper = Supervisor(mock.Mock(), mock.Mock())
    with mock.patch.object(keeper._pulse, "age", return_value=supervisor.HUNG_AFTER_SECONDS - 1.0):
        assert not keeper._is_hung()
    assert OrmQ.objects.get().task["func"] == "workflows.tasks.answer_probe"


def test_a_cluster_that_takes_tasks_is_not_probed() -> None:
    keeper = Supervisor(mock.Mock(), mock.Mock())
    with mock.patch.object(keeper._pulse, "age", return_value=0.1):
        assert not keeper._is_hung()
    assert not OrmQ.objects.exists()


def test_a_task_taken_by_a_process_renews_the_pulse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = FileWatch(tmp_path / "run" / "pulse")
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


def beat(keeper: Supervisor, pid: int) -> Path:
    """The heartbeat of a loop of that worker, and an execution that it holds."""
    process = f"{keeper.worker_id}:{pid}:token"
    claim = claim_execution(find_execution(submit(request_review_and_release()), "review").id)
    assert claim is not None
    Execution.objects.filter(id=claim.execution_id).update(lease_owner=process)
    path = heartbeat_file(process)
    path.touch()
    return path


def test_what_a_process_held_that_died_is_queued_at_once() -> None:
    process = start_process("pass")
    process.wait()
    keeper = Supervisor(mock.Mock(), mock.Mock())
    path = beat(keeper, process.pid)
    keeper._look_after_loops()

    assert Execution.objects.get().status == "queued"
    assert not path.exists()


def test_what_a_process_holds_that_lives_is_left_to_it() -> None:
    process = start_process("import signal; signal.pause()")
    keeper = Supervisor(mock.Mock(), mock.Mock())
    path = beat(keeper, process.pid)
    keeper._look_after_loops()
    keeper._look_after_loops()

    assert Execution.objects.get().status == "planning"
    assert process.poll() is None
    process.kill()
    process.wait()
    path.unlink()


def test_a_process_whose_loop_does_not_turn_is_killed(settings: Settings) -> None:
    settings.LEASE_SECONDS = -1
    process = start_process("import signal; signal.pause()")
    keeper = Supervisor(mock.Mock(), mock.Mock())
    path = beat(keeper, process.pid)
    keeper._look_after_loops()

    assert process.wait(30) == -9
    keeper._look_after_loops()
    assert Execution.objects.get().status == "queued"
    assert not path.exists()


def test_executions_that_must_run_alone_get_a_process_while_there_are_any() -> None:
    alone = mock.Mock(side_effect=lambda _: start_process("import signal; signal.pause()"))
    keeper = Supervisor(mock.Mock(), alone)
    keeper._look_after_alone()
    assert not alone.called

    submit(request_review_and_release())
    Execution.objects.update(lost_attempts=ALONE_AFTER)
    keeper._look_after_alone()
    keeper._look_after_alone()
    assert alone.call_count == 1, "a second one was started beside the first"

    assert keeper._alone is not None
    keeper._alone.kill()
    keeper._alone.wait()
    keeper._look_after_alone()
    assert alone.call_count == 2
    keeper._alone.kill()
    keeper._alone.wait()
