"""A budget is a wall: what an execution reserves and is charged never passes it, whatever goes wrong."""

import asyncio
import importlib
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from hypothesis import HealthCheck, event, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from tests.held_journal import finish, record_event, reserve_budget, settle_reservation, take_up
from tests.thread_bridge import ThreadBridge
from tests.workflow_driver import (
    PROCESS,
    claim_execution,
    expire_leases,
    find_execution,
    request_review_and_release,
    submit,
)
from tests.workflows.test_concurrency import run_together
from workflows import journal
from workflows.agents.types import Entry, Need, Reservation, Settlement
from workflows.leases import (
    Claim,
    LeaseLost,
    renew_leases,
    sweep,
)
from workflows.models import Execution, ExecutionStatus, Workflow
from workflows.transitions import move_execution

CENT = 10**9
ASKED = Entry("model_request", {"attempt": 1}, {})
ANSWERED = Entry("model_response", {"input_tokens": 1, "output_tokens": 1}, {})


def need(cents: int, per_token: int = 0, longest: int = 1, shortest: int = 1) -> Need:
    return Need(cents * CENT, per_token, longest, shortest)


def claim_again(workflow: Workflow) -> Claim:
    """Claim the review and begin it, after what another worker may have left of it."""
    expire_leases(workflow)
    sweep()
    claim = claim_execution(find_execution(workflow, "review").id)
    assert claim is not None
    assert move_execution(claim.execution_id, ExecutionStatus.EXECUTING, fence=claim.fence)
    return claim


def begin(budget_cents: int = 100) -> tuple[Workflow, Claim]:
    workflow = submit(request_review_and_release(budget_cents=budget_cents))
    return workflow, claim_again(workflow)


def ledger(claim: Claim) -> int:
    return Execution.objects.get(id=claim.execution_id).charged_nanocents


def ledger_by_journal(claim: Claim) -> Decimal:
    """Return in nano-cents what the journal says: reserved, less given back, and charged."""
    sums = {"reserved_cents": 1, "released_cents": -1, "cents": 1}
    events = Execution.objects.get(id=claim.execution_id).events.all()
    return sum(
        (sign * Decimal(each.facts.get(name, 0)) * CENT for each in events for name, sign in sums.items()), Decimal(0)
    )


