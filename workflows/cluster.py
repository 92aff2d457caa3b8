"""The processes that a worker's supervisor starts: `python -m workflows.cluster [alone]`.

A django-q2 cluster, in which each process runs its stages on a loop of its own; or one process for the executions that
must run alone.
"""

import gc
import os
import signal
import subprocess
import sys
import threading
import time

import django
from django.conf import settings
from django.core.management import call_command

from workflows.processes import end_with_parent

_LOOK_SECONDS = 1.0
_MARGIN_SECONDS = 3.0


def start_cluster(environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Start a django-q2 cluster in a process group of its own, which ends when this process does."""
    return _start([], environment)


def start_alone(environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Start the process for executions that must run alone; it ends when there is none left, or this process ends."""
    return _start(["alone"], environment)


def _start(arguments: list[str], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "workflows.cluster", *arguments],
        cwd=settings.BASE_DIR,
        env={**os.environ, **environment},
        start_new_session=True,
        preexec_fn=lambda: end_with_parent(signal.SIGTERM),
    )


def watch_parent(parent: int, patience: float) -> None:
    """Wait until this process's parent has died; then kill what is left of the group `patience` seconds later.

    A cluster that hangs ends on no signal, and its loops, which would notice, may have drained already.
    """
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    time.sleep(patience)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> None:
    parent = os.getppid()
    django.setup()
    patience = settings.DRAIN_SECONDS + _MARGIN_SECONDS
    threading.Thread(target=watch_parent, args=(parent, patience), name="parent", daemon=True).start()
    from workflows.agents.runner import load_model_libraries
    from workflows.worker_process import run_alone

    if sys.argv[1:] == ["alone"]:
        run_alone()
        return
    # Once, before the processes are forked: they share the pages, and one that is replaced is ready at once.
    load_model_libraries()
    gc.collect()
    gc.freeze()
    call_command("qcluster")


if __name__ == "__main__":
    main()
