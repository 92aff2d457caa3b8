"""A worker process: the thread on which its stages run, and how it starts and ends.

In a django-q2 process the main thread takes wake-ups and only signals the loop. The process that runs one execution
alone has the loop in its main thread.
"""

import asyncio
import os
import secrets
import signal
import threading
from dataclasses import dataclass
from multiprocessing import util

import structlog
from django.conf import settings
from django.db import connection

from workflows.claims import count_alone
from workflows.database_threads import DatabaseThreads
from workflows.pulse import heartbeat_file
from workflows.queue import set_local_wake
from workflows.stage_loop import LoopSettings, StageLoop

WORKER_VARIABLE = "COUNTERSIGN_WORKER_ID"
SUPERVISOR_VARIABLE = "COUNTERSIGN_SUPERVISOR_PID"
DRAIN_SIGNAL = signal.SIGUSR1
_STARTING = 16
_POSTGRESQL_THREADS = 2

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Process:
    """The loop of the process of that id: a fork inherits this object, and not its thread."""

    pid: int
    loop: StageLoop
    thread: threading.Thread


_process: _Process | None = None


def start_stage_loop() -> None:
    """Start this process's loop in a thread of its own; when the process is to end, it drains first."""
    global _process
    loop = make_stage_loop(slots=settings.SLOTS_PER_PROCESS)
    thread = threading.Thread(target=_run_loop, args=(loop,), name="stages")
    _process = _Process(os.getpid(), loop, thread)
    set_local_wake(loop.signal)
    # Before the interpreter shuts its thread pools down: a drain still writes.
    util.Finalize(None, _drain, exitpriority=100)
    signal.signal(DRAIN_SIGNAL, lambda *_: loop.drain())
    thread.start()


def signal_work() -> None:
    """Tell this process's loop that there may be work; a process without one has none to tell."""
    if _process is not None and _process.pid == os.getpid():
        _process.loop.signal()


def run_alone() -> None:
    """Run the executions that must run alone, one after the other, until there is none. Drains at SIGTERM."""
    loop = make_stage_loop(slots=1, alone=True)
    for number in (signal.SIGTERM, signal.SIGINT, DRAIN_SIGNAL):
        signal.signal(number, lambda *_: loop.drain())
    asyncio.run(_run_until_none_is_left(loop))


def make_stage_loop(*, slots: int, alone: bool = False) -> StageLoop:
    """Return a loop for this process, by the settings."""
    threads = settings.DATABASE_THREADS or (_POSTGRESQL_THREADS if connection.vendor == "postgresql" else 1)
    worker_id = os.environ.get(WORKER_VARIABLE, "")
    process = f"{worker_id}:{os.getpid()}:{secrets.token_hex(6)}"
    supervisor_pid = os.environ.get(SUPERVISOR_VARIABLE)
    return StageLoop(
        LoopSettings(
            process=process,
            slots=slots,
            starting=min(slots, _STARTING),
            lease_seconds=settings.LEASE_SECONDS,
            poll_seconds=settings.SWEEP_SECONDS,
            drain_seconds=settings.DRAIN_SECONDS,
            alone=alone,
            heartbeat=heartbeat_file(process) if worker_id else None,
            supervisor_pid=int(supervisor_pid) if supervisor_pid else None,
        ),
        stages=DatabaseThreads(threads, settings.LEASE_SECONDS),
        upkeep=DatabaseThreads(1, settings.LEASE_SECONDS / 3, name="upkeep"),
    )


def _run_loop(loop: StageLoop) -> None:
    try:
        asyncio.run(loop.run())
    except BaseException as error:
        # Without its loop the process is of no use, and django-q2 replaces one that ends.
        log.critical("stage_loop_ended", error=type(error).__name__)
        os._exit(1)
    if loop.is_orphaned:
        # What is left of the cluster has nobody who would end it.
        os.killpg(os.getpgrp(), signal.SIGKILL)


def _drain() -> None:
    if _process is not None and _process.pid == os.getpid():
        _process.loop.drain()
        _process.thread.join()


async def _run_until_none_is_left(loop: StageLoop) -> None:
    running = asyncio.create_task(loop.run())
    while not running.done():
        await asyncio.sleep(settings.SWEEP_SECONDS)
        if not loop.is_busy and not await loop.upkeep.call(count_alone):
            loop.drain()
    await running