@pytest.mark.django_db
class TestOneWorker:
    def test_what_fits_is_reserved_and_what_does_not_leaves_nothing(self) -> None:
        _, claim = begin(100)
        assert reserve_budget(claim, need(60), ASKED) == Reservation(60 * CENT, 1)
        assert reserve_budget(claim, need(41), ASKED) is None
        assert reserve_budget(claim, need(40), ASKED) == Reservation(40 * CENT, 1)
        assert ledger(claim) == 100 * CENT == ledger_by_journal(claim)

    def test_an_answer_is_shortened_to_what_fits(self) -> None:
        _, claim = begin(100)
        reservation = reserve_budget(claim, need(10, per_token=CENT, longest=500, shortest=64), ASKED)
        assert reservation == Reservation(100 * CENT, 90)
        [asked] = find_events(claim, "model_request")
        assert (asked["max_tokens"], asked["reserved_cents"]) == (90, "100")
        assert reserve_budget(claim, need(0, per_token=1, longest=500, shortest=64), ASKED) is None

    def test_a_settlement_takes_the_place_of_its_reservation(self) -> None:
        _, claim = begin(100)
        assert reserve_budget(claim, need(60), ASKED)
        entry = Entry("model_response", {**ANSWERED.facts, "cents": "0.5"}, {})
        assert settle_reservation(claim, Settlement(60 * CENT, CENT // 2), entry) == 100 * CENT - CENT // 2
        assert ledger(claim) == CENT // 2 == ledger_by_journal(claim)

    def test_more_than_was_allowed_is_written_down_and_leaves_less_than_nothing(self) -> None:
        _, claim = begin(100)
        assert reserve_budget(claim, need(60), ASKED)
        assert settle_reservation(claim, Settlement(60 * CENT, 130 * CENT), ANSWERED) == -30 * CENT
        assert reserve_budget(claim, need(0), ASKED) is None

    def test_a_retry_settles_what_came_before_it_or_changes_nothing(self) -> None:
        _, claim = begin(100)
        assert reserve_budget(claim, need(60), ASKED)
        failed = Settlement(60 * CENT, 60 * CENT)
        assert reserve_budget(claim, need(60), ASKED, failed) is None
        assert ledger(claim) == 60 * CENT
        assert reserve_budget(claim, need(60), ASKED, Settlement(60 * CENT, 0)) is not None
        assert ledger(claim) == 60 * CENT

    def test_a_worker_that_lost_its_lease_changes_nothing(self) -> None:
        workflow, dead = begin(100)
        assert reserve_budget(dead, need(60), ASKED)
        claim = claim_again(workflow)
        for act in (
            lambda: settle_reservation(dead, Settlement(60 * CENT, 0), ANSWERED),
            lambda: reserve_budget(dead, need(1), ASKED),
            lambda: reserve_budget(dead, need(1), ASKED, Settlement(60 * CENT, 0)),
        ):
            with pytest.raises(LeaseLost):
                act()
        assert ledger(claim) == 60 * CENT
        assert reserve_budget(claim, need(41), ASKED) is None

    @pytest.mark.parametrize(
        "act",
        [
            lambda claim: reserve_budget(claim, need(10), ASKED),
            lambda claim: reserve_budget(claim, need(10), ASKED, Settlement(60 * CENT, CENT)),
            lambda claim: settle_reservation(claim, Settlement(60 * CENT, CENT), ANSWERED),
        ],
        ids=["reserve", "retry", "settle"],
    )
    def test_a_kill_between_ledger_and_journal_leaves_both_as_they_were(
        self, monkeypatch: pytest.MonkeyPatch, act: Callable[[Claim], object]
    ) -> None:
        _, claim = begin(100)
        assert reserve_budget(claim, need(60), ASKED)

        def die(*_: Any) -> None:
            insert_event(*_)
            raise KeyboardInterrupt

        insert_event = journal.insert_event
        monkeypatch.setattr(journal, "insert_event", die)
        with pytest.raises(KeyboardInterrupt):
            act(claim)
        assert ledger(claim) == 60 * CENT == ledger_by_journal(claim)


@pytest.mark.django_db
def test_what_running_executions_were_charged_before_is_carried_into_their_ledgers() -> None:
    _, claim = begin(100)
    record_event(claim, "model_response", {"cents": "0.0000000015"}, {})
    record_event(claim, "model_retry", {"cents": "7.25"}, {})
    record_event(claim, "tool_call", {"decision": "allow"}, {})
    importlib.import_module("workflows.migrations.0002_charges").carry_charges_over(apps, None)
    assert ledger(claim) == 7_250_000_002


def find_events(claim: Claim, kind: str) -> list[dict[str, Any]]:
    rows = Execution.objects.get(id=claim.execution_id).events.filter(kind=kind).order_by("sequence")
    return [row.facts for row in rows]


@pytest.mark.django_db
def test_requests_at_once_pass_together_only_what_one_could() -> None:
    """Twenty-four at once on the journal of one run; the budget buys five of 20 cents."""
    _, claim = begin(100)
    bridge = ThreadBridge()
    held = take_up(claim, bridge)

    async def reserve_all() -> list[Reservation | None]:
        return list(await asyncio.gather(*(held.reserve(need(20), ASKED) for _ in range(24))))

    landed = [reservation for reservation in bridge.run(reserve_all()) if reservation is not None]
    assert len(landed) == 5, landed
    assert ledger(claim) == 100 * CENT == ledger_by_journal(claim)


@pytest.mark.django_db
def test_requests_at_once_share_what_is_left_by_shorter_answers() -> None:
    """Each takes as long an answer as fits, computed from a ledger that the others change under its hands."""
    _, claim = begin(100)
    bridge = ThreadBridge()
    held = take_up(claim, bridge)

    async def churn() -> int:
        landed = 0
        for _ in range(4):
            reservation = await held.reserve(need(1, per_token=CENT, longest=30, shortest=10), ASKED)
            if reservation is not None:
                landed += 1
                charged = Settlement(reservation.nanocents, 2 * CENT)
                await held.settle(charged, Entry("model_response", {}, {}))
        return landed

    async def churn_all() -> int:
        return sum(await asyncio.gather(*(churn() for _ in range(4))))

    landed = bridge.run(churn_all())
    assert ledger(claim) == landed * 2 * CENT <= 100 * CENT


@pytest.mark.django_db(transaction=True)
def test_of_two_that_hold_one_claim_one_writes_an_event_and_the_other_nothing() -> None:
    """As a process does that was stopped, taken for dead under the same claim, and woke up again."""
    _, claim = begin(100)
    journals = [take_up(claim) for _ in range(4)]
    results = run_together(lambda: finish(journals.pop().reserve(need(20), ASKED)), 4)

    landed = [result for result in results if isinstance(result, Reservation)]
    assert len(landed) == 1, results
    assert sum(isinstance(result, LeaseLost) for result in results) == 3, results
    assert ledger(claim) == 20 * CENT == ledger_by_journal(claim)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.integers(0, 60), st.integers(0, 3)),
        st.tuples(st.just("settle"), st.integers(0, 5), st.integers(0, 100)),
        st.tuples(st.just("retry"), st.integers(0, 5), st.integers(0, 100)),
        st.tuples(st.just("crash"), st.just(0), st.just(0)),
        st.tuples(st.just("renew"), st.just(0), st.just(0)),
    ),
    max_size=12,
)


class TheLedgerHolds(TestCase):
    @hypothesis_settings(suppress_health_check=list(HealthCheck), max_examples=25)
    @given(steps=STEPS, budget=st.integers(0, 150))
    def test_by_no_order_of_reserving_settling_and_crashing(
        self, steps: list[tuple[str, int, int]], budget: int
    ) -> None:
        """Every settlement within its reservation: never more than the budget, and always what the journal says."""
        workflow, claim = begin(budget)
        mine: list[Reservation] = []
        expected = 0
        for kind, first, second in steps:
            if kind == "crash":
                stale, claim = claim, claim_again(workflow)
                with pytest.raises(LeaseLost):
                    settle_reservation(stale, Settlement(CENT, 0), ANSWERED)
                mine = []
            elif kind == "renew":
                renew_leases(PROCESS, [claim.execution_id])
            elif kind == "reserve":
                reservation = reserve_budget(claim, need(first, second * CENT // 7, 20, 5), ASKED)
                if reservation is not None:
                    mine.append(reservation)
                    expected += reservation.nanocents
            elif mine:
                old = mine.pop(first % len(mine))
                charged = old.nanocents * second // 100
                facts = {**ANSWERED.facts, "cents": f"{Decimal(charged).scaleb(-9):f}"}
                settlement = Settlement(old.nanocents, charged)
                if kind == "settle":
                    settle_reservation(claim, settlement, Entry("model_response", facts, {}))
                else:
                    again = reserve_budget(claim, need(5), Entry("model_retry", facts, {}), settlement)
                    if again is None:
                        mine.append(old)
                        continue
                    mine.append(again)
                    expected += again.nanocents
                expected += charged - old.nanocents
            assert ledger(claim) == expected == ledger_by_journal(claim)
            assert expected <= budget * CENT
        event(f"{math.ceil(expected / CENT / 10) * 10} cents")
