"""Several workers and callers at once, on real connections of their own."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from compliance.services import read_attestations
from tests.people import make_alice
from tests.workflow_driver import (
    claim_execution,
    find_execution,
    request_review_and_release,
    run_ready_execution,
    submit,
)
from workflows import engine
from workflows.agents.types import AgentResult, AgentWork
from workflows.models import Workflow
from workflows.services import cancel_workflow, create_workflow

pytestmark = pytest.mark.django_db(transaction=True)

# Far beyond what it takes: only a hang reaches it.
PATIENCE_SECONDS = 30


def run_together(action: Callable[[], Any], count: int) -> list[Any]:
    """Run the action in `count` threads that start at one moment; returns results, exceptions among them."""
    barrier = threading.Barrier(count)
    results: list[Any] = []

    def run() -> None:
        barrier.wait(PATIENCE_SECONDS)
        try:
            results.append(action())
        except Exception as error:
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    return results


def test_of_many_workers_one_gets_the_execution() -> None:
    execution = find_execution(submit(request_review_and_release()), "review")

    claims = run_together(lambda: claim_execution(execution.id), 6)
    assert sorted(claim is not None for claim in claims) == [False] * 5 + [True], claims


def test_one_idempotency_key_at_the_same_moment_makes_one_workflow() -> None:
    alice = make_alice()

    def create() -> tuple[Workflow, bool]:
        return create_workflow(
            owner=User.objects.get(pk=alice.pk),
            request=request_review_and_release(),
            idempotency_key="same",
            address=None,
        )

    results = run_together(create, 4)
    assert all(isinstance(result, tuple) for result in results), results
    assert len({workflow.id for workflow, _ in results}) == 1
    assert sorted(created for _, created in results) == [False, False, False, True]
    assert Workflow.objects.count() == 1


def test_cancelling_stops_a_model_call_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    called, stopped = threading.Event(), threading.Event()

    async def call_forever(work: AgentWork, journal: Any, documents: Any) -> AgentResult:
        called.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        raise AssertionError("unreachable")

    monkeypatch.setattr(engine, "run_agent", call_forever)
    workflow = submit(request_review_and_release())
    execution = find_execution(workflow, "review")
    worker = threading.Thread(target=lambda: (run_ready_execution(execution.id), connection.close()))
    worker.start()
    assert called.wait(PATIENCE_SECONDS), "the agent was never called"
    cancel_workflow(workflow_id=workflow.id, actor=make_alice(), address=None)

    assert stopped.wait(PATIENCE_SECONDS), "the model call went on after the workflow was cancelled"
    worker.join(PATIENCE_SECONDS)
    workflow.refresh_from_db()
    assert workflow.status == "cancelled"
    assert [entry.kind for entry in read_attestations(workflow.id)] == ["opening", "admission", "execution", "closing"]


def test_cancelling_and_finishing_at_once_leaves_one_consistent_end() -> None:
    workflow = submit(request_review_and_release())
    execution = find_execution(workflow, "review")
    actions = iter(
        [
            lambda: run_ready_execution(execution.id),
            lambda: cancel_workflow(workflow_id=workflow.id, actor=make_alice(), address=None),
        ]
    )
    lock = threading.Lock()

    def act() -> Any:
        with lock:
            action = next(actions)
        return action()

    results = run_together(act, 2)
    assert not [result for result in results if isinstance(result, Exception)], results
    workflow.refresh_from_db()
    assert workflow.status == "cancelled"
    chain = read_attestations(workflow.id)
    assert chain[-1].kind == "closing"
    assert chain[-1].predicate["outcome"]["status"] == "cancelled"
