"""The benchmark's stub model answers as the tests' stubs do, and says what it saw."""

import http.client
import json
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.model_stub import ModelStub
from benchmarks.requests import answer_at_once
from tests.real_processes import wait_until
from tests.stub_models import AnthropicStub, OpenAIStub

ROLES = ("You are a reviewer. Judge.", "You are a release agent. Decide.", "You are a worker agent.")


@pytest.fixture
def stub() -> Iterator[ModelStub]:
    with ModelStub() as running:
        yield running


def ask(base_url: str, path: str, body: dict[str, Any]) -> bytes:
    parts = urllib.parse.urlsplit(base_url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    connection.request("POST", parts.path + path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200
    raw = answer.read()
    connection.close()
    return raw


def test_openai_is_spoken_as_by_the_tests_stub(stub: ModelStub) -> None:
    with OpenAIStub(answer_at_once) as reference:
        for role in ROLES:
            body = {"model": "stub", "messages": [{"role": "system", "content": role}]}
            given = ask(stub.base_url("openai"), "/chat/completions", body)
            assert given == ask(reference.base_url, "/chat/completions", body)


@pytest.mark.parametrize("streamed", [True, False])
def test_anthropic_is_spoken_as_by_the_tests_stub(stub: ModelStub, streamed: bool) -> None:
    with AnthropicStub(answer_at_once) as reference:
        for role in ROLES:
            body = {"model": "stub", "system": role, "stream": streamed}
            given = ask(stub.base_url("anthropic"), "/v1/messages", body)
            assert given == ask(reference.base_url, "/v1/messages", body)


def test_it_answers_one_request_after_the_other_on_a_connection_and_counts_them(stub: ModelStub) -> None:
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(stub.base_url("openai")).netloc, timeout=30)
    for number in range(3):
        body = json.dumps({"model": "stub", "system": ROLES[number]}).encode()
        connection.putrequest("POST", "/v1/chat/completions")
        connection.putheader("Content-Length", str(len(body)))
        # In two pieces, as a large request arrives.
        connection.endheaders()
        connection.send(body[:10])
        connection.send(body[10:])
        assert json.load(connection.getresponse())["object"] == "chat.completion"
    connection.close()
    traffic = stub.read_traffic()
    assert (traffic.requests, traffic.open, traffic.most_open, len(traffic.arrivals)) == (3, 0, 1, 3)


def test_what_waits_for_a_slow_model_is_counted_as_open_until_its_client_leaves() -> None:
    with ModelStub(delay=600) as slow:
        place = urllib.parse.urlsplit(slow.base_url("anthropic")).netloc
        waiting = [http.client.HTTPConnection(place, timeout=30) for _ in range(20)]
        for connection in waiting:
            connection.request("POST", "/v1/messages", json.dumps({"model": "stub"}))
        wait_until(lambda: slow.read_traffic().open == 20, "all requests")
        for connection in waiting[:15]:
            connection.close()
        wait_until(lambda: slow.read_traffic().open == 5, "the end of those whose client left")
        assert slow.read_traffic().most_open == 20
        for connection in waiting[15:]:
            connection.close()
