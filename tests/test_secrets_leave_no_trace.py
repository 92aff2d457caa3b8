"""Canary keys, used in a full run, are looked for in everything that the run left behind."""

import base64
import json
import os
import sqlite3
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from examples.countersign_client import Countersign
from examples.local_service import LocalService, temporary_database
from tests.real_processes import answer_by_role, reviewed_release
from tests.stub_models import AnthropicStub, HttpError, Received

pytestmark = pytest.mark.slow

PROVIDER_KEY = "sk-ant-canary-7f3e9a41c2d85b60"


def spell(secret: str) -> list[bytes]:
    """The secret without its prefix, plain, in hex as PostgreSQL dumps bytes, and in base64 at each alignment."""
    plain = secret[4:].encode()
    encoded = [base64.b64encode(b"\0" * shift + plain)[4 if shift else 0 : -4] for shift in range(3)]
    return [plain, plain.hex().encode(), *encoded]


def dump_database(path: Path, url: str) -> bytes:
    """Every table as text; of SQLite also the raw files, with what lingers in free pages and the write-ahead log."""
    if url:
        return dump_postgresql(url)
    with sqlite3.connect(path) as connection:
        dump = "\n".join(connection.iterdump()).encode()
    return dump + b"".join(file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*")))


def dump_postgresql(url: str) -> bytes:
    with psycopg.connect(url.replace("postgres://", "postgresql://", 1)) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        parts = []
        for (table,) in tables:
            query = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
            with connection.cursor().copy(query) as copy:
                parts += [bytes(block) for block in copy]
        return b"".join(parts)


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
    with AnthropicStub(script) as stub, temporary_database(os.environ.get("TEST_DATABASE_URL", "")) as url:  # type: ignore[arg-type]
        environment = {stub.environment_variable: stub.base_url, "LOG_LEVEL": "DEBUG"}
        with LocalService(tmp_path, url, worker_processes=2, environment=environment) as service:
            api_key = service.create_api_key("op@example.test", "operator")
            client = Countersign(service.url, api_key)
            good = client.post("/workflows", reviewed_release("anthropic", PROVIDER_KEY))
            refused_body = reviewed_release("anthropic", PROVIDER_KEY)
            refused_body["stages"][0]["task"] = "refuse me"
            refused = client.post("/workflows", refused_body)
            invalid = client.post("/workflows", {**reviewed_release("anthropic", PROVIDER_KEY), "mode": "sideways"})
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
        dump = dump_database(tmp_path / "countersign.sqlite3", url)

    assert {request.api_key for request in stub.requests} == {PROVIDER_KEY}, "the stage's key never arrived"
    places = {f"answer {number}": text for number, text in enumerate(texts)}
    places["database"] = dump
    assert b"anthropic" in dump, "the dump is empty: the search would prove nothing"
    places |= {log.name: log.read_bytes() for log in tmp_path.glob("*.log")}
    assert len(places["worker.log"]) > 1000, "the worker logged nothing: the search would prove nothing"
    for name, content in places.items():
        for spelling in (*spell(PROVIDER_KEY), *spell(api_key)):
            assert spelling not in content, f"a key is readable in {name}, spelled {spelling!r}"
