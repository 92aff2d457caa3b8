"""One shape for every error of the API: `{"detail": str, "code": str, "errors": {field path: [message, ...]}?}`.

Views raise; `compliance.api.error_handler` answers. A field path joins names and list positions
with dots: `stages.0.upstream_stage_ids.1`. The one exception to `detail` being a string is
CapabilitiesRefused.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework import exceptions, status

from compliance.api.authentication import CHALLENGE

# One body for a key that is missing, malformed, unknown, expired or revoked: which of them tells a thief
# something.
NOT_AUTHENTICATED = (
    "Send a valid API key as `Authorization: Bearer <key>`: "
    "this one is missing, malformed, unknown, expired or revoked."
)

ERROR_NAMES = {
    400: ("malformed_request", "The request cannot be read."),
    401: ("not_authenticated", NOT_AUTHENTICATED),
    403: ("forbidden", "Your role does not allow this."),
    404: ("not_found", "There is no such thing, or it is not yours to see."),
    405: ("method_not_allowed", "This address does not take that method."),
    406: ("not_acceptable", "The API answers JSON only; accept application/json."),
    408: ("request_timeout", "The body did not arrive in time; send it again, faster."),
    409: ("conflict", "The state of the thing does not allow this."),
    413: ("body_too_large", "The body is larger than 1,000,000 bytes."),
    414: ("address_too_long", "The address is too long."),
    415: ("unsupported_media_type", "Send the body as application/json."),
    417: ("expectation_failed", "Of Expect, only 100-continue is understood."),
    429: ("throttled", "Too many requests; wait as long as Retry-After says."),
    431: ("headers_too_large", "There are too many headers, or one is too long."),
    500: ("server_error", "The server failed; the failure has been logged."),
    501: ("not_implemented", "Of Transfer-Encoding, only chunked is understood."),
    503: ("temporarily_unavailable", "The database is busy or away; try again in a few seconds."),
}


def as_sentence(words: object) -> str:
    """What a service says of a refusal, as a sentence of its own."""
    text = str(words)
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


class Conflict(exceptions.APIException):
    """409: the request is sound, the state forbids it. `code` says which state: `Conflict("...",
    "digest_stale")`."""

    status_code = status.HTTP_409_CONFLICT
    default_code, default_detail = ERROR_NAMES[409]


class BodyTooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code, default_detail = ERROR_NAMES[413]


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


class Unavailable(exceptions.APIException):
    """503: the database is busy or away."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code, default_detail = ERROR_NAMES[503]
    wait = 2


def error_body(
    status_code: int,
    detail: object = None,
    code: str | None = None,
    errors: Mapping[str, list[str]] | None = None,
) -> dict[str, Any]:
    """The body of an error response, with the default words of its status where none are given."""
    default_code, default_detail = ERROR_NAMES.get(status_code, ("error", "The request was refused."))
    body: dict[str, Any] = {"detail": detail or default_detail, "code": code or default_code}
    if errors:
        body["errors"] = dict(errors)
    return body
