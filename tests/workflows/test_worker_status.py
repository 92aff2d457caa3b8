"""What an operator is told of the workers and of the queue."""

from datetime import timedelta
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from tests.people import make_person
from tests.workflow_driver import claim_execution, request_review_and_release, submit
from workflows import worker_status
from workflows.cancellation import resume_execution
from workflows.leases import hand_back
from workflows.models import Execution, ExecutionStatus, WorkerHeartbeat, Workflow
from workflows.supervisor import keep_house
from workflows.transitions import move_execution
from workflows.worker_status import read_worker_status

pytestmark = pytest.mark.django_db


def beat(name: str, *, age: float = 0.0, processes: int = 2) -> None:
    seen_at = Now() - timedelta(seconds=age)
    WorkerHeartbeat.objects.create(name=name, process_count=processes, started_at=seen_at, seen_at=seen_at)


def queue_one(*, age: float = 0.0, owner: str = "alice") -> Execution:
    """Submit a workflow, and return its first execution, queued for `age` seconds."""
    workflow: Workflow = submit(request_review_and_release(), make_person(owner, "operator"))
    execution = Execution.objects.get(stage__workflow=workflow)
    Execution.objects.filter(id=execution.id).update(created_at=Now() - timedelta(seconds=age))
    return execution


def test_nothing_is_no_error() -> None:
    status = read_worker_status()
    assert (status.workers, status.processes, status.last_seen_at) == (0, 0, None)
    assert (status.waiting, status.oldest_waiting_seconds) == (0, None)


def test_only_workers_that_were_seen_lately_are_alive() -> None:
    beat("one", processes=2)
    beat("two", processes=3, age=2 * settings.SWEEP_SECONDS)
    beat("dead", processes=8, age=4 * settings.SWEEP_SECONDS)
    status = read_worker_status()
    assert (status.workers, status.processes) == (2, 5)
    newest = WorkerHeartbeat.objects.get(name="one")
    assert status.last_seen_at == newest.seen_at


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_worker_whose_clock_is_wrong_is_alive(monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    wrong = timezone.now() + timedelta(minutes=minutes)
    with monkeypatch.context() as patch:
        patch.setattr(timezone, "now", lambda: wrong)
        keep_house("one", wrong)
    assert read_worker_status().workers == 1


def test_what_is_due_waits_and_what_backs_off_does_not() -> None:
    queue_one(age=60)
    backing_off = queue_one(age=3600)
    Execution.objects.filter(id=backing_off.id).update(available_at=Now() + timedelta(seconds=60))
    status = read_worker_status()
    assert status.waiting == 1
    assert status.oldest_waiting_seconds is not None
    assert 60 <= status.oldest_waiting_seconds < 3600


def test_running_executions_are_counted_and_those_whose_worker_fell_silent() -> None:
    for _ in range(3):
        claim_execution(queue_one().id)
    silent = Execution.objects.filter(status=ExecutionStatus.PLANNING)[0]
    Execution.objects.filter(id=silent.id).update(lease_expires_at=Now() - timedelta(seconds=1))
    status = read_worker_status()
    assert (status.running, status.expired_leases, status.waiting) == (3, 1, 0)


def test_what_was_handed_back_waits_since_then() -> None:
    claim = claim_execution(queue_one(age=3600).id)
    assert claim is not None
    hand_back(claim, end="drained")
    status = read_worker_status()
    assert status.waiting == 1
    assert status.oldest_waiting_seconds is not None
    assert status.oldest_waiting_seconds < 3600


def test_what_a_person_kept_waiting_is_told_apart_and_waits_for_a_worker_since_the_decision() -> None:
    execution = queue_one(age=3600)
    claim_execution(execution.id)
    move_execution(execution.id, ExecutionStatus.WAITING, lease_owner="", lease_expires_at=None)
    status = read_worker_status()
    assert (status.awaiting_person, status.waiting, status.running) == (1, 0, 0)

    resume_execution(execution.id)
    status = read_worker_status()
    assert (status.awaiting_person, status.waiting) == (0, 1)
    assert status.oldest_waiting_seconds is not None
    assert status.oldest_waiting_seconds < 3600


def test_a_long_queue_is_not_counted_to_its_end_and_its_oldest_is_found_all_the_same(
    monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(worker_status, "COUNT_LIMIT", 2)
    for owner, age in (("alice", 10), ("alice", 20), ("alice", 30), ("bob", 600)):
        queue_one(age=age, owner=owner)
    with django_assert_max_num_queries(5):
        status = read_worker_status()
    assert status.waiting == 2
    assert status.oldest_waiting_seconds is not None
    assert status.oldest_waiting_seconds >= 600


def test_the_command_prints_the_figures_and_ends_well_while_a_worker_lives() -> None:
    beat("one")
    queue_one(age=7200)
    printed = StringIO()
    call_command("worker", "--status", stdout=printed)
    lines = dict(line.split("  ", 1) for line in printed.getvalue().splitlines())
    assert lines["workers"].strip().startswith("1 alive, with 2 processes; last seen ")
    assert lines["waiting"].strip().startswith("1; the oldest for 72")


def test_the_command_ends_with_1_when_no_worker_lives() -> None:
    beat("dead", age=3600)
    printed = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("worker", "--status", stdout=printed)
    assert end.value.code == 1
    assert "0 alive" in printed.getvalue()


def test_the_command_says_when_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(WorkerHeartbeat.objects, "aggregate", fail)
    with pytest.raises(CommandError, match="DATABASE_URL"):
        call_command("worker", "--status")
