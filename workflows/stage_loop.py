"""The event loop on which one worker process runs its stages: as many at one time as it has slots.

A stage that waits for a model holds a coroutine, no thread and no process. Wake-ups only say that there is work: what
to run, the loop claims for itself. The loop lives in one thread that is no daemon, so that the process, told to end,
waits until its stages have ended or were handed back.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import structlog
from django.db import Error as DatabaseFailure

from workflows.claims import Room, claim_ready_executions
from workflows.database_calls import DatabaseCalls
from workflows.engine import run_execution
from workflows.leases import Claim, LeaseLost, hand_back, list_held, renew_leases
from workflows.processes import is_alive

Result = TypeVar("Result")

LOOK_SECONDS = 0.5
_FIRST_RETRY_SECONDS = 2.0
_LONGEST_RETRY_SECONDS = 60.0
_HAND_BACK_SECONDS = 3.0
_BEAT_SECONDS = 1.0
_GATHER_SECONDS = 0.02

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class LoopSettings:
    """`process` names the worker process in leases. `starting` bounds the stages that are claimed and not yet with
    their agent, so that what cannot begin yet is left to other processes. When the process `supervisor_pid` has died,
    the loop drains. Times in seconds."""

    process: str
    slots: int
    starting: int
    lease_seconds: float
    poll_seconds: float
    drain_seconds: float
    alone: bool = False
    heartbeat: Path | None = None
    supervisor_pid: int | None = None


@dataclass
class _Running:
    task: "asyncio.Task[None]"
    lost: bool = False


@dataclass
class StageLoop:
    """The stages of one process. `stages` reaches the database for them, `upkeep` for leases and claims, on a thread
    of its own, so that no lease runs out behind the stages' own calls."""

    settings: LoopSettings
    stages: DatabaseCalls
    upkeep: DatabaseCalls
    run_stage: Callable[[Claim, DatabaseCalls], Awaitable[None]] = run_execution
    _running: dict[Claim, _Running] = field(default_factory=dict)
    _starting: set[Claim] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop | None = None
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    is_orphaned: bool = False
    _draining: bool = False

    def signal(self) -> bool:
        """Say that there may be work, from any thread. False: there is no room for any, tell another process."""
        loop = self._loop
        if loop is None or self._draining or not self._free():
            return False
        try:
            loop.call_soon_threadsafe(self._wake.set)
        except RuntimeError:  # the loop has just ended
            return False
        return True

    def drain(self) -> None:
        """Claim nothing more, from any thread; what does not end in time is handed back, and the loop ends."""
        self._draining = True
        if self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(self._wake.set)
            except RuntimeError:
                return

    @property
    def is_busy(self) -> bool:
        """Whether any stage runs."""
        return bool(self._running)

    async def run(self) -> None:
        """Run stages until told to drain."""
        self._loop = asyncio.get_running_loop()
        log.info("loop_started", process=self.settings.process, slots=self.settings.slots, alone=self.settings.alone)
        upkeep = [asyncio.create_task(self._beat()), asyncio.create_task(self._watch_leases())]
        try:
            while not self._draining:
                self._wake.clear()
                if not await self._claim():
                    await self._rest()
            await self._finish_stages()
        finally:
            for task in upkeep:
                task.cancel()
            if self.settings.heartbeat is not None:
                self.settings.heartbeat.unlink(missing_ok=True)

    def _free(self) -> int:
        return min(self.settings.slots - len(self._running), self.settings.starting - len(self._starting))

    async def _claim(self) -> bool:
        """Claim what there is room for, and say whether there may be more."""
        free = self._free()
        if free < 1:
            return False
        running = Counter(claim.owner_id for claim in self._running)
        room = Room(free, self.settings.slots, running, self.settings.alone)
        try:
            claims = await self.upkeep.call(claim_ready_executions, self.settings.process, room)
        except DatabaseFailure as error:
            log.error("claim_failed", error=type(error).__name__)
            return False
        for claim in claims:
            self.start(claim)
        return len(claims) == free

    async def _rest(self) -> None:
        """Wait for a wake-up, for a stage to end, or for the next time to look all the same.

        While stages run, claims are gathered for a moment: one transaction then takes several.
        """
        if self._running:
            await asyncio.sleep(_GATHER_SECONDS)
        try:
            async with asyncio.timeout(self.settings.poll_seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    def start(self, claim: Claim) -> None:
        """Run a claimed execution on this loop."""
        self._starting.add(claim)
        self._running[claim] = _Running(asyncio.create_task(self._run(claim)))

    async def _run(self, claim: Claim) -> None:
        """Run one stage. Whatever goes wrong with it is its own to carry."""
        execution, started = str(claim.execution_id), time.monotonic()
        try:
            await self.run_stage(claim, _NotingStart(self.stages, lambda: self._note_started(claim)))
            log.info(
                "execution_left",
                execution=execution,
                attempt=claim.attempt,
                seconds=round(time.monotonic() - started, 3),
            )
        except LeaseLost:
            log.info("lease_lost", execution=execution, fence=claim.fence)
        except asyncio.CancelledError:
            # By the watch over the leases, or because the process drains.
            if self._running[claim].lost:
                log.info("lease_lost", execution=execution, fence=claim.fence)
            else:
                await self._give_back(claim, None)
        except Exception as error:
            # Only the type: a message may quote what the agent or its provider said.
            log.error("execution_error", execution=execution, error=type(error).__name__)
            await self._give_back(claim, error)
        finally:
            self._starting.discard(claim)
            del self._running[claim]
            self._wake.set()

    async def _give_back(self, claim: Claim, error: Exception | None) -> None:
        """Hand an execution back; if even that fails, its lease runs out and it is swept."""
        delay = 0.0
        if error is not None:
            delay = min(_LONGEST_RETRY_SECONDS, _FIRST_RETRY_SECONDS * 2**claim.lost_attempts)
            asyncio.get_running_loop().call_later(delay, self._wake.set)
        try:
            await self.upkeep.call(_hand_back, claim, error, delay)
        except DatabaseFailure as failure:
            log.error("hand_back_failed", execution=str(claim.execution_id), error=type(failure).__name__)

    def _note_started(self, claim: Claim) -> None:
        self._starting.discard(claim)
        self._wake.set()

    async def _watch_leases(self) -> None:
        """Stop every stage whose claim is gone, within `LOOK_SECONDS`, and renew the leases of the others."""
        renew_every = max(1, int(self.settings.lease_seconds / 3 / LOOK_SECONDS))
        count = 0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self._running:
                continue
            count += 1
            watched = dict(self._running)
            try:
                if count % renew_every == 0:
                    ids = [claim.execution_id for claim in watched]
                    await self.upkeep.call(renew_leases, self.settings.process, ids)
                held = await self.upkeep.call(list_held, self.settings.process)
            except DatabaseFailure as error:
                log.error("lease_watch_failed", error=type(error).__name__)
                continue
            for claim, entry in watched.items():
                if held.get(claim.execution_id) != claim.fence:
                    entry.lost = True
                    entry.task.cancel()

    async def _beat(self) -> None:
        """Show that the loop turns, and look whether its supervisor lives."""
        while True:
            if self.settings.heartbeat is not None:
                try:
                    self.settings.heartbeat.touch()
                except OSError as error:
                    log.error("heartbeat_not_shown", error=type(error).__name__)
            if self.settings.supervisor_pid is not None and not is_alive(self.settings.supervisor_pid):
                self.is_orphaned = True
                self.drain()
            await asyncio.sleep(_BEAT_SECONDS)

    async def _finish_stages(self) -> None:
        """Let the stages that run come to their end; hand back, in the last seconds, those that do not."""
        tasks = [entry.task for entry in self._running.values()]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=max(0.0, self.settings.drain_seconds - _HAND_BACK_SECONDS))
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=_HAND_BACK_SECONDS)
        log.info("drained", finished=len(tasks) - len(late), handed_back=len(late))


@dataclass(frozen=True)
class _NotingStart:
    """Passes calls on, and notes when the first one is done: the stage is then admitted and with its agent."""

    database: DatabaseCalls
    note: Callable[[], None]

    async def call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        try:
            return await self.database.call(function, *arguments)
        finally:
            self.note()


def _hand_back(claim: Claim, error: Exception | None, delay: float) -> bool:
    if error is None:
        return hand_back(claim, end="drained")
    return hand_back(claim, end="error", detail=type(error).__name__, delay_seconds=delay)
