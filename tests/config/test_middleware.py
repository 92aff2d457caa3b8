import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework.test import APIClient

from config.middleware import RequestLimits

LOGIN, ME, KEYS = "/api/v1/auth/login", "/api/v1/auth/me", "/api/v1/auth/keys"
pytestmark = pytest.mark.django_db


def chunked_request(body: bytes, path: str = "/api/v1/x") -> WSGIRequest:
    """What gunicorn makes of a body that comes in chunks: no length, and a stream that ends by itself."""
    return WSGIRequest(
        {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": path,
            "CONTENT_TYPE": "application/json",
            "wsgi.input": io.BytesIO(body),
            "wsgi.input_terminated": True,
        }
    )


def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.body)


def test_a_body_over_the_limit_is_answered_in_the_apis_shape(anonymous: APIClient) -> None:
    response = anonymous.generic("POST", LOGIN, b'"' + b"x" * 1_000_000 + b'"', content_type="application/json")
    assert response.status_code == 413
    assert response.json()["code"] == "body_too_large"


def test_a_body_of_just_the_limit_is_read(anonymous: APIClient) -> None:
    body = b'{"email": "' + b"x" * (1_000_000 - 13) + b'"}'
    assert len(body) == 1_000_000
    response = anonymous.generic("POST", LOGIN, body, content_type="application/json")
    assert response.status_code == 400
    assert "password" in response.json()["errors"]


def test_a_body_in_chunks_is_read_and_limited_too() -> None:
    middleware = RequestLimits(echo)
    sound = middleware(chunked_request(b'{"a": 1}'))
    assert isinstance(sound, HttpResponse)
    assert sound.content == b'{"a": 1}'
    over = middleware(chunked_request(b"x" * 1_000_001))
    assert over.status_code == 413
    assert isinstance(over, JsonResponse)
    assert json.loads(over.content)["code"] == "body_too_large"


def test_what_is_over_the_limit_is_read_off_the_connection_so_that_the_client_sees_the_answer() -> None:
    sent = chunked_request(b"x" * 3_000_000)
    assert RequestLimits(echo)(sent).status_code == 413
    assert sent.META["wsgi.input"].read() == b""
    announced = io.BytesIO(b"x" * 3_000_000)
    environment = {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "CONTENT_LENGTH": "3000000", "wsgi.input": announced}
    assert RequestLimits(echo)(WSGIRequest(environment)).status_code == 413
    assert announced.read() == b""


def test_pages_for_people_are_limited_as_well(anonymous: APIClient) -> None:
    response = anonymous.generic("POST", "/admin/login/", b"x" * 1_000_001, content_type="text/plain")
    assert response.status_code == 413
    assert response.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("length", ["-5", "1e3", "ten", "٣"])
def test_a_length_that_is_no_number_is_refused(anonymous: APIClient, length: str) -> None:
    response = anonymous.generic("POST", LOGIN, b"{}", content_type="application/json", CONTENT_LENGTH=length)
    assert response.status_code == 400


@pytest.mark.parametrize("address", [f"{KEYS}?cursor=%00", f"{KEYS}?x%00y=1", "/api/v1/auth/keys/%00", "/api/%00"])
def test_a_nul_character_in_the_address_is_refused(anonymous: APIClient, address: str) -> None:
    response = anonymous.get(address)
    assert response.status_code == 400
    assert response.json()["code"] == "malformed_request"


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/auth/me/", "/api/", "/api/v2/workflows"])
def test_an_unknown_address_of_the_api_is_answered_in_json(anonymous: APIClient, path: str) -> None:
    response = anonymous.get(path)
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


def test_an_unknown_page_is_answered_for_people(anonymous: APIClient) -> None:
    response = anonymous.get("/nothing")
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("PUT", ME, {}, 405, "method_not_allowed"),
        ("OPTIONS", ME, {}, 405, "method_not_allowed"),
        ("GET", LOGIN, {}, 405, "method_not_allowed"),
        ("GET", ME, {"HTTP_ACCEPT": "text/html"}, 406, "not_acceptable"),
        ("POST", KEYS, {"CONTENT_TYPE": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
        ("POST", KEYS, {"CONTENT_TYPE": "multipart/form-data; boundary=x"}, 415, "unsupported_media_type"),
        ("POST", KEYS, {"CONTENT_TYPE": "text/plain"}, 415, "unsupported_media_type"),
    ],
)
def test_what_an_endpoint_does_not_take_is_said_in_the_one_shape(
    make_account: Callable[..., User],
    client_of: Callable[[User], APIClient],
    method: str,
    path: str,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    client = client_of(make_account())
    response: Any = client.generic(method, path, b"name=x" if method == "POST" else b"", **headers)
    assert (response.status_code, response.json()["code"]) == (status, code)
    if status == 405:
        assert response.headers["Allow"]


def test_a_wrong_host_is_answered_in_json_on_the_api(anonymous: APIClient) -> None:
    response = anonymous.get(ME, HTTP_HOST="evil.example")
    assert response.status_code == 400
    assert response.json()["code"] == "malformed_request"


def test_a_bug_is_answered_in_the_one_shape_without_its_words(
    anonymous: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise ZeroDivisionError("the patient's name")

    monkeypatch.setattr("compliance.api.account_views.check_password", fail)
    response = anonymous.post(LOGIN, {"email": "a@b.example", "password": "x"})
    assert response.status_code == 500
    assert response.json()["code"] == "server_error"
    assert "patient" not in response.text


def test_every_answer_carries_the_headers_that_protect_a_browser(anonymous: APIClient) -> None:
    for path in ("/api/v1/auth/me", "/health", "/admin/login/", "/nothing"):
        headers = anonymous.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["X-Frame-Options"] == "DENY"
        assert "camera=()" in headers["Permissions-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert len(headers["X-Request-ID"]) == 32
