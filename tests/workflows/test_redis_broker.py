"""Wake-ups through a real Redis, and without one."""

import socket
import uuid
from collections.abc import Iterator

import pytest
import redis
from django.db import transaction
from django_q.conf import Conf

from workflows import queue, redis_broker
from workflows.queue import count_waiting_wakeups, send_probe, wake
from workflows.redis_broker import RedisBroker

URL = "redis://127.0.0.1:6379/0"


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisBroker]:
    """A broker with a queue of its own on the Redis of this machine, which carries this process's wake-ups."""
    monkeypatch.setattr(Conf, "REDIS", URL)
    broker = RedisBroker(list_key=f"tests-{uuid.uuid4()}")
    if not broker.ping():
        pytest.skip("NEEDS REDIS: none answers at 127.0.0.1:6379")
    monkeypatch.setattr(queue, "_broker", lambda: broker)
    yield broker
    broker.delete_queue()


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> RedisBroker:
    """A broker whose Redis does not answer."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setattr(Conf, "REDIS", f"redis://127.0.0.1:{port}/0")
    monkeypatch.setattr(redis_broker, "_PAUSE_SECONDS", 0)
    broker = RedisBroker(list_key="tests")
    monkeypatch.setattr(queue, "_broker", lambda: broker)
    return broker


@pytest.mark.django_db(transaction=True)
def test_a_wake_up_is_sent_when_the_transaction_has_committed_and_not_before(broker: RedisBroker) -> None:
    with transaction.atomic():
        wake(uuid.UUID(int=7))
        assert count_waiting_wakeups() == 0
    assert count_waiting_wakeups() == 1
    found = broker.dequeue()
    assert found is not None
    assert len(found) == 1
    assert count_waiting_wakeups() == 0


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_rolls_back_sends_none(broker: RedisBroker) -> None:
    with transaction.atomic():
        wake(uuid.UUID(int=7))
        transaction.set_rollback(True)
    assert count_waiting_wakeups() == 0


def test_a_connection_that_redis_has_closed_is_made_anew(broker: RedisBroker) -> None:
    with redis.Redis.from_url(URL) as other:
        other.client_kill_filter(_id=str(broker.connection.client_id()))
    broker.enqueue("task")
    assert broker.dequeue() == [(None, b"task")]


@pytest.mark.django_db(transaction=True)
def test_without_redis_a_wake_up_takes_nothing_back(away: RedisBroker) -> None:
    with transaction.atomic():
        wake(uuid.UUID(int=7))
    assert not send_probe()


def test_without_redis_the_cluster_starts_and_goes_on(away: RedisBroker) -> None:
    assert away.ping() is False
    assert away.dequeue() is None
    assert away.dequeue() is None
