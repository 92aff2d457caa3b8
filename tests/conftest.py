"""Fixtures that every test has."""

import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import TransactionTestCase
from rest_framework.test import APIClient

from compliance import roles
from compliance.api_keys import issue_api_key
from compliance.append_only import triggers_lifted

hypothesis.settings.register_profile("countersign", max_examples=25, deadline=None)
hypothesis.settings.register_profile("thorough", max_examples=400, deadline=None)
hypothesis.settings.load_profile("countersign")

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _fresh_cache() -> Iterator[None]:
    """Throttles count in the cache; no test may inherit another's."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(scope="session", autouse=True)
def _teardown_may_empty_evidence_tables() -> Iterator[None]:
    """What a test committed is flushed after it, which the append-only triggers would refuse."""
    flush = TransactionTestCase._fixture_teardown

    def flush_without_triggers(self: TransactionTestCase) -> None:
        with triggers_lifted(connection):
            flush(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", flush_without_triggers)
        yield


@pytest.fixture
def make_account(db: None) -> Callable[..., User]:
    """`make_account("operator", "viewer")`: a new account with those roles, an address of its own and PASSWORD."""
    numbers = count(1)

    def make(*role_names: str) -> User:
        email = f"person{next(numbers)}@countersign.example"
        user = User.objects.create_user(username=email, email=email, password=PASSWORD)
        for role in role_names:
            roles.grant_role(user, role)
        return user

    return make


@pytest.fixture
def client_of() -> Callable[[User], APIClient]:
    """`client_of(user)`: an API client that sends a fresh key of `user`, and answers 500 instead of raising."""

    def make(user: User) -> APIClient:
        _, plaintext = issue_api_key(user, "test")
        client = APIClient(raise_request_exception=False)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}")
        return client

    return make


@pytest.fixture
def anonymous() -> APIClient:
    """An API client without a key; it answers 500 instead of raising."""
    return APIClient(raise_request_exception=False)


def _touches_database(item: pytest.Item) -> bool:
    if item.get_closest_marker("slow") or item.get_closest_marker("fuzz"):
        return True  # these start processes on a database of the kind that the suite runs on
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(
        item.get_closest_marker("django_db")
        or fixtures & {"db", "transactional_db"}
        or issubclass(getattr(item, "cls", None) or object, TransactionTestCase)
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL only what touches the database runs: the rest would do the same again as on SQLite."""
    if connection.vendor == "postgresql":
        config.hook.pytest_deselected(items=[item for item in items if not _touches_database(item)])
        items[:] = [item for item in items if _touches_database(item)]
        return
    skip = pytest.mark.skip(reason="NEEDS POSTGRESQL: set TEST_DATABASE_URL to a server that may create databases")
    for item in items:
        if item.get_closest_marker("postgresql"):
            item.add_marker(skip)


def pytest_unconfigure() -> None:
    directory = Path(settings.VAR_DIR)
    if directory.name.startswith("countersign-tests-"):
        shutil.rmtree(directory, ignore_errors=True)
