"""Stand-ins for model providers: HTTP servers on the loopback that speak the providers' real wire formats.

with AnthropicStub([HttpError(529), Text("Hello.")]) as server:
    monkeypatch.setenv(server.environment_variable, server.base_url)
    ...
    assert server.requests[0].api_key == "sk-the-stage-key"
"""

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
