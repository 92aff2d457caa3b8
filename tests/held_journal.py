"""The journal of an execution as the holder of its claim writes it, for tests that run no coroutine of their own."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from compliance.content import open_content_key
from workflows.agents.types import Entry, Need, Reservation, Settlement
from workflows.leases import Claim
from workflows.models import Execution
from workflows.stage_journal import JournalState, StageJournal

Result = TypeVar("Result")


class DatabaseHere:
    """Runs each function at once, on the thread that asks."""

    async def call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        return function(*arguments)


def take_up(claim: Claim, database: Any = None) -> StageJournal:
    """Return the journal of a claimed execution, as it stands in the database now."""
    execution = Execution.objects.select_related("stage").get(id=claim.execution_id)
    opened = open_content_key(claim.workflow_id)
    state = JournalState(opened, execution.event_count, execution.charged_nanocents, execution.stage.budget_cents)
    return StageJournal(database or DatabaseHere(), claim, state)


def record_event(claim: Claim, kind: str, facts: Mapping[str, Any], payload: object) -> None:
    finish(take_up(claim).record(kind, facts, payload))


def reserve_budget(claim: Claim, need: Need, entry: Entry, settlement: Settlement | None = None) -> Reservation | None:
    return finish(take_up(claim).reserve(need, entry, settlement))


def settle_reservation(claim: Claim, settlement: Settlement, entry: Entry) -> int:
    return finish(take_up(claim).settle(settlement, entry))


def write_document(claim: Claim, name: str, text: str) -> str:
    return finish(take_up(claim).write(name, text))


def read_document(claim: Claim, name: str) -> str | None:
    return finish(take_up(claim).read(name))


def finish(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end that waits for nothing, without an event loop: Django forbids its queries there."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: Result = end.value
        return result
    raise AssertionError("the coroutine waits for something")
