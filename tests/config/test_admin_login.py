from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from compliance.api.throttles import LoginAccountThrottle, LoginAddressThrottle
from compliance.models import AuditEvent
from tests.conftest import PASSWORD

LOGIN = "/admin/login/"


def sign_in(client: Client, user: User, password: str) -> Any:
    return client.post(LOGIN, {"username": user.username, "password": password, "next": "/admin/"})


def test_an_officer_signs_in(make_account: Callable[..., User], client: Client) -> None:
    assert client.get(LOGIN).status_code == 200
    response = sign_in(client, make_account("approver"), PASSWORD)
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/")
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize("throttle", [LoginAccountThrottle, LoginAddressThrottle])
def test_too_many_attempts_are_refused_even_with_the_right_password(
    make_account: Callable[..., User], client: Client, monkeypatch: pytest.MonkeyPatch, throttle: type
) -> None:
    monkeypatch.setattr(throttle, "rate", "2/hour", raising=False)
    user = make_account("approver")
    assert [sign_in(client, user, "wrong").status_code for _ in range(2)] == [200, 200]
    refused = sign_in(client, user, PASSWORD)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert client.get("/admin/").status_code == 302


def test_attempts_at_the_page_and_at_the_api_count_together(
    make_account: Callable[..., User], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LoginAccountThrottle, "rate", "2/hour", raising=False)
    user = make_account("approver")
    sign_in(client, user, "wrong")
    body = {"username": user.username, "password": "wrong"}
    assert client.post("/api/v1/auth/login", body, content_type="application/json").status_code == 401
    assert sign_in(client, user, PASSWORD).status_code == 429


def test_failures_are_in_the_audit_trail_and_a_success_forgets_them(
    make_account: Callable[..., User], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LoginAccountThrottle, "rate", "2/hour", raising=False)
    user = make_account("approver")
    for _ in range(3):
        assert sign_in(client, user, "wrong").status_code == 200
        assert sign_in(client, user, PASSWORD).status_code == 302
        client.post("/admin/logout/")
    failures = AuditEvent.objects.filter(action="login.failed").values_list("target_id", flat=True)
    assert list(failures) == [str(user.pk)] * 3


@pytest.mark.parametrize("decoy", ["email", "name", "identifier"])
def test_a_further_field_does_not_change_whose_attempts_are_counted(
    make_account: Callable[..., User], client: Client, monkeypatch: pytest.MonkeyPatch, decoy: str
) -> None:
    monkeypatch.setattr(LoginAccountThrottle, "rate", "2/hour", raising=False)
    user = make_account("approver")
    answers = [
        client.post(
            LOGIN, {"username": user.username, "password": "wrong", decoy: f"decoy{number}@countersign.example"}
        )
        for number in range(3)
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 429]


def test_another_spelling_that_signs_the_same_account_in_counts_for_it(
    make_account: Callable[..., User], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LoginAccountThrottle, "rate", "3/hour", raising=False)
    name = make_account("approver").username
    fullwidth = "".join(chr(ord(character) + 0xFEE0) for character in name)
    spellings = [f" {name}", fullwidth, f"{fullwidth}\t", name]
    answers = [client.post(LOGIN, {"username": spelling, "password": "wrong"}) for spelling in spellings]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    failures = AuditEvent.objects.filter(action="login.failed").values_list("target_id", flat=True)
    assert "" not in set(failures)
