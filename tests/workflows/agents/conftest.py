import pytest

from tests.stub_models import AnthropicStub, OpenAIStub, StubServer
from tests.stub_models.server import Script


class Provider:
    """A provider whose SDK talks to a stub for the length of a test."""

    def __init__(self, name: str, stub: type[StubServer], monkeypatch: pytest.MonkeyPatch) -> None:
        self.name = name
        self._stub = stub
        self._monkeypatch = monkeypatch

    def serving(self, script: Script) -> StubServer:
        """Return a stub with the script, to be entered, and point the SDK at it."""
        server = self._stub(script)
        self._monkeypatch.setenv(server.environment_variable, server.base_url)
        return server


@pytest.fixture(params=[("anthropic", AnthropicStub), ("openai", OpenAIStub)], ids=lambda param: param[0])
def provider(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """Each language-model provider in turn."""
    name, stub = request.param
    return Provider(name, stub, monkeypatch)


@pytest.fixture
def anthropic(monkeypatch: pytest.MonkeyPatch) -> Provider:
    return Provider("anthropic", AnthropicStub, monkeypatch)


@pytest.fixture
def openai(monkeypatch: pytest.MonkeyPatch) -> Provider:
    return Provider("openai", OpenAIStub, monkeypatch)
