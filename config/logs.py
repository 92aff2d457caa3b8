"""Logs: one JSON object a line on standard error, without secrets and without anybody's text.

Requests are logged by method, path, status and duration (config.middleware); bodies, query strings and
headers never are.
"""

import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

REDACTED = "[redacted]"

# Names ending in `key` cover api_key, secret_key and signing_key, and leave keyid; `token` leaves
# input_tokens.
_SECRET_NAME = re.compile(
    r"(authorization|cookie|credential|password|passwd|secret|private|(^|[_\-. ])token$|(^|[_\-. ])jwt$|"
    r"api[_\-]?key|key$)",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"\bcs_[0-9A-Za-z]{12,}|\bsk-[0-9A-Za-z_\-]{6,}|\b(?:Bearer|Basic|Token)\s+[0-9A-Za-z._~+/=\-]{8,}|"
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)|"
    r"(?<=://)[^\s/:@]*:[^\s/@]+(?=@)",
    re.DOTALL,
)

# Exceptions that speak of the system. The message of any other may quote what somebody sent (a row that
# breaks a constraint, a value that does not validate), so only its type and its frames are logged.
_SYSTEM_ERRORS = frozenset(
    {
        "AttributeError",
        "FieldError",
        "ImportError",
        "ImproperlyConfigured",
        "KeyFileError",
        "ModuleNotFoundError",
        "NameError",
        "OperationalError",
        "RecursionError",
        "TemplateDoesNotExist",
        "TemplateSyntaxError",
    }
)


def scrub(value: object) -> Any:
    """`value` with every secret replaced: members whose name says secret, and secrets recognised inside
    strings."""
    if isinstance(value, str):
        return _SECRET_VALUE.sub(REDACTED, value)
    if isinstance(value, bytes):
        return REDACTED
    if isinstance(value, Mapping):
        return {
            name: REDACTED if isinstance(name, str) and _SECRET_NAME.search(name) else scrub(member)
            for name, member in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [scrub(member) for member in value]
    return value


def describe_exception(error: BaseException) -> dict[str, Any]:
    """Type, frames and cause of `error`; its message only where that cannot hold anybody's text."""
    description: dict[str, Any] = {
        "type": type(error).__name__,
        "frames": [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__)],
    }
    if type(error).__name__ in _SYSTEM_ERRORS or isinstance(error, OSError):
        description["message"] = scrub(str(error))
    if error.__cause__ is not None and error.__cause__ is not error:
        description["cause"] = type(error.__cause__).__name__
    return description


def _scrub_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    elif isinstance(error, tuple):
        error = error[1]
    event.pop("stack_info", None)
    internal = {name: event.pop(name) for name in ("_record", "_from_structlog") if name in event}
    scrubbed: dict[str, Any] = scrub(event)
    if isinstance(error, BaseException):
        scrubbed["exception"] = describe_exception(error)
    return scrubbed | internal


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _scrub_event,
]


def json_formatter() -> logging.Formatter:
    """Lays a record out as one JSON object, scrubbed."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(default=str),
        ],
        # exc_info has been described by then; the formatter must not append its own traceback.
        keep_exc_info=False,
    )


def logging_settings(level: str) -> dict[str, Any]:
    """The value of Django's LOGGING: everything through one JSON handler on standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": json_formatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Our own access line says the same with less of what the client sent.
            "django.request": {"level": "ERROR"},
            "django.server": {"level": "ERROR"},
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            # Four lines for each wake-up, which say nothing of the stages.
            "django-q": {"level": "WARNING"},
        },
    }


def configure_structlog() -> None:
    """Send structlog's events through the standard library, so that both kinds of logger end in one
    handler."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_SHARED[1:],
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    logging.captureWarnings(True)
