"""TCP proxies in front of the database, one for each worker, which cut connections or stop passing anything on."""

import asyncio
import random
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

_CHUNK = 65536


class Proxies:
    """Proxies by name, all to one port on 127.0.0.1, on an event loop in a thread of their own."""

    def __init__(self, names: list[str], port: int) -> None:
        self._target = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._open: dict[str, set[asyncio.Transport]] = {name: set() for name in names}
        self._servers: list[asyncio.Server] = []
        self._passing: dict[str, asyncio.Event] = {}
        self.ports: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self, name: str, share: float, draw: random.Random) -> int:
        """Cut a random share of a proxy's connections, at least one where there is one. Returns how many."""
        return self._call(self._cut(name, share, draw))

    def partition(self, name: str, passing: bool) -> None:
        """Stop passing anything on, without a word to either side, or start again."""
        self._call(self._partition(name, passing))

    def _call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=30)

    async def _listen(self) -> None:
        for name in self._open:
            self._passing[name] = asyncio.Event()
            self._passing[name].set()

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str = name) -> None:
                await self._serve(name, reader, writer)

            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            self._servers.append(server)
            self.ports[name] = server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        """Close everything, and wait until every task has ended."""
        for server in self._servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer.transport, far_writer.transport}
        self._open[name] |= {writer.transport}
        try:
            forth = asyncio.create_task(self._pass_on(name, reader, far_writer))
            back = asyncio.create_task(self._pass_on(name, far_reader, writer))
            _, pending = await asyncio.wait({forth, back}, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
        finally:
            self._open[name] -= {writer.transport}
            for transport in pair:
                transport.abort()

    async def _pass_on(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(_CHUNK):
                await self._passing[name].wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            return

    async def _cut(self, name: str, share: float, draw: random.Random) -> int:
        connections = sorted(self._open[name], key=id)
        chosen = draw.sample(connections, min(len(connections), max(1, round(share * len(connections)))))
        for transport in chosen:
            transport.abort()
        return len(chosen)

    async def _partition(self, name: str, passing: bool) -> None:
        if passing:
            self._passing[name].set()
        else:
            self._passing[name].clear()
