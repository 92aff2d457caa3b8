"""The examples run, and end with the status that they promise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from examples.local_service import REPOSITORY, LocalService
from tests.live_service import find_processes_naming

EXAMPLES = REPOSITORY / "examples"


def run_example(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.slow
def test_the_demo_ends_well_and_leaves_no_process(tmp_path: Path) -> None:
    done = run_example(
        "demo.py",
        "--output",
        str(tmp_path / "output"),
        DATABASE_URL=os.environ.get("TEST_DATABASE_URL", ""),
        TMPDIR=str(tmp_path),
        ANTHROPIC_API_KEY="sk-set-but-not-asked-for",
        OPENAI_API_KEY="sk-set-but-not-asked-for",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL  texts: stages[1].execution.artifact" in done.stdout
    assert "NO LANGUAGE MODEL" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["output"]
    assert find_processes_naming(tmp_path) == []


@pytest.mark.slow
def test_the_reviewed_release_example_meets_no_surprise(live_service: LocalService, operator_key: str) -> None:
    done = run_example(
        "07_multi_agent_reviewed_release.py", COUNTERSIGN_URL=live_service.url, COUNTERSIGN_API_KEY=operator_key
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "400 " in done.stdout
    assert "VERIFIED: every check passed." in done.stdout


@pytest.mark.slow
def test_the_reviewed_release_example_trusts_the_key_that_it_is_given(
    live_service: LocalService, operator_key: str, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    other.write_text(
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
        "-----END PUBLIC KEY-----\n"
    )
    done = run_example(
        "07_multi_agent_reviewed_release.py",
        COUNTERSIGN_URL=live_service.url,
        COUNTERSIGN_API_KEY=operator_key,
        COUNTERSIGN_PUBLIC_KEY=str(other),
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "SURPRISE" in done.stdout


def test_an_example_without_a_server_says_how_to_start_one() -> None:
    # Port 9 of the loopback (discard) has no listener on a machine that runs tests.
    done = run_example(
        "07_multi_agent_reviewed_release.py", COUNTERSIGN_URL="http://127.0.0.1:9", COUNTERSIGN_API_KEY="cs_none"
    )
    assert done.returncode == 1
    assert "make serve" in done.stdout


def test_every_example_is_in_the_table_that_says_what_it_answers() -> None:
    table = (EXAMPLES / "README.md").read_text()
    shared = {"countersign_client.py", "local_service.py"}
    missing = [path.name for path in EXAMPLES.glob("*.py") if f"`{path.name}`" not in table]
    assert missing == []
    assert shared <= {path.name for path in EXAMPLES.glob("*.py")}
