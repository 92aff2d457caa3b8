"""Decides, journals and carries out tool calls. Knows the gate and the journal, no agent framework.

Calls are taken one at a time in the order in which they arrive, so that counts hold and two writes to one
name end in that order, however many calls a model makes at once.
"""

import asyncio
import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ValidationError

from compliance import gate
from compliance.capabilities import overlaps
from compliance.tools import ToolDeclaration
from workflows.agents.call_content import find_blocked_arguments
from workflows.agents.history import CallPlace, PastCall, RunHistory, read_payload
from workflows.agents.settings import AgentSettings
from workflows.agents.tools.tool import Tool, ToolContext, ToolRefusal
from workflows.agents.types import AgentFailure, AgentWork, Documents, Journal, JsonScalar, OutcomeUnknown
from workflows.content_rules import explain_blocked

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_SOME_NAME = "any-name"


class Dispatcher:
    """The tools of one run. A prohibition of any policy of the lineage counts."""

    def __init__(
        self,
        work: AgentWork,
        tools: Sequence[Tool],
        journal: Journal,
        documents: Documents,
        settings: AgentSettings,
        history: RunHistory,
    ) -> None:
        self._work = work
        self._journal = journal
        self._settings = settings
        policies = (work.policy, *work.lineage_policies)
        self._forbidden = tuple(sorted({entry for each in policies for entry in each.capabilities.forbidden}))
        self._tools = {tool.declaration.name: tool for tool in tools if self._is_reachable(tool.declaration)}
        self._context = ToolContext(documents, settings.max_write_bytes, self._may_call)
        self._turn = asyncio.Lock()
        self._calls = 0
        self._history = history
        self._unknown: OutcomeUnknown | None = None
        self._step = 0
        self._places: Counter[str] = Counter()
        self._decided: Counter[str] = Counter()

    @property
    def offered(self) -> tuple[ToolDeclaration, ...]:
        """The tools that something in the grant could allow."""
        return tuple(tool.declaration for tool in self._tools.values())

    async def call(self, name: str, call_id: str, raw: str) -> dict[str, Any]:
        """Decide one call and carry it out if it is allowed. `raw` is the arguments as the model wrote them.

        Returns the result, or `{"refused": {"code", "detail", ...}}`. Raises nothing for what a model does
        wrong.
        """
        async with self._turn:
            if self._unknown is not None:
                # Calls of the same answer are made side by side: none is begun once one of them has to be settled.
                raise self._unknown
            self._calls += 1
            self._decided[call_id] += 1
            place = self._next_place(call_id)
            past = self._find_past(place)
            tool = self._tools.get(name)
            if past is not None:
                known = _recall(past)
                if known is not None:
                    return known
                if not past.again and (tool is None or not tool.declaration.idempotent):
                    self._unknown = OutcomeUnknown(
                        tool=str(past.decision.facts.get("tool")),
                        tool_call_id=place.tool_call_id,
                        step=place.step,
                        occurrence=place.occurrence,
                    )
                    raise self._unknown
            if tool is None:
                return await self._refuse(name, call_id, None, "unknown_tool", f"there is no tool {name!r}", raw)
            try:
                arguments, capability = self._admit(tool, raw)
            except ToolRefusal as refusal:
                return await self._refuse(name, call_id, None, refusal.code, refusal.detail, raw)
            decision = self._decide(capability)
            blocked = await find_blocked_arguments(self._work, arguments.model_dump(mode="json"))
            if isinstance(decision, gate.Refuse):
                # The capability repeats an argument, and facts of the journal are shown to whoever reads it.
                stated = None if blocked else capability
                return await self._refuse(name, call_id, stated, decision.code, decision.detail, raw)
            if blocked:
                detail = f"the arguments hold what no tool is handed: {explain_blocked(blocked)}"
                return await self._refuse(name, call_id, None, "content_blocked", detail, raw)
            return await self._carry_out(tool, _Call(call_id, place, past is not None), capability, arguments)

    def begin_step(self, step: int) -> None:
        """Go on to what the model's answer of that number asks for: ids are only told apart within one answer."""
        if step != self._step:
            self._places.clear()
        self._step = step
        self._decided.clear()

    async def note_skipped(self, name: str, call_id: str, code: str, detail: str, raw: str) -> None:
        """Journal a call that the model asked for and that never reached `call`; does nothing if it did."""
        async with self._turn:
            if self._decided[call_id]:
                self._decided[call_id] -= 1
            elif self._find_past(self._next_place(call_id)) is None:
                await self._refuse(name, call_id, None, code, detail, raw)

    def _next_place(self, call_id: str) -> CallPlace:
        plain = _plain_id(call_id)
        place = CallPlace(self._step, plain, self._places[plain])
        self._places[plain] += 1
        return place

    def _find_past(self, place: CallPlace) -> PastCall | None:
        """Return the call as an earlier run decided it; None where none did.

        Raises AgentFailure where one must have: the model has answered what came of it.
        """
        past = self._history.calls.get(place)
        if past is None and self._history.has_passed(place.step):
            raise AgentFailure(
                "malformed_answer",
                f"the run cannot go on from its journal, which has no call {place.tool_call_id} at answer {place.step}",
            )
        return past

    def _admit(self, tool: Tool, raw: str) -> tuple[BaseModel, str]:
        if self._calls > self._settings.max_tool_calls:
            raise ToolRefusal(
                "too_many_calls",
                f"this run has made its {self._settings.max_tool_calls} tool calls; answer without more",
            )
        if len(raw) > 4 * self._settings.max_write_bytes:
            raise ToolRefusal("arguments_too_large", f"the arguments are {len(raw)} characters long")
        try:
            arguments = tool.declaration.arguments.model_validate_json(raw)
        except ValidationError as error:
            raise ToolRefusal("malformed_arguments", _explain(error)) from None
        try:
            capability = tool.declaration.capability(arguments)
        except ValueError as error:
            raise ToolRefusal("malformed_arguments", str(error)) from None
        tool.check(arguments, self._context)
        return arguments, capability

    async def _carry_out(self, tool: Tool, call: "_Call", capability: str, arguments: BaseModel) -> dict[str, Any]:
        name, place = tool.declaration.name, call.place
        facts: dict[str, JsonScalar] = {
            "tool": name,
            "tool_call_id": place.tool_call_id,
            "capability": capability,
            "decision": "allow",
            "code": None,
        }
        if call.retried:
            facts |= {"retried": True, "occurrence": place.occurrence}
        await self._journal.record("tool_call", facts, {"arguments": arguments.model_dump(mode="json")})
        started = self._settings.clock()
        key = f"{self._work.execution_id}:{place.step}:{place.tool_call_id}:{place.occurrence}"
        context = replace(self._context, tool_call_id=call.tool_call_id, idempotency_key=key)
        result = await tool.run(arguments, context)
        duration = round((self._settings.clock() - started) * 1000)
        outcome = next(iter(result), "empty")
        await self._journal.record(
            "tool_result",
            {"tool": name, "tool_call_id": place.tool_call_id, "outcome": outcome, "duration_ms": duration},
            {"result": result},
        )
        return result

    async def _refuse(
        self, name: str, call_id: str, capability: str | None, code: str, detail: str, raw: str
    ) -> dict[str, Any]:
        tool_name = name if name in self._tools else None
        facts = {
            "tool": tool_name,
            "tool_call_id": _plain_id(call_id),
            "capability": capability,
            "decision": "refuse",
            "code": code,
        }
        payload = {"tool": name[:1000], "arguments": raw[: self._settings.max_write_bytes], "detail": detail}
        await self._journal.record("tool_call", facts, payload)
        refused = {"code": code, "detail": detail}
        return {"refused": refused if capability is None else {"capability": capability, **refused}}

    def _decide(self, capability: str) -> gate.Permit | gate.Refuse:
        return gate.decide_tool_call(capability, self._work.grant.effective, self._forbidden, self._work.role)

    def _may_call(self, capability: str) -> bool:
        return not isinstance(self._decide(capability), gate.Refuse)

    def _is_reachable(self, declaration: ToolDeclaration) -> bool:
        """Return whether the grant could allow some call of this tool to this role."""
        prefix = declaration.capability_prefix
        # A grant of the bare prefix covers only itself, and no call needs that.
        granted = (entry for entry in self._work.grant.effective if entry != prefix)
        if not any(overlaps(f"{prefix}:*", entry) for entry in granted):
            return False
        # Some name below the prefix, held against role and prohibitions as if everything were granted.
        some = f"{prefix}:{_SOME_NAME}"
        return not isinstance(gate.decide_tool_call(some, ("*",), self._forbidden, self._work.role), gate.Refuse)


