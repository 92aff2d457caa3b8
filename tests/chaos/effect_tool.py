"""A tool for tests alone, which may not be called twice: its effect is a line in a log at its far side."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from compliance.tools import ToolDeclaration, catalogue
from tests.chaos.plan import EFFECT_TOOL
from tests.chaos.tickets import Tickets
from workflows.agents import tools
from workflows.agents.tools.tool import Tool, ToolContext


class EffectArguments(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reference: str


def offer_effect_tool(tickets: Tickets) -> None:
    """Add the tool to those that agents are offered in this process."""
    declaration = ToolDeclaration(
        name=EFFECT_TOOL,
        description="Do the thing that the reference names. It must not be done twice.",
        arguments=EffectArguments,
        capability_prefix="effect:apply",
        capability=lambda arguments: f"effect:apply:{arguments.reference}",
        idempotent=False,
    )

    async def run(arguments: EffectArguments, context: ToolContext) -> dict[str, Any]:
        tickets.note_effect(arguments.reference, "")
        return {"done": {"reference": arguments.reference}}

    tools.TOOLS = (*tools.TOOLS, Tool(catalogue.register(declaration), run=run))
