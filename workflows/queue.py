"""Wake-ups. The database is the queue of record, this only says "look".

With its brokers this is the only importer of django_q.
"""

import signal
from collections.abc import Callable
from functools import cache
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction
from django_q.brokers import Broker, get_broker
from django_q.brokers.orm import ORM
from django_q.signals import post_spawn, pre_execute
from django_q.tasks import async_task

from workflows.processes import end_with_parent
from workflows.pulse import note_pulse

RUN_TASK = "workflows.tasks.run_execution"
PROBE_TASK = "workflows.tasks.answer_probe"

log = structlog.get_logger(__name__)

_wake_loop: Callable[[], bool] | None = None


def wake(execution_id: UUID) -> None:
    """Tell a worker that an execution is ready, once the caller's transaction commits. Carries the id alone.

    Where the database carries wake-ups, the row belongs to that transaction: it appears when it commits, or never. A
    lost wake-up costs a sweep interval, a doubled one nothing, so that one that cannot be sent is no error.
    """
    if _wake_loop is None and isinstance(_broker(), ORM):
        _send(execution_id)
        return

    def wake_when_committed() -> None:
        if _wake_loop is None or not _wake_loop():
            _send(execution_id)

    transaction.on_commit(wake_when_committed, robust=True)


@cache
def _broker() -> Broker:
    """Return the broker of this process: making one opens a connection to Redis each time."""
    return get_broker()


def _send(execution_id: UUID) -> None:
    async_task(RUN_TASK, str(execution_id), task_name=f"run {execution_id}", broker=_broker())


def set_local_wake(wake_loop: Callable[[], bool]) -> None:
    """Have `wake` ask this process's own loop first: it says whether it has room, and will look."""
    global _wake_loop
    _wake_loop = wake_loop


def count_waiting_wakeups() -> int:
    """Return how many wake-ups wait for delivery."""
    return int(_broker().queue_size())


def send_probe() -> bool:
    """Give the cluster a task that does nothing, to see whether its processes still take any. Says if it was sent."""
    try:
        async_task(PROBE_TASK, task_name="probe", broker=_broker())
    except (DatabaseError, OSError) as error:
        log.error("probe_failed", error=type(error).__name__)
        return False
    return True


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
