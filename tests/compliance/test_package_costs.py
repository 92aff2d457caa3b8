"""The verifier adds up what a journal says was reserved, given back and charged."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from compliance.chain import Attestation
from compliance.package.journal_checks import find_cost_problems
from tests.journal_events import WRITTEN_AT, describe_event, digest_of


def find(cost_cents: int, *facts: dict[str, Any]) -> list[str]:
    events = [
        describe_event(
            {
                "sequence": sequence,
                "kind": "model_request",
                "at": WRITTEN_AT.isoformat(),
                "facts": fact,
                "payload_sha256": digest_of(""),
            },
            None,
        )
        for sequence, fact in enumerate(facts)
    ]
    end = cast(Attestation, SimpleNamespace(predicate={"cost_cents": cost_cents}))
    return [problem.detail for problem in find_cost_problems("trail", events, end)]


def test_what_was_settled_costs_what_was_charged_rounded_up_once() -> None:
    settled = [{"reserved_cents": "60"}, {"released_cents": "60", "cents": "0.000000001"}]
    assert find(1, *settled) == []
    assert find(1, *settled, {"cents": "0.999999999"}) == []
    assert find(2, *settled, {"cents": "1"}) == []
    assert find(0, {"attempt": 1}) == []


def test_what_was_reserved_and_never_given_back_counts() -> None:
    assert find(61, {"reserved_cents": "60.5"}) == []
    assert find(0, {"reserved_cents": "60.5"}) == ["it adds up to 61 cents; the certificate says otherwise"]


def test_what_was_given_back_before_a_wait_elsewhere_costs_nothing() -> None:
    """A provider asked for a long wait: its attempt is settled, and the next one reserves in another run."""
    waited = [{"reserved_cents": "60"}, {"attempt": 1, "released_cents": "60"}]
    assert find(0, *waited) == []
    assert find(1, *waited, {"reserved_cents": "60"}, {"released_cents": "60", "cents": "0.5"}) == []


@pytest.mark.parametrize("amount", ["-1", "1e999999999", "NaN", "", "٣", "1" * 21, 3, True, None])
def test_what_is_no_amount_is_named(amount: Any) -> None:
    assert find(0, {"cents": amount}) == ["its cents is no amount"]
