"""The content rules at the model calls of one run.

Imports pydantic_ai: only the language-model loop uses it. The embedded agent makes no calls.
"""

import asyncio
from collections.abc import Iterator, Sequence

from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelRequest

from workflows.agents.call_content import (
    Passage,
    collect_passages,
    collect_request,
    cut_tail,
    find_blocked_passages,
)
from workflows.agents.prompts import Prompt
from workflows.agents.types import AgentWork, Journal
from workflows.content_rules import (
    BlockedFinding,
    describe_blocked,
    explain_blocked,
    list_types,
    name_policy,
    select_policies,
)


class ModelCallRules:
    """Inspects what each request of a run adds to what its model has been told.

    Not inspected are our own instructions, which are ours and the policies' words, and what the model itself has
    answered: its provider has both. Nothing is inspected where no policy of the lineage keeps anything out.
    """

    def __init__(self, work: AgentWork, prompt: Prompt, journal: Journal, model_name: str) -> None:
        self._policies = select_policies((work.policy, *work.lineage_policies), "model_call")
        self._prompt = prompt
        self._journal = journal
        self._facts = {"provider": work.provider, "model": model_name}
        self._before = ""
        self._key = work.finding_key

    async def find_problem(self, number: int, added: Sequence[ModelMessage]) -> str | None:
        """Return why a request must not be sent, and journal it; None where it may be. `added` is what is new in it."""
        if not self._policies:
            return None
        passages, before = list(self._collect(added)), self._before
        self._before = cut_tail(passages) or before
        blocked = await asyncio.to_thread(
            find_blocked_passages, passages, self._policies, "model_call", before, self._key
        )
        if not blocked:
            return None
        await self._journal.record(
            "content_blocked",
            {**self._facts, "call": "model", "request": number, **summarise_blocked(blocked)},
            describe_blocked(blocked),
        )
        return f"what would go into the model call holds what its policies block: {explain_blocked(blocked)}"

    def note(self, added: Sequence[ModelMessage]) -> None:
        """Take note of what a request added that was sent, and inspected, by an earlier run."""
        if self._policies:
            self._before = cut_tail(list(self._collect(added))) or self._before

    def _collect(self, added: Sequence[ModelMessage]) -> Iterator[Passage]:
        for message in added:
            if isinstance(message, ModelRequest) and message.instructions != self._prompt.instructions:
                yield from collect_passages(message.instructions, "the instructions")
        yield from collect_request(ModelMessagesTypeAdapter.dump_python(list(added), mode="json"))


def summarise_blocked(blocked: Sequence[BlockedFinding]) -> dict[str, str | int]:
    """Return what is blocked as facts of the journal, which hold no text."""
    policies = sorted({name_policy(entry.policy) for entry in blocked})
    return {"policies": ", ".join(policies), "types": ", ".join(list_types(blocked)), "findings": len(blocked)}
