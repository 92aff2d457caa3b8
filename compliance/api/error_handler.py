"""What answers an exception: the API's EXCEPTION_HANDLER. Apart from `errors`, which the parsers import."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from compliance.api.errors import BodyTooLarge, CapabilitiesRefused, Unavailable, error_body

_log = structlog.get_logger(__name__)


def handle_exception(error: Exception, _context: Mapping[str, Any]) -> Response | None:
    """The response for `error`; None for a bug, which Django then logs and answers with 500."""
    error = _translate(error)
    if not isinstance(error, exceptions.APIException):
        return None
    set_rollback()
    return Response(_body(error), status=error.status_code, headers=_headers(error))


def _translate(error: Exception) -> Exception:
    if isinstance(error, Http404):
        return exceptions.NotFound()
    if isinstance(error, DjangoPermissionDenied):
        return exceptions.PermissionDenied(str(error) or None)
    if isinstance(error, RequestDataTooBig):
        return BodyTooLarge()
    if isinstance(error, SuspiciousOperation):
        return exceptions.ParseError()
    if isinstance(error, DjangoValidationError):
        members = error.message_dict if hasattr(error, "error_dict") else error.messages
        return exceptions.ValidationError(members)
    if isinstance(error, OperationalError):
        _log.error("the database failed a request", exc_info=error)
        return Unavailable()
    return error


def _body(error: exceptions.APIException) -> dict[str, Any]:
    if isinstance(error, CapabilitiesRefused):
        return error_body(403, {"message": str(error.detail), "denied": error.denied}, "capabilities_refused")
    if isinstance(error, exceptions.ValidationError):
        errors: dict[str, list[str]] = {}
        for path, message in _flatten(error.detail):
            errors.setdefault(path or "non_field_errors", []).append(message)
        return error_body(400, _summary(errors), "validation_failed", errors)
    if isinstance(error, (exceptions.NotAuthenticated, exceptions.AuthenticationFailed)):
        return error_body(401)
    code, detail = error.get_codes(), str(error.detail)
    if not isinstance(code, str) or (code == error.default_code and _is_stock(error)):
        code = None
    if detail == error.default_detail and _is_stock(error):
        detail = ""
    return error_body(error.status_code, detail, code)


def _is_stock(error: exceptions.APIException) -> bool:
    """Whether the framework defined it, so that its default words are not ours."""
    return type(error).__module__ == exceptions.__name__


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(math.ceil(wait))
    return headers


def _flatten(detail: object, path: str = "") -> Iterator[tuple[str, str]]:
    """The (field path, message) pairs of a nested ValidationError detail."""
    if isinstance(detail, Mapping):
        for name, member in detail.items():
            # A nested object's own errors belong to its path; a name of ours for them would look like a
            # field.
            below = path if path and name == "non_field_errors" else f"{path}.{name}" if path else str(name)
            yield from _flatten(member, below)
    elif isinstance(detail, (list, tuple)):
        for position, member in enumerate(detail):
            # A list holds either messages about its own path, or one object per position of a list of
            # objects.
            below = path if isinstance(member, str) else f"{path}.{position}" if path else str(position)
            yield from _flatten(member, below)
    else:
        yield path, str(detail)


def _summary(errors: Mapping[str, list[str]], shown: int = 3) -> str:
    lines = [f"{path}: {message}" for path, messages in errors.items() for message in messages]
    rest = len(lines) - shown
    return " ".join(lines[:shown]) + (f" And {rest} more." if rest > 0 else "")
