"""Real web and worker processes against a model that hangs: what is killed or cancelled, and what comes of it."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from examples.countersign_client import Countersign
from examples.local_service import LocalService, temporary_database
from tests.real_processes import find_descendants, hang_first, kill_all, reviewed_release, wait_until
from tests.stub_models import AnthropicStub, OpenAIStub

pytestmark = pytest.mark.slow


@contextmanager
def make_service(tmp_path: Path, stub: AnthropicStub | OpenAIStub, **settings: str) -> Iterator[LocalService]:
    """Web and a worker of two processes, on a database of their own of the kind that the suite runs on."""
    environment = {stub.environment_variable: stub.base_url, **settings}
    with (
        temporary_database(os.environ.get("TEST_DATABASE_URL", "")) as url,
        LocalService(tmp_path, url, worker_processes=2, environment=environment) as service,
    ):
        yield service


@pytest.mark.parametrize("whole_worker", [True, False], ids=["supervisor and all", "task processes"])
def test_a_worker_killed_in_the_middle_of_a_stage_costs_a_lease_and_another_finishes(
    tmp_path: Path, whole_worker: bool
) -> None:
    with AnthropicStub(hang_first(1)) as stub, make_service(tmp_path, stub) as service:
        client = Countersign(service.url, service.create_api_key("op@example.test", "operator"))
        if whole_worker:
            service.start_worker("second")
        workflow = client.post("/workflows", reviewed_release("anthropic", "sk-stage-key-1")).expect(201)
        stub.wait_for_request()
        supervisors = [service.process_id("worker")]
        task_processes = [pid for supervisor in supervisors for pid in find_descendants(supervisor)]
        kill_all([*supervisors, *task_processes] if whole_worker else task_processes)
        if whole_worker and len(stub.requests) == 1 and not _is_abandoned(stub):
            # The stage was with the other worker: kill that one, and let a third finish.
            other = service.process_id("second")
            kill_all([other, *find_descendants(other)])
            service.start_worker("third")

        ended = client.wait_for_workflow(workflow["id"], seconds=60)

    assert (ended["status"], ended["verdict"]) == ("completed", "compliant"), ended["reason"]
    assert len(stub.requests) == 3, "the review was asked for again exactly once"


def _is_abandoned(stub: AnthropicStub) -> bool:
    """Say whether the connection of the hanging call was closed, as the kernel does when its process is killed."""
    return bool(stub._abandoned.acquire(timeout=3))


def test_delete_during_a_model_call_stops_it_and_nothing_is_released(tmp_path: Path) -> None:
    with OpenAIStub(hang_first(1)) as stub, make_service(tmp_path, stub) as service:
        client = Countersign(service.url, service.create_api_key("op@example.test", "operator"))
        workflow = client.post("/workflows", reviewed_release("openai", "sk-stage-key-1")).expect(201)
        stub.wait_for_request()
        answer = client.call("DELETE", f"/workflows/{workflow['id']}").expect(200)
        stub.wait_for_close()
        again = client.call("DELETE", f"/workflows/{workflow['id']}").expect(200)
        record = client.get(f"/workflows/{workflow['id']}").expect(200)

    assert answer == again == {"workflow_id": workflow["id"], "status": "cancelled"}
    assert [stage["status"] for stage in record["stages"]] == ["cancelled", "cancelled"]
    assert len(stub.requests) == 1, "a cancelled workflow called its model again"


def test_an_idle_process_that_dies_with_the_queues_lock_does_not_stop_the_worker(tmp_path: Path) -> None:
    """Killing every task process in turn surely kills the one that holds the lock of django-q2's queue."""
    with OpenAIStub() as stub, make_service(tmp_path, stub) as service:
        client = Countersign(service.url, service.create_api_key("op@example.test", "operator"))
        supervisor = service.process_id("worker")
        sentinel = wait_until(lambda: find_descendants(supervisor)[1:2], "the cluster's sentinel")[0]
        for pid in find_descendants(sentinel):
            kill_all([pid])
        body = reviewed_release("embedded", "sk-stage-key-1")
        for stage in body["stages"]:
            del stage["api_key"]
        workflow = client.post("/workflows", body).expect(201)

        assert client.wait_for_workflow(workflow["id"], seconds=60)["status"] == "completed"


def test_a_cluster_that_hangs_does_not_outlive_its_supervisor(tmp_path: Path) -> None:
    """Its loops have drained, so that none is left to notice; its sentinel is stopped, and ends on no signal."""
    with OpenAIStub() as stub, make_service(tmp_path, stub, DRAIN_SECONDS="1") as service:
        supervisor = service.process_id("worker")
        wait_until(lambda: len(list_loops(tmp_path)) == 2, "the loops")
        cluster, sentinel = find_descendants(supervisor)[:2]
        os.kill(sentinel, signal.SIGSTOP)
        for pid in list_loops(tmp_path):
            os.kill(pid, signal.SIGUSR1)
        wait_until(lambda: not list_loops(tmp_path), "the end of the loops")
        family = [cluster, *find_descendants(cluster)]
        kill_all([supervisor])

        wait_until(lambda: not any(is_running(pid) for pid in family), "the end of every process of the cluster")


def list_loops(var_dir: Path) -> list[int]:
    return [int(path.name.split(":")[1]) for path in (var_dir / "run").glob("loop-*")]


def is_running(pid: int) -> bool:
    """Say whether a process lives; one that has ended and was not waited for does not."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
