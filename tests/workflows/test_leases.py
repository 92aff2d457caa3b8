"""Claims, fences and the sweep."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django_q.models import OrmQ

from tests.held_journal import record_event, write_document
from tests.people import make_alice
from tests.workflow_driver import (
    PROCESS,
    claim_execution,
    expire_leases,
    find_execution,
    request_review_and_release,
    submit,
)
from workflows.leases import Claim, LeaseLost, hand_back, list_held, lock_claim, release_dead, renew_leases, sweep
from workflows.models import Execution, ExecutionEvent, ExecutionStatus
from workflows.queue import wake
from workflows.services import cancel_workflow
from workflows.transitions import move_execution

pytestmark = pytest.mark.django_db


def claim_review() -> Claim:
    claim = claim_execution(find_execution(submit(request_review_and_release()), "review").id)
    assert claim is not None
    return claim


def is_held(claim: Claim) -> bool:
    return list_held(PROCESS).get(claim.execution_id) == claim.fence


def test_an_execution_is_claimed_once() -> None:
    execution = find_execution(submit(request_review_and_release()), "review")

    first = claim_execution(execution.id)
    assert first is not None
    assert claim_execution(execution.id) is None, "two workers hold the same execution"


def test_a_worker_that_lost_its_lease_can_write_nothing() -> None:
    workflow = submit(request_review_and_release())
    execution = find_execution(workflow, "review")
    stale = claim_execution(execution.id)
    assert stale is not None
    expire_leases(workflow)
    sweep()
    current = claim_execution(execution.id)
    assert current is not None
    assert move_execution(execution.id, ExecutionStatus.EXECUTING, fence=current.fence)

    assert not is_held(stale)
    assert not hand_back(stale, end="drained")
    assert not move_execution(execution.id, ExecutionStatus.VERIFYING, fence=stale.fence)
    with pytest.raises(LeaseLost):
        lock_claim(stale)
    with pytest.raises(LeaseLost):
        record_event(stale, "model_response", {}, {})
    with pytest.raises(LeaseLost):
        write_document(stale, "reports", "text")
    assert is_held(current)
    assert not ExecutionEvent.objects.exists()


def test_a_cancelled_execution_is_lost_to_its_worker() -> None:
    workflow = submit(request_review_and_release())
    claim = claim_execution(find_execution(workflow, "review").id)
    assert claim is not None
    cancel_workflow(workflow_id=workflow.id, actor=make_alice(), address=None)

    assert not is_held(claim)
    assert claim_execution(claim.execution_id) is None


def test_a_renewed_lease_is_not_swept() -> None:
    workflow = submit(request_review_and_release())
    claim = claim_execution(find_execution(workflow, "review").id)
    assert claim is not None
    expire_leases(workflow)
    renew_leases(PROCESS, [claim.execution_id])

    assert sweep() == 0
    assert is_held(claim)


def test_a_lease_that_is_not_named_is_not_renewed() -> None:
    claim = claim_review()
    Execution.objects.update(lease_expires_at=Now() - timedelta(seconds=1))
    renew_leases(PROCESS, [])

    assert sweep() == 1
    assert not is_held(claim)


def test_every_attempt_that_came_to_no_end_is_told_with_how_it_ended() -> None:
    claim = claim_review()
    hand_back(claim, end="error", detail="ValueError", delay_seconds=60)
    first = Execution.objects.get(id=claim.execution_id)
    assert first.available_at is not None
    assert first.available_at > first.created_at

    again = claim_execution(claim.execution_id)
    assert again is not None
    Execution.objects.update(lease_expires_at=Now() - timedelta(seconds=1))
    sweep()
    third = claim_execution(claim.execution_id)
    assert third is not None
    hand_back(third, end="drained")

    execution = Execution.objects.get(id=claim.execution_id)
    ends = [(entry["attempt"], entry["end"], entry["detail"]) for entry in execution.attempt_log]
    assert ends == [(1, "error", "ValueError"), (2, "worker_died", ""), (3, "drained", "")]
    assert (execution.attempts, execution.lost_attempts) == (3, 2), "a drain counts against the limit"


def test_what_a_dead_process_held_is_queued_at_once() -> None:
    claim = claim_review()

    assert release_dead("test:2:another") == 0
    assert is_held(claim)
    assert release_dead(PROCESS) == 1
    execution = Execution.objects.get(id=claim.execution_id)
    assert (execution.status, execution.lost_attempts) == (ExecutionStatus.QUEUED, 1)


def test_what_was_handed_back_is_woken() -> None:
    claim = claim_review()
    OrmQ.objects.all().delete()
    hand_back(claim, end="drained")

    assert OrmQ.objects.count() == 1


def test_a_wake_up_carries_an_id_and_nothing_else() -> None:
    execution = find_execution(submit(request_review_and_release()), "review")
    OrmQ.objects.all().delete()
    wake(execution.id)

    task = OrmQ.objects.get().task
    assert task["args"] == (str(execution.id),)
    assert not task["kwargs"]