@dataclass(frozen=True)
class _Call:
    """One call that is allowed. `retried`: an earlier run has begun it."""

    tool_call_id: str
    place: CallPlace
    retried: bool


def _recall(past: PastCall) -> dict[str, Any] | None:
    """Return what the model was, or is to be, told of a call; None where nobody knows what came of it."""
    if past.was_allowed:
        if past.result is None:
            return None
        recorded: dict[str, Any] = read_payload(past.result, "result")
        return recorded
    facts = past.decision.facts
    refused = {"code": facts.get("code"), "detail": read_payload(past.decision, "detail")}
    capability = facts.get("capability")
    return {"refused": refused if capability is None else {"capability": capability, **refused}}


def _plain_id(call_id: str) -> str:
    """Return a call's id as a fact: as it is where it looks like one, else by its digest, for it may be any text."""
    if _ID.fullmatch(call_id):
        return call_id
    return f"sha256:{hashlib.sha256(call_id.encode('utf-8', 'replace')).hexdigest()}"


def _explain(error: ValidationError) -> str:
    """Say what is wrong with the arguments, without repeating them: they may hold what is sensitive."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, item['loc'])) or 'arguments'}: {item['msg']}" for item in problems[:5])


def arguments_as_json(arguments: str | dict[str, Any] | None) -> str:
    """Return a call's arguments as the JSON text that `Dispatcher.call` takes."""
    if isinstance(arguments, str):
        return arguments or "{}"
    return json.dumps(arguments or {}, ensure_ascii=True)
