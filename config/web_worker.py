"""gunicorn's threaded worker, with an end to every wait for a client, and without the client's words in its errors.

gthread waits for a client as long as the client likes, in one of few threads, and closes connections in the one
thread that accepts them; its error pages and log lines quote the line that could not be read, key and all.
"""

import errno
import json
import socket
import time
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from gunicorn import util
from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.http.message import Request
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import TConn, ThreadWorker

from config.logs import json_formatter

# For one piece of an answer: a client that does not read must not keep a thread either.
SEND_SECONDS: Final = 60
# How long a connection without a byte on it may hold a thread; it waits in the poller afterwards.
IDLE_SECONDS: Final = 0.2
# For a client that is still sending to see the answer before the connection ends (RFC 9112, section 9.6).
LINGER_SECONDS: Final = 0.5

_STATUSES: Final = {
    errors.LimitRequestLine: 414,
    errors.ExpectationFailed: 417,
    errors.LimitRequestHeaders: 431,
    errors.UnsupportedTransferCoding: 501,
}
_ANSWERS_THAT_CANNOT_BE_SENT: Final = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)


class RequestTimedOut(errors.NoMoreData, TimeoutError):
    """A request did not arrive within its time. gunicorn drops the connection without a word while it reads
    headers; RequestLimits answers 408 while it reads a body."""


class TimedReader(SocketUnreader):
    """Reads a connection until `deadline`, by `time.monotonic`; after it, only what has come in by then."""

    deadline = 0.0
    timed_out = False

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Return what came in, empty at the end. Raises RequestTimedOut."""
        remaining = max(self.deadline - time.monotonic(), 0.0)
        usual = self.sock.gettimeout()
        self.sock.settimeout(remaining if usual is None else min(usual, remaining))
        try:
            received: bytes = super().chunk(size_hint)
        except (TimeoutError, BlockingIOError):
            self.timed_out = True
            raise RequestTimedOut() from None
        finally:
            self.sock.settimeout(usual)
        return received


class Connection(TConn):
    """A connection whose requests each have REQUEST_SECONDS to arrive: line, headers and body together.

    The time runs from the first byte on, also while the request waits for a thread. However many stall at once, they
    have all used it up when the first has, and the rest is dropped as soon as a thread looks at it.
    """

    deadline = 0.0

    def begin_request(self) -> None:
        self.deadline = time.monotonic() + settings.REQUEST_SECONDS

    def init(self) -> None:
        """Called before each request that is read."""
        super().init()
        self.sock.settimeout(SEND_SECONDS)
        if self.is_http2 or self.parser is None:
            return
        if not isinstance(self.parser.unreader, TimedReader):
            self.parser.unreader = TimedReader(self.sock)
        self.parser.unreader.deadline = self.deadline

    def wait_for_data(self, timeout: float) -> bool:
        return bool(super().wait_for_data(min(timeout, IDLE_SECONDS)))

    def close(self, graceful: bool = False) -> None:
        """Close at once: this is called in the thread that accepts, and whoever is to be waited for was."""
        util.close(self.sock)

    def linger(self) -> None:
        """Close when the client has read its answer, or after LINGER_SECONDS; at once if it has stalled before."""
        timed_out = getattr(getattr(self.parser, "unreader", None), "timed_out", False)
        util.close_graceful(self.sock, timeout=0.0 if timed_out else LINGER_SECONDS)


class Worker(ThreadWorker):
    def accept(self, listener: socket.socket) -> None:
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        self.nr_conns += 1
        self.enqueue_req(Connection(self.cfg, client, address, listener.getsockname()))

    def enqueue_req(self, conn: Connection) -> None:
        """Called when a connection is new, and when one that was idle has something to read."""
        conn.begin_request()
        super().enqueue_req(conn)

    def handle(self, conn: Connection) -> object:
        kept: object = super().handle(conn)
        if not kept:
            conn.linger()
        return kept

    def handle_request(self, req: Request, conn: Connection) -> bool:
        # For who cannot read the body to its end: where the next request would begin is not known then.
        if req.body is not None:
            req.body.close_connection = req.force_close
        return bool(super().handle_request(req, conn))

    def handle_error(self, req: Request | None, client: socket.socket, addr: object, exc: Exception) -> None:
        """Answer an error outside the application in the API's shape; log its kind, not what was sent."""
        status = status_of(exc)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED:
            self.log.error("A request failed outside the application.", exc_info=exc)
        else:
            self.log.warning("A request could not be read: %s", type(exc).__name__)
        try:
            util.write_nonblock(client, error_answer(status))
        except OSError:
            self.log.debug("The error could not be sent.")


class Log(Logger):
    """gunicorn's own lines, through the JSON handler and its scrubbing like all others."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(json_formatter())

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Nothing: these lines quote what clients sent, whatever level the operator asks for."""


def status_of(error: Exception) -> int:
    """Return the status that answers an error of gunicorn's reading or writing."""
    if isinstance(error, _ANSWERS_THAT_CANNOT_BE_SENT) or not isinstance(error, errors.ParseException):
        return 500
    return _STATUSES.get(type(error), 400)


def error_answer(status: int) -> bytes:
    """Return a whole HTTP answer, the last one on its connection."""
    # Late: the process that only starts workers has no Django.
    from compliance.api.errors import error_body

    body = json.dumps(error_body(status)).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"X-Content-Type-Options: nosniff\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body
