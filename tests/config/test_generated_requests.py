"""Requests generated from our own OpenAPI document, sound and broken ones, against the whole application."""

from collections import defaultdict
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
import schemathesis
from django.contrib.auth.models import User
from hypothesis import HealthCheck, settings
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer
from rest_framework.throttling import SimpleRateThrottle
from schemathesis.specs.openapi import checks

from compliance import roles
from compliance.api_keys import issue_api_key
from config.docs import openapi_schema

# 413 besides its defaults: what the schema calls too long is larger than a body may be, too.
CONFIGURATION = {
    "checks": {
        "negative_data_rejection": {
            "expected-statuses": ["400", "401", "403", "404", "405", "406", "409", "413", "415"]
        }
    }
}
schema = schemathesis.openapi.from_dict(openapi_schema(), config=schemathesis.Config.from_dict(CONFIGURATION))


@pytest.fixture
def bearer(make_account: Callable[..., User], settings: Settings, monkeypatch: pytest.MonkeyPatch) -> str:
    """A key whose owner has every role, so that requests get as far as they can."""
    # Throttles would answer nearly everything.
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", defaultdict(lambda: None))
    settings.REGISTRATION_OPEN = True
    settings.ALLOWED_HOSTS = ["localhost"]
    _, plaintext = issue_api_key(make_account(*roles.ROLES), "generated")
    return plaintext


def reject_what_was_sent(
    context: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> bool | None:
    """Hold that broken requests are refused; but a parameter that an address cannot express was never sent."""
    sent = parse_qs(urlsplit(str(response.request.url)).query, keep_blank_values=True)
    if not set(case.query or {}) <= set(sent):
        return None
    return checks.negative_data_rejection(context, response, case)


@pytest.mark.fuzz
@pytest.mark.django_db(transaction=True)
@schema.parametrize()
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much, HealthCheck.too_slow],
)
def test_every_answer_to_a_generated_request_is_one_that_is_described(
    case: schemathesis.Case, bearer: str, live_server: LiveServer
) -> None:
    case.call_and_validate(
        base_url=live_server.url,
        headers={"Authorization": f"Bearer {bearer}"},
        checks=[
            schemathesis.checks.not_a_server_error,
            checks.status_code_conformance,
            checks.content_type_conformance,
            checks.response_schema_conformance,
            reject_what_was_sent,
        ],
    )
