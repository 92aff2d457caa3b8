"""Overhead of a stage over its bare agent run, in one process without a queue. Prints JSON.

Run by `benchmarks.run` in an environment with a migrated database of its own: `python -m benchmarks.in_process`
"""

import json
import os
import sys
import time
import uuid
from collections.abc import Mapping
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.contrib.auth.models import User  # noqa: E402

from benchmarks.requests import PROVIDERS, workflow_body  # noqa: E402
from compliance.roles import OPERATOR, grant_role  # noqa: E402
from tests.thread_bridge import event_loop  # noqa: E402
from tests.workflow_driver import run_ready_execution  # noqa: E402
from workflows import engine  # noqa: E402
from workflows.agents.types import (  # noqa: E402
    AgentResult,
    AgentWork,
    Entry,
    Need,
    Reservation,
    Settlement,
)
from workflows.models import Execution, ExecutionStatus  # noqa: E402
from workflows.requests import StageRequest, WorkflowRequest  # noqa: E402
from workflows.services import create_workflow  # noqa: E402

WARM_UP = 2
WORKFLOWS = 12

_run_agent = engine.run_agent


class _NoJournal:
    async def record(self, kind: str, facts: Mapping[str, Any], payload: object) -> None:
        """Drop it: what the journal costs is overhead, and not the agent's."""

    async def reserve(self, need: Need, entry: Entry, settlement: Settlement | None = None) -> Reservation | None:
        return Reservation(need.worst(need.longest), need.longest)

    async def settle(self, settlement: Settlement, entry: Entry) -> int:
        return 0


class _NoDocuments:
    async def read(self, name: str) -> str | None:
        return None

    async def write(self, name: str, text: str) -> str:
        raise AssertionError("no stage of the benchmark writes a document")

    async def names(self) -> tuple[str, ...]:
        return ()


def measure(owner: User, provider: str) -> dict[str, list[float]]:
    """Return, in milliseconds for each stage, its wall time in the engine and that of the same agent run alone."""
    works: list[AgentWork] = []

    async def run_and_keep(work: AgentWork, journal: Any, documents: Any) -> AgentResult:
        works.append(work)
        return await _run_agent(work, journal, documents)

    engine.run_agent = run_and_keep
    stages, bare = [], []
    for number in range(WARM_UP + WORKFLOWS):
        for execution_id in _ready_executions(owner, provider):
            started = time.perf_counter()
            run_ready_execution(execution_id)
            in_engine = time.perf_counter() - started
            started = time.perf_counter()
            _run_bare(works[-1])
            alone = time.perf_counter() - started
            if number >= WARM_UP:
                stages.append(in_engine * 1000)
                bare.append(alone * 1000)
    return {"stage": stages, "agent": bare, "overhead": [a - b for a, b in zip(stages, bare, strict=True)]}


def _ready_executions(owner: User, provider: str) -> Any:
    """Create a workflow and yield its executions, each when the one before has ended."""
    body = workflow_body(provider)
    stages = [
        {name: tuple(value) if isinstance(value, list) else value for name, value in stage.items()}
        for stage in body["stages"]
    ]
    request = WorkflowRequest(name=body["name"], stages=tuple(StageRequest(**stage) for stage in stages))
    workflow, _ = create_workflow(owner=owner, request=request, idempotency_key=None, address=None)
    for stage in body["stages"]:
        execution = Execution.objects.get(stage__workflow=workflow, stage__stage_id=stage["id"])
        yield execution.id
        execution.refresh_from_db()
        if execution.status != ExecutionStatus.COMPLETED:
            raise SystemExit(f"stage {stage['id']} ended {execution.status}: {execution.reason_detail}")


def _run_bare(work: AgentWork) -> None:
    import asyncio

    asyncio.run_coroutine_threadsafe(_run_agent(work, _NoJournal(), _NoDocuments()), event_loop()).result()


def main() -> None:
    owner = User.objects.create_user(username=f"bench-{uuid.uuid4().hex[:8]}")
    grant_role(owner, OPERATOR)
    json.dump({provider: measure(owner, provider) for provider in PROVIDERS}, sys.stdout)


if __name__ == "__main__":
    main()
