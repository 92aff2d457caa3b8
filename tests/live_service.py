"""Fixtures with real web and worker processes, for tests that go in by HTTP. Import them in a conftest:

`from tests.live_service import live_service, operator_key`

Starting takes seconds, so tests that use them are marked `slow`.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.local_service import LocalService, temporary_database

PROVIDER_VARIABLES = ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL")


@pytest.fixture(scope="session")
def live_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    """Web and one worker with two processes, on a database of their own of the kind that the suite runs on."""
    directory = tmp_path_factory.mktemp("live-service")
    with (
        temporary_database(os.environ.get("TEST_DATABASE_URL", "")) as database_url,
        LocalService(directory, database_url, environment={"REGISTRATION_OPEN": "true"}) as service,
    ):
        yield service


@pytest.fixture(scope="session")
def operator_key(live_service: LocalService) -> str:
    """An API key of an operator."""
    return live_service.create_api_key("operator@countersign.example", "operator")


def find_processes_naming(directory: Path) -> list[int]:
    """Return the ids of processes whose environment points into the directory, by /proc (Linux)."""
    needle, found = os.fsencode(directory), []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if needle in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found
