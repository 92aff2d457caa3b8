"""How long a cancellation and a killed worker take. Part of `python -m benchmarks.run`.

The model is a stub that hangs, so that the kill and the cancellation come in the middle of a call.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.figures import print_runs
from examples.countersign_client import Countersign
from examples.local_service import LocalService, temporary_database
from tests.real_processes import find_descendants, hang_first, kill_all, reviewed_release
from tests.stub_models import AnthropicStub, OpenAIStub

PATIENCE_SECONDS = 90


def measure(server_url: str, processes: int, rounds: int) -> None:
    """Print the figures, each over `rounds` runs. Times in seconds."""
    print("In the middle of a model call, from the order or the kill on")
    print_runs("DELETE to the end of the model call", _measure_cancellation(server_url, processes, rounds), "s")
    for name, run in (
        ("SIGKILL of the stage's process to its workflow's end", _kill_stage_process),
        ("SIGKILL of a whole worker to the end, by another", _kill_worker),
        ("SIGKILL of all idle processes to the next one's end", _kill_idle_processes),
    ):
        print_runs(name, [run(server_url, processes) for _ in range(rounds)], "s")


def _measure_cancellation(server_url: str, processes: int, rounds: int) -> list[float]:
    with OpenAIStub(hang_first(rounds)) as stub, _serving(server_url, stub, processes) as (_, client):
        took = []
        for _ in range(rounds):
            workflow = client.post("/workflows", reviewed_release("openai", "sk-stage-key-1")).expect(201)
            stub.wait_for_request()
            started = time.monotonic()
            client.call("DELETE", f"/workflows/{workflow['id']}").expect(200)
            stub.wait_for_close()
            took.append(time.monotonic() - started)
        return took


def _kill_stage_process(server_url: str, processes: int) -> float:
    """SIGKILL every process below the supervisor; it goes on, and replaces them."""
    with AnthropicStub(hang_first(1)) as stub, _serving(server_url, stub, processes) as (service, client):
        workflow = client.post("/workflows", reviewed_release("anthropic", "sk-stage-key-1")).expect(201)
        stub.wait_for_request()
        killed = time.monotonic()
        kill_all(find_descendants(service.process_id("worker")))
        _finish(client, workflow)
        return time.monotonic() - killed


def _kill_worker(server_url: str, processes: int) -> float:
    """SIGKILL supervisor, cluster and stage processes, and start another worker."""
    with AnthropicStub(hang_first(1)) as stub, _serving(server_url, stub, processes) as (service, client):
        workflow = client.post("/workflows", reviewed_release("anthropic", "sk-stage-key-1")).expect(201)
        stub.wait_for_request()
        supervisor = service.process_id("worker")
        killed = time.monotonic()
        kill_all([supervisor, *find_descendants(supervisor)])
        service.start_worker("another")
        _finish(client, workflow)
        return time.monotonic() - killed


def _kill_idle_processes(server_url: str, processes: int) -> float:
    """SIGKILL the idle task processes, one of which holds the lock of django-q2's queue."""
    with OpenAIStub() as stub, _serving(server_url, stub, processes) as (service, client):
        sentinel = find_descendants(service.process_id("worker"))[0]
        killed = time.monotonic()
        kill_all(find_descendants(sentinel))
        body = reviewed_release("embedded", "")
        for stage in body["stages"]:
            del stage["api_key"]
        _finish(client, client.post("/workflows", body).expect(201))
        return time.monotonic() - killed


@contextmanager
def _serving(
    server_url: str, stub: AnthropicStub | OpenAIStub, processes: int
) -> Iterator[tuple[LocalService, Countersign]]:
    environment = {stub.environment_variable: stub.base_url}
    with (
        tempfile.TemporaryDirectory(prefix="countersign-bench-", ignore_cleanup_errors=True) as directory,
        temporary_database(server_url) as url,
        LocalService(Path(directory), url, worker_processes=processes, environment=environment) as service,
    ):
        yield service, Countersign(service.url, service.create_api_key("bench@countersign.example", "operator"))


def _finish(client: Countersign, workflow: Any) -> None:
    client.wait_for_workflow(workflow["id"], {"completed"}, PATIENCE_SECONDS)
