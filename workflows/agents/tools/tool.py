"""A declared tool together with the function that carries a call out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from compliance.tools import ToolDeclaration
from workflows.agents.types import Documents


class ToolRefusal(Exception):
    """A call that must not be carried out as it is. `detail` goes back to the model."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class ToolContext:
    """What a call may use. `may_call` decides a capability by the gate, without any trace.

    `idempotency_key` names the call for whatever it acts on: it is the same when the call is made again after its
    worker died, and no other call's, also where a provider gives one `tool_call_id` twice.
    """

    documents: Documents
    max_write_bytes: int
    may_call: Callable[[str], bool]
    tool_call_id: str = ""
    idempotency_key: str = ""


@dataclass(frozen=True)
class Tool:
    """`check` raises ToolRefusal before the gate is asked; `run` returns a JSON-able result."""

    declaration: ToolDeclaration
    run: Callable[[Any, ToolContext], Awaitable[dict[str, Any]]]
    check: Callable[[Any, ToolContext], None] = lambda arguments, context: None
