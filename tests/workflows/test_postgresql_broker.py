"""Wake-ups through PostgreSQL: who gets them, and what a rolled-back transaction or a lost connection does to them."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg
import pytest
from django.db import connection, transaction
from django_q.conf import Conf
from django_q.models import OrmQ

from tests.real_processes import wait_until
from workflows import postgresql_broker
from workflows.postgresql_broker import PostgreSQLBroker

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

PATIENCE_SECONDS = 60
MakeBroker = Callable[[], PostgreSQLBroker]


@pytest.fixture
def make_broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeBroker]:
    """Brokers whose own connections are closed after the test. They wait for as long as the test is patient."""
    monkeypatch.setattr(postgresql_broker, "WAIT_SECONDS", PATIENCE_SECONDS)
    made: list[PostgreSQLBroker] = []

    def make() -> PostgreSQLBroker:
        made.append(PostgreSQLBroker(list_key="tests"))
        return made[-1]

    yield make
    for broker in made:
        broker._disconnect()


def process_of(broker: PostgreSQLBroker) -> int:
    """The server's process behind the broker's own connection, once it has one that listens."""
    return int(wait_until(lambda: broker._is_listening and broker._own, "the connection").info.backend_pid)


def cut(backend: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
        assert cursor.fetchone()[0], "the connection was not cut"


def take_in_thread(broker: PostgreSQLBroker) -> "Future[list[tuple[int, str]] | None]":
    executor = ThreadPoolExecutor(1)
    future = executor.submit(broker.dequeue)
    executor.shutdown(wait=False)
    return future


def test_no_task_goes_to_two_pushers(make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_broker, "WAIT_SECONDS", 0)
    monkeypatch.setattr(Conf, "BULK", 3)
    sent = {make_broker().enqueue(f"task {number}") for number in range(60)}
    together = threading.Barrier(3)

    def take_all(broker: PostgreSQLBroker) -> list[int]:
        together.wait(PATIENCE_SECONDS)
        taken: list[int] = []
        while found := broker.dequeue():
            assert len(found) <= 3
            taken += [task_id for task_id, _ in found]
        return taken

    with ThreadPoolExecutor(3) as pushers:
        taken = [task for tasks in pushers.map(take_all, [make_broker() for _ in range(3)]) for task in tasks]
    assert sorted(taken) == sorted(sent)


def test_the_oldest_go_first(make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Conf, "BULK", 2)
    broker = make_broker()
    sent = [(broker.enqueue(task), task) for task in ("one", "two", "three")]
    assert broker.dequeue() == sent[:2]
    assert broker.dequeue() == sent[2:]


def test_a_transaction_that_rolls_back_leaves_no_task(make_broker: MakeBroker) -> None:
    broker = make_broker()
    with transaction.atomic():
        broker.enqueue("never")
        transaction.set_rollback(True)
    assert not OrmQ.objects.exists()


def test_a_commit_wakes_a_pusher_that_waits_and_nothing_before_it_does(make_broker: MakeBroker) -> None:
    broker = make_broker()
    waiting = take_in_thread(broker)
    process_of(broker)
    with transaction.atomic():
        task_id = make_broker().enqueue("now")
        assert not waiting.done()
    assert waiting.result(PATIENCE_SECONDS / 2) == [(task_id, "now")]


def test_a_pusher_comes_back_from_an_idle_wait(make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has to see that it is to stop."""
    monkeypatch.setattr(postgresql_broker, "WAIT_SECONDS", 0.01)
    assert not make_broker().dequeue()


def test_the_loss_of_its_connection_is_no_error_and_costs_no_task(make_broker: MakeBroker) -> None:
    broker = make_broker()
    waiting = take_in_thread(broker)
    cut(process_of(broker))
    assert waiting.result(PATIENCE_SECONDS) is None
    task_id = make_broker().enqueue("meanwhile")
    assert broker.dequeue() == [(task_id, "meanwhile")]


def test_a_connection_cut_between_two_looks_is_made_anew(make_broker: MakeBroker) -> None:
    broker = make_broker()
    broker.enqueue("before")
    assert broker.dequeue()
    cut(process_of(broker))
    broker.enqueue("after")
    assert broker.dequeue() is None
    found = broker.dequeue()
    assert found is not None
    assert [task for _, task in found] == ["after"]


def test_a_server_that_is_away_is_no_error(make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = make_broker()

    def refuse(**_parameters: object) -> None:
        raise psycopg.OperationalError("the database system is starting up")

    with monkeypatch.context() as patch:
        patch.setattr(postgresql_broker.time, "sleep", lambda _seconds: None)
        patch.setattr(psycopg, "connect", refuse)
        assert broker.dequeue() is None
        assert broker.dequeue() is None
        broker.acknowledge(1)
    task_id = broker.enqueue("after")
    assert broker.dequeue() == [(task_id, "after")]


def test_what_was_taken_is_due_again_when_its_lock_has_run_out(
    make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = make_broker().enqueue("once more")
    monkeypatch.setattr(Conf, "RETRY", 0)
    assert make_broker().dequeue() == [(task_id, "once more")], "its process dies, and it is not acknowledged"
    monkeypatch.setattr(Conf, "RETRY", 3600)
    assert make_broker().dequeue() == [(task_id, "once more")]
    monkeypatch.setattr(postgresql_broker, "WAIT_SECONDS", 0)
    assert make_broker().dequeue() == []


def test_what_was_acknowledged_is_gone(make_broker: MakeBroker) -> None:
    broker = make_broker()
    kept, done = broker.enqueue("kept"), broker.enqueue("done")
    broker.acknowledge(done)
    assert list(OrmQ.objects.values_list("id", flat=True)) == [kept]


def test_other_queues_are_left_alone(make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_broker, "WAIT_SECONDS", 0)
    PostgreSQLBroker(list_key="another").enqueue("theirs")
    assert make_broker().dequeue() == []


def test_a_fork_does_not_use_its_parents_connection(make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = make_broker()
    broker.enqueue("of the parent")
    broker.dequeue()
    parents, own_pid = broker._own, os.getpid()
    assert parents is not None
    monkeypatch.setattr(postgresql_broker.os, "getpid", lambda: own_pid + 1)
    task_id = broker.enqueue("of the child")
    assert broker.dequeue() == [(task_id, "of the child")]
    assert broker._own is not parents
    assert not parents.closed, "the parent goes on with it"
    parents.close()
