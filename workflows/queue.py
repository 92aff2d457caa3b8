"""Wake-ups. The only importer of django_q's queue: the database is the queue of record, this only says "look"."""

import signal
from uuid import UUID

from django_q.brokers import get_broker
from django_q.signals import post_spawn, pre_execute
from django_q.tasks import async_task

from workflows.processes import end_with_parent
from workflows.pulse import note_pulse

RUN_TASK = "workflows.tasks.run_execution"
PROBE_TASK = "workflows.tasks.answer_probe"


def wake(execution_id: UUID) -> None:
    """Tell a worker that an execution is ready. Carries the id alone.

    With the ORM broker the row belongs to the caller's transaction: it appears when that commits, or never. A lost
    wake-up costs a sweep interval, a doubled one nothing.
    """
    async_task(RUN_TASK, str(execution_id), task_name=f"run {execution_id}")


def count_waiting_wakeups() -> int:
    """Return how many wake-ups wait for delivery."""
    return int(get_broker().queue_size())


def send_probe() -> None:
    """Give the cluster a task that does nothing, to see whether its processes still take any."""
    async_task(PROBE_TASK, task_name="probe")


def connect_worker_signals() -> None:
    """Have django-q2's worker processes end with the process that feeds them, and show that they take tasks."""
    post_spawn.connect(_die_with_parent, dispatch_uid="die_with_parent")
    pre_execute.connect(_note_pulse, dispatch_uid="note_pulse")


def _die_with_parent(**_: object) -> None:
    end_with_parent(signal.SIGKILL)


def _note_pulse(**_: object) -> None:
    note_pulse()
