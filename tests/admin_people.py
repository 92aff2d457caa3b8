"""Fixtures and steps of the admin's tests: Alice owns, Bob is an approver, Charlie an outsider; all may sign in."""

from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from tests.people import make_alice, make_bob, make_charlie, make_person


class _PolicyReader(HTMLParser):
    """Collects what `default-src 'self'` forbids: inline scripts, styles and handlers, and other hosts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        inline_script = tag == "script" and "src" not in given and given.get("type") != "application/json"
        handlers = [name for name in given if name == "style" or name.startswith("on")]
        loaded = given.get("src") or (given.get("href") if tag == "link" else None) or ""
        if inline_script or tag == "style" or handlers or loaded.startswith(("http:", "https:", "//", "data:")):
            self.found.append(f"<{tag} {given}>")


def breaches_of_the_content_policy(html: bytes) -> list[str]:
    """Return the elements of a page that the browser would refuse, as it would read them."""
    reader = _PolicyReader()
    reader.feed(html.decode())
    return reader.found


def sign_in(user: User) -> Client:
    """Return a browser's client of that person, who may sign in to the admin."""
    if not user.is_staff:
        user.is_staff = True
        user.save(update_fields=["is_staff"])
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


@pytest.fixture
def alice_desk(db: None) -> Client:
    return sign_in(make_alice())


@pytest.fixture
def bob_desk(db: None) -> Client:
    return sign_in(make_bob())


@pytest.fixture
def charlie_desk(db: None) -> Client:
    return sign_in(make_charlie())


@pytest.fixture
def desk_as(db: None) -> Callable[[str], Client]:
    """`desk_as("auditor")`: a client of somebody with that role alone."""
    return lambda role: sign_in(make_person(f"the-{role}", role))


def list_address(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def page_address(record: Model) -> str:
    return reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_change", args=[record.pk])


def registered_models() -> list[type[Model]]:
    """Every model that the admin has pages for, ours and Django's accounts."""
    return sorted(admin.site._registry, key=lambda model: model._meta.label)
