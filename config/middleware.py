"""What every request passes: one log line, the limits of a body, and headers that Django has no setting
for."""

import io
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol
from urllib.parse import unquote_to_bytes

import structlog
from django.conf import settings
from django.core.handlers.wsgi import LimitedStream
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from gunicorn.http.errors import ParseException

from compliance.desk import mark_invisible
from config.error_pages import error_response

MOST_DISCARDED_BYTES = 16_000_000
# What a server raises while it reads a body: the connection's errors and gunicorn's over the framing of chunks.
_UNREADABLE = (OSError, ValueError, ParseException)
GetResponse = Callable[[HttpRequest], HttpResponseBase]
_log = structlog.get_logger("countersign.requests")


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class RequestLog:
    """Logs one line a request: method, path, status, milliseconds, actor. Never a body, a query string or a
    header."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        structlog.contextvars.clear_contextvars()
        request_id = uuid.uuid4().hex
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.monotonic()
        response = self.get_response(request)
        response.headers["X-Request-ID"] = request_id
        _log.info(
            "request",
            method=request.method,
            path=request.path_info[:300],
            status=response.status_code,
            milliseconds=round((time.monotonic() - started) * 1000, 1),
        )
        return response


class PermissionsPolicy:
    """Turns off what no page of ours uses (W3C Permissions Policy)."""

    HEADER: Final = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()"

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers["Permissions-Policy"] = self.HEADER
        return response


class VisibleNames:
    """No page of the admin holds a character that reorders or hides others: whoever names a workflow must not choose
    how an officer reads the rest of the line."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        in_the_admin = request.resolver_match is not None and request.resolver_match.namespace == "admin"
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if in_the_admin and is_page and isinstance(response, HttpResponse):
            response.content = mark_invisible(response.content.decode(response.charset)).encode(response.charset)
        return response


class RequestLimits:
    """Reads the body before anything else does: 413 when it is over MAX_BODY_BYTES, announced or not, 408 when it does
    not arrive in time, 400 when it is cut off or its chunks are malformed. 400 as well for a NUL in the address.

    The time is kept by config.web_worker. A body in chunks has no length, and Django would read it as empty. A NUL
    reaches a query otherwise, and PostgreSQL refuses it there.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "\0" in request.path_info or b"\0" in unquote_to_bytes(request.META.get("QUERY_STRING", "")):
            return error_response(request, 400, "The address holds a NUL character.")
        length = request.META.get("CONTENT_LENGTH") or ""
        if length and not (length.isascii() and length.isdigit()):
            return error_response(request, 400, "Content-Length is no number.")
        announced = int(length[:20]) if length else None
        if announced is not None and announced > settings.MAX_BODY_BYTES:
            _discard(request)
            return _refuse(request, 413)
        if announced is None and not request.META.get("wsgi.input_terminated"):
            return self.get_response(request)
        return self._read_body(request, announced) or self.get_response(request)

    def _read_body(self, request: HttpRequest, announced: int | None) -> HttpResponseBase | None:
        """Give `request` its whole body; return the answer when that cannot be done."""
        stream, limit = request.META["wsgi.input"], settings.MAX_BODY_BYTES
        try:
            body = stream.read(limit + 1 if announced is None else announced)
        except TimeoutError:
            return _refuse(request, 408)
        except _UNREADABLE:
            return _refuse(request, 400, "The body was cut off, or its chunks are malformed.")
        if len(body) > limit:
            _discard(stream)
            return _refuse(request, 413)
        if announced is not None and len(body) < announced:
            return _refuse(request, 400, f"The body was cut off: {announced} bytes announced, {len(body)} received.")
        request.META["CONTENT_LENGTH"] = str(len(body))
        request._stream = LimitedStream(io.BytesIO(body), len(body))  # type: ignore[assignment]
        return None


def _refuse(request: HttpRequest, status: int, detail: str | None = None) -> HttpResponseBase:
    """An error after which nothing more is read from the connection."""
    if close := getattr(request.META["wsgi.input"], "close_connection", None):
        close()
    return error_response(request, status, detail)


def _discard(body: _Readable) -> None:
    """Read on for a while: to close a connection with bytes unread resets it, and the client never sees our answer."""
    remaining = MOST_DISCARDED_BYTES
    with suppress(*_UNREADABLE):
        while remaining > 0 and (chunk := body.read(min(remaining, 65_536))):
            remaining -= len(chunk)
