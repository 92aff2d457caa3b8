"""What turns `manage.py worker` into a worker that comes to harm: an application that wraps the product's functions.

It is installed by `tests.chaos.settings` in every process, and does something in armed ones only: it kills them at the
points of the schedule, has them say what they are, sends their name along with what they ask of models and database,
and shortens how long they wait for a model.
"""

import functools
import importlib
import inspect
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from tests.chaos.environment import ARMED_VARIABLE
from tests.chaos.points import POINTS, Point
from tests.chaos.tickets import DIRECTORY_VARIABLE, Tickets

_SILENCE_SECONDS = 2.0


class ChaosConfig(AppConfig):
    """The suite's application. It has no models."""

    name = "tests.chaos"
    label = "chaos"

    def ready(self) -> None:
        from tests.chaos.effect_tool import offer_effect_tool

        connection_created.connect(_name_connection, dispatch_uid="chaos_name")
        directory = os.environ.get(DIRECTORY_VARIABLE)
        if directory is None:
            return
        tickets = Tickets(Path(directory))
        offer_effect_tool(tickets)
        if os.environ.get(ARMED_VARIABLE):
            arm(tickets)


def arm(tickets: Tickets) -> None:
    """Have this process, and what it forks, come to harm by the schedule."""
    due = tickets.read_schedule()
    for point in POINTS:
        _wrap_point(tickets, point, due.get(point.name, []))
    _note_roles(tickets)
    _name_requests()
    _shorten_waiting()


def missing_points() -> list[str]:
    """Return the points of which no function exists."""
    return [point.name for point in POINTS if _find(point.target) is None]


def _find(target: str) -> tuple[Any, str] | None:
    """Return what holds a function, and its name there."""
    module_name, _, path = target.partition(":")
    try:
        holder: Any = importlib.import_module(module_name)
    except ModuleNotFoundError:
        return None
    *parents, name = path.split(".")
    for parent in parents:
        holder = getattr(holder, parent, None)
    return (holder, name) if hasattr(holder, name) else None


def _wrap_point(tickets: Tickets, point: Point, due: list[int]) -> None:
    found = _find(point.target)
    if found is not None:
        holder, name = found
        setattr(holder, name, _wrap(getattr(holder, name), tickets, point, due))


def _wrap(function: Callable[..., Any], tickets: Tickets, point: Point, due: list[int]) -> Callable[..., Any]:
    def pass_by(arguments: tuple[Any, ...], result: Any) -> None:
        if point.applies(arguments, result):
            visit = tickets.visit(point.name)
            for number, ordinal in enumerate(due):
                if visit >= ordinal and tickets.take(point.name, number):
                    os.kill(os.getpid(), signal.SIGKILL)

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def call_later(*arguments: Any, **named: Any) -> Any:
            if point.when == "before":
                pass_by(arguments, None)
            result = await function(*arguments, **named)
            if point.when == "after":
                pass_by(arguments, result)
            return result

        return call_later

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        if point.when == "before":
            pass_by(arguments, None)
        result = function(*arguments, **named)
        if point.when == "after":
            pass_by(arguments, result)
        return result

    return call


def _note_roles(tickets: Tickets) -> None:
    """Have a worker's processes say what they are, before they become it."""
    from django_q import cluster

    from workflows import worker_process

    for role in ("worker", "pusher", "monitor"):
        setattr(cluster, role, _noting(getattr(cluster, role), role, tickets))
    cluster.Sentinel.guard = _noting(cluster.Sentinel.guard, "sentinel", tickets)
    cluster.Cluster.start = _noting(cluster.Cluster.start, "cluster", tickets)
    worker_process.run_alone = _noting(worker_process.run_alone, "alone", tickets)


def _noting(function: Callable[..., Any], role: str, tickets: Tickets) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*arguments: Any, **named: Any) -> Any:
        tickets.note_role(role)
        return function(*arguments, **named)

    return run


def _name_connection(connection: Any, **_: Any) -> None:
    """Tell the database which process writes, for the triggers that write it down."""
    name = f"chaos:{os.getpid()}" if os.environ.get(ARMED_VARIABLE) else "chaos"
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('application_name', %s, false)", [name])


def _name_requests() -> None:
    from tests.chaos.model import PROCESS_HEADER
    from workflows.agents import http_clients

    shared = http_clients.shared_client

    def named(max_connections: int) -> Any:
        client = shared(max_connections)
        client.headers[PROCESS_HEADER] = str(os.getpid())
        return client

    http_clients.shared_client = named


def _shorten_waiting() -> None:
    """Give models seconds where they are given minutes, so that a run in which they stall comes to an end."""
    from workflows.agents import runner
    from workflows.agents.settings import AgentSettings, RetryPolicy

    runner.AgentSettings = functools.partial(  # type: ignore[misc, assignment]
        AgentSettings,
        retry=RetryPolicy(attempts=6, first_delay=0.2, longest_delay=1.0),
        silence_timeout=_SILENCE_SECONDS,
        answer_timeout=2 * _SILENCE_SECONDS,
        request_timeout=3 * _SILENCE_SECONDS,
    )
