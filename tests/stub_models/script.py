"""What a stub server is told to answer. One step of the script is one answer; both providers understand all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ToolCall:
    """A call of a tool. `arguments` given as text go over the wire as they are, well-formed or not."""

    name: str
    arguments: Mapping[str, Any] | str
    id: str | None = None


@dataclass(frozen=True)
class Answer:
    """A complete answer. `finish` is `stop`, `length` or `refusal`; tool calls turn `stop` into the tool-use one.

    `refusal` is the provider's explanation of a refusal. OpenAI has two kinds: with a text in the field of that
    name, and without one, by its content filter.
    """

    text: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str = "stop"
    refusal: str | None = None
    input_tokens: int = 100
    output_tokens: int = 20
    reports_usage: bool = True


def Text(text: str, **kwargs: Any) -> Answer:  # noqa: N802 - reads as a step of a script
    """A complete answer in plain text."""
    return Answer(text=text, **kwargs)


@dataclass(frozen=True)
class HttpError:
    """An error in the provider's own form. `message` None leaves the body empty."""

    status: int
    message: str | None = "the stub was told to fail"
    type: str | None = None
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StreamError:
    """An answer that begins well and then reports an error (Anthropic: an `error` event; OpenAI: HTTP 500)."""

    type: str = "overloaded_error"
    message: str = "Overloaded"


@dataclass(frozen=True)
class BrokenOff:
    """An answer whose connection closes in the middle. `cleanly`: the transfer ends well, the answer does not."""

    text: str = "the beginning of an answer"
    cleanly: bool = False


@dataclass(frozen=True)
class Hang:
    """No answer. With `started`, the answer begins first. The connection stays open until the client closes it."""

    started: bool = False


@dataclass(frozen=True)
class Raw:
    """Any bytes as the body of the answer."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"


Step = Answer | HttpError | StreamError | BrokenOff | Hang | Raw
