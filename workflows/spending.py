"""What an execution has spent over all its attempts, as its journal has it."""

import uuid
from dataclasses import replace
from decimal import Decimal

from workflows.agents.types import Spent, Usage
from workflows.endings import Ending
from workflows.models import ExecutionEvent

# The kinds of events that may carry a charge: an answer, and what broke off after it had begun.
_CHARGED_KINDS = ("model_response", "model_retry", "model_error")


def read_spending(execution_id: uuid.UUID) -> Spent:
    """Sum the charges in the journal. What was answered but not journalled before its worker died is not known."""
    events = ExecutionEvent.objects.filter(execution_id=execution_id, kind__in=_CHARGED_KINDS)
    charges = [event.facts for event in events.only("entry") if "cents" in event.facts]
    return Spent(
        Usage(
            requests=len(charges),
            input_tokens=sum(int(facts["input_tokens"]) for facts in charges),
            output_tokens=sum(int(facts["output_tokens"]) for facts in charges),
        ),
        cents=sum((Decimal(facts["cents"]) for facts in charges), Decimal(0)),
    )


def report_spending(ending: Ending, execution_id: uuid.UUID) -> Ending:
    """Return the ending with at least the usage and cost that the journal tells of.

    A run that failed before its model was asked, was cancelled, or died, knows nothing of what was spent before.
    """
    spent = read_spending(execution_id)
    return replace(
        ending,
        request_count=max(ending.request_count, spent.usage.requests),
        input_tokens=max(ending.input_tokens, spent.usage.input_tokens),
        output_tokens=max(ending.output_tokens, spent.usage.output_tokens),
        cost_cents=max(ending.cost_cents, spent.cost_cents),
    )
