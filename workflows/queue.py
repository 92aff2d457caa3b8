"""Wake-ups. The only importer of django_q's queue: the database is the queue of record, this only says "look"."""

import signal
from collections.abc import Callable
from uuid import UUID

from django.db import transaction
from django_q.brokers import get_broker
from django_q.signals import post_spawn, pre_execute
from django_q.tasks import async_task

from workflows.processes import end_with_parent
from workflows.pulse import note_pulse

RUN_TASK = "workflows.tasks.run_execution"
PROBE_TASK = "workflows.tasks.answer_probe"

_wake_loop: Callable[[], bool] | None = None


def wake(execution_id: UUID) -> None:
    """Tell a worker that an execution is ready. Carries the id alone.

    With the ORM broker the row belongs to the caller's transaction: it appears when that commits, or never. A lost
    wake-up costs a sweep interval, a doubled one nothing.
    """
    if _wake_loop is not None:
        transaction.on_commit(lambda: _wake_here_or_elsewhere(execution_id))
    else:
        _send(execution_id)


def _wake_here_or_elsewhere(execution_id: UUID) -> None:
    if _wake_loop is None or not _wake_loop():
        _send(execution_id)


def _send(execution_id: UUID) -> None:
    async_task(RUN_TASK, str(execution_id), task_name=f"run {execution_id}")


def set_local_wake(wake_loop: Callable[[], bool]) -> None:
    """Have `wake` ask this process's own loop first: it says whether it has room, and will look."""
    global _wake_loop
    _wake_loop = wake_loop


def count_waiting_wakeups() -> int:
    """Return how many wake-ups wait for delivery."""
    return int(get_broker().queue_size())


def send_probe() -> None:
    """Give the cluster a task that does nothing, to see whether its processes still take any."""
    async_task(PROBE_TASK, task_name="probe")


def connect_worker_signals(start: Callable[[], None]) -> None:
    """Have django-q2's worker processes call `start` first, end with the process that feeds them, and show that they
    take tasks."""
    post_spawn.connect(_die_with_parent, dispatch_uid="die_with_parent")
    post_spawn.connect(lambda **_: start(), dispatch_uid="start", weak=False)
    pre_execute.connect(_note_pulse, dispatch_uid="note_pulse")


def _die_with_parent(**_: object) -> None:
    end_with_parent(signal.SIGKILL)


def _note_pulse(**_: object) -> None:
    note_pulse()
