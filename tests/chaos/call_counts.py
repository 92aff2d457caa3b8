"""What may not happen, counted: model calls, tool calls and the ledger. The far sides' logs against the journals."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tests.chaos.evidence import Event, Run
from tests.chaos.model import INPUT_TOKENS, OUTPUT_TOKENS, Request
from tests.chaos.plan import EFFECT_TOOL
from workflows.models import Execution, ExecutionStatus

Count = Callable[[Run], Iterator[str]]

RESERVATIONS = frozenset({"model_request", "model_retry"})
_NANOCENTS = 10**9
# How long a process that was stopped may take, once it goes on, to see that its claims are gone.
_GRACE_SECONDS = 1.5


def find_paid_again(run: Run) -> Iterator[str]:
    """Requests that reached a model after the answer to them was in the journal."""
    for execution, request, answered in _list_repeats(run):
        if not _was_stopped(run, request):
            yield (
                f"{run.key(execution)} request {request.number}: answered in the journal at {answered.at:%X} by "
                f"{answered.writer}, sent again {request.arrived - answered.at.timestamp():.2f} s later by process "
                f"{request.process}"
            )


def count_paid_by_stopped(run: Run) -> int:
    """Return how many of them were sent by a process that had been stopped, before it could see what it had missed."""
    return sum(_was_stopped(run, request) for _, request, _ in _list_repeats(run))


def find_unreserved(run: Run) -> Iterator[str]:
    """Requests that reached a model without a reservation of their own in the journal."""
    for execution in run.all_executions():
        reserved = Counter(
            int(event.facts["request"])
            for event in run.journals.get(execution.id, ())
            if event.kind in RESERVATIONS and "reserved_cents" in event.facts
        )
        sent = Counter(request.number for request in run.requests.get(run.key(execution), ()))
        for number, count in sent.items():
            if count > reserved[number]:
                yield f"{run.key(execution)} request {number}: {count} sent, {reserved[number]} reserved"


def find_too_many_in_flight(run: Run) -> Iterator[str]:
    """Stages with more requests left open by attempts than attempts that ended under them."""
    for execution in run.all_executions():
        left_open = _follow_reservations(run.journals.get(execution.id, ())).left_open
        ended = len(run.claims_of(execution)) - 1
        if left_open > max(0, ended):
            yield f"{run.key(execution)}: {left_open} requests left open, {ended} attempts ended under it"


def count_in_flight(run: Run) -> int:
    """Return how many requests were left open by an attempt that ended under them, and begun anew by the next."""
    return sum(_follow_reservations(journal).left_open for journal in run.journals.values())


def find_effects_made_twice(run: Run) -> Iterator[str]:
    """References that the far side has more than once."""
    for reference, count in Counter(effect["reference"] for effect in run.effects).items():
        if count > 1:
            made = [effect for effect in run.effects if effect["reference"] == reference]
            by = ", ".join(f"process {effect['process']} at {effect['at']:.2f}" for effect in made)
            yield f"{reference}: {count} times, by {by}"


def find_results_without_effect(run: Run) -> Iterator[str]:
    """Calls that have a result in the journal, and that the far side knows nothing of."""
    made = {effect["reference"] for effect in run.effects}
    for execution in run.all_executions():
        for event in run.journals.get(execution.id, ()):
            if event.kind != "tool_result" or event.facts["tool"] != EFFECT_TOOL:
                continue
            if event.facts["outcome"] == "done" and event.facts["tool_call_id"] not in made:
                yield f"{run.key(execution)}: {event.facts['tool_call_id']}"


def find_missing_effects(run: Run) -> Iterator[str]:
    """Calls of a completed stage's plan that the far side knows nothing of."""
    made = {effect["reference"] for effect in run.effects}
    planned = {stage.key: stage for workflow in run.planned.values() for stage in workflow.stages}
    for execution in run.all_executions():
        if execution.status != ExecutionStatus.COMPLETED:
            continue
        for turn in planned[run.key(execution)].turns:
            for call in turn:
                if call.tool == EFFECT_TOOL and call.reference not in made:
                    yield call.reference


