"""How long a cancellation and a killed worker take: `make bench`, or `python -m benchmarks.recovery`.

Prints figures; asserts no time. The model is a stub that hangs, so that the kill and the cancellation come in the
middle of a call. On SQLite, and on PostgreSQL where one answers.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from examples.countersign_client import Countersign, Surprise
from examples.local_service import LocalService, temporary_database
from tests.find_postgresql import DEFAULT_URL
from tests.real_processes import find_descendants, hang_first, kill_all, reviewed_release
from tests.stub_models import AnthropicStub, OpenAIStub

CANCELLATIONS = 5
PATIENCE_SECONDS = 90


def main() -> int:
    print("$ python -m benchmarks.recovery")
    for title, url in (("SQLite", ""), ("PostgreSQL", os.environ.get("TEST_DATABASE_URL") or DEFAULT_URL)):
        if url and not _answers(url):
            print(f"\n{title}: NOT MEASURED, no server answers; TEST_DATABASE_URL names one.")
            continue
        print(f"\n{title}")
        _measure_cancellation(url)
        _measure_killed_worker(url)
        _measure_killed_queue_reader(url)
    return 0


def _measure_cancellation(server_url: str) -> None:
    with OpenAIStub(hang_first(CANCELLATIONS)) as stub, _serving(server_url, stub) as (service, client):
        del service
        took = []
        for _ in range(CANCELLATIONS):
            workflow = client.post("/workflows", reviewed_release("openai", "sk-stage-key-1")).expect(201)
            stub.wait_for_request()
            started = time.monotonic()
            client.call("DELETE", f"/workflows/{workflow['id']}").expect(200)
            stub.wait_for_close()
            took.append(time.monotonic() - started)
        _print("DELETE to the end of the model call", statistics.median(took), f"max {max(took):.2f} s")


def _measure_killed_worker(server_url: str) -> None:
    """SIGKILL supervisor, cluster and task processes in the middle of a model call, and start another worker."""
    with AnthropicStub(hang_first(1)) as stub, _serving(server_url, stub) as (service, client):
        workflow = client.post("/workflows", reviewed_release("anthropic", "sk-stage-key-1")).expect(201)
        stub.wait_for_request()
        supervisor = service.process_id("worker")
        killed = time.monotonic()
        kill_all([supervisor, *find_descendants(supervisor)])
        service.start_worker("another")
        _finish(client, workflow)
        _print("SIGKILL of a worker in mid-stage to its workflow's end, by another", time.monotonic() - killed)


def _measure_killed_queue_reader(server_url: str) -> None:
    """SIGKILL each idle task process in turn, one of which holds the lock of django-q2's queue."""
    with OpenAIStub() as stub, _serving(server_url, stub) as (service, client):
        sentinel = find_descendants(service.process_id("worker"))[1]
        killed = time.monotonic()
        kill_all(find_descendants(sentinel))
        body = reviewed_release("embedded", "")
        for stage in body["stages"]:
            del stage["api_key"]
        _finish(client, client.post("/workflows", body).expect(201))
        _print("SIGKILL of all idle processes to the next workflow's end", time.monotonic() - killed)


def _print(what: str, seconds: float, note: str = "") -> None:
    print(f"  {what:<66} {seconds:5.2f} s   {note}".rstrip())


@contextmanager
def _serving(server_url: str, stub: AnthropicStub | OpenAIStub) -> Iterator[tuple[LocalService, Countersign]]:
    environment = {stub.environment_variable: stub.base_url}
    with (
        tempfile.TemporaryDirectory(prefix="countersign-bench-") as directory,
        temporary_database(server_url) as url,
        LocalService(Path(directory), url, worker_processes=2, environment=environment) as service,
    ):
        yield service, Countersign(service.url, service.create_api_key("bench@countersign.example", "operator"))


def _finish(client: Countersign, workflow: Any) -> None:
    client.wait_for_workflow(workflow["id"], {"completed"}, PATIENCE_SECONDS)


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=5):
            return True
    except psycopg.Error:
        return False


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Surprise as surprise:
        sys.exit(f"The benchmark stopped: {surprise}")
