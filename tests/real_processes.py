"""What the tests with real web and worker processes share: requests, scripted models, killing."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

from tests.stub_models import Answer, Hang, Received, ToolCall

PATIENCE_SECONDS = 60.0
TEXT = "The cafeteria opens at eight and serves soup on Thursdays."


def reviewed_release(provider: str, api_key: str, **fields: Any) -> dict[str, Any]:
    """The body of a reviewer over one document and a release that names it, both on a model with a stage key."""
    shared = {"provider": provider, "api_key": api_key, **fields}
    return {
        "name": "Notice",
        "stages": [
            {"id": "review", "name": "R", "task": "Review it.", "stage_role": "reviewer", "document": TEXT, **shared},
            {
                "id": "release",
                "name": "G",
                "task": "Release it.",
                "stage_role": "release",
                "upstream_stage_ids": ["review"],
                **shared,
            },
        ],
    }


def answer_by_role(request: Received) -> Answer:
    """Approve as a reviewer, release as a release: whichever the structured answer's schema asks for."""
    tools = str(request.body.get("tools"))
    decision = "release" if "'hold'" in tools else "approved"
    return Answer(tool_calls=(ToolCall("answer", {"decision": decision, "reason": "It is in order."}),))


def hang_first(count: int) -> Callable[[Received], Answer | Hang]:
    """A script that never answers the first `count` requests, and answers by role from then on."""
    seen: list[Received] = []

    def step(request: Received) -> Answer | Hang:
        seen.append(request)
        return Hang() if len(seen) <= count else answer_by_role(request)

    return step


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """Return the first truthy value of the condition; fail naming `what` when it never comes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come within {PATIENCE_SECONDS:.0f} s")


def find_descendants(pid: int) -> list[int]:
    """Return a process's descendants, parents before children."""
    listing = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children: dict[int, list[int]] = {}
    for line in listing.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found, pending = [], [pid]
    while pending:
        for child in children.get(pending.pop(0), []):
            found.append(child)
            pending.append(child)
    return found


def kill_all(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
