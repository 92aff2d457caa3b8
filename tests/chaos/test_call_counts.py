"""The counts find what they are for: each is shown a run in which it has happened, and one in which it has not."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.chaos import call_counts
from tests.chaos.audit import Claimed
from tests.chaos.evidence import Event, Run
from tests.chaos.model import Request
from tests.chaos.plan import plan_workflows
from workflows.models import Execution, Stage

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEY = "chaos-0-s0"


def make_run(
    journal: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    requests: Sequence[Request] = (),
    effects: Sequence[str] = (),
    claims: int = 1,
    charged: int = 0,
    stops: Sequence[tuple[int, float, float]] = (),
) -> Run:
    """A run of one execution, whose events are a second apart from noon on."""
    stage = Stage(uid=uuid.uuid4(), workflow_id=uuid.uuid4(), stage_id="s0")
    execution = Execution(id=uuid.uuid4(), stage_id=stage.uid, status="completed", charged_nanocents=charged)
    events = [
        Event(number, kind, facts, datetime.fromtimestamp(NOON.timestamp() + number, UTC), "chaos:1")
        for number, (kind, facts) in enumerate(journal)
    ]
    claimed = [Claimed(execution.id, fence, "queued", "planning", "chaos:1", NOON) for fence in range(1, claims + 1)]
    planned = {workflow.name: workflow for workflow in plan_workflows(1, 1)}
    return Run(
        planned=planned,
        workflows=[],
        names={stage.workflow_id: "chaos-0"},
        stages={stage.uid: stage},
        executions={stage.uid: [execution]},
        journals={execution.id: events},
        certificates={},
        claims={execution.id: claimed},
        writes=[],
        requests={KEY: requests},
        effects=[{"reference": reference, "process": 1, "at": 0.0} for reference in effects],
        settled={},
        stops=stops,
    )


def sent(number: int, second: float, process: int = 1, step: str = "answer") -> Request:
    return Request(KEY, number, 0, process, NOON.timestamp() + second, step)


def asked(request: int, cents: str = "5") -> tuple[str, Mapping[str, Any]]:
    return "model_request", {"request": request, "reserved_cents": cents}


def answered(request: int, cents: str = "1", released: str = "5") -> tuple[str, Mapping[str, Any]]:
    usage = {"input_tokens": 100, "output_tokens": 20}
    return "model_response", {"request": request, "cents": cents, "released_cents": released, **usage}


def tool(kind: str, identifier: str, **facts: Any) -> tuple[str, Mapping[str, Any]]:
    return kind, {"tool": "effect_apply", "tool_call_id": identifier, "decision": "allow", "outcome": "done", **facts}


PLAIN = [asked(1), answered(1)]


def test_a_run_in_which_nothing_happened_has_nothing_to_be_found() -> None:
    run = make_run(PLAIN, requests=[sent(1, 0.5)], charged=10**9)

    found = {name: list(count(run)) for name, count in call_counts.CALL_COUNTS}
    del found["tool effects of completed stages missing"]
    assert not any(found.values()), found


def test_a_request_after_its_answer_was_journalled_is_paid_again() -> None:
    run = make_run([*PLAIN, asked(1), answered(1)], requests=[sent(1, 0.5), sent(1, 2.5)])

    assert len(list(call_counts.find_paid_again(run))) == 1


def test_a_request_of_a_process_that_was_stopped_past_its_lease_is_counted_apart() -> None:
    stop = (7, NOON.timestamp() - 5, NOON.timestamp() + 2)
    run = make_run(PLAIN, requests=[sent(1, 0.5), sent(1, 2.5, process=7)], stops=[stop])

    assert not list(call_counts.find_paid_again(run))
    assert call_counts.count_paid_by_stopped(run) == 1


def test_a_request_without_a_reservation_of_its_own_is_found() -> None:
    run = make_run(PLAIN, requests=[sent(1, 0.2, step="500"), sent(1, 0.5)])

    assert len(list(call_counts.find_unreserved(run))) == 1


def test_a_request_that_was_in_flight_at_a_kill_is_counted_apart_and_keeps_its_reservation() -> None:
    run = make_run(
        [asked(1), asked(1), answered(1)], requests=[sent(1, 0.2), sent(1, 1.2)], claims=2, charged=6 * 10**9
    )

    assert call_counts.count_in_flight(run) == 1
    assert not list(call_counts.find_too_many_in_flight(run))
    assert not list(call_counts.find_ledger_errors(run))
    assert not list(call_counts.find_released_reservations(run))


def test_more_in_flight_than_attempts_that_ended_is_found() -> None:
    run = make_run([asked(1), asked(1), answered(1)], claims=1)

    assert len(list(call_counts.find_too_many_in_flight(run))) == 1


def test_giving_back_what_nothing_holds_is_found() -> None:
    run = make_run([asked(1), answered(1), answered(1)])

    assert len(list(call_counts.find_released_reservations(run))) == 1


@pytest.mark.parametrize("charged", [0, 10**9 - 1, 2 * 10**9], ids=["nothing", "too little", "too much"])
def test_a_ledger_that_is_not_the_sum_of_the_journal_is_found(charged: int) -> None:
    assert list(call_counts.find_ledger_errors(make_run(PLAIN, charged=charged)))


def test_a_ledger_that_holds_less_than_was_billed_is_found() -> None:
    answers = [sent(1, 0.2), sent(1, 0.3), sent(1, 0.4)]

    assert list(call_counts.find_ledger_errors(make_run(PLAIN, requests=answers, charged=10**9)))


def test_an_effect_that_the_far_side_has_twice_is_found() -> None:
    run = make_run([tool("tool_call", "a"), tool("tool_result", "a")], effects=["a", "a"])

    assert len(list(call_counts.find_effects_made_twice(run))) == 1


def test_a_result_of_which_the_far_side_knows_nothing_is_found() -> None:
    run = make_run([tool("tool_call", "a"), tool("tool_result", "a")])

    assert list(call_counts.find_results_without_effect(run)) == [f"{KEY}: a"]


def test_a_call_after_its_result_is_made_again() -> None:
    again = [tool("tool_call", "a"), tool("tool_call", "a"), tool("tool_result", "a"), tool("tool_call", "a")]

    assert len(list(call_counts.find_calls_made_again(make_run(again)))) == 1
