"""Runs coroutines of stages on an event loop, and what they ask of the database on the thread that waits for them.

So a test's stages see the test's own transaction.
"""

import asyncio
import concurrent.futures
import os
import queue
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

_lock = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}


class ThreadBridge:
    """Runs functions on the thread that waits for a coroutine, one at a time, when the coroutine asks for it."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[concurrent.futures.Future[Any], Callable[[], Any]]] = queue.SimpleQueue()

    async def call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Run the function on the waiting thread and return its result. For coroutines on the event loop."""
        future: concurrent.futures.Future[Result] = concurrent.futures.Future()
        self._jobs.put((future, lambda: function(*arguments)))
        return await asyncio.wrap_future(future)

    def run(self, coroutine: Coroutine[Any, Any, Result], *, time_limit: float = 120.0) -> Result:
        """Run the coroutine on the event loop to its end, serving its calls meanwhile on this thread.

        Raises what the coroutine raises, and TimeoutError when the limit (seconds) is over.
        """
        running = asyncio.run_coroutine_threadsafe(coroutine, event_loop())
        running.add_done_callback(lambda _: self._jobs.put((concurrent.futures.Future(), lambda: None)))
        deadline = time.monotonic() + time_limit
        try:
            while not running.done():
                self._serve_one(max(0.0, deadline - time.monotonic()))
                if time.monotonic() >= deadline and not running.done():
                    raise TimeoutError
        except BaseException:
            running.cancel()
            raise
        return running.result()

    def _serve_one(self, timeout: float) -> None:
        try:
            future, job = self._jobs.get(timeout=timeout)
        except queue.Empty:
            return
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(job())
        except Exception as error:
            future.set_exception(error)


def event_loop() -> asyncio.AbstractEventLoop:
    """Return this process's event loop; it is started on first use, so that a fork never inherits a dead one."""
    with _lock:
        loop = _loops.get(os.getpid())
        if loop is None:
            loop = asyncio.new_event_loop()
            _loops.clear()
            _loops[os.getpid()] = loop
            threading.Thread(target=loop.run_forever, name="agent-loop", daemon=True).start()
        return loop
