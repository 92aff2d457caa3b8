"""Stand-ins for model providers: HTTP servers on the loopback that speak the providers' real wire formats."""

from tests.stub_models.anthropic import AnthropicStub
from tests.stub_models.openai import OpenAIStub
from tests.stub_models.script import (
    Answer,
    BrokenOff,
    Hang,
    HttpError,
    Raw,
    StreamError,
    Text,
    ToolCall,
)
from tests.stub_models.server import Received, StubServer

__all__ = [
    "Answer",
    "AnthropicStub",
    "BrokenOff",
    "Hang",
    "HttpError",
    "OpenAIStub",
    "Raw",
    "Received",
    "StreamError",
    "StubServer",
    "Text",
    "ToolCall",
]
