"""A PostgreSQL server of the suite's own: made in a temporary directory, on a free port, to be crashed at will."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import psycopg

DATABASE = "countersign"
_ACCOUNT = "postgres"
_START_SECONDS = 60
_SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "listen_addresses": "127.0.0.1",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "log_line_prefix": "%m [%p] %a ",
}


class NoPostgreSQL(Exception):
    """There is nothing to run a server with; the message says what is missing."""


class Server:
    """One cluster of databases. As root it runs as the account `postgres`, since PostgreSQL refuses root."""

    def __init__(self) -> None:
        """Raises NoPostgreSQL."""
        self._programs = find_programs()
        self._as: dict[str, Any] = _other_account()
        self.directory = Path(tempfile.mkdtemp(prefix="countersign-chaos-pg-"))
        self._data = self.directory / "data"
        self.log = self.directory / "postgresql.log"
        self.port = _free_port()

    @property
    def url(self) -> str:
        """The suite's database, past any proxy."""
        return self.url_at(self.port)

    def url_at(self, port: int) -> str:
        """The suite's database by another port, which leads here."""
        return f"postgres://{_ACCOUNT}@127.0.0.1:{port}/{DATABASE}"

    def __enter__(self) -> Self:
        if self._as:
            os.chown(self.directory, self._as["user"], self._as["group"])
        self._run("initdb", "-D", str(self._data), "-U", _ACCOUNT, "-A", "trust", "-E", "UTF8", "--no-locale")
        settings = {**_SETTINGS, "port": str(self.port), "unix_socket_directories": str(self.directory)}
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        self._control("start")
        with psycopg.connect(f"postgresql://{_ACCOUNT}@127.0.0.1:{self.port}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._control("stop", "-m", "immediate", check=False)

    def restart(self, mode: Literal["fast", "immediate"]) -> None:
        """Restart the server; `immediate` is a crash, from which it recovers by its log."""
        self._control("restart", "-m", mode)

    def remove(self) -> None:
        """Delete the data and the log of a stopped server."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def _control(self, action: str, *arguments: str, check: bool = True) -> None:
        wait = ["-w", "-t", str(_START_SECONDS), "-l", str(self.log)]
        self._run("pg_ctl", action, "-D", str(self._data), *wait, *arguments, check=check)

    def _run(self, program: str, *arguments: str, check: bool = True) -> None:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            **self._as,
        )
        if check and done.returncode:
            raise RuntimeError(f"{program} {arguments[0]} ended with status {done.returncode}: {done.stderr[-1000:]}")


def find_programs() -> Path:
    """Return the folder of PostgreSQL's programs, the newest of Debian's before the PATH. Raises NoPostgreSQL."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    named = shutil.which("initdb")
    if named is not None:
        folders.append(Path(named).resolve().parent)
    for folder in folders:
        if all((folder / program).exists() for program in ("initdb", "pg_ctl", "postgres")):
            return folder
    raise NoPostgreSQL("initdb and pg_ctl are neither in /usr/lib/postgresql/*/bin nor on the PATH")


def _version(folder: Path) -> Sequence[int]:
    return [int(part) for part in folder.parent.name.split(".") if part.isdigit()]


def _other_account() -> dict[str, Any]:
    """Return what makes subprocess run a program as the account `postgres`; nothing unless this is root."""
    if os.geteuid() != 0:
        return {}
    try:
        account = pwd.getpwnam(_ACCOUNT)
    except KeyError:
        raise NoPostgreSQL(f"this is root, and there is no account {_ACCOUNT!r} to run a server as") from None
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
