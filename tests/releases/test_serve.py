import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from compliance import roles
from compliance.api_keys import api_keys_of
from releases.management.commands.serve import DEMO_ACCOUNTS, make_demo_account

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.django_db
def test_the_demo_accounts_are_an_officer_an_operator_and_a_policy_author() -> None:
    officer, operator, author = (make_demo_account(*account) for account in DEMO_ACCOUNTS)
    signed_in = authenticate(username=officer.email, password=officer.password)
    assert signed_in is not None
    assert roles.may_sign_off(signed_in)  # type: ignore[arg-type]
    working = authenticate(username=operator.email, password=operator.password)
    assert roles.may_create_workflow(working)  # type: ignore[arg-type]
    assert not roles.may_sign_off(working)  # type: ignore[arg-type]
    drafting = authenticate(username=author.email, password=author.password)
    assert roles.may_draft_policy(drafting)  # type: ignore[arg-type]


@pytest.mark.django_db
def test_each_run_makes_passwords_and_keys_anew_and_ends_the_earlier_ones() -> None:
    first, second = (make_demo_account(*DEMO_ACCOUNTS[0]) for _ in range(2))
    assert first.password != second.password
    assert authenticate(username=first.email, password=first.password) is None
    user: Any = authenticate(username=first.email, password=second.password)
    in_force = api_keys_of(user).filter(revoked_at=None)
    assert [second.api_key.startswith(key.token_key) for key in in_force] == [True]


def test_a_port_that_is_taken_is_named_before_anything_is_started() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(CommandError, match="choose another --port"):
            call_command("serve", port=taken.getsockname()[1])


@pytest.mark.slow
def test_it_serves_until_it_is_told_to_stop_and_leaves_no_process(tmp_path: Path) -> None:
    port = free_port()
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--port", str(port)],
        cwd=ROOT,
        env=environment | {"VAR_DIR": str(tmp_path), "WORKER_PROCESSES": "1", "WEB_PROCESSES": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout
        announced = []
        for line in process.stdout:
            announced.append(line)
            if "Ctrl-C" in line:
                break
        text = "".join(announced)
        key = re.search(r"API key\s+(cs_\w+)", text)
        assert key, text
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            me = client.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {key[1]}"})
            assert me.json()["roles"] == ["approver"]
            assert client.get("/static/admin/css/base.css").status_code == 200
            for body in (iter([b"x" * 600_000] * 5), b"x" * 3_000_000):
                over = client.post("/api/v1/auth/login", content=body)
                assert (over.status_code, over.json()["code"]) == (413, "body_too_large")
            chunked = client.post(
                "/api/v1/auth/login", content=iter([b'{"email":', b" 5}"]), headers={"Content-Type": "application/json"}
            )
            assert "email" in chunked.json()["errors"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        if process.poll() is None:
            process.kill()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False)
    assert _processes_using(tmp_path) == []


def _processes_using(directory: Path) -> list[str]:
    """Command lines of the processes whose environment names `directory`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(directory).encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_text())
        except OSError:
            continue  # ended meanwhile, or another user's
    return found
