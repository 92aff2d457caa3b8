"""The run's tools as pydantic_ai takes them. Every call goes to the dispatcher, well-formed or not."""

import json
from functools import cache
from typing import Any, Literal

from pydantic_ai import RunContext
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool

from compliance.tools import ToolDeclaration
from workflows.agents.tools.dispatch import Dispatcher


class RawArguments:
    """Takes any arguments as they were written, so that malformed ones are decided and journalled as well."""

    def validate_json(
        self,
        input: str | bytes | bytearray,
        *,
        allow_partial: bool | Literal["off", "on", "trailing-strings"] = False,
        **kwargs: Any,
    ) -> dict[str, str]:
        return {"raw": input if isinstance(input, str) else bytes(input).decode("utf-8", "replace")}

    def validate_python(
        self,
        input: Any,
        *,
        allow_partial: bool | Literal["off", "on", "trailing-strings"] = False,
        **kwargs: Any,
    ) -> dict[str, str]:
        return {"raw": json.dumps(input)}


@cache
def _define_tool(declaration: ToolDeclaration) -> ToolDefinition:
    """Return a tool as a model is told of it: made once, for its schema takes a while to build."""
    return ToolDefinition(
        name=declaration.name,
        description=declaration.description,
        parameters_json_schema=declaration.arguments_schema(),
    )


class GovernedToolset(AbstractToolset[object]):
    """What the dispatcher offers. `max_retries` is never reached: refusals are results."""

    def __init__(self, dispatcher: Dispatcher, max_retries: int) -> None:
        self._dispatcher = dispatcher
        self._max_retries = max_retries

    @property
    def id(self) -> str:
        return "governed"

    async def get_tools(self, ctx: RunContext[object]) -> dict[str, ToolsetTool[object]]:
        return {
            declaration.name: ToolsetTool(
                toolset=self,
                tool_def=_define_tool(declaration),
                max_retries=self._max_retries,
                args_validator=RawArguments(),
            )
            for declaration in self._dispatcher.offered
        }

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[object], tool: ToolsetTool[object]
    ) -> dict[str, Any]:
        return await self._dispatcher.call(name, ctx.tool_call_id or "", tool_args["raw"])
