"""A model that answers by role after a set delay, at the least cost: `python -m benchmarks.stub_server --delay 2`.

One asyncio process that speaks both providers' wire formats, told apart by the path, with answers that are encoded
once. It prints its port, and serves `GET /stats`: requests so far, how many are open, the most that were open at one
time, and when the latest ones arrived (seconds since the epoch).
"""

import argparse
import asyncio
import json
import resource
import sys
import time
from collections import deque
from functools import cache
from typing import Any

from benchmarks.requests import answer_at_once
from tests.stub_models import AnthropicStub, OpenAIStub, Received

_BACKLOG = 4096
_FILES = 16384
_ARRIVALS = 256
_STUBS: dict[str, type[AnthropicStub | OpenAIStub]] = {
    "/v1/messages": AnthropicStub,
    "/v1/chat/completions": OpenAIStub,
}
_ROLES = (b"You are a reviewer.", b"You are a release agent.", b"")
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


class _Statistics:
    """What is counted over all connections."""

    def __init__(self) -> None:
        self.requests = self.open = self.most_open = 0
        self.arrivals: deque[float] = deque(maxlen=_ARRIVALS)

    def encode(self) -> bytes:
        """Return the whole response, headers included."""
        return _encode("application/json", json.dumps(vars(self) | {"arrivals": list(self.arrivals)}).encode())


@cache
def _encode_answer(path: str, role: bytes, streamed: bool) -> bytes:
    """Return the whole response, headers included, to a request of that role."""
    request = Received(path, {}, {"model": "stub", "stream": streamed, "system": role.decode()})
    stub = _STUBS[path].__new__(_STUBS[path])  # its wire format alone: it opens no socket
    content_type, parts = stub.answer(answer_at_once(request), request)
    return _encode(content_type, b"".join(parts))


def _encode(content_type: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class _Connection(asyncio.Protocol):
    """Reads one request after the other off a connection that is kept open."""

    def __init__(self, statistics: _Statistics, delay: float) -> None:
        self._statistics, self._delay = statistics, delay
        self._received = bytearray()
        self._transport: Any = None
        self._answering: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if self._answering is not None:
            self._answering.cancel()
            self._close_request()

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._received[:end]).lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._received) < end + 4 + length:
            return
        body = bytes(self._received[end + 4 : end + 4 + length])
        del self._received[: end + 4 + length]
        self._answer(head.split(b" ", 2)[1].decode().partition("?")[0], body)

    def _answer(self, path: str, body: bytes) -> None:
        if path not in _STUBS:
            self._transport.write(self._statistics.encode() if path == "/stats" else _NOT_FOUND)
            return
        role = next(role for role in _ROLES if role in body)
        streamed = b'"stream":true' in body or b'"stream": true' in body
        response = _encode_answer(path, role, streamed)
        self._statistics.requests += 1
        self._statistics.open += 1
        self._statistics.most_open = max(self._statistics.most_open, self._statistics.open)
        self._statistics.arrivals.append(time.time())
        if self._delay:
            self._answering = asyncio.get_running_loop().call_later(self._delay, self._send, response)
        else:
            self._send(response)

    def _send(self, response: bytes) -> None:
        self._close_request()
        self._transport.write(response)

    def _close_request(self) -> None:
        self._answering = None
        self._statistics.open -= 1


async def _serve(delay: float, port: int) -> None:
    statistics = _Statistics()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(statistics, delay), "127.0.0.1", port, backlog=_BACKLOG
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description="A stub of both providers' APIs on the loopback.")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--port", type=int, default=0, help="0: one that the system chooses")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, most), most))
    asyncio.run(_serve(options.delay, options.port))


if __name__ == "__main__":
    sys.exit(main())
