"""Wake-ups. The only importer of django_q's queue: the database is the queue of record, this only says "look"."""

import signal
from uuid import UUID

from django_q.brokers import get_broker
from django_q.signals import post_spawn
from django_q.tasks import async_task

from workflows.processes import end_with_parent

RUN_TASK = "workflows.tasks.run_execution"


def wake(execution_id: UUID) -> None:
    """Tell a worker that an execution is ready. Carries the id alone.

    With the ORM broker the row belongs to the caller's transaction: it appears when that commits, or never. A lost
    wake-up costs a sweep interval, a doubled one nothing.
    """
    async_task(RUN_TASK, str(execution_id), task_name=f"run {execution_id}")


def count_waiting_wakeups() -> int:
    """Return how many wake-ups wait for delivery."""
    return int(get_broker().queue_size())


def connect_worker_signals() -> None:
    """See to it that django-q2's worker processes do not outlive the process that feeds them."""
    post_spawn.connect(_die_with_parent, dispatch_uid="die_with_parent")


def _die_with_parent(**_: object) -> None:
    end_with_parent(signal.SIGKILL)
