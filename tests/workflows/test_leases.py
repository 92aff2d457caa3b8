"""Claims, fences and the sweep."""

from datetime import timedelta
from unittest import mock

import pytest
from django.db.models.functions import Now
from django_q.models import OrmQ

from tests.people import make_alice
from tests.workflow_driver import expire_leases, find_execution, request_review_and_release, submit
from workflows import leases
from workflows.journal import record_event, write_document
from workflows.leases import (
    LeaseLost,
    claim_execution,
    hand_back,
    is_held,
    lock_claim,
    renew_lease,
    sweep,
    wake_execution,
)
from workflows.models import Execution, ExecutionEvent, ExecutionStatus
from workflows.services import cancel_workflow
from workflows.transitions import move_execution

pytestmark = pytest.mark.django_db


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
    assert not renew_lease(stale)
    assert not hand_back(stale, 0)
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

    assert not renew_lease(claim)
    assert claim_execution(claim.execution_id) is None


def test_a_renewed_lease_is_not_swept() -> None:
    workflow = submit(request_review_and_release())
    claim = claim_execution(find_execution(workflow, "review").id)
    assert claim is not None
    expire_leases(workflow)
    assert renew_lease(claim)

    assert sweep() == 0
    assert is_held(claim)


def test_an_execution_handed_back_waits_for_its_delay() -> None:
    execution = find_execution(submit(request_review_and_release()), "review")
    claim = claim_execution(execution.id)
    assert claim is not None
    assert hand_back(claim, 60)

    assert claim_execution(execution.id) is None, "claimed before its delay was over"
    Execution.objects.update(available_at=Now() - timedelta(seconds=1))
    assert claim_execution(execution.id) is not None


def test_a_lost_wake_up_is_sent_again_by_the_sweep() -> None:
    submit(request_review_and_release())
    OrmQ.objects.all().delete()
    Execution.objects.update(woken_at=Now() - timedelta(minutes=1))

    assert sweep() == 1
    assert OrmQ.objects.count() == 1
    assert sweep() == 0, "one lost wake-up was sent twice"


def test_the_sweep_sends_no_second_wake_up_while_one_waits() -> None:
    submit(request_review_and_release())
    Execution.objects.update(woken_at=Now() - timedelta(minutes=1))

    with mock.patch.object(leases, "count_waiting_wakeups", return_value=1):
        assert sweep() == 0


def test_what_nobody_was_told_of_is_woken_whatever_waits() -> None:
    execution = find_execution(submit(request_review_and_release()), "review")
    claim = claim_execution(execution.id)
    assert claim is not None
    hand_back(claim, 0)
    Execution.objects.update(available_at=Now() - timedelta(seconds=1))

    with mock.patch.object(leases, "count_waiting_wakeups", return_value=1_000):
        assert sweep() == 1, "a stage that was handed back starves behind the queue"


def test_a_wake_up_that_is_long_overdue_is_sent_again_whatever_waits() -> None:
    submit(request_review_and_release())
    Execution.objects.update(woken_at=Now() - timedelta(hours=1))

    with mock.patch.object(leases, "count_waiting_wakeups", return_value=1_000):
        assert sweep() == 1


def test_a_wake_up_carries_an_id_and_nothing_else() -> None:
    execution = find_execution(submit(request_review_and_release()), "review")
    OrmQ.objects.all().delete()
    wake_execution(execution.id)

    task = OrmQ.objects.get().task
    assert task["args"] == (str(execution.id),)
    assert not task["kwargs"]
