"""`document_read` and `document_write`: the workflow's documents, by name, in the content store."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from compliance.capabilities import CapabilityError, parse_capability
from compliance.tools import ToolDeclaration, catalogue
from workflows.agents.tools.tool import Tool, ToolContext, ToolRefusal

_READ = "document:read"
_WRITE = "document:write"


class ReadArguments(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="The document's name: one segment of a capability, such as reports.")


class WriteArguments(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="The document's name: one segment of a capability, such as reports.")
    text: str = Field(description="The whole text; it replaces what the document held.")


def _capability(prefix: str, name: str) -> str:
    """Return the capability for one document. Raises ValueError where the name is no single segment."""
    capability = f"{prefix}:{name}"
    try:
        segments = parse_capability(capability)
    except CapabilityError as error:
        raise ValueError(f"this is no document name: {error}") from error
    if len(segments) != 3 or "*" in name:
        raise ValueError("this is no document name: give one segment, without ':' and '*'")
    return capability


async def _read(arguments: ReadArguments, context: ToolContext) -> dict[str, Any]:
    text = await context.documents.read(arguments.name)
    if text is None:
        readable = [name for name in await context.documents.names() if context.may_call(_capability(_READ, name))]
        return {"error": {"code": "document_not_found", "name": arguments.name, "readable": readable}}
    return {"document": {"name": arguments.name, "text": text}}


async def _write(arguments: WriteArguments, context: ToolContext) -> dict[str, Any]:
    digest = await context.documents.write(arguments.name, arguments.text)
    size = len(arguments.text.encode())
    return {"written": {"name": arguments.name, "sha256": digest, "bytes": size}}


def _check_write(arguments: WriteArguments, context: ToolContext) -> None:
    size = len(arguments.text.encode())
    if size > context.max_write_bytes:
        raise ToolRefusal(
            "text_too_large", f"the text is {size} bytes; a document holds at most {context.max_write_bytes}"
        )


DOCUMENT_READ = Tool(
    catalogue.register(
        ToolDeclaration(
            name="document_read",
            description="Read one of this workflow's documents by its name.",
            arguments=ReadArguments,
            capability_prefix=_READ,
            capability=lambda arguments: _capability(_READ, arguments.name),
            idempotent=True,
        )
    ),
    run=_read,
)

DOCUMENT_WRITE = Tool(
    catalogue.register(
        ToolDeclaration(
            name="document_write",
            description="Write one of this workflow's documents by its name, replacing what it held.",
            arguments=WriteArguments,
            capability_prefix=_WRITE,
            capability=lambda arguments: _capability(_WRITE, arguments.name),
            idempotent=True,
        )
    ),
    run=_write,
    check=_check_write,
)
