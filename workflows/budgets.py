"""The ledger of an execution's budget: what is reserved for requests under way, and what was charged for the others.

`Execution.charged_nanocents` holds both. It changes in the transaction that records why in the journal, so that the two
agree whatever is killed between two lines, and only by an UPDATE that holds the claim and the budget against the row as
it is then: requests that run at once cannot pass together what one could not. Nothing here waits for a network.
"""

from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.expressions import Combinable

from workflows.agents.amounts import NANOCENTS_PER_CENT, format_cents
from workflows.agents.types import Entry, Need, Reservation, Settlement
from workflows.journal import record_event
from workflows.leases import Claim, LeaseLost
from workflows.models import Execution, ExecutionStatus


def reserve_budget(claim: Claim, need: Need, entry: Entry, settlement: Settlement | None = None) -> Reservation | None:
    """Reserve the worst case of a request, with as long an answer as fits, and record the entry. Raises LeaseLost.

    A settlement is of the attempt before: it lands with the reservation, or neither does. Returns None where not even
    the shortest answer fits; then nothing has changed.
    """
    settled = _growth(settlement)
    while True:
        budget, charged = _read_ledger(claim)
        tokens = need.fit(budget - charged - settled)
        if tokens is None:
            return None
        reservation = Reservation(need.worst(tokens), tokens)
        growth = settled + reservation.nanocents
        with transaction.atomic():
            if _held(claim).filter(charged_nanocents__lte=budget - growth).update(charged_nanocents=_add(growth)):
                facts = {"max_tokens": tokens, "reserved_cents": format_cents(reservation.nanocents)}
                _record(claim, entry, _release(settlement) | facts)
                return reservation
        # Another request of this execution was faster: what is left is another sum now, or the claim is gone.


def settle_reservation(claim: Claim, settlement: Settlement, entry: Entry) -> int:
    """Put what was charged in the place of what was reserved, and record the entry. Raises LeaseLost.

    Returns what is left of the budget in nano-cents, below zero where more was charged than it holds: what a provider
    bills is written down, whatever it was allowed.
    """
    with transaction.atomic():
        if not _held(claim).update(charged_nanocents=_add(_growth(settlement))):
            raise LeaseLost
        _record(claim, entry, _release(settlement))
        budget, charged = _read_ledger(claim)
    return budget - charged


def whole_cents() -> Combinable:
    """Return what is charged to an execution in cents, rounded up, as an expression over its row.

    What is still reserved counts: it may have been spent.
    """
    return (F("charged_nanocents") + (NANOCENTS_PER_CENT - 1)) / NANOCENTS_PER_CENT


def _held(claim: Claim) -> QuerySet[Execution]:
    return Execution.objects.filter(id=claim.execution_id, fence=claim.fence, status=ExecutionStatus.EXECUTING)


def _read_ledger(claim: Claim) -> tuple[int, int]:
    """Return the budget and what is charged to it, in nano-cents."""
    row = _held(claim).values_list("stage__budget_cents", "charged_nanocents").first()
    if row is None:
        raise LeaseLost
    return row[0] * NANOCENTS_PER_CENT, row[1]


def _add(nanocents: int) -> Combinable:
    return F("charged_nanocents") + nanocents


def _growth(settlement: Settlement | None) -> int:
    return 0 if settlement is None else settlement.charged - settlement.reserved


def _release(settlement: Settlement | None) -> dict[str, Any]:
    return {} if settlement is None else {"released_cents": format_cents(settlement.reserved)}


def _record(claim: Claim, entry: Entry, facts: dict[str, Any]) -> None:
    record_event(claim, entry.kind, {**entry.facts, **facts}, entry.payload)
