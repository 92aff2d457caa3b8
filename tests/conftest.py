"""Fixtures that every test has."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection


@pytest.fixture(autouse=True)
def _fresh_cache() -> Iterator[None]:
    """Throttles count in the cache; no test may inherit another's."""
    cache.clear()
    yield
    cache.clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if connection.vendor == "postgresql":
        return
    skip = pytest.mark.skip(reason="NEEDS POSTGRESQL: set TEST_DATABASE_URL to a server that may create databases")
    for item in items:
        if item.get_closest_marker("postgresql"):
            item.add_marker(skip)


def pytest_unconfigure() -> None:
    directory = Path(settings.VAR_DIR)
    if directory.name.startswith("countersign-tests-"):
        shutil.rmtree(directory, ignore_errors=True)
