"""The points at which workers are killed are functions that the product has, and each kill takes place once."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.chaos import worker_entry
from tests.chaos.points import Point
from tests.chaos.tickets import Tickets


def test_every_point_names_a_function_of_the_product() -> None:
    assert worker_entry.missing_points() == []


def test_a_function_that_does_not_exist_is_a_missing_point(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Point("nowhere", "workflows.nothing:here", "after", 1)
    renamed = Point("renamed", "workflows.engine:no_such_function", "after", 1)
    monkeypatch.setattr(worker_entry, "POINTS", (nowhere, renamed))

    assert worker_entry.missing_points() == ["nowhere", "renamed"]


def test_visits_are_counted_over_processes(tmp_path: Path) -> None:
    one, other = Tickets(tmp_path), Tickets(tmp_path)

    assert [one.visit("here"), other.visit("here"), one.visit("there"), one.visit("here")] == [1, 2, 1, 3]
    assert one.count_visits("here") == 3


def test_a_kill_is_carried_out_once_and_never_two_in_a_short_while(tmp_path: Path) -> None:
    tickets = Tickets(tmp_path)

    assert tickets.take("here", 0)
    assert not tickets.take("here", 0)
    assert not tickets.take("there", 0), "another kill has only just been"
    os.utime(tmp_path / "last_kill", (0, 0))
    assert tickets.take("there", 0)
    assert [kill["point"] for kill in tickets.list_kills()] == ["here", "there"]


def test_nobody_dies_when_it_was_called_off(tmp_path: Path) -> None:
    tickets = Tickets(tmp_path)
    tickets.call_off()

    assert not tickets.take("here", 0)


@pytest.mark.parametrize("is_coroutine", [False, True])
def test_a_process_dies_after_the_call_at_the_visit_that_is_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_coroutine: bool
) -> None:
    killed: list[tuple[int, int, list[int]]] = []
    calls: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: killed.append((pid, number, list(calls))))
    point = Point("here", "", "after", 1, applies=lambda arguments, result: result > 0)

    async def add_later(number: int) -> int:
        calls.append(number)
        return number

    def add(number: int) -> int:
        calls.append(number)
        return number

    wrapped = worker_entry._wrap(add_later if is_coroutine else add, Tickets(tmp_path), point, [2])
    for number in (5, 0, 6, 7):
        result = wrapped(number)
        assert (asyncio.run(result) if is_coroutine else result) == number

    assert killed == [(os.getpid(), signal.SIGKILL, [5, 0, 6])]
