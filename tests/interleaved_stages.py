"""Runs stages side by side on one thread, their calls to the database one by one in an order that the test chooses.

So all that may happen between two transactions of a stage can happen, and the same choices give the same run.
"""

import asyncio
import concurrent.futures
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.thread_bridge import event_loop
from tests.workflow_driver import claim_execution
from workflows.engine import run_execution
from workflows.leases import Claim, LeaseLost

Result = TypeVar("Result")

# Far beyond what it takes: only a hang reaches it.
_PATIENCE_SECONDS = 30


@dataclass(eq=False)
class _Line:
    """One stage that runs, and the call that it waits for; its coroutine reaches the database through it."""

    changed: threading.Condition
    call_due: tuple[concurrent.futures.Future[Any], Callable[[], Any]] | None = None
    running: concurrent.futures.Future[None] = field(default_factory=concurrent.futures.Future)

    async def call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        future: concurrent.futures.Future[Result] = concurrent.futures.Future()
        with self.changed:
            self.call_due = future, lambda: function(*arguments)
            self.changed.notify_all()
        return await asyncio.wrap_future(future)

    @property
    def is_settled(self) -> bool:
        """Whether it waits for its next call, or has ended."""
        return self.call_due is not None or self.running.done()

    def note_end(self, _: object) -> None:
        with self.changed:
            self.changed.notify_all()


@dataclass
class Interleaving:
    """`list_ready` names the executions that may be claimed; `turns` choose among them and the calls that are due.

    Calls of those numbers are made once more later, as after a connection that was lost before the answer came.
    """

    list_ready: Callable[[], list[uuid.UUID]]
    turns: Iterator[int]
    repeated: frozenset[int] = frozenset()
    count: int = 0
    lines: list[_Line] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def run(self) -> None:
        """Run until nothing is ready and nothing runs.

        What is no Exception stands for the end of the process: it stops all stages where they are and is raised.
        """
        try:
            while options := [*self._settle(), *self.list_ready()]:
                chosen = options[next(self.turns) % len(options)]
                if isinstance(chosen, _Line):
                    self._serve(chosen)
                else:
                    self._start(chosen)
        finally:
            for line in self.lines:
                line.running.cancel()

    def _settle(self) -> list[_Line]:
        """Wait until every stage waits for a call or has ended, and return those that wait, oldest first."""
        with self.changed:
            assert self.changed.wait_for(lambda: all(line.is_settled for line in self.lines), _PATIENCE_SECONDS)
        for line in self.lines:
            if line.running.done() and not isinstance(line.running.exception(), LeaseLost):
                line.running.result()
        self.lines = [line for line in self.lines if not line.running.done()]
        return self.lines

    def _start(self, execution_id: uuid.UUID) -> None:
        claim: Claim | None = claim_execution(execution_id)
        if claim is None:
            return
        line = _Line(self.changed)
        line.running = asyncio.run_coroutine_threadsafe(run_execution(claim, line), event_loop())
        line.running.add_done_callback(line.note_end)
        self.lines.append(line)

    def _serve(self, line: _Line) -> None:
        assert line.call_due is not None
        future, job = line.call_due
        self.count += 1
        try:
            result, failure = job(), None
        except Exception as error:
            result, failure = None, error
        if self.count in self.repeated:
            return
        line.call_due = None
        if failure is None:
            future.set_result(result)
        else:
            future.set_exception(failure)
