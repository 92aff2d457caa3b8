"""What a failed model request means: which reason it is, whether to ask again, and what may be said of it.

Imports pydantic_ai: only the language-model loop uses it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import httpx2
from pydantic_ai import exceptions

from workflows.agents.http_clients import AnswerTooLarge
from workflows.agents.types import FailureCode

_LONGEST_MESSAGE = 300
_RETRIED_STATUSES = frozenset({408, 409, 425})
# A gateway gave up waiting; what stands behind it may have answered, and bill that.
_OUTCOME_UNKNOWN = frozenset({408, 499, 504, 524})
_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)


class AnswerCutOff(Exception):
    """The connection ended before the answer was complete."""


@dataclass(frozen=True)
class Trouble:
    """`status` is the HTTP status, where there was one; `retry_after` is in seconds.

    `detail` is in our own words. `message` is the provider's, which may quote what it was sent: for the journal only.
    `billed`: the provider may bill it. It does not where it refused the request, or where that was never sent.
    """

    code: FailureCode
    detail: str
    retried: bool
    message: str = ""
    status: int | None = None
    retry_after: float | None = None
    billed: bool = True


# First match wins, so that the special comes before the general.
_KINDS: tuple[tuple[type[BaseException], FailureCode, bool, str], ...] = (
    (TimeoutError, "provider_timeout", True, "did not finish its answer in time"),
    (exceptions.ModelTimeoutError, "provider_timeout", True, "did not answer in time"),
    (exceptions.ModelRequestTimeout, "provider_timeout", True, "did not finish its answer in time"),
    (AnswerCutOff, "provider_error", True, "broke off in the middle of its answer"),
    (AnswerTooLarge, "provider_error", False, "sent more than an answer can be"),
    (exceptions.ModelQuotaExceededError, "provider_error", False, "says that the account's quota is used up"),
    (exceptions.ModelRateLimitError, "provider_rate_limited", True, "limits the rate of requests"),
    (exceptions.ModelAuthenticationError, "provider_auth_failed", False, "does not accept the API key"),
    (exceptions.ModelNotFoundError, "provider_error", False, "does not know the model or the address"),
    (exceptions.ModelContextWindowExceededError, "provider_error", False, "says that the input is too long"),
    (exceptions.ModelRequestRejectedError, "provider_error", False, "rejects the request"),
    (exceptions.ModelUnavailableError, "provider_error", True, "is overloaded or not available"),
    (exceptions.ModelServerError, "provider_error", True, "failed"),
    (
        exceptions.ModelConnectionError,
        "provider_error",
        True,
        "could not be reached, or broke the connection",
    ),
    (exceptions.ModelHTTPError, "provider_error", False, "rejects the request"),
    (exceptions.ModelAPIError, "provider_error", True, "sent what is no answer"),
    (exceptions.ContentFilterError, "provider_refused", False, "refuses to answer"),
    (exceptions.UnexpectedModelBehavior, "provider_error", True, "sent what is no answer"),
)


def diagnose(error: Exception, provider: str) -> Trouble:
    """Return what an error out of a model request means. What is unknown is a fault in the answer's form."""
    causes = _list_causes(error)
    if isinstance(causes[-1], AnswerTooLarge):
        error = causes[-1]
    found = next((entry for entry in _KINDS if isinstance(error, entry[0])), None)
    if found is None:
        return Trouble("provider_error", f"{provider} sent an answer of a form that cannot be read", False)
    _, code, retried, meaning = found
    status = getattr(error, "status_code", None)
    hint = getattr(error, "provider_retry_hint", None)
    if status in _RETRIED_STATUSES:
        retried = True
    if hint is False:
        retried = False
    where = f" ({status})" if status is not None else ""
    return Trouble(
        code=code,
        detail=f"{provider} {meaning}{where}",
        retried=retried,
        message=_provider_message(error),
        status=status,
        retry_after=getattr(error, "retry_after", None),
        billed=_may_be_billed(status, causes),
    )


def _may_be_billed(status: int | None, causes: Sequence[Exception]) -> bool:
    """Return whether the provider may bill what ended so: unless it refused it, or it was never sent, it may."""
    if status is None:
        return not any(isinstance(cause, _NEVER_SENT) for cause in causes)
    return status < 300 or status in _OUTCOME_UNKNOWN


def _list_causes(error: Exception) -> list[Exception]:
    """Return an error and what it came out of, in turn; the SDKs wrap what the transport raises."""
    causes = [error]
    while isinstance(cause := causes[-1].__cause__, Exception):
        causes.append(cause)
    return causes


def _provider_message(error: Exception) -> str:
    """Return the message out of an error body: `error.message` of both providers, or a bare `message`."""
    body = getattr(error, "body", None)
    if isinstance(body, dict):
        inner = body.get("error", body)
        message = inner.get("message") if isinstance(inner, dict) else inner
        if isinstance(message, str):
            return " ".join(message.split())[:_LONGEST_MESSAGE]
    return ""
