"""The benchmark: `make bench`, or `python -m benchmarks.run [--quick] [--database sqlite|postgresql]`.

Prints medians; asserts no time. Models are stubs on the loopback that speak the providers' wire formats and answer
at once, so that what is measured is the product. On SQLite, and on PostgreSQL where one answers.
"""

import argparse
import json
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.figures import describe_latency, describe_rate, time_calls
from benchmarks.requests import PROVIDERS, answer_at_once, workflow_body
from examples.countersign_client import Countersign, Surprise
from examples.local_service import REPOSITORY, LocalService, temporary_database
from tests.find_postgresql import DEFAULT_URL
from tests.stub_models import AnthropicStub, OpenAIStub

QUICK = {"posts": 5, "rounds": 1, "workflows": 3, "reads": 5}
FULL = {"posts": 60, "rounds": 3, "workflows": 20, "reads": 40}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few samples: to see that it runs")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], help="this one only")
    options = parser.parse_args()
    print(f"$ {' '.join(['python -m benchmarks.run', *sys.argv[1:]])}")
    print(f"{os.cpu_count()} cores, {_processor()}, Python {platform.python_version()}, {platform.system()}")
    load = os.getloadavg()[0]
    print(f"Load average at the start {load:.1f}: figures say little while much of anything else runs.")
    print("Medians. Agents: embedded (rules, no model) and both SDKs against a stub that answers at once.")
    sizes = QUICK if options.quick else FULL
    if options.database != "postgresql":
        _measure(f"SQLite {sqlite3.sqlite_version}", "", sizes)
    if options.database != "sqlite":
        url = os.environ.get("TEST_DATABASE_URL") or DEFAULT_URL
        version = _postgresql_version(url)
        if version is None:
            print("\nPostgreSQL: NOT MEASURED, no server answers; TEST_DATABASE_URL names one.")
            return 1 if options.database else 0
        _measure(f"PostgreSQL {version}", url, sizes)
    return 0


def _measure(title: str, server_url: str, sizes: Mapping[str, int]) -> None:
    print(f"\n{title}")
    with _stub_models() as environment:
        with (
            tempfile.TemporaryDirectory(prefix="countersign-bench-") as directory,
            temporary_database(server_url) as url,
        ):
            service = LocalService(Path(directory), url, environment=environment)
            service.migrate()
            _measure_overhead(service)
        with (
            tempfile.TemporaryDirectory(prefix="countersign-bench-") as directory,
            temporary_database(server_url) as url,
        ):
            processes = max(2, os.cpu_count() or 2)
            service = LocalService(Path(directory), url, worker_processes=processes, environment=environment)
            try:
                _measure_service(service, processes, sizes)
            finally:
                service.stop()


def _measure_overhead(service: LocalService) -> None:
    """Print what a stage costs beyond its agent, in one process."""
    command = [sys.executable, "-m", "benchmarks.in_process"]
    done = subprocess.run(command, cwd=REPOSITORY, env=service.environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"benchmarks.in_process failed:\n{done.stderr[-2000:]}")
    for provider, figures in json.loads(done.stdout).items():
        print(describe_latency(f"stage in one process, {provider}", figures["stage"]))
        print(describe_latency(f"  of it the agent, {provider}", figures["agent"]))
        print(describe_latency(f"  overhead per stage, {provider}", figures["overhead"]))


def _measure_service(service: LocalService, processes: int, sizes: Mapping[str, int]) -> None:
    service.migrate()
    service.start_web()
    service.wait_until_answering()
    client = Countersign(service.url, service.create_api_key("bench@countersign.example", "operator"))
    body = workflow_body("embedded")
    _post(client, body)
    print(
        describe_latency(
            "POST /workflows, 3 stages, 1 client, no worker", time_calls(lambda: _post(client, body), sizes["posts"])
        )
    )
    service.start_worker()
    service.wait_until_serving()
    _wait_for_all(client)
    newest = ""
    for provider in PROVIDERS:
        _run_round(client, provider, 2 * processes)  # the worker's processes import their SDK
        rates = []
        for _ in range(sizes["rounds"]):
            rate, newest = _run_round(client, provider, sizes["workflows"])
            rates.append(rate)
        print(describe_rate(f"stages through {processes} worker processes, {provider}", rates))
    count, reads = _count(client), sizes["reads"]
    print(
        describe_latency(
            f"GET /workflows, first page of {count}", time_calls(lambda: _get(client, "/workflows"), reads)
        )
    )
    print(describe_latency("GET /workflows/{id}", time_calls(lambda: _get(client, f"/workflows/{newest}"), reads)))
    print(
        describe_latency(
            "GET /workflows/{id}/export", time_calls(lambda: _get(client, f"/workflows/{newest}/export"), reads)
        )
    )


def _run_round(client: Countersign, provider: str, count: int) -> tuple[float, str]:
    """Run `count` workflows and return the stages per second, from the first start to the last end, and an id."""
    body = workflow_body(provider)
    ids = [_post(client, body)["id"] for _ in range(count)]
    stages = [
        stage for workflow_id in ids for stage in client.wait_for_workflow(workflow_id, {"completed"}, 120)["stages"]
    ]
    first = min(datetime.fromisoformat(stage["started_at"]) for stage in stages)
    last = max(datetime.fromisoformat(stage["completed_at"]) for stage in stages)
    return len(stages) / (last - first).total_seconds(), ids[-1]


def _post(client: Countersign, body: Mapping[str, Any]) -> Any:
    return client.post("/workflows", body).expect(201)


def _get(client: Countersign, path: str) -> Any:
    return client.get(path).expect(200)


def _wait_for_all(client: Countersign) -> None:
    """Wait until every workflow that was posted before has ended."""
    for workflow in _every_workflow(client):
        client.wait_for_workflow(workflow["id"], {"completed"}, 120)


def _count(client: Countersign) -> int:
    return sum(1 for _ in _every_workflow(client))


def _every_workflow(client: Countersign) -> Iterator[Any]:
    path: str | None = "/workflows"
    while path is not None:
        page = _get(client, path)
        yield from page["results"]
        path = page["next"] and page["next"].split("/api/v1", 1)[1]


@contextmanager
def _stub_models() -> Iterator[dict[str, str]]:
    """Start a stub of each provider and yield the environment that points the SDKs at them."""
    with AnthropicStub(answer_at_once) as anthropic, OpenAIStub(answer_at_once) as openai:
        yield {
            "ANTHROPIC_API_KEY": "sk-benchmark",
            "OPENAI_API_KEY": "sk-benchmark",
            anthropic.environment_variable: anthropic.base_url,
            openai.environment_variable: openai.base_url,
        }


def _postgresql_version(url: str) -> str | None:
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            row = connection.execute("SHOW server_version").fetchone()
    except psycopg.Error:
        return None
    return str(row[0]).split()[0] if row else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Surprise as surprise:
        sys.exit(f"The benchmark stopped: {surprise}")
