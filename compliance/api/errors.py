"""One shape for every error of the API: `{"detail": str, "code": str, "errors": {field path: [message, ...]}?}`.

Views raise; `handle_exception` (the EXCEPTION_HANDLER) answers. A field path joins names and list positions
with dots: `stages.0.upstream_stage_ids.1`. The one exception to `detail` being a string is
CapabilitiesRefused.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import OperationalError
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

from compliance.api.authentication import CHALLENGE

# One body for a key that is missing, malformed, unknown, expired or revoked: which of them tells a thief
# something.
NOT_AUTHENTICATED = (
    "Send a valid API key as `Authorization: Bearer <key>`: "
    "this one is missing, malformed, unknown, expired or revoked."
)

_NAMES = {
    400: ("malformed_request", "The request cannot be read."),
    401: ("not_authenticated", NOT_AUTHENTICATED),
    403: ("forbidden", "Your role does not allow this."),
    404: ("not_found", "There is no such thing, or it is not yours to see."),
    405: ("method_not_allowed", "This address does not take that method."),
    406: ("not_acceptable", "The API answers JSON only; accept application/json."),
    409: ("conflict", "The state of the thing does not allow this."),
    413: ("body_too_large", "The body is larger than 1,000,000 bytes."),
    415: ("unsupported_media_type", "Send the body as application/json."),
    429: ("throttled", "Too many requests; wait as long as Retry-After says."),
    500: ("server_error", "The server failed; the failure has been logged."),
    503: ("temporarily_unavailable", "The database is busy or away; try again in a few seconds."),
}


class Conflict(exceptions.APIException):
    """409: the request is sound, the state forbids it. `code` says which state: `Conflict("...",
    "digest_stale")`."""

    status_code = status.HTTP_409_CONFLICT
    default_code, default_detail = _NAMES[409]


class BodyTooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code, default_detail = _NAMES[413]


class InvalidCredentials(exceptions.APIException):
    """401 of a login. Not an AuthenticationFailed, which a view without authenticators would turn into
    403."""

    status_code = status.HTTP_401_UNAUTHORIZED
    default_code = "invalid_credentials"
    default_detail = "No active account has this name and password."
    auth_header = CHALLENGE


class CapabilitiesRefused(exceptions.APIException):
    """403 for permissions that the ceiling does not hold: `{"detail": {"message", "denied": [...]}, "code"}`.

    `denied` is a sequence of `{"permission", "reason", "detail"}`.
    """

    status_code = status.HTTP_403_FORBIDDEN
    default_code = "capabilities_refused"

    def __init__(self, message: str, denied: Sequence[Mapping[str, str]]) -> None:
        super().__init__(message)
        self.denied = [dict(denial) for denial in denied]


def error_body(
    status_code: int,
    detail: object = None,
    code: str | None = None,
    errors: Mapping[str, list[str]] | None = None,
) -> dict[str, Any]:
    """The body of an error response, with the default words of its status where none are given."""
    default_code, default_detail = _NAMES.get(status_code, ("error", "The request was refused."))
    body: dict[str, Any] = {"detail": detail or default_detail, "code": code or default_code}
    if errors:
        body["errors"] = dict(errors)
    return body


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
        return _Unavailable()
    return error


class _Unavailable(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code, default_detail = _NAMES[503]
    wait = 2


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
    codes = error.get_codes()
    generic = {
        exceptions.ParseError: 400,
        exceptions.PermissionDenied: 403,
        exceptions.NotFound: 404,
        exceptions.MethodNotAllowed: 405,
        exceptions.NotAcceptable: 406,
        exceptions.UnsupportedMediaType: 415,
        exceptions.Throttled: 429,
    }
    if isinstance(codes, str) and type(error) in generic and codes == error.default_code:
        codes = _NAMES[generic[type(error)]][0]
    detail = str(error.detail)
    if isinstance(error, (exceptions.NotFound, exceptions.PermissionDenied)) and detail == error.default_detail:
        detail = ""
    return error_body(error.status_code, detail, codes if isinstance(codes, str) else None)


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait) + 1)
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
