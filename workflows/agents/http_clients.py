"""One HTTP client per event loop, shared by every run and every key: making one costs more than a run."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from functools import cache
from weakref import WeakKeyDictionary

import httpx2

# Far above any answer; it bounds what a faulty server can make a worker hold.
LONGEST_ANSWER_BYTES = 16_000_000

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncClient] = WeakKeyDictionary()


class AnswerTooLarge(Exception):
    """The server sent more than an answer can be."""


def shared_client(max_connections: int) -> httpx2.AsyncClient:
    """Return the running loop's client. It holds no key; its pool is as wide as when first asked for.

    Redirects are not followed: one to another host would take the key along.
    """
    loop = asyncio.get_running_loop()
    client = _clients.get(loop)
    if client is None or client.is_closed:
        client = httpx2.AsyncClient(
            verify=_tls(),
            follow_redirects=False,
            event_hooks={"response": [_bound]},
            limits=httpx2.Limits(max_connections=max_connections, max_keepalive_connections=max_connections),
        )
        _clients[loop] = client
    return client


async def close_shared_client() -> None:
    """Close the running loop's client; the next run makes a new one."""
    client = _clients.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.aclose()


@cache
def _tls() -> ssl.SSLContext:
    return httpx2.create_ssl_context()


class _BoundedStream(httpx2.AsyncByteStream):
    """Passes a body on, up to the limit."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received = 0
        async for chunk in self._stream:
            received += len(chunk)
            if received > LONGEST_ANSWER_BYTES:
                raise AnswerTooLarge
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _bound(response: httpx2.Response) -> None:
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _BoundedStream(response.stream)
