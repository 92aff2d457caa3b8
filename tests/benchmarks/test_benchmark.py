"""The benchmark runs and prints each figure; how high they are is nobody's assertion."""

import os
import subprocess
import sys

import pytest

from benchmarks.figures import percentile
from examples.local_service import REPOSITORY


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([5.0, 1.0, 3.0], 0.5) == 3.0
    assert percentile([float(value) for value in range(1, 101)], 0.95) == 95.0
    assert percentile([7.0], 0.95) == 7.0


@pytest.mark.slow
def test_the_benchmark_prints_every_figure() -> None:
    database = "postgresql" if os.environ.get("TEST_DATABASE_URL") else "sqlite"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.run", "--quick", "--database", database],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for figure in (
        "POST /workflows",
        "overhead per stage, anthropic",
        "worker processes, openai",
        "GET /workflows,",
        "/export",
    ):
        assert figure in done.stdout, done.stdout
