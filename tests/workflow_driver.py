"""Drives workflows through the engine in the test's own process, with scripted agents in place of models."""

import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from tests.people import make_alice
from tests.thread_bridge import ThreadBridge
from workflows import engine
from workflows.agents.types import AgentResult, AgentWork, Answer, Entry, Need, Settlement, Usage
from workflows.leases import Claim, take_leases
from workflows.models import Execution, ExecutionStatus, Stage, Workflow
from workflows.requests import StageRequest, WorkflowRequest
from workflows.services import create_workflow
from workflows.stage_loop import LoopSettings, StageLoop
from workflows.transitions import LEASED

CLEAN_TEXT = "The cafeteria opens at eight and serves soup on Thursdays."

ONE_CENT = Need(fixed=10**9, per_token=0, longest=1, shortest=1)
SCRIPTED_CHARGE = {"input_tokens": 10, "output_tokens": 2, "cents": "0.5"}

PROCESS = "test:1:process"

Script = Callable[[AgentWork], Answer]


def request_review_and_release(text: str = CLEAN_TEXT, **changes: Any) -> WorkflowRequest:
    """A reviewer over one document, and a release that names it. `changes` are fields of both stages."""
    return WorkflowRequest(
        name="Notice",
        stages=(
            StageRequest(
                id="review", name="Review", task="Review it.", stage_role="reviewer", document=text, **changes
            ),
            StageRequest(
                id="release",
                name="Release",
                task="Release it.",
                stage_role="release",
                upstream_stage_ids=("review",),
                **changes,
            ),
        ),
    )


def submit(request: WorkflowRequest, owner: User | None = None) -> Workflow:
    """Create the workflow as its owner (Alice unless told) would."""
    workflow, _ = create_workflow(
        owner=owner or make_alice(), request=request, idempotency_key=None, address="127.0.0.1"
    )
    return workflow


def run_to_rest(workflow: Workflow, limit: int = 60) -> Workflow:
    """Run every ready execution of the workflow until none is ready, and return it as it is then."""
    for _ in range(limit):
        ready = Execution.objects.filter(stage__workflow=workflow, status=ExecutionStatus.QUEUED).first()
        if ready is None:
            workflow.refresh_from_db()
            return workflow
        Execution.objects.filter(id=ready.id).update(available_at=None)
        run_ready_execution(ready.id)
    raise AssertionError(f"the workflow was not at rest after {limit} runs")


def claim_execution(execution_id: uuid.UUID) -> Claim | None:
    """Claim a queued execution for a worker process of the tests; None where it cannot be claimed."""
    with transaction.atomic():
        return next(iter(take_leases([execution_id], PROCESS)), None)


def run_ready_execution(execution_id: uuid.UUID) -> None:
    """Claim one execution, if it is queued, and run it as a worker process does."""
    claim = claim_execution(execution_id)
    if claim is not None:
        run_claim(claim)


def run_claim(claim: Claim) -> None:
    """Run a claimed execution on a loop of a worker process, which then drains."""
    bridge = ThreadBridge()
    limits = LoopSettings(PROCESS, slots=1, starting=1, lease_seconds=15, poll_seconds=5, drain_seconds=100)
    bridge.run(_run_on_loop(StageLoop(limits, stages=bridge, upkeep=bridge), claim))


async def _run_on_loop(loop: StageLoop, claim: Claim) -> None:
    loop.start(claim)
    loop.drain()
    await loop.run()


def expire_leases(workflow: Workflow) -> None:
    """Let every lease of the workflow run out now, as if its worker had died."""
    live = Execution.objects.filter(stage__workflow=workflow, status__in=LEASED)
    live.update(lease_expires_at=Now() - timedelta(seconds=1))


def find_execution(workflow: Workflow, stage_id: str) -> Execution:
    """Return the newest execution of a stage."""
    rows = Execution.objects.filter(stage__workflow=workflow, stage__stage_id=stage_id)
    return rows.select_related("stage").order_by("-created_at", "-id")[0]


def find_stage(workflow: Workflow, stage_id: str) -> Stage:
    return Stage.objects.get(workflow=workflow, stage_id=stage_id)


def script_agents(monkeypatch: pytest.MonkeyPatch, scripts: Mapping[str, Script]) -> list[AgentWork]:
    """Answer for stages by their id instead of running agents; returns the works that were asked for, in order.

    Each answer reserves a cent and costs half of it.

    Stages without a script run their real agent.
    """
    asked: list[AgentWork] = []
    real = engine.run_agent

    async def run(work: AgentWork, journal: Any, documents: Any) -> AgentResult:
        asked.append(work)
        stage_id = await documents.database.call(_stage_id, uuid.UUID(work.execution_id))
        script = scripts.get(stage_id)
        if script is None:
            return await real(work, journal, documents)
        reservation = await journal.reserve(ONE_CENT, Entry("model_request", {"attempt": 1}, {"task": work.task}))
        answer = script(work)
        settlement = Settlement(reservation.nanocents, reservation.nanocents // 2)
        await journal.settle(settlement, Entry("model_response", SCRIPTED_CHARGE, {"answer": repr(answer)}))
        return AgentResult(answer, work.provider, "scripted", Usage(1, 10, 2))

    monkeypatch.setattr(engine, "run_agent", run)
    return asked


def _stage_id(execution_id: uuid.UUID) -> str:
    return Execution.objects.select_related("stage").get(id=execution_id).stage.stage_id
