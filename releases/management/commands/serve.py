"""`manage.py serve`: web, worker and three demo accounts in one go, to look at the product on one's own machine."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from compliance import roles
from compliance.accounts import create_account, find_account
from compliance.api_keys import api_keys_of, issue_api_key, revoke_api_key
from workflows.processes import end_with_parent

DEMO_ACCOUNTS = (
    ("officer", "officer@countersign.example", roles.APPROVER),
    ("operator", "operator@countersign.example", roles.OPERATOR),
    ("author", "author@countersign.example", roles.POLICY_AUTHOR),
)
DEMO_KEY_NAME = "serve"
STARTUP_SECONDS = 60
SHUTDOWN_SECONDS = 30


@dataclass(frozen=True)
class DemoAccount:
    title: str
    email: str
    role: str
    password: str
    api_key: str


class Command(BaseCommand):
    help = "Serve web and worker on this machine, with three demo accounts whose passwords and keys are made anew."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *_args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        _refuse_taken_port(host, port)
        call_command("migrate", interactive=False, verbosity=0)
        accounts = [make_demo_account(*account) for account in DEMO_ACCOUNTS]
        stopping: list[int] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda received, _frame: stopping.append(received))
        children = {"web": _start_web(host, port), "worker": _start("manage.py", "worker")}
        try:
            if _wait_until_answering(f"http://{host}:{port}/health", children, stopping):
                self._announce(f"http://{host}:{port}", accounts)
            while not stopping and all(child.poll() is None for child in children.values()):
                time.sleep(0.2)
        finally:
            ended = {name: child.poll() for name, child in children.items()}
            _stop(children.values())
        if not stopping:
            name, code = next((name, code) for name, code in ended.items() if code is not None)
            raise CommandError(f"The {name} process ended by itself (status {code}); its last lines above say why.")

    def _announce(self, address: str, accounts: list[DemoAccount]) -> None:
        lines = [f"Countersign is at {address}", f"  pages     {address}/admin/", f"  API       {address}/api/v1/docs/"]
        for account in accounts:
            lines += [
                f"  {account.title:<9} {account.email} ({account.role})",
                f"            password  {account.password}",
                f"            API key   {account.api_key}",
            ]
        self.stdout.write("\n".join([*lines, "Ctrl-C stops it."]))
        self.stdout.flush()


@transaction.atomic
def make_demo_account(title: str, email: str, role: str) -> DemoAccount:
    """The demo account of that address, with a new password and a new key; the keys of earlier runs are revoked."""
    user = find_account(email) or create_account(email, None)
    password = secrets.token_urlsafe(12)
    user.set_password(password)
    user.save(update_fields=["password"])
    roles.grant_role(user, role)
    for key in api_keys_of(user).filter(name=DEMO_KEY_NAME, revoked_at=None):
        revoke_api_key(key, user)
    _, api_key = issue_api_key(user, DEMO_KEY_NAME)
    return DemoAccount(title, email, role, password, api_key)


def _refuse_taken_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(f"{host}:{port} cannot be bound ({error.strerror}); choose another --port.") from None


def _start_web(host: str, port: int) -> subprocess.Popen[bytes]:
    arguments = ("-m", "gunicorn", "--config", "python:config.gunicorn", "--bind", f"{host}:{port}", "config.wsgi")
    return _start(*arguments)


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    # In a session of its own: Ctrl-C must reach the children through us, in order, not all processes at once.
    return subprocess.Popen(  # noqa: S603  (our own interpreter and commands)
        [sys.executable, *arguments],
        cwd=settings.BASE_DIR,
        start_new_session=True,
        preexec_fn=lambda: end_with_parent(signal.SIGTERM),
    )


def _wait_until_answering(url: str, children: dict[str, subprocess.Popen[bytes]], stopping: list[int]) -> bool:
    deadline = time.monotonic() + STARTUP_SECONDS
    while not stopping and all(child.poll() is None for child in children.values()):
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310  (our own address)
                return True
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise CommandError(f"{url} did not answer within {STARTUP_SECONDS} s.") from None
            time.sleep(0.1)
    return False


def _stop(children: Collection[subprocess.Popen[bytes]]) -> None:
    """Ask every child to stop, wait, and end what has not by then, its own children included."""
    for child in children:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + SHUTDOWN_SECONDS
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=max(0.1, deadline - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
