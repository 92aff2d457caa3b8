"""Canary keys, used in a full run, are looked for in everything that the run left behind."""

import json
import sqlite3
from pathlib import Path

import pytest

from examples.countersign_client import Countersign
from examples.local_service import LocalService
from tests.real_processes import answer_by_role, reviewed_release
from tests.stub_models import AnthropicStub, HttpError, Received

pytestmark = pytest.mark.slow

PROVIDER_KEY = "sk-ant-canary-7f3e9a41c2d85b60"


def dump_database(path: Path) -> bytes:
    """Every table as SQL, and the raw files with whatever lingers in free pages and the write-ahead log."""
    with sqlite3.connect(path) as connection:
        dump = "\n".join(connection.iterdump()).encode()
    return dump + b"".join(file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*")))


def test_provider_and_api_keys_are_found_nowhere_after_a_run(tmp_path: Path) -> None:
    failed_once: list[Received] = []

    def script(request: Received) -> object:
        """One refusal that echoes the key, as careless providers do; then answers."""
        if request.api_key == PROVIDER_KEY and len(failed_once) < 1:
            failed_once.append(request)
            return HttpError(529, f"overloaded: {request.api_key}")
        if "refuse me" in json.dumps(request.body):
            return HttpError(401, f"invalid x-api-key: {request.api_key}")
        return answer_by_role(request)

    texts: list[bytes] = []
    with AnthropicStub(script) as stub:  # type: ignore[arg-type]
        environment = {stub.environment_variable: stub.base_url, "LOG_LEVEL": "DEBUG"}
        with LocalService(tmp_path, worker_processes=2, environment=environment) as service:
            api_key = service.create_api_key("op@example.test", "operator")
            client = Countersign(service.url, api_key)
            good = client.post("/workflows", reviewed_release("anthropic", PROVIDER_KEY))
            refused_body = reviewed_release("anthropic", PROVIDER_KEY)
            refused_body["stages"][0]["task"] = "refuse me"
            refused = client.post("/workflows", refused_body)
            invalid = client.post("/workflows", {**reviewed_release("anthropic", PROVIDER_KEY), "mode": "parallel"})
            texts += [good.raw, refused.raw, invalid.raw]
            assert client.wait_for_workflow(good.expect(201)["id"])["status"] == "completed"
            assert client.wait_for_workflow(refused.expect(201)["id"], {"failed"})["status"] == "failed"
            invalid.expect(400)
            for answer in (good, refused):
                workflow_id = answer.body["id"]
                texts.append(client.get(f"/workflows/{workflow_id}").raw)
                texts.append(client.get(f"/workflows/{workflow_id}/export").raw)
                execution_id = client.get(f"/workflows/{workflow_id}").body["stages"][0]["execution_id"]
                texts.append(client.get(f"/executions/{execution_id}").raw)
            texts.append(client.get("/auth/me").raw)

    assert {request.api_key for request in stub.requests} == {PROVIDER_KEY}, "the stage's key never arrived"
    places = {f"answer {number}": text for number, text in enumerate(texts)}
    places["database"] = dump_database(tmp_path / "countersign.sqlite3")
    places |= {log.name: log.read_bytes() for log in tmp_path.glob("*.log")}
    assert len(places["worker.log"]) > 1000, "the worker logged nothing: the search would prove nothing"
    for name, content in places.items():
        for secret in (PROVIDER_KEY, api_key):
            assert secret.encode() not in content, f"a key is readable in {name}"
            assert secret[4:].encode() not in content, f"most of a key is readable in {name}"
