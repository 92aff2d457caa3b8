"""Claims are shared out fairly, within the caps, and what must run alone runs alone."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from tests.people import make_alice, make_person
from tests.workflow_driver import request_review_and_release, submit
from workflows.claims import ALONE_AFTER, Room, claim_ready_executions, count_alone
from workflows.leases import Claim
from workflows.models import Execution

pytestmark = pytest.mark.django_db


def submit_many(owner: User, count: int) -> None:
    for _ in range(count):
        submit(request_review_and_release(), owner)


def claim(free: int, slots: int = 100, running: dict[int, int] | None = None, alone: bool = False) -> list[Claim]:
    return claim_ready_executions("w:1:t", Room(free, slots, running or {}, alone))


def owners(claims: list[Claim]) -> Counter[int]:
    return Counter(each.owner_id for each in claims)


def test_nothing_is_claimed_where_nothing_is_ready_or_no_slot_is_free() -> None:
    assert claim(5) == []
    submit_many(make_alice(), 1)
    assert claim(0) == []


def test_the_oldest_of_an_owner_come_first() -> None:
    submit_many(make_alice(), 4)
    expected = list(Execution.objects.order_by("created_at", "id").values_list("id", flat=True)[:3])

    assert [each.execution_id for each in claim(3)] == expected


def test_a_claim_says_what_it_holds() -> None:
    submit_many(make_alice(), 1)
    [held] = claim(1)

    execution = Execution.objects.select_related("stage").get()
    assert (execution.status, execution.lease_owner) == ("planning", "w:1:t")
    assert held == Claim(
        execution.id,
        execution.stage.workflow_id,
        execution.stage_id,
        1,
        1,
        0,
        make_alice().id,
        execution.provider,
        "reviewer",
    )
    assert claim(1) == []


def test_one_with_a_long_queue_does_not_starve_another_with_one() -> None:
    alice, bob = make_alice(), make_person("bob", "operator")
    submit_many(alice, 20)
    submit_many(bob, 1)

    assert owners(claim(4)) == {alice.id: 3, bob.id: 1}


def test_the_next_slot_goes_to_who_has_the_fewest() -> None:
    alice, bob = make_alice(), make_person("bob", "operator")
    submit_many(alice, 3)
    submit_many(bob, 3)

    assert owners(claim(1, running={alice.id: 5, bob.id: 2})) == {bob.id: 1}


def test_more_owners_than_slots_get_one_each() -> None:
    people = [make_person(f"person{number}", "operator") for number in range(5)]
    for person in people:
        submit_many(person, 2)

    assert max(owners(claim(3)).values()) == 1


def test_slots_that_one_owner_cannot_fill_go_to_the_others() -> None:
    alice, bob = make_alice(), make_person("bob", "operator")
    submit_many(alice, 9)
    submit_many(bob, 1)

    assert owners(claim(8)) == {alice.id: 7, bob.id: 1}


def test_one_owner_leaves_the_last_slots_of_a_process_to_who_comes_next() -> None:
    alice = make_alice()
    submit_many(alice, 12)
    assert len(claim(10, slots=10)) == 9
    assert claim(1, slots=10, running={alice.id: 9}) == []

    bob = make_person("bob", "operator")
    submit_many(bob, 2)
    assert owners(claim(1, slots=10, running={alice.id: 9})) == {bob.id: 1}


def test_a_user_runs_no_more_at_one_time_than_the_cap(settings: Settings) -> None:
    settings.USER_SLOTS = 2
    alice, bob = make_alice(), make_person("bob", "operator")
    submit_many(alice, 5)
    submit_many(bob, 1)

    assert owners(claim(10)) == {alice.id: 2, bob.id: 1}
    assert claim(10) == []


def test_a_provider_runs_no_more_at_one_time_than_its_cap(settings: Settings) -> None:
    settings.PROVIDER_SLOTS = {"embedded": 3}
    submit_many(make_alice(), 5)
    Execution.objects.filter(id=Execution.objects.order_by("created_at")[0].id).update(provider="openai")

    providers = Counter(each.provider for each in claim(10))
    assert providers == {"embedded": 3, "openai": 1}
    assert claim(10) == []


def test_what_was_handed_back_waits_for_its_delay() -> None:
    submit_many(make_alice(), 1)
    Execution.objects.update(available_at=Now() + timedelta(seconds=60))
    assert claim(5) == []

    Execution.objects.update(available_at=Now() - timedelta(seconds=1))
    assert len(claim(5)) == 1


def test_what_lost_its_worker_too_often_runs_alone() -> None:
    submit_many(make_alice(), 2)
    first = Execution.objects.order_by("created_at")[0]
    Execution.objects.filter(id=first.id).update(lost_attempts=ALONE_AFTER)

    assert count_alone() == 1
    assert first.id not in [each.execution_id for each in claim(5)]
    assert [each.execution_id for each in claim(1, slots=1, alone=True)] == [first.id]
    assert count_alone() == 0


def count_queries(free: int) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        claim(free)
    return len(queries)


def test_a_claim_takes_as_many_queries_however_many_executions_it_takes() -> None:
    submit_many(make_alice(), 12)

    assert count_queries(2) == count_queries(9)


def test_an_execution_that_is_queued_again_while_claims_are_chosen_makes_none_be_claimed_twice() -> None:
    """What another process gives back meanwhile is older, and shifts what comes after it in an owner's queue."""
    submit_many(make_alice(), 6)
    submit_many(make_person("charlie", "operator"), 1)
    oldest = Execution.objects.order_by("created_at", "id").values_list("id", flat=True)[0]
    Execution.objects.filter(id=oldest).update(status="planning")
    rounds = 0

    def give_back(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal rounds
        if "LIMIT" in sql and "owner_id" in sql:
            rounds += 1
            if rounds == 3:
                Execution.objects.filter(id=oldest).update(status="queued")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(give_back):
        claims = claim(6)

    assert rounds >= 3, "the owner's queue was not read a second time"
    assert len({each.execution_id for each in claims}) == len(claims)
