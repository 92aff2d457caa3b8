from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import hashers
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from compliance.api.throttles import LoginAccountThrottle, LoginAddressThrottle
from compliance.api_keys import issue_api_key
from compliance.models import ApiKey, AuditEvent
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
LOGIN, ROTATE, ME = "/api/v1/auth/login", "/api/v1/auth/rotate", "/api/v1/auth/me"
REGISTER, KEYS = "/api/v1/auth/register", "/api/v1/auth/keys"


def login(client: APIClient, **body: Any) -> Any:
    return client.post(LOGIN, body)


def with_key(plaintext: str) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}")
    return client


class TestLogin:
    def test_a_password_buys_a_named_key_that_serves(
        self, make_account: Callable[..., User], anonymous: APIClient
    ) -> None:
        user = make_account("operator")
        response = login(anonymous, email=user.email, password=PASSWORD, name="laptop", expires_in_days=3)
        assert response.status_code == 201
        assert response.headers["Cache-Control"] == "no-store"
        body = response.json()
        assert body["name"] == "laptop"
        assert body["api_key"].startswith(body["prefix"])
        me = with_key(body["api_key"]).get(ME).json()
        assert (me["username"], me["roles"]) == (user.username, ["operator"])
        assert me["key"]["id"] == body["id"]
        assert "api_key" not in me["key"]

    def test_the_user_name_serves_as_well_as_the_address_in_any_case(
        self, make_account: Callable[..., User], anonymous: APIClient
    ) -> None:
        user = make_account()
        assert login(anonymous, username=user.username, password=PASSWORD).status_code == 201
        assert login(anonymous, email=user.email.upper(), password=PASSWORD).status_code == 201

    def test_a_wrong_password_an_unknown_and_an_inactive_account_answer_alike(
        self, make_account: Callable[..., User], anonymous: APIClient
    ) -> None:
        user, inactive = make_account(), make_account()
        inactive.is_active = False
        inactive.save()
        answers = [
            login(anonymous, email=user.email, password="wrong"),
            login(anonymous, email="nobody@countersign.example", password=PASSWORD),
            login(anonymous, email=inactive.email, password=PASSWORD),
        ]
        assert {answer.status_code for answer in answers} == {401}
        assert len({answer.content for answer in answers}) == 1
        assert answers[0].json()["code"] == "invalid_credentials"
        assert not ApiKey.objects.exists()

    def test_an_unknown_account_costs_a_password_hash_too(
        self, anonymous: APIClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hashed: list[str] = []
        encode = hashers.MD5PasswordHasher.encode

        def counting(self: Any, password: str, salt: str) -> str:
            hashed.append(password)
            return str(encode(self, password, salt))

        monkeypatch.setattr(hashers.MD5PasswordHasher, "encode", counting)
        login(anonymous, email="nobody@countersign.example", password="guess")
        assert hashed == ["guess"]

    def test_an_address_that_two_accounts_share_signs_nobody_in(
        self, make_account: Callable[..., User], anonymous: APIClient
    ) -> None:
        first, second = make_account(), make_account()
        User.objects.filter(pk__in=[first.pk, second.pk]).update(email="shared@countersign.example")
        assert login(anonymous, email="shared@countersign.example", password=PASSWORD).status_code == 401

    @pytest.mark.parametrize(
        ("body", "path"),
        [
            ({"password": "x"}, "non_field_errors"),
            ({"email": "a@b.example", "username": "a", "password": "x"}, "non_field_errors"),
            ({"email": "a@b.example"}, "password"),
            ({"email": "a@b.example", "password": ""}, "password"),
            ({"email": 7, "password": "x"}, "email"),
            ({"email": "a@b.example", "password": "x", "role": "admin"}, "role"),
            ({"email": "a@b.example", "password": "x", "expires_in_days": 0}, "expires_in_days"),
            ({"email": "a@b.example", "password": "x", "expires_in_days": 4000}, "expires_in_days"),
            ({"email": "a@b.example", "password": "x", "name": ""}, "name"),
        ],
    )
    def test_a_malformed_body_is_refused_by_field(self, anonymous: APIClient, body: dict[str, Any], path: str) -> None:
        response = login(anonymous, **body)
        assert response.status_code == 400
        assert path in response.json()["errors"]

    @pytest.mark.parametrize("body", [[], "x", 1, None])
    def test_a_body_that_is_no_object_is_refused(self, anonymous: APIClient, body: Any) -> None:
        assert anonymous.post(LOGIN, body).status_code == 400

    def test_attempts_at_one_account_are_throttled_from_wherever_they_come(
        self, make_account: Callable[..., User], anonymous: APIClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(LoginAccountThrottle, "rate", "4/hour", raising=False)
        user, other = make_account(), make_account()
        names = [
            {"email": user.email},
            {"username": user.username},
            {"email": user.email.upper()},
            {"username": f" {user.username}\t"},
        ]
        for number, name in enumerate(names):
            assert anonymous.post(LOGIN, {**name, "password": "x"}, REMOTE_ADDR=f"192.0.2.{number}").status_code == 401
        refused = login(anonymous, email=user.email, password=PASSWORD)
        assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
        assert int(refused.headers["Retry-After"]) > 0
        assert login(anonymous, email=other.email, password=PASSWORD).status_code == 201

    def test_a_success_forgets_the_failures_before_it(
        self, make_account: Callable[..., User], anonymous: APIClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(LoginAccountThrottle, "rate", "3/hour", raising=False)
        user = make_account()
        for _ in range(3):
            assert login(anonymous, email=user.email, password="wrong").status_code == 401
            assert login(anonymous, email=user.email, password=PASSWORD).status_code == 201

    @pytest.mark.parametrize("addresses", [["192.0.2.1"] * 3, ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:3"]])
    def test_attempts_from_one_address_are_throttled_whatever_the_account(
        self, anonymous: APIClient, monkeypatch: pytest.MonkeyPatch, addresses: list[str]
    ) -> None:
        monkeypatch.setattr(LoginAddressThrottle, "rate", "2/hour", raising=False)
        answers = [
            anonymous.post(LOGIN, {"email": f"p{n}@b.example", "password": "x"}, REMOTE_ADDR=address).status_code
            for n, address in enumerate(addresses)
        ]
        assert answers == [401, 401, 429]

    def test_a_forwarded_address_that_nobody_vouches_for_is_not_believed(
        self, anonymous: APIClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(LoginAddressThrottle, "rate", "2/hour", raising=False)
        answers = [
            anonymous.post(
                LOGIN, {"email": f"p{n}@b.example", "password": "x"}, HTTP_X_FORWARDED_FOR=f"198.51.100.{n}"
            ).status_code
            for n in range(3)
        ]
        assert answers == [401, 401, 429]

    def test_a_failure_is_in_the_audit_trail_without_what_was_typed(
        self, make_account: Callable[..., User], anonymous: APIClient
    ) -> None:
        user = make_account()
        login(anonymous, email=user.email, password="wrong")
        login(anonymous, username="my secret by mistake", password="wrong")
        events = list(AuditEvent.objects.order_by("id").values_list("action", "target_id", "detail", "address"))
        assert events == [("login.failed", str(user.pk), {}, "127.0.0.1"), ("login.failed", "", {}, "127.0.0.1")]


class TestRotate:
    def test_the_new_key_serves_and_the_old_one_no_more(
        self, make_account: Callable[..., User], anonymous: APIClient
    ) -> None:
        user = make_account()
        old = login(anonymous, email=user.email, password=PASSWORD, name="ci").json()["api_key"]
        response = with_key(old).post(ROTATE)
        assert response.status_code == 201
        new = response.json()
        assert new["name"] == "ci"
        assert with_key(old).get(ME).status_code == 401
        assert with_key(new["api_key"]).get(ME).json()["id"] == user.pk


class TestRegister:
    BODY = {"email": "New@countersign.example", "password": "a long enough phrase"}

    def test_it_is_closed_unless_the_operator_opens_it(self, anonymous: APIClient) -> None:
        response = anonymous.post(REGISTER, self.BODY)
        assert (response.status_code, response.json()["code"]) == (403, "registration_closed")
        assert not User.objects.exists()

    def test_an_account_has_no_role_and_can_sign_in(self, anonymous: APIClient, settings: Settings) -> None:
        settings.REGISTRATION_OPEN = True
        response = anonymous.post(REGISTER, self.BODY)
        assert response.status_code == 201
        assert response.json()["roles"] == []
        assert response.json()["email"] == "new@countersign.example"
        assert login(anonymous, **self.BODY).status_code == 201

    @pytest.mark.parametrize("field", ["role", "roles", "groups", "is_staff", "is_superuser"])
    def test_it_takes_no_role(self, anonymous: APIClient, settings: Settings, field: str) -> None:
        settings.REGISTRATION_OPEN = True
        response = anonymous.post(REGISTER, {**self.BODY, field: "admin"})
        assert response.status_code == 400
        assert field in response.json()["errors"]
        assert not User.objects.exists()

    @pytest.mark.parametrize(
        ("change", "path"),
        [
            ({"email": "nobody"}, "email"),
            ({"email": "a" * 150 + "@b.example"}, "email"),
            ({"password": "short"}, "password"),
            ({"password": "123456789012"}, "password"),
            ({"password": "new@countersign.example"}, "password"),
        ],
    )
    def test_a_weak_password_or_no_address_is_refused(
        self, anonymous: APIClient, settings: Settings, change: dict[str, str], path: str
    ) -> None:
        settings.REGISTRATION_OPEN = True
        response = anonymous.post(REGISTER, {**self.BODY, **change})
        assert response.status_code == 400
        assert list(response.json()["errors"]) == [path]

    def test_an_address_has_one_account(
        self, anonymous: APIClient, settings: Settings, make_account: Callable[..., User]
    ) -> None:
        settings.REGISTRATION_OPEN = True
        user = make_account()
        response = anonymous.post(REGISTER, {**self.BODY, "email": user.email.upper()})
        assert (response.status_code, response.json()["code"]) == (409, "account_exists")


class TestKeys:
    def test_a_further_key_is_shown_once_and_listed_without_its_text(
        self, make_account: Callable[..., User], client_of: Callable[[User], APIClient]
    ) -> None:
        client = client_of(make_account())
        created = client.post(KEYS, {"name": "pipeline", "expires_in_days": 30})
        assert created.status_code == 201
        plaintext = created.json()["api_key"]
        assert with_key(plaintext).get(ME).json()["key"]["name"] == "pipeline"
        listed = client.get(KEYS)
        assert [key["name"] for key in listed.json()["results"]] == ["pipeline", "test"]
        assert plaintext not in listed.text

    def test_a_revoked_key_serves_no_more_and_stays_listed(
        self, make_account: Callable[..., User], client_of: Callable[[User], APIClient]
    ) -> None:
        client = client_of(make_account())
        created = client.post(KEYS, {"name": "pipeline"}).json()
        first = client.delete(f"{KEYS}/{created['id']}")
        again = client.delete(f"{KEYS}/{created['id']}")
        assert first.status_code == again.status_code == 200
        assert first.json()["revoked_at"] == again.json()["revoked_at"] is not None
        assert with_key(created["api_key"]).get(ME).status_code == 401
        assert created["id"] in [key["id"] for key in client.get(KEYS).json()["results"]]

    def test_anothers_key_is_not_there_but_for_an_admin(
        self, make_account: Callable[..., User], client_of: Callable[[User], APIClient]
    ) -> None:
        owner = client_of(make_account("operator"))
        key_id = owner.get(ME).json()["key"]["id"]
        for role in ("operator", "approver", "auditor"):
            other = client_of(make_account(role))
            assert other.delete(f"{KEYS}/{key_id}").status_code == 404
            assert key_id not in [key["id"] for key in other.get(KEYS).json()["results"]]
        assert owner.get(ME).status_code == 200
        assert client_of(make_account("admin")).delete(f"{KEYS}/{key_id}").status_code == 200
        assert owner.get(ME).status_code == 401

    @pytest.mark.parametrize("key_id", ["00000000-0000-0000-0000-000000000000", "not-an-id"])
    def test_an_unknown_key_is_not_there(
        self, make_account: Callable[..., User], client_of: Callable[[User], APIClient], key_id: str
    ) -> None:
        response = client_of(make_account()).delete(f"{KEYS}/{key_id}")
        assert (response.status_code, response.json()["code"]) == (404, "not_found")

    def test_nothing_of_it_is_open_without_a_key(self, anonymous: APIClient) -> None:
        calls = [anonymous.get(KEYS), anonymous.post(KEYS, {"name": "x"}), anonymous.get(ME), anonymous.post(ROTATE)]
        assert {call.status_code for call in calls} == {401}

    @pytest.mark.parametrize("asked", [{"expires_in_days": 3650}, {"expires_in_days": 2}, {}])
    def test_a_key_that_a_key_made_does_not_outlive_it(
        self, make_account: Callable[..., User], asked: dict[str, int]
    ) -> None:
        maker, plaintext = issue_api_key(make_account(), "short", timedelta(days=1))
        made = with_key(plaintext).post(KEYS, {"name": "long", **asked})
        assert made.status_code == 201
        assert ApiKey.objects.get(key_id=made.json()["id"]).expiry == maker.expiry
        rotated = with_key(made.json()["api_key"]).post(ROTATE)
        assert ApiKey.objects.get(key_id=rotated.json()["id"]).expiry == maker.expiry

    def test_a_password_gives_a_key_that_lives_as_long_as_asked(
        self, make_account: Callable[..., User], anonymous: APIClient
    ) -> None:
        user = make_account()
        issue_api_key(user, "short", timedelta(days=1))
        created = login(anonymous, email=user.email, password=PASSWORD, expires_in_days=3650).json()
        expiry = ApiKey.objects.get(key_id=created["id"]).expiry
        assert expiry
        assert expiry > timezone.now() + timedelta(days=3600)
