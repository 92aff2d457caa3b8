import json
import os
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver
from django.urls import reverse as reverse_url
from playwright.sync_api import Page, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer
from rest_framework.test import APIClient
from rest_framework.views import APIView

from config.docs import openapi_schema
from config.urls import urlpatterns

SCHEMA, SWAGGER, REDOC = "/api/v1/schema/", "/api/v1/docs/", "/api/v1/redoc/"
METHODS = {"get", "post", "put", "patch", "delete"}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in openapi_schema()["paths"].items():
        for method in METHODS & set(item):
            yield path, method, item[method]


def responses_of(path: str, method: str) -> set[str]:
    return set(openapi_schema()["paths"][path][method]["responses"])


def test_it_is_served_as_json_and_as_yaml_to_anybody(anonymous: APIClient) -> None:
    assert anonymous.get(SCHEMA).json()["openapi"].startswith("3.")
    assert anonymous.get(SCHEMA, HTTP_ACCEPT="application/vnd.oai.openapi").content.startswith(b"openapi: 3.")


def test_every_operation_declares_the_errors_that_it_can_answer() -> None:
    for path, method, operation in operations():
        declared, where = set(operation["responses"]), f"{method.upper()} {path}"
        assert {"400", "406", "413", "503"} <= declared, where
        if {"ApiKey": []} in operation.get("security", []):
            assert "401" in declared, where
        if "{" in path:
            assert "404" in declared, where
        if method in {"post", "put", "patch"}:
            assert "415" in declared, where
        assert any(code.startswith("2") for code in declared), where


def test_every_error_is_declared_with_the_one_shape() -> None:
    for path, method, operation in operations():
        for code, response in operation["responses"].items():
            if code < "400" or (path, code) == ("/api/v1/health", "503"):
                continue
            content = response["content"]
            assert list(content) == ["application/json"], f"{method} {path} {code}"
            assert "ErrorResponse" in json.dumps(content) or "RefusedResponse" in json.dumps(content), (path, code)


def test_every_operation_needs_a_key_but_those_that_cannot() -> None:
    open_to_all = {path for path, _, operation in operations() if {"ApiKey": []} not in operation.get("security", [])}
    assert open_to_all == {
        "/api/v1/auth/login",
        "/api/v1/auth/register",
        "/api/v1/compliance/policies/schema",
        "/api/v1/health",
    }


def test_what_follows_from_role_throttle_and_state_is_declared() -> None:
    assert {"401", "429"} <= responses_of("/api/v1/auth/login", "post")
    assert {"403", "409", "429"} <= responses_of("/api/v1/auth/register", "post")
    assert "409" in responses_of("/api/v1/auth/rotate", "post")
    assert {"201", "403", "409"} <= responses_of("/api/v1/workflows", "post")


def test_every_api_view_is_described() -> None:
    def described(patterns: list[Any], prefix: str = "/") -> Iterator[tuple[str, bool]]:
        for pattern in patterns:
            address = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from described(pattern.url_patterns, address)
            elif isinstance(pattern, URLPattern) and address.startswith("/api/v1/"):
                view = getattr(pattern.callback, "cls", None)
                if view is not None and issubclass(view, APIView):
                    yield re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", address), True

    addresses = {address for address, _ in described(urlpatterns)}
    assert addresses - {SCHEMA, SWAGGER, REDOC} == set(openapi_schema()["paths"])


def test_operations_and_components_have_the_names_that_clients_rely_on() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))
    assert {
        "WorkflowRequest",
        "WorkflowStageRequest",
        "WorkflowResponse",
        "WorkflowCancelResponse",
        "WorkflowExportResponse",
        "LoginRequest",
        "ErrorResponse",
        "HealthResponse",
    } <= set(openapi_schema()["components"]["schemas"])


@pytest.mark.parametrize(("path", "relaxed"), [(SWAGGER, {"style-src"}), (REDOC, {"style-src", "worker-src"})])
def test_the_readers_relax_styles_and_never_scripts(anonymous: APIClient, path: str, relaxed: set[str]) -> None:
    response = anonymous.get(path)
    assert response.status_code == 200
    policy = dict(part.strip().split(" ", 1) for part in response.headers["Content-Security-Policy"].split(";"))
    assert "script-src" not in policy
    assert policy["default-src"] == "'self'"
    assert policy["style-src"] == "'self' 'unsafe-inline'"
    assert {name for name in policy if "unsafe" in policy[name] or "blob:" in policy[name]} == relaxed
    assert "unsafe-eval" not in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", [SWAGGER, REDOC])
def test_the_readers_ask_no_other_host_and_hold_no_inline_script(anonymous: APIClient, path: str) -> None:
    html = anonymous.get(path).text
    assert "://" not in html
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", html) == []


@pytest.fixture
def page(live_server: LiveServer, settings: Settings) -> Iterator[Page]:
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if executable is None:
        pytest.skip("NEEDS CHROMIUM: apt-get install chromium, or name one in CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser.new_page(base_url=live_server.url)
        browser.close()


# ReDoc's badge has a picture on another host; the policy must stop it before anything is sent.
REFUSED_BADGE = "https://cdn.redoc.ly/redoc/logo-mini.svg"


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("name", "shown"), [("swagger", ".opblock-summary-path"), ("redoc", "[data-item-id]")])
def test_the_readers_load_with_no_network_and_break_no_rule(page: Page, name: str, shown: str) -> None:
    sent: list[str] = []
    refused: list[str | None] = []
    complaints: list[str] = []
    page.on("requestfinished", lambda request: sent.append(request.url))
    page.on("requestfailed", lambda request: refused.append(f"{request.url} {request.failure}"))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(reverse_url(name))
    page.wait_for_selector(shown)
    own = page.url.split("/api/")[0]
    assert [url for url in sent if not url.startswith((own, "data:", "blob:"))] == []
    assert set(refused) <= {f"{REFUSED_BADGE} csp"}
    assert [complaint for complaint in complaints if REFUSED_BADGE not in complaint] == []
