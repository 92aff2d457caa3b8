"""What is done to a run: a seeded schedule of harm, and the doing of it."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tests.chaos.points import POINTS
from tests.chaos.postgresql import Server
from tests.chaos.proxy import Proxies
from tests.chaos.tickets import Tickets
from tests.chaos.workers import SUPERVISOR, Workers
from tests.real_processes import kill_all

KILLED_ROLES = ("worker", "sentinel", "cluster", "pusher", "monitor", SUPERVISOR)
# Points with fewer visits by a hundred workflows are visited because of other harm alone.
_RARELY = 10


@dataclass(frozen=True)
class Harm:
    """One thing to do, at so many seconds after the start. `kind` is `kill <role>` or one of the names in `Doer`."""

    at: float
    kind: str
    worker: int


@dataclass(frozen=True)
class Dose:
    """How much of what one run gets."""

    kills: dict[str, int]
    kills_at_each_point: int
    points: int
    others: dict[str, int]


FULL = Dose(
    kills={"worker": 4, "sentinel": 2, "cluster": 1, "pusher": 1, "monitor": 1, SUPERVISOR: 2},
    kills_at_each_point=1,
    points=len(POINTS),
    others={"drain": 3, "restart immediate": 2, "restart fast": 1, "cut": 5, "partition": 1, "stop": 3},
)
SHORT = Dose(
    kills={"worker": 1, "sentinel": 1},
    kills_at_each_point=1,
    points=3,
    others={"restart immediate": 1, "cut": 2, "stop": 1},
)


def plan_harm(seed: int, dose: Dose, seconds: float, workers: int) -> list[Harm]:
    """Return what is done and when, by the seed: spread over the time, in any order."""
    draw = random.Random(f"{seed}:harm")
    kinds = [kind for kind, count in dose.others.items() for _ in range(count)]
    kinds += [f"kill {role}" for role, count in dose.kills.items() for _ in range(count)]
    draw.shuffle(kinds)
    step = seconds / len(kinds)
    return [
        Harm((position + draw.random()) * step, kind, draw.randrange(workers)) for position, kind in enumerate(kinds)
    ]


def plan_point_kills(seed: int, dose: Dose, workflows: int) -> dict[str, list[int]]:
    """Return at which visits to which points the process dies, by the seed."""
    draw = random.Random(f"{seed}:points")
    chosen = list(POINTS)
    if dose.points < len(POINTS):
        chosen = draw.sample([point for point in POINTS if point.per_hundred > _RARELY], dose.points)
    due = {}
    for point in chosen:
        visits = max(1, int(point.per_hundred * workflows / 100 * 0.6))
        count = dose.kills_at_each_point if point.per_hundred > _RARELY else 1
        due[point.name] = sorted(draw.randint(1, visits) for _ in range(count))
    return due


class Doer:
    """Does harm by the schedule, and counts what it really did. What it stops, it lets go on again."""

    def __init__(
        self,
        server: Server,
        proxies: Proxies,
        workers: Workers,
        tickets: Tickets,
        seed: int,
        lease_seconds: float,
        say: Callable[[str], None],
    ) -> None:
        self._server, self._proxies, self._workers, self._tickets = server, proxies, workers, tickets
        self._draw = random.Random(f"{seed}:doing")
        self._absence_seconds = lease_seconds + 3.0
        self._say = say
        self._asides: list[threading.Thread] = []
        self._lock = threading.Lock()
        self.done: Counter[str] = Counter()
        self.stops: list[tuple[int, float, float]] = []

    @property
    def is_away(self) -> bool:
        """Whether a process is stopped or cut off: it may still do what it had begun."""
        return any(thread.is_alive() for thread in self._asides)

    def do(self, harm: Harm) -> bool:
        """Do one thing, and say whether it could be done: a process may just be starting. What lasts goes on aside."""
        name = self._workers.names[harm.worker]
        if harm.kind.startswith("kill "):
            return self._kill(name, harm.kind.removeprefix("kill "))
        if harm.kind == "cut":
            return self._cut(name)
        if harm.kind == "stop":
            return self._stop(name)
        self._note(harm.kind, name if harm.kind in {"drain", "partition"} else "")
        if harm.kind == "drain":
            self._workers.drain(name)
        elif harm.kind == "partition":
            self._aside(self._partition, name)
        else:
            self._server.restart("immediate" if harm.kind == "restart immediate" else "fast")
        return True

    def finish(self) -> None:
        """Wait until everything that was stopped goes on again."""
        for thread in self._asides:
            thread.join()

    def _kill(self, name: str, role: str) -> bool:
        found = self._workers.find(name, role)
        if found:
            process = self._draw.choice(found)
            self._note(f"kill {role}", f"{name}, process {process}")
            kill_all([process])
        return bool(found)

    def _cut(self, name: str) -> bool:
        count = self._proxies.cut(name, self._draw.choice((0.3, 0.6, 1.0)), self._draw)
        if count:
            self._note("cut", f"{count} connections of {name}")
        return bool(count)

    def _partition(self, name: str) -> None:
        self._proxies.partition(name, passing=False)
        time.sleep(self._absence_seconds)
        self._proxies.partition(name, passing=True)

    def _stop(self, name: str) -> bool:
        """Stop a worker process for longer than its lease, and let it go on: it must not write anything then."""
        found = self._workers.find(name, "worker")
        if found:
            process = self._draw.choice(found)
            self._note("stop", f"{name}, process {process}")
            self._aside(self._stop_process, process)
        return bool(found)

    def _stop_process(self, process: int) -> None:
        started = time.time()
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGSTOP)
            time.sleep(self._absence_seconds)
            os.kill(process, signal.SIGCONT)
            with self._lock:
                self.stops.append((process, started, time.time()))

    def _aside(self, function: Callable[[Any], None], argument: Any) -> None:
        thread = threading.Thread(target=function, args=(argument,), daemon=True)
        thread.start()
        self._asides.append(thread)

    def _note(self, kind: str, detail: str = "") -> None:
        with self._lock:
            self.done[kind] += 1
        self._say(f"{kind} {detail}".rstrip())
