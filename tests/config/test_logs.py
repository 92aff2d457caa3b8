import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from django.contrib.auth.models import User
from django.db import IntegrityError
from rest_framework.test import APIClient

from config.logs import REDACTED, describe_exception, logging_settings, scrub

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def logged() -> Iterator[Lines]:
    """What reaches the JSON handler from here on, parsed."""
    stream = io.StringIO()
    configuration = logging_settings("INFO")
    formatter = dict(configuration["formatters"]["json"])
    factory = formatter.pop("()")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(factory(**formatter))
    root = logging.getLogger()
    root.addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "HTTP_AUTHORIZATION",
        "api_key",
        "apikey",
        "stage_api_key",
        "password",
        "new_password",
        "SECRET_KEY",
        "signing_key",
        "private",
        "token",
        "access_token",
        "Cookie",
        "credentials",
    ],
)
def test_a_member_whose_name_says_secret_is_redacted_wherever_it_is(name: str) -> None:
    assert scrub({"a": [{name: "value"}]}) == {"a": [{name: REDACTED}]}


@pytest.mark.parametrize("name", ["keyid", "key_id", "input_tokens", "output_tokens", "monkeys", "path", "capability"])
def test_what_only_sounds_like_it_stays(name: str) -> None:
    assert scrub({name: "value"}) == {name: "value"}


@pytest.mark.parametrize(
    "secret",
    [
        "cs_0123456789abcdef0123456789abcdef",
        "sk-ant-api03-abcdef",
        "Bearer abcdef0123456789",
        "-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\ncut off",
    ],
)
def test_a_secret_inside_a_sentence_is_redacted(secret: str) -> None:
    scrubbed = scrub(f"the call with {secret} failed")
    assert secret not in scrubbed
    assert scrubbed.startswith(f"the call with {REDACTED}")


def test_the_password_of_a_database_address_is_redacted() -> None:
    assert "hunter2" not in scrub("connecting to postgres://app:hunter2@db.internal/countersign")


def test_both_kinds_of_logger_write_one_json_line_without_secrets(logged: Lines) -> None:
    structlog.get_logger("ours").warning("provider failed", api_key="sk-abcdefgh", attempt=2)
    logging.getLogger("theirs").warning("header was %s", "Bearer abcdef0123456789")
    ours, theirs = logged()
    assert (ours["event"], ours["api_key"], ours["attempt"]) == ("provider failed", REDACTED, 2)
    assert (ours["level"], ours["logger"]) == ("warning", "ours")
    assert theirs["event"] == f"header was {REDACTED}"


def test_an_exception_is_logged_by_type_and_place_without_the_text_that_it_may_quote(logged: Lines) -> None:
    try:
        raise IntegrityError("Failing row contains (1, Jane Roe, diabetes).")
    except IntegrityError:
        structlog.get_logger("ours").error("storing failed", exc_info=True)
        logging.getLogger("theirs").exception("storing failed")
        structlog.get_logger("ours").exception("storing failed")
    for line in logged():
        assert line["exception"]["type"] == "IntegrityError"
        assert any("test_logs.py" in frame for frame in line["exception"]["frames"])
        assert "Jane" not in json.dumps(line)


def test_an_exception_of_the_system_keeps_its_words_without_secrets() -> None:
    description = describe_exception(ConnectionRefusedError("no answer from app:hunter2 with Bearer abcdef0123456789"))
    assert description["message"] == f"no answer from app:hunter2 with {REDACTED}"


def test_the_formatter_adds_no_traceback_of_its_own(logged: Lines) -> None:
    logging.getLogger("theirs").error("broke", exc_info=(ValueError, ValueError("Jane Roe"), None))
    logging.getLogger("theirs").error("nothing broke", exc_info=sys.exc_info())
    first, second = logged()
    assert first["exception"] == {"type": "ValueError", "frames": []}
    assert "exception" not in second


@pytest.mark.django_db
def test_a_request_leaves_one_line_without_what_it_sent(
    logged: Lines, make_account: Callable[..., User], client_of: Callable[[User], APIClient]
) -> None:
    user = make_account()
    client = client_of(user)
    client.post("/api/v1/auth/keys?note=Jane+Roe", {"name": "canary name", "password": "canary"})
    line = next(line for line in logged() if line["event"] == "request")
    assert (line["method"], line["path"], line["status"]) == ("POST", "/api/v1/auth/keys", 400)
    assert line["actor_id"] == user.pk
    assert "canary" not in json.dumps(logged())
    assert "Jane" not in json.dumps(logged())
    assert "cs_" not in json.dumps(logged())
