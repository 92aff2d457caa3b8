"""What an execution has used over all its attempts, as its journal has it. What it cost is in its ledger."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from workflows.agents.types import Usage
from workflows.endings import Ending
from workflows.models import ExecutionEvent

# The kinds of events that may carry a charge: an answer, and what broke off after it had begun.
CHARGED_KINDS = ("model_response", "model_retry", "model_error")


def read_usage(execution_id: uuid.UUID) -> Usage:
    """Sum the usage in the journal. What was answered but not journalled before its worker died is not known."""
    events = ExecutionEvent.objects.filter(execution_id=execution_id, kind__in=CHARGED_KINDS)
    return sum_usage(event.facts for event in events.only("entry"))


def sum_usage(facts_of_events: Iterable[Mapping[str, Any]]) -> Usage:
    """Return the usage that events of the charged kinds tell of, by their facts."""
    charges = [facts for facts in facts_of_events if "cents" in facts]
    return Usage(
        requests=len(charges),
        input_tokens=sum(int(facts["input_tokens"]) for facts in charges),
        output_tokens=sum(int(facts["output_tokens"]) for facts in charges),
    )


def report_usage(ending: Ending, execution_id: uuid.UUID) -> Ending:
    """Return the ending with at least the usage that the journal tells of.

    A run that failed before its model was asked, was cancelled, or died, knows nothing of what was used before.
    """
    used = read_usage(execution_id)
    return replace(
        ending,
        request_count=max(ending.request_count, used.requests),
        input_tokens=max(ending.input_tokens, used.input_tokens),
        output_tokens=max(ending.output_tokens, used.output_tokens),
    )
