"""A short run of the chaos suite: one seed, a few workflows, some kinds of harm. `make chaos` does all of it."""

import subprocess
import sys

import pytest

from examples.local_service import REPOSITORY
from tests.chaos.postgresql import NoPostgreSQL, find_programs

SEED = 4


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_done_twice_while_everything_comes_to_harm() -> None:
    try:
        find_programs()
    except NoPostgreSQL as reason:
        pytest.skip(f"NEEDS POSTGRESQL'S PROGRAMS: {reason}")
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--short", "--seed", str(SEED), "--workflows", "24", "--seconds", "14"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"seed {SEED}: done to it: " in done.stdout
