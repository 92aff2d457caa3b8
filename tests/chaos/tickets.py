"""What worker processes and the suite share while a run goes on: a directory of small files, written atomically.

A process counts its visits to a point by appending one byte to the point's file, which no kill can leave half done.
A kill is due at a visit, and belongs to the process that makes its file: so each is carried out once, whatever dies.
"""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DIRECTORY_VARIABLE = "CHAOS_DIRECTORY"
SHORTEST_GAP_SECONDS = 2.0

# The clock of the machine, whatever becomes of time.time() in a process whose clock is wrong.
real_time = time.time


class Tickets:
    """One run's directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        for name in ("visits", "kills", "roles"):
            (directory / name).mkdir(parents=True, exist_ok=True)

    def schedule(self, due: dict[str, list[int]]) -> None:
        """Say at which visits to each point its process dies (1 for the first)."""
        _write(self.directory / "due.json", json.dumps(due))

    def read_schedule(self) -> dict[str, list[int]]:
        due: dict[str, list[int]] = json.loads((self.directory / "due.json").read_text())
        return due

    def call_off(self) -> None:
        """Let nobody die any more."""
        (self.directory / "over").touch()

    def visit(self, point: str) -> int:
        """Count one visit to a point, by whatever process, and return its number."""
        descriptor = os.open(self.directory / "visits" / point, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(descriptor, b".")
            return os.lseek(descriptor, 0, os.SEEK_CUR)
        finally:
            os.close(descriptor)

    def count_visits(self, point: str) -> int:
        path = self.directory / "visits" / point
        return path.stat().st_size if path.exists() else 0

    def take(self, point: str, number: int) -> bool:
        """Say whether the caller is the one to die by a point's kill of that number; never two in a short while."""
        if (self.directory / "over").exists() or self._is_too_soon():
            return False
        try:
            path = self.directory / "kills" / f"{point}.{number}"
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            return False
        os.write(descriptor, json.dumps({"point": point, "process": os.getpid(), "at": real_time()}).encode())
        os.close(descriptor)
        (self.directory / "last_kill").touch()
        return True

    def list_kills(self) -> list[dict[str, Any]]:
        """Return the kills at points that took place: point, process and time."""
        found = [json.loads(path.read_text() or "{}") for path in (self.directory / "kills").iterdir()]
        return sorted((kill for kill in found if kill), key=lambda kill: kill["at"])

    def note_role(self, role: str) -> None:
        """Say what this process is in its worker."""
        _write(self.directory / "roles" / str(os.getpid()), role)

    def read_role(self, process: int) -> str:
        """Return what a process said that it is; empty where it said nothing."""
        try:
            return (self.directory / "roles" / str(process)).read_text()
        except FileNotFoundError:
            return ""

    def note_effect(self, reference: str, execution: str) -> None:
        """Do the thing that may not be done twice: add a line to the log that stands for the world."""
        line = json.dumps({"reference": reference, "execution": execution, "process": os.getpid(), "at": real_time()})
        with (self.directory / "effects.jsonl").open("ab", buffering=0) as file:
            file.write(line.encode() + b"\n")

    def read_effects(self) -> Iterator[dict[str, Any]]:
        path = self.directory / "effects.jsonl"
        if path.exists():
            yield from map(json.loads, path.read_text().splitlines())

    def _is_too_soon(self) -> bool:
        try:
            return real_time() - (self.directory / "last_kill").stat().st_mtime < SHORTEST_GAP_SECONDS
        except FileNotFoundError:
            return False


def _write(path: Path, text: str) -> None:
    """Write a file so that no reader ever finds half of it."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(text)
    aside.replace(path)
