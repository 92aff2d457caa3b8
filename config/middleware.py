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
from django.http import HttpRequest, HttpResponseBase

from config.error_pages import error_response

MOST_DISCARDED_BYTES = 16_000_000
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


class RequestLimits:
    """413 for a body over MAX_BODY_BYTES, announced or not, and 400 for a NUL character in the address.

    A body sent in chunks has no length, and Django would read it as empty: it is read here, up to the limit.
    A NUL reaches a query otherwise, and PostgreSQL refuses it there.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "\0" in request.path_info or b"\0" in unquote_to_bytes(request.META.get("QUERY_STRING", "")):
            return error_response(request, 400, "The address holds a NUL character.")
        length = request.META.get("CONTENT_LENGTH") or ""
        if length:
            if not (length.isascii() and length.isdigit()):
                return error_response(request, 400, "Content-Length is no number.")
            if int(length[:20]) > settings.MAX_BODY_BYTES:
                _discard(request)
                return error_response(request, 413)
        elif request.META.get("wsgi.input_terminated") and not self._read_unannounced_body(request):
            return error_response(request, 413)
        return self.get_response(request)

    @staticmethod
    def _read_unannounced_body(request: HttpRequest) -> bool:
        """Give `request` the body that has no announced length; False when that is over the limit."""
        body = request.META["wsgi.input"].read(settings.MAX_BODY_BYTES + 1)
        if len(body) > settings.MAX_BODY_BYTES:
            _discard(request.META["wsgi.input"])
            return False
        request.META["CONTENT_LENGTH"] = str(len(body))
        request._stream = LimitedStream(io.BytesIO(body), len(body))  # type: ignore[assignment]
        return True


def _discard(body: _Readable) -> None:
    """Read on for a while: to close a connection with bytes unread resets it, and the client never sees our answer."""
    remaining = MOST_DISCARDED_BYTES
    with suppress(OSError):
        while remaining > 0 and (chunk := body.read(min(remaining, 65_536))):
            remaining -= len(chunk)
