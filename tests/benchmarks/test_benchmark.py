"""The benchmark runs and prints each figure; how high they are is nobody's assertion."""

import os
import subprocess
import sys

import pytest

from benchmarks.figures import Floor, percentile, print_latency, print_runs
from benchmarks.requests import PROVIDERS, one_stage_body, to_request, twelve_stage_body, two_stage_body
from benchmarks.usage import Watch, cpu_seconds, proportional_bytes
from examples.local_service import REPOSITORY
from tests.real_processes import wait_until


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([5.0, 1.0, 3.0], 0.5) == 3.0
    assert percentile([float(value) for value in range(1, 101)], 0.95) == 95.0
    assert percentile([7.0], 0.95) == 7.0


def test_a_latency_is_held_against_its_floor_as_so_many_times_longer(capsys: pytest.CaptureFixture[str]) -> None:
    print_latency("POST", [[8.0, 10.0, 12.0], [10.0, 10.0, 30.0]], Floor(2.5, "2 commits"))
    line = capsys.readouterr().out
    assert "10.0 ms   p95 21.0, n=2 x 3" in line
    assert "4.0 x 2.50 ms (2 commits)" in line


def test_a_rate_is_held_against_its_floor_as_so_many_times_slower(capsys: pytest.CaptureFixture[str]) -> None:
    print_runs("stages", [90.0, 110.0, 100.0], "/s", Floor(400.0, "bare loops"))
    line = capsys.readouterr().out
    assert "100.0 /s   90.0 to 110.0, n=3" in line
    assert "4.0 x 400.00 /s (bare loops)" in line


@pytest.mark.parametrize(
    ("body", "roles"),
    [
        (one_stage_body("openai"), ["worker"]),
        (two_stage_body("openai"), ["reviewer", "release"]),
        (twelve_stage_body("openai"), [*["worker"] * 10, "reviewer", "release"]),
    ],
)
def test_each_workflow_ends_as_it_should(body: dict[str, object], roles: list[str]) -> None:
    request = to_request(body)
    assert [stage.stage_role for stage in request.stages] == roles
    assert {stage.provider for stage in request.stages} == {"openai"} <= set(PROVIDERS)
    named = {name for stage in request.stages for name in stage.upstream_stage_ids}
    assert named <= {stage.id for stage in request.stages}


def test_cpu_counts_from_the_mark_and_memory_is_a_peak() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as spinning:
        try:
            groups = {"spinning": lambda: [spinning.pid], "none": list[int]}
            with Watch(groups, ["spinning"]) as watch:
                wait_until(lambda: watch.read()["spinning"].cpu_total > 0.1, "CPU of a process that spins")
                wait_until(lambda: watch.read()["spinning"].peak > 0, "its memory")
                before = watch.read()["spinning"].cpu_total
                watch.mark()
                assert watch.read()["spinning"].cpu_total < before
                assert watch.read()["spinning"].largest(3) == [watch.read()["spinning"].peak]
                assert watch.read()["none"].cpu == {}
        finally:
            spinning.kill()
    assert cpu_seconds(spinning.pid) is None
    assert proportional_bytes(spinning.pid) is None


@pytest.mark.slow
def test_the_benchmark_prints_every_figure() -> None:
    database = "postgresql" if os.environ.get("TEST_DATABASE_URL") else "sqlite"
    figures = ("stages", "waiting", "holding", "latency", "lists", "export")
    only = [argument for name in figures for argument in ("--only", name)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.run", "--quick", "--database", database, *only],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for figure in (
        "stages per second, embedded",
        "stages per second, anthropic",
        "stages per second, openai",
        "CPU per stage",
        "what the slots allow",
        "model calls open at one time",
        "peak memory",
        "stages that wait in each process",
        "POST /workflows, 3 stages, 8 clients",
        "POST answered to the stage's start",
        "GET /workflows, first page",
        "the admin's list",
        "export of 12 stages",
    ):
        assert figure in done.stdout, done.stdout
