"""The loop of a worker process: slots, leases, errors, drains. The stages here are coroutines of the tests."""

import asyncio
import threading
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from workflows import stage_loop
from workflows.claims import Room
from workflows.database_calls import DatabaseCalls
from workflows.leases import Claim, LeaseLost
from workflows.stage_loop import LoopSettings, StageLoop

PATIENCE_SECONDS = 30


def make_claim(number: int = 0, fence: int = 1) -> Claim:
    return Claim(uuid.UUID(int=number), uuid.uuid4(), uuid.uuid4(), fence, 1, 0, 7, "embedded", "worker")


class Records:
    """Stands for the database: what is queued, what is held, and what was handed back."""

    def __init__(self, queued: list[Claim]) -> None:
        self.queued = queued
        self.held: dict[uuid.UUID, int] = {}
        self.renewed: list[list[uuid.UUID]] = []
        self.handed_back: list[tuple[Claim, str | None, float]] = []
        self.rooms: list[Room] = []

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        await asyncio.sleep(0)
        return getattr(self, function.__name__.strip("_"))(*arguments)

    def claim_ready_executions(self, process: str, room: Room) -> list[Claim]:
        self.rooms.append(room)
        taken, self.queued = self.queued[: room.free], self.queued[room.free :]
        self.held |= {claim.execution_id: claim.fence for claim in taken}
        return taken

    def list_held(self, process: str) -> dict[uuid.UUID, int]:
        return dict(self.held)

    def renew_leases(self, process: str, execution_ids: list[uuid.UUID]) -> None:
        self.renewed.append(execution_ids)

    def hand_back(self, claim: Claim, error: Exception | None, delay: float) -> bool:
        self.handed_back.append((claim, None if error is None else type(error).__name__, delay))
        return True

    def admit(self) -> None:
        """What a stage calls first."""


Stage = Callable[[Claim, DatabaseCalls], Awaitable[None]]


def make_loop(records: Records, stage: Stage, **changes: Any) -> StageLoop:
    limits: dict[str, Any] = {
        "process": "w:1:t",
        "slots": 10,
        "starting": 10,
        "lease_seconds": 3,
        "poll_seconds": 0.05,
        "drain_seconds": PATIENCE_SECONDS,
    } | changes
    return StageLoop(LoopSettings(**limits), stages=records, upkeep=records, run_stage=stage)


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


def run(loop: StageLoop, meanwhile: Callable[[], Awaitable[None]]) -> None:
    """Run the loop, drain it once `meanwhile` is done, and wait for its end."""

    async def both() -> None:
        running = asyncio.create_task(loop.run())
        try:
            await meanwhile()
        finally:
            loop.drain()
            await running

    asyncio.run(both())


def test_as_many_stages_run_at_one_time_as_there_are_slots() -> None:
    records, gate, ran = Records([make_claim(number) for number in range(7)]), asyncio.Event(), []

    async def stage(claim: Claim, database: DatabaseCalls) -> None:
        ran.append(claim)
        await gate.wait()

    async def meanwhile() -> None:
        await until(lambda: len(ran) == 3)
        assert loop.signal() is False, "it takes a wake-up that it has no room for"
        gate.set()
        await until(lambda: len(ran) == 7)

    loop = make_loop(records, stage, slots=3)
    run(loop, meanwhile)
    assert max(room.free for room in records.rooms) == 3


def test_what_cannot_begin_yet_is_left_to_other_processes() -> None:
    records, gate, ran = Records([make_claim(number) for number in range(6)]), asyncio.Event(), []

    async def stage(claim: Claim, database: DatabaseCalls) -> None:
        ran.append(claim)
        await gate.wait()
        await database.call(Records.admit)
        await asyncio.Event().wait()

    async def meanwhile() -> None:
        await until(lambda: len(ran) == 2)
        await until(lambda: len(records.rooms) > 0)
        assert len(records.queued) == 4
        gate.set()
        await until(lambda: len(ran) == 6)

    records.admit = lambda: None  # type: ignore[method-assign]
    run(make_loop(records, stage, starting=2, drain_seconds=0), meanwhile)


def test_a_wake_up_is_followed_at_once() -> None:
    records, ran = Records([]), []

    async def stage(claim: Claim, database: DatabaseCalls) -> None:
        ran.append(claim)

    async def meanwhile() -> None:
        await until(lambda: records.rooms)
        records.queued = [make_claim()]
        threading.Thread(target=loop.signal).start()
        await until(lambda: ran)

    loop = make_loop(records, stage, poll_seconds=3600)
    run(loop, meanwhile)


