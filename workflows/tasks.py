"""What django-q2 calls. A wake-up only says that there is work: the process's loop claims what it runs."""

from workflows.worker_process import signal_work


def run_execution(execution_id: str) -> None:
    """Have the loop look for work; the id is for the logs of the queue."""
    del execution_id
    signal_work()


def answer_probe() -> None:
    """Do nothing: that it was called at all is the answer (see workflows.pulse)."""
