"""The named points at which worker processes are killed: a table of functions of the product.

The product knows nothing of them: `worker_entry` puts a wrapper around each function. Where a function was renamed,
this table is what has to follow; a run whose points name nothing stops and says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Applies = Callable[[tuple[Any, ...], Any], bool]
"""(the call's arguments, what it returned, None before the call) -> whether this call is at the point."""


def _always(arguments: tuple[Any, ...], result: Any) -> bool:
    return True


def _has_result(arguments: tuple[Any, ...], result: Any) -> bool:
    return bool(result)


def _settles_answer(arguments: tuple[Any, ...], result: Any) -> bool:
    return bool(arguments[2].kind == "model_response")


def _records_call(arguments: tuple[Any, ...], result: Any) -> bool:
    return bool(arguments[1] == "tool_call" and arguments[2]["decision"] == "allow")


def _records_result(arguments: tuple[Any, ...], result: Any) -> bool:
    return bool(arguments[1] == "tool_result")


@dataclass(frozen=True)
class Point:
    """A place before or after a call of `target`, which is `module:function` or `module:Class.method`.

    `per_hundred` is how many visits a hundred workflows make at the least, by which kills are spread over a run.
    """

    name: str
    target: str
    when: Literal["before", "after"]
    per_hundred: int
    applies: Applies = _always


_JOURNAL = "workflows.agents.run_journal:RunJournal"
_ENGINE = "workflows.engine"
_LOOP = "workflows.stage_loop"

POINTS = (
    Point("after_claim", f"{_LOOP}:claim_ready_executions", "after", 60, _has_result),
    Point("after_admission", f"{_ENGINE}:admit_execution", "after", 300, _has_result),
    Point("request_journalled", f"{_JOURNAL}.reserve", "after", 400, _has_result),
    Point("answered_not_journalled", f"{_JOURNAL}.settle", "before", 400, _settles_answer),
    Point("answer_journalled", f"{_JOURNAL}.settle", "after", 400, _settles_answer),
    Point("tool_call_journalled", f"{_JOURNAL}.record", "after", 200, _records_call),
    Point("tool_effect_made", f"{_JOURNAL}.record", "before", 200, _records_result),
    Point("tool_result_journalled", f"{_JOURNAL}.record", "after", 200, _records_result),
    Point("before_finish", f"{_ENGINE}:finish_execution", "before", 300),
    Point("finish_before_commit", f"{_ENGINE}:end_execution", "after", 300),
    Point("finish_after_commit", f"{_ENGINE}:finish_execution", "after", 300),
    # Both also in the supervisor, which sweeps.
    Point("requeue_before_commit", "workflows.leases:_requeue", "after", 4, _has_result),
    Point("after_sweep", "workflows.supervisor:sweep", "after", 1, _has_result),
    Point("in_drain", f"{_LOOP}:StageLoop._finish_stages", "before", 1),
)
