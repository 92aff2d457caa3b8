"""The part of a stub that is the same for every provider: a threaded HTTP/1.1 server with a script."""

import json
import select
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.stub_models.script import Answer, BrokenOff, Hang, HttpError, Step, StreamError

Script = Iterable[Step] | Callable[["Received"], Step]
_PATIENCE = 30.0


@dataclass(frozen=True)
class Received:
    """A request as it arrived. Names of headers are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def api_key(self) -> str | None:
        """The key that came along, in either header that the providers accept."""
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        return self.headers.get("x-api-key") or bearer or None


class StubServer:
    """Serves one provider's API on 127.0.0.1 and an ephemeral port, and records every request.

    The script is a list of steps, taken one per request, or a function from a request to its step, called from
    several threads. A request after the last step of a list gets HTTP 500 with the message `script exhausted`.
    """

    environment_variable: str
    """The variable that points an SDK here, set to `base_url`."""

    def __init__(self, script: Script = ()) -> None:
        self._lock = threading.Lock()
        self._received: list[Received] = []
        self._abandoned = threading.Semaphore(0)
        self._arrived = threading.Semaphore(0)
        self._stopping = threading.Event()
        self._next_step = script if callable(script) else self._from_list(list(script))
        stub = self

        class Handler(_Handler):
            server_stub = stub

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def base_url(self) -> str:
        """What the SDK is given as its base URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def requests(self) -> tuple[Received, ...]:
        """Every request so far, in the order of arrival."""
        with self._lock:
            return tuple(self._received)

    def wait_for_request(self) -> None:
        """Block until one more request has arrived than has been waited for before."""
        assert self._arrived.acquire(timeout=_PATIENCE), "no request arrived"

    def wait_for_close(self) -> None:
        """Block until a client has closed a connection that a Hang step holds open."""
        assert self._abandoned.acquire(timeout=_PATIENCE), "the client kept its connection open"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # What a provider fills in.

    def is_path(self, path: str) -> bool:
        """Return whether requests go to this path."""
        raise NotImplementedError

    def answer(self, answer: Answer, request: Received) -> tuple[str, list[bytes]]:
        """Return content type and the parts of the body, each sent as a chunk of its own."""
        raise NotImplementedError

    def error(self, error: HttpError) -> dict[str, Any]:
        """Return the body of an error."""
        raise NotImplementedError

    def stream_error(self, error: StreamError, request: Received) -> tuple[str, list[bytes]] | HttpError:
        """Return an answer that ends in an error, or the error where answers come in one piece."""
        raise NotImplementedError

    # What the handler calls.

    def take(self, request: Received) -> Step:
        with self._lock:
            self._received.append(request)
        step = self._next_step(request)
        self._arrived.release()
        return step

    def note_abandoned(self) -> None:
        self._abandoned.release()

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def _from_list(self, steps: list[Step]) -> Callable[[Received], Step]:
        def take(request: Received) -> Step:
            with self._lock:
                return steps.pop(0) if steps else HttpError(500, "script exhausted")

        return take


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that drops its connection is no fault of the stub's; everything else is reported."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without it each small chunk waits for the client's delayed acknowledgement.
    disable_nagle_algorithm = True
    server_stub: StubServer

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output quiet."""

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", "0"))
        raw = self.rfile.read(length)
        if len(raw) < length:
            # Whoever asked was killed before the request was sent.
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Received(self.path, headers, json.loads(raw))
        if not self.server_stub.is_path(self.path.partition("?")[0]):
            self._send_error(HttpError(404, f"the stub does not serve {self.path}"))
            return
        step = self.server_stub.take(request)
        try:
            self._play(step, request)
        except ConnectionError:
            self.close_connection = True
            if isinstance(step, Hang):
                # The client hung up before the answer began, or reset the connection.
                self.server_stub.note_abandoned()

    def _play(self, step: Step, request: Received) -> None:
        stub = self.server_stub
        if isinstance(step, Answer):
            self._send_chunks(*stub.answer(step, request))
        elif isinstance(step, HttpError):
            self._send_error(step)
        elif isinstance(step, StreamError):
            told = stub.stream_error(step, request)
            if isinstance(told, HttpError):
                self._send_error(told)
            else:
                self._send_chunks(*told)
        elif isinstance(step, BrokenOff):
            content_type, parts = stub.answer(Answer(text=step.text), request)
            half = parts[: len(parts) // 2] or [parts[0][: len(parts[0]) // 2]]
            self._send_chunks(content_type, half, ends=step.cleanly)
            self.close_connection = not step.cleanly
        elif isinstance(step, Hang):
            if step.started:
                content_type, parts = stub.answer(Answer(text="so far"), request)
                self._send_chunks(content_type, parts[:1], ends=False)
            self._hold()
        else:
            self._send_body(step.status, step.content_type, step.body, {})

    def _send_chunks(self, content_type: str, parts: list[bytes], ends: bool = True) -> None:
        self.send_response(200)
        self.send_header("content-type", content_type)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for part in parts:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        if ends:
            self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _send_error(self, error: HttpError) -> None:
        body = b"" if error.message is None else json.dumps(self.server_stub.error(error)).encode()
        self._send_body(error.status, "application/json", body, error.headers)

    def _send_body(self, status: int, content_type: str, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _hold(self) -> None:
        """Wait until the client closes its end, which makes the socket readable with nothing to read."""
        self.close_connection = True
        while not self.server_stub.is_stopping:
            readable, _, _ = select.select([self.connection], [], [], 0.05)
            if readable and not self.connection.recv(1):
                self.server_stub.note_abandoned()
                return
