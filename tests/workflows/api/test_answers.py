"""What the API answers about workflows and stages is what its description says, in whatever state they are."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

from benchmarks.requests import two_stage_body, workflow_body
from compliance.content import destroy_content_key
from config.docs import openapi_schema
from tests.workflow_driver import request_review_and_release, run_to_rest, script_agents, submit
from workflows.agents.types import AgentFailure, AgentWork, Answer, ReviewAnswer
from workflows.api.answers import answer_workflow
from workflows.models import Workflow
from workflows.requests import StageRequest, WorkflowRequest
from workflows.services import cancel_workflow


@pytest.fixture(scope="module")
def components() -> dict[str, Any]:
    found: dict[str, Any] = _as_json_schema(openapi_schema()["components"])
    return found


def _as_json_schema(part: Any) -> Any:
    """Return a part of an OpenAPI 3.0 description with `nullable` as JSON Schema says it, and no member left open."""
    if isinstance(part, list):
        return [_as_json_schema(item) for item in part]
    if not isinstance(part, dict):
        return part
    read = {name: _as_json_schema(value) for name, value in part.items() if name != "nullable"}
    if read.get("type") == "object" and isinstance(read.get("properties"), dict):
        read.setdefault("additionalProperties", False)
        read["required"] = list(read["properties"])
    return {"anyOf": [read, {"type": "null"}]} if part.get("nullable") is True else read


def problems(components: dict[str, Any], name: str, record: Any) -> list[str]:
    """Return where a record differs from the component of that name."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": components}
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(record)]


def in_every_state(owner: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workflow]:
    """Yield workflows that are queued, completed, erased, cancelled, blocked and failed."""

    def fail(work: AgentWork) -> Answer:
        raise AgentFailure("provider_timeout", "no answer in 90 s")

    denied = ("document:read:reports", "database:write:financial_data")
    worker = StageRequest(name="Work", task="Do it.", compliance_policy="sox", permissions=denied, provider="embedded")
    yield submit(WorkflowRequest(name="w", stages=(worker,)), owner)
    yield run_to_rest(submit(request_review_and_release(compliance_policy="hipaa"), owner))
    erased = run_to_rest(submit(request_review_and_release(), owner))
    destroy_content_key(erased.id)
    yield erased
    yield cancel_workflow(workflow_id=submit(request_review_and_release(), owner).id, actor=owner, address=None)
    script_agents(monkeypatch, {"review": lambda work: ReviewAnswer("rejected", None, (), "no")})
    yield run_to_rest(submit(request_review_and_release(), owner))
    script_agents(monkeypatch, {"review": fail})
    yield run_to_rest(submit(request_review_and_release(), owner))


def test_records_and_list_items_are_as_described_in_every_state(
    alice: User, alice_api: APIClient, components: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses = set()
    for workflow in in_every_state(alice, monkeypatch):
        record = alice_api.get(f"/api/v1/workflows/{workflow.id}").json()
        statuses.add(record["status"])
        assert problems(components, "WorkflowResponse", record) == []
        for stage in record["stages"]:
            alone = alice_api.get(f"/api/v1/stages/{stage['uid']}").json()
            assert problems(components, "StageResponse", alone) == []
    assert statuses == {"queued", "completed", "cancelled", "blocked", "failed"}
    for kind, name in (("workflows", "WorkflowListItem"), ("stages", "StageListItem")):
        items = alice_api.get(f"/api/v1/{kind}").json()["results"]
        assert len(items) >= 6
        for item in items:
            assert problems(components, name, item) == []


def test_a_list_item_is_the_record_without_its_texts(
    alice: User, alice_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for workflow in in_every_state(alice, monkeypatch):
        record = alice_api.get(f"/api/v1/workflows/{workflow.id}").json()
        for stage in record["stages"]:
            for text in ("task", "document", "output_summary"):
                del stage[text]
        (item,) = (item for item in alice_api.get("/api/v1/workflows").json()["results"] if item["id"] == record["id"])
        assert item == record


@pytest.mark.parametrize("body", [workflow_body("embedded"), two_stage_body("embedded")])
def test_the_answer_to_a_new_workflow_is_its_record(
    alice_api: APIClient, components: dict[str, Any], body: dict[str, Any]
) -> None:
    answer = alice_api.post("/api/v1/workflows", {**body, "description": "Twice the same text."}, format="json").json()
    assert problems(components, "WorkflowResponse", answer) == []
    assert answer == answer_workflow(Workflow.objects.get(id=answer["id"]))
    assert answer["stages"][0]["document"] == body["stages"][0]["document"]
    assert (answer["stages"][0]["status"], answer["stages"][0]["output_summary"]) == ("pending", None)
    assert answer["stages"][0]["execution_id"] is not None
    assert answer["stages"][1]["execution_id"] is None


def test_the_statements_of_a_new_workflow_do_not_grow_with_its_stages(alice_api: APIClient) -> None:
    def statements(count: int) -> int:
        stages = [{"name": f"s{n}", "task": f"t{n}", "document": f"d{n}", "provider": "embedded"} for n in range(count)]
        with CaptureQueriesContext(connection) as captured:
            response = alice_api.post("/api/v1/workflows", {"name": "w", "stages": stages}, format="json")
        assert response.status_code == 201
        return sum(not query["sql"].startswith(("SAVEPOINT", "RELEASE")) for query in captured)

    statements(1)  # the key's time of last use is written once a minute, the signing key's row once
    assert statements(1) == statements(12) <= 14


def test_one_workflow_takes_six_queries(alice: User, alice_api: APIClient) -> None:
    workflow = run_to_rest(submit(request_review_and_release(), alice))
    alice_api.get("/api/v1/auth/me")
    with CaptureQueriesContext(connection) as captured:
        assert alice_api.get(f"/api/v1/workflows/{workflow.id}").json()["stages"][1]["output_summary"]
    assert len(captured) <= 6, [query["sql"] for query in captured]
