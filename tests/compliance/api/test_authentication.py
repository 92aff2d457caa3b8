from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from compliance.api.errors import NOT_AUTHENTICATED
from compliance.api_keys import issue_api_key, revoke_api_key
from compliance.models import ApiKey

pytestmark = pytest.mark.django_db
ME = "/api/v1/auth/me"


def ask(client: APIClient, authorization: str | bytes | None) -> Any:
    headers: dict[str, Any] = {} if authorization is None else {"HTTP_AUTHORIZATION": authorization}
    return client.get(ME, **headers)


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer cs_unknown",
        "Bearer two words",
        "Bearer " + "x" * 5000,
        b"Bearer \xff\xfe\x00".decode("latin-1"),
        "Bearer schlüssel",
        "Basic dXNlcjpwYXNz",
        "Token cs_unknown",
        "\x00",
    ],
)
def test_a_missing_or_malformed_key_is_answered_with_the_one_body(
    anonymous: APIClient, authorization: str | None
) -> None:
    response = ask(anonymous, authorization)
    assert response.status_code == 401
    assert response.json() == {"detail": NOT_AUTHENTICATED, "code": "not_authenticated"}
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_key_that_was_revoked_or_expired_or_whose_owner_left_answers_alike(
    make_account: Callable[..., User], anonymous: APIClient
) -> None:
    active, left = make_account(), make_account()
    revoked, revoked_plaintext = issue_api_key(active, "revoked")
    revoke_api_key(revoked, active)
    expired, expired_plaintext = issue_api_key(active, "expired")
    ApiKey.objects.filter(pk=expired.pk).update(expiry=timezone.now() - timedelta(seconds=1))
    _, orphaned_plaintext = issue_api_key(left, "orphaned")
    User.objects.filter(pk=left.pk).update(is_active=False)
    for plaintext in (revoked_plaintext, expired_plaintext, orphaned_plaintext):
        response = ask(anonymous, f"Bearer {plaintext}")
        assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")
    assert ApiKey.objects.filter(pk__in=[revoked.pk, expired.pk]).count() == 2, "keys are evidence of who acted"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_key_serves_whatever_the_case_of_the_scheme(
    make_account: Callable[..., User], anonymous: APIClient, scheme: str
) -> None:
    user = make_account("viewer")
    _, plaintext = issue_api_key(user, "ci")
    assert ask(anonymous, f"{scheme} {plaintext}").json()["id"] == user.pk


def test_a_key_never_serves_in_another_case_or_shortened(
    make_account: Callable[..., User], anonymous: APIClient
) -> None:
    _, plaintext = issue_api_key(make_account(), "ci")
    for other in (plaintext.upper(), plaintext[:-1], plaintext + "0", plaintext[3:]):
        assert ask(anonymous, f"Bearer {other}").status_code == 401


def test_a_session_of_the_admin_is_no_key(make_account: Callable[..., User], anonymous: APIClient) -> None:
    anonymous.force_login(make_account("admin"))
    assert anonymous.get(ME).status_code == 401


def test_the_last_use_is_kept_to_the_minute(make_account: Callable[..., User], anonymous: APIClient) -> None:
    key, plaintext = issue_api_key(make_account(), "ci")

    def last_use_after_asking() -> Any:
        ask(anonymous, f"Bearer {plaintext}")
        key.refresh_from_db()
        return key.last_used_at

    first = last_use_after_asking()
    assert first is not None
    assert last_use_after_asking() == first
    earlier = first - timedelta(minutes=2)
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=earlier)
    assert last_use_after_asking() > earlier