def test_work_is_found_without_any_wake_up() -> None:
    records, ran = Records([]), []

    async def stage(claim: Claim, database: DatabaseCalls) -> None:
        ran.append(claim)

    async def meanwhile() -> None:
        await until(lambda: records.rooms)
        records.queued = [make_claim()]
        await until(lambda: ran)

    run(make_loop(records, stage), meanwhile)


def test_a_stage_whose_lease_is_lost_is_stopped_and_its_neighbour_is_not() -> None:
    records, stopped = Records([make_claim(1), make_claim(2)]), []

    async def stage(claim: Claim, database: DatabaseCalls) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.append(claim.execution_id.int)
            raise

    async def meanwhile() -> None:
        await until(lambda: len(records.held) == 2)
        records.held[uuid.UUID(int=1)] = 2  # the fence of another's claim
        await until(lambda: stopped)
        assert stopped == [1]

    run(make_loop(records, stage, drain_seconds=0), meanwhile)
    assert [claim.execution_id.int for claim, _, _ in records.handed_back] == [2], "what was lost is not handed back"


def test_leases_are_renewed_while_their_stages_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_loop, "LOOK_SECONDS", 0.01)
    records = Records([make_claim(5)])

    async def stage(claim: Claim, database: DatabaseCalls) -> None:
        await asyncio.Event().wait()

    async def meanwhile() -> None:
        await until(lambda: len(records.renewed) > 1)

    run(make_loop(records, stage, lease_seconds=0.1, drain_seconds=0), meanwhile)
    assert records.renewed[0] == [uuid.UUID(int=5)]


def test_an_error_in_one_stage_hands_it_back_and_touches_no_other() -> None:
    records, ended = Records([make_claim(1), make_claim(2)]), []

    async def stage(claim: Claim, database: DatabaseCalls) -> None:
        if claim.execution_id.int == 1:
            raise ValueError("what the model said")
        ended.append(claim)

    async def meanwhile() -> None:
        await until(lambda: ended and records.handed_back)

    run(make_loop(records, stage), meanwhile)
    [(claim, error, delay)] = records.handed_back
    assert (claim.execution_id.int, error) == (1, "ValueError")
    assert delay > 0


def test_a_stage_that_lost_its_lease_leaves_nothing_behind() -> None:
    records, ran = Records([make_claim(1)]), []

    async def stage(claim: Claim, database: DatabaseCalls) -> None:
        ran.append(claim)
        raise LeaseLost

    async def meanwhile() -> None:
        await until(lambda: ran)

    run(make_loop(records, stage), meanwhile)
    assert not records.handed_back


def test_a_drain_lets_stages_end_and_claims_nothing_more() -> None:
    records, gate, ended = Records([make_claim(1)]), asyncio.Event(), []

    async def stage(claim: Claim, database: DatabaseCalls) -> None:
        await gate.wait()
        ended.append(claim)

    async def meanwhile() -> None:
        await until(lambda: records.held)
        loop.drain()
        records.queued = [make_claim(2)]
        gate.set()

    loop = make_loop(records, stage)
    run(loop, meanwhile)
    assert len(ended) == 1
    assert len(records.queued) == 1, "it claimed while it drained"
    assert not records.handed_back


def test_a_drain_hands_back_what_it_cannot_finish() -> None:
    records = Records([make_claim(1)])

    async def stage(claim: Claim, database: DatabaseCalls) -> None:
        await asyncio.Event().wait()

    async def meanwhile() -> None:
        await until(lambda: records.held)

    run(make_loop(records, stage, drain_seconds=0), meanwhile)
    assert [(error, delay) for _, error, delay in records.handed_back] == [(None, 0.0)]


def test_the_loop_shows_that_it_turns_until_it_ends(tmp_path: Path) -> None:
    beat = tmp_path / "beat"

    async def stage(claim: Claim, database: DatabaseCalls) -> None:
        """Never called."""

    async def meanwhile() -> None:
        await until(beat.exists)

    run(make_loop(Records([]), stage, heartbeat=beat), meanwhile)
    assert not beat.exists()


def test_a_loop_whose_supervisor_died_drains() -> None:
    async def stage(claim: Claim, database: DatabaseCalls) -> None:
        """Never called."""

    loop = make_loop(Records([]), stage, supervisor_pid=2**22 + 1)  # beyond any process id
    asyncio.run(asyncio.wait_for(loop.run(), PATIENCE_SECONDS))
    assert loop.is_orphaned
