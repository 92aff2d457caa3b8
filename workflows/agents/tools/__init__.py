"""The tools that agents can be offered: their declarations, and what runs when a call is allowed."""

from workflows.agents.tools.documents import DOCUMENT_READ, DOCUMENT_WRITE
from workflows.agents.tools.tool import Tool, ToolContext

TOOLS: tuple[Tool, ...] = (DOCUMENT_READ, DOCUMENT_WRITE)

__all__ = ["TOOLS", "Tool", "ToolContext"]