def find_calls_made_again(run: Run) -> Iterator[str]:
    """Tool calls that stand in the journal once more after their result does."""
    for execution in run.all_executions():
        finished: set[str] = set()
        for event in run.journals.get(execution.id, ()):
            identifier = str(event.facts.get("tool_call_id"))
            if event.kind == "tool_result":
                finished.add(identifier)
            elif event.kind == "tool_call" and identifier in finished:
                yield f"{run.key(execution)}: {identifier} at event {event.sequence}"


def find_ledger_errors(run: Run) -> Iterator[str]:
    """Executions whose ledger is not the sum of their journal, or holds less than their models billed."""
    for execution in run.all_executions():
        journal = run.journals.get(execution.id, ())
        summed = sum(_growth(event) for event in journal)
        if summed != execution.charged_nanocents:
            yield f"{run.key(execution)}: {execution.charged_nanocents} in the ledger, {summed} by the journal"
        billed = _find_price(journal) * sum(
            request.step == "answer" for request in run.requests.get(run.key(execution), ())
        )
        if billed > execution.charged_nanocents:
            yield f"{run.key(execution)}: {execution.charged_nanocents} in the ledger, {billed} billed"


def find_released_reservations(run: Run) -> Iterator[str]:
    """Reservations that were given back although their request was in flight when its attempt ended."""
    for execution in run.all_executions():
        for sequence in _follow_reservations(run.journals.get(execution.id, ())).wrongly_released:
            yield f"{run.key(execution)}: event {sequence} gives back what no running request holds"


CALL_COUNTS: Sequence[tuple[str, Count]] = (
    ("journalled model calls paid again", find_paid_again),
    ("model calls without a reservation", find_unreserved),
    ("more in flight than one per stage and kill", find_too_many_in_flight),
    ("tool effects made twice", find_effects_made_twice),
    ("tool results without their effect", find_results_without_effect),
    ("tool effects of completed stages missing", find_missing_effects),
    ("finished tool calls made again", find_calls_made_again),
    ("ledgers that disagree with the journal", find_ledger_errors),
    ("reservations of calls in flight given back", find_released_reservations),
)


def _list_repeats(run: Run) -> Iterator[tuple[Execution, Request, Event]]:
    for execution in run.all_executions():
        answered: dict[int, Event] = {}
        for event in run.journals.get(execution.id, ()):
            if event.kind == "model_response":
                answered.setdefault(int(event.facts["request"]), event)
        for request in run.requests.get(run.key(execution), ()):
            event_of_answer = answered.get(request.number)
            if event_of_answer is not None and request.arrived > event_of_answer.at.timestamp():
                yield execution, request, event_of_answer


def _was_stopped(run: Run, request: Request) -> bool:
    return any(
        process == request.process and started <= request.arrived <= ended + _GRACE_SECONDS
        for process, started, ended in run.stops
    )


@dataclass(frozen=True)
class _Reservations:
    """`left_open` counts the ones whose request was never settled before it was begun anew; `wrongly_released` are
    the events that give one back where none is running."""

    left_open: int
    wrongly_released: tuple[int, ...]


def _follow_reservations(journal: Sequence[Event]) -> _Reservations:
    """Read a journal as the ledger does: what reserves opens, what releases closes, one at a time for each request."""
    open_now: set[int] = set()
    left_open, wrong = 0, []
    for event in journal:
        if "request" not in event.facts:
            continue
        number = int(event.facts["request"])
        if "released_cents" in event.facts:
            if number not in open_now:
                wrong.append(event.sequence)
            open_now.discard(number)
        if "reserved_cents" in event.facts:
            left_open += number in open_now
            open_now.add(number)
    return _Reservations(left_open, tuple(wrong))


def _growth(event: Event) -> int:
    def read(name: str) -> int:
        return int(Decimal(str(event.facts.get(name, "0"))) * _NANOCENTS)

    return read("reserved_cents") - read("released_cents") + read("cents")


def _find_price(journal: Sequence[Event]) -> int:
    """Return what one complete answer costs, by one that the journal has; they all use the same."""
    for event in journal:
        facts = event.facts
        if event.kind == "model_response" and (facts["input_tokens"], facts["output_tokens"]) == (
            INPUT_TOKENS,
            OUTPUT_TOKENS,
        ):
            return int(Decimal(str(facts["cents"])) * _NANOCENTS)
    return 0
