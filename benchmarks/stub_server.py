"""A model that answers by role after a set delay, at the least cost: `python -m benchmarks.stub_server --delay 2`.

One asyncio process that speaks both providers' wire formats, with answers that are encoded once. It prints its port,
and serves `GET /stats`: requests so far, how many are open now, and the most that were open at one time.
"""

import argparse
import asyncio
import json
import resource
import sys
from functools import cache
from typing import Any

from benchmarks.requests import answer_at_once
from tests.stub_models import AnthropicStub, OpenAIStub, Received

_BACKLOG = 4096
_FILES = 16384

_ROLES = ("You are a reviewer.", "You are a release agent.", "")


class _Statistics:
    requests = 0
    open = 0
    most_open = 0


@cache
def _encode_answer(path: str, role: str, streamed: bool) -> bytes:
    """Return the whole response, headers included, to a request of that role."""
    stub = AnthropicStub() if path == "/v1/messages" else OpenAIStub()
    request = Received(path, {}, {"model": "stub", "stream": streamed, "system": role})
    content_type, parts = stub.answer(answer_at_once(request), request)
    stub._server.server_close()
    body = b"".join(parts)
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: "
        + content_type.encode()
        + b"\r\ncontent-length: "
        + str(len(body)).encode()
        + b"\r\n\r\n"
        + body
    )


class _Connection(asyncio.Protocol):
    """Reads one request after the other off a connection that is kept open."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._received = bytearray()
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

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
        if path == "/stats":
            found = json.dumps({name: getattr(_Statistics, name) for name in ("requests", "open", "most_open")})
            head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(found)}\r\n\r\n"
            self._transport.write((head + found).encode())
            return
        role = next(role for role in _ROLES if role.encode() in body)
        streamed = b'"stream":true' in body or b'"stream": true' in body
        response = _encode_answer(path, role, streamed)
        _Statistics.requests += 1
        if not self._delay:
            self._transport.write(response)
            return
        _Statistics.open += 1
        _Statistics.most_open = max(_Statistics.most_open, _Statistics.open)
        asyncio.get_running_loop().call_later(self._delay, self._send_late, response)

    def _send_late(self, response: bytes) -> None:
        _Statistics.open -= 1
        if not self._transport.is_closing():
            self._transport.write(response)


async def _serve(delay: float, port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(delay), "127.0.0.1", port, backlog=_BACKLOG)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, most), most))
    asyncio.run(_serve(options.delay, options.port))


if __name__ == "__main__":
    sys.exit(main())
