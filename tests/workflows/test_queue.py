"""When a wake-up is sent, to whom, and what comes of one that cannot be sent."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django_q.models import OrmQ

from workflows import queue
from workflows.queue import count_waiting_wakeups, send_probe, set_local_wake, wake

pytestmark = pytest.mark.django_db(transaction=True)

EXECUTION = uuid.UUID(int=7)


@pytest.fixture
def loop_answers(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], list[None]]:
    """`loop_answers(True)`: this process has a loop with room; what is returned grows whenever it is asked."""
    monkeypatch.setattr(queue, "_wake_loop", None)
    asked: list[None] = []

    def answer(has_room: bool) -> list[None]:
        def look() -> bool:
            asked.append(None)
            return has_room

        set_local_wake(look)
        return asked

    return answer


class Away:
    """A broker that reaches nothing."""

    list_key = "away"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def enqueue(self, _task: str) -> None:
        raise self.error


def test_a_wake_up_carries_the_id_and_names_the_task() -> None:
    wake(EXECUTION)
    task = OrmQ.objects.get().task
    assert (task["func"], task["args"]) == ("workflows.tasks.run_execution", (str(EXECUTION),))
    assert count_waiting_wakeups() == 1


def test_a_transaction_that_rolls_back_leaves_no_wake_up() -> None:
    with transaction.atomic():
        wake(EXECUTION)
        transaction.set_rollback(True)
    assert count_waiting_wakeups() == 0


def test_the_wake_up_is_committed_with_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same transaction, so that no crash between the two can lose it."""
    monkeypatch.setattr(transaction, "on_commit", lambda *_arguments, **_options: pytest.fail("after the commit"))
    with transaction.atomic():
        wake(EXECUTION)
    assert count_waiting_wakeups() == 1


def test_in_a_worker_process_its_own_loop_is_asked_once_the_work_is_committed(
    loop_answers: Callable[[bool], list[None]],
) -> None:
    asked = loop_answers(True)
    with transaction.atomic():
        wake(EXECUTION)
        assert not asked
    assert len(asked) == 1
    assert count_waiting_wakeups() == 0, "others are told of what this process runs itself"


def test_work_that_does_not_commit_wakes_no_loop(loop_answers: Callable[[bool], list[None]]) -> None:
    asked = loop_answers(True)
    with transaction.atomic():
        wake(EXECUTION)
        transaction.set_rollback(True)
    assert not asked


def test_a_loop_without_room_leaves_it_to_others(loop_answers: Callable[[bool], list[None]]) -> None:
    loop_answers(False)
    with transaction.atomic():
        wake(EXECUTION)
    assert count_waiting_wakeups() == 1


@pytest.mark.parametrize("error", [OperationalError("the connection is closed"), ConnectionError("nobody answers")])
def test_a_wake_up_that_cannot_be_sent_after_the_commit_takes_nothing_back(
    loop_answers: Callable[[bool], list[None]], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    loop_answers(False)
    monkeypatch.setattr(queue, "_broker", lambda: Away(error))
    with transaction.atomic():
        OrmQ.objects.create(key="tests", payload="the work")
        wake(EXECUTION)
    assert OrmQ.objects.get().payload == "the work"


@pytest.mark.parametrize("error", [OperationalError("the connection is closed"), ConnectionError("nobody answers")])
def test_a_probe_says_whether_it_was_sent(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    assert send_probe() is True
    assert OrmQ.objects.get().task["func"] == "workflows.tasks.answer_probe"
    away: Any = Away(error)
    monkeypatch.setattr(queue, "_broker", lambda: away)
    assert send_probe() is False
