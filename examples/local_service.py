"""A Countersign installation of its own for as long as a program runs: database, keys, web and worker.

Used by the demo, the benchmark, the screenshots and the tests that need real processes. Standard library, and
psycopg where the database is PostgreSQL.
"""

import ctypes
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

REPOSITORY = Path(__file__).resolve().parent.parent
START_SECONDS = 90
STOP_SECONDS = 30

# What an installation reads from the environment; the caller's own must not leak into this one.
_SETTINGS = (
    "ALLOWED_HOSTS",
    "BIND",
    "CONTENT_MASTER_KEY",
    "CONTENT_MASTER_KEY_PATH",
    "CSRF_TRUSTED_ORIGINS",
    "DEBUG",
    "DJANGO_SETTINGS_MODULE",
    "REDIS_URL",
    "SECRET_KEY",
    "SECURE_COOKIES",
    "SIGNING_KEY",
    "SIGNING_KEY_PATH",
    "TRUST_FORWARDED_PROTO",
    "TRUSTED_PROXIES",
    "TRUSTED_PUBLIC_KEYS",
)


class ServiceError(Exception):
    """The installation did not start, or a command of it failed; the message holds what it said last."""


class LocalService:
    """Web and worker processes over the database of `database_url` (empty: SQLite) and the keys below `var_dir`.

    `environment` adds to or overrides what the processes see. Their logs are `web.log` and `worker.log` in
    `var_dir`. As a context manager it migrates, starts both, waits until they serve, and stops them.
    """

    def __init__(
        self,
        var_dir: Path,
        database_url: str = "",
        *,
        worker_processes: int = 2,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.var_dir = var_dir
        self.environment = {name: value for name, value in os.environ.items() if name not in _SETTINGS}
        self.environment |= {
            "VAR_DIR": str(var_dir),
            "DATABASE_URL": database_url,
            "WORKER_PROCESSES": str(worker_processes),
            "PYTHONUNBUFFERED": "1",
            "NO_PROXY": "127.0.0.1",
            **(environment or {}),
        }
        self.url = ""
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._logs: list[IO[bytes]] = []

    def __enter__(self) -> Self:
        try:
            self.migrate()
            self.start_web()
            self.start_worker()
            self.wait_until_serving()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def migrate(self) -> None:
        self.manage("migrate", "--verbosity", "0")

    def start_web(self) -> None:
        """Start gunicorn on a port that the system chooses; `url` is set before it answers."""
        with socket.socket() as listener:
            # The socket is handed over open, so that nobody else can take the port in between.
            listener.bind(("127.0.0.1", 0))
            listener.listen(128)
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            descriptor = listener.fileno()
            arguments = (
                "gunicorn",
                "--config",
                "python:config.gunicorn",
                "--bind",
                f"fd://{descriptor}",
                "config.wsgi",
            )
            self._start("web", ["-m", *arguments], pass_fds=(descriptor,))

    def start_worker(self, name: str = "worker") -> None:
        """Start `manage.py worker`; a further one takes a further name."""
        self._start(name, ["manage.py", "worker"])

    def process_id(self, name: str) -> int:
        """Return the id of a process that was started here, `web` or a worker's name."""
        return self._children[name].pid

    def wait_until_answering(self) -> None:
        """Return once web answers, worker or not. Raises ServiceError."""
        self._wait_for_health({"ok", "degraded"})

    def wait_until_serving(self) -> None:
        """Return once web answers and a worker has given a sign of life. Raises ServiceError."""
        self._wait_for_health({"ok"})

    def _wait_for_health(self, statuses: Collection[str]) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + START_SECONDS
        while True:
            with (
                suppress(urllib.error.URLError, OSError),
                opener.open(f"{self.url}/api/v1/health", timeout=5) as answer,
            ):
                if json.load(answer)["status"] in statuses:
                    return
            for name, child in self._children.items():
                if child.poll() is not None:
                    raise ServiceError(f"{name} ended with status {child.returncode}:\n{self._last_lines(name)}")
            if time.monotonic() > deadline:
                logs = "\n".join(f"{name}:\n{self._last_lines(name)}" for name in self._children)
                raise ServiceError(f"not serving after {START_SECONDS} s:\n{logs}")
            time.sleep(0.05)

    def manage(self, *arguments: str) -> str:
        """Run a management command in this installation and return its standard output. Raises ServiceError."""
        done = subprocess.run(  # noqa: S603  (our own command)
            [sys.executable, "manage.py", *arguments],
            cwd=REPOSITORY,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServiceError(f"manage.py {arguments[0]} ended with status {done.returncode}:\n{done.stderr[-2000:]}")
        return done.stdout

    def create_api_key(self, email: str, role: str) -> str:
        """Issue a key; makes the account where needed."""
        return self.manage("create_api_key", "--email", email, "--role", role).strip()

    def stop(self) -> None:
        """Ask every process to stop, wait for it, and end what is left of its group. Safe to call twice."""
        children, self._children = list(self._children.values()), {}
        for child in children:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for child in children:
            with suppress(subprocess.TimeoutExpired):
                child.wait(timeout=max(0.1, deadline - time.monotonic()))
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        for log in self._logs:
            log.close()
        self._logs.clear()

    def _start(self, name: str, arguments: list[str], pass_fds: tuple[int, ...] = ()) -> None:
        log = (self.var_dir / f"{name}.log").open("ab")
        self._logs.append(log)
        self._children[name] = subprocess.Popen(  # noqa: S603  (our own interpreter and commands)
            [sys.executable, *arguments],
            cwd=REPOSITORY,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=pass_fds,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )

    def _last_lines(self, name: str) -> str:
        return "\n".join((self.var_dir / f"{name}.log").read_text(errors="replace").splitlines()[-15:])


@contextmanager
def temporary_database(server_url: str) -> Iterator[str]:
    """Create a PostgreSQL database on the server that the URL names, yield its URL, and drop it afterwards.

    The user must be allowed to create databases. An SQLite or empty URL yields the empty one: a file below VAR_DIR.
    """
    parts = urllib.parse.urlsplit(server_url)
    if parts.scheme not in {"postgres", "postgresql"}:
        yield ""
        return
    import psycopg

    name = f"countersign_{secrets.token_hex(6)}"
    maintenance = parts._replace(scheme="postgresql").geturl()
    with psycopg.connect(maintenance, autocommit=True, connect_timeout=10) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield parts._replace(scheme="postgres", path=f"/{name}").geturl()
    finally:
        with psycopg.connect(maintenance, autocommit=True, connect_timeout=10) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _end_with_parent() -> None:
    """Have the kernel stop this process when its parent is killed (Linux, prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
