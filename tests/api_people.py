"""Fixtures: Alice owns, Bob is an officer, Charlie is an outsider; each with an API client."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from tests.people import make_alice, make_bob, make_charlie, make_person


@pytest.fixture
def alice(db: None) -> User:
    return make_alice()


@pytest.fixture
def bob(db: None) -> User:
    return make_bob()


@pytest.fixture
def charlie(db: None) -> User:
    return make_charlie()


@pytest.fixture
def alice_api(alice: User, client_of: Callable[[User], APIClient]) -> APIClient:
    return client_of(alice)


@pytest.fixture
def bob_api(bob: User, client_of: Callable[[User], APIClient]) -> APIClient:
    return client_of(bob)


@pytest.fixture
def charlie_api(charlie: User, client_of: Callable[[User], APIClient]) -> APIClient:
    return client_of(charlie)


@pytest.fixture
def api_as(client_of: Callable[[User], APIClient], db: None) -> Callable[[str], APIClient]:
    """`api_as("viewer")`: a client of somebody with that role alone."""
    return lambda role: client_of(make_person(f"the-{role}", role))
