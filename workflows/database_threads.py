"""The threads of a worker process that talk to the database, each on a connection of its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
from django.db import InterfaceError, OperationalError, connection

Result = TypeVar("Result")

_FIRST_DELAY = 0.05
_LONGEST_DELAY = 1.0

log = structlog.get_logger(__name__)


@dataclass
class DatabaseThreads:
    """Runs functions on `count` threads. A call that lost its connection is repeated for up to `patience` seconds.

    So a database that restarts costs the stages that run nothing but the wait.
    """

    count: int
    patience: float
    name: str = "database"
    _executor: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self._executor = ThreadPoolExecutor(self.count, thread_name_prefix=self.name)

    async def call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        loop = asyncio.get_running_loop()
        deadline, delay = loop.time() + self.patience, _FIRST_DELAY
        while True:
            try:
                return await loop.run_in_executor(self._executor, _run, function, arguments)
            except (OperationalError, InterfaceError) as error:
                if loop.time() + delay > deadline:
                    raise
                log.warning("database_call_repeated", call=function.__name__, error=type(error).__name__)
            await asyncio.sleep(delay)
            delay = min(_LONGEST_DELAY, 2 * delay)

    def close(self) -> None:
        """Wait for the calls that run, and end the threads."""
        self._executor.shutdown(wait=True)


def _run(function: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
    try:
        return function(*arguments)
    except (OperationalError, InterfaceError):
        # It may be lost, or stand in the middle of what failed: the next call opens another.
        connection.close()
        raise
