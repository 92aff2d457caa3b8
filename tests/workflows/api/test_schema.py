"""What the OpenAPI description says about workflows and what the API then answers are the same."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from config.docs import openapi_schema
from workflows.reasons import ReasonCode


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return openapi_schema()


def component(schema: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = schema["components"]["schemas"][name]
    return found


def statuses(schema: dict[str, Any], method: str, path: str) -> set[str]:
    return set(schema["paths"][f"/api/v1{path}"][method]["responses"])


@pytest.mark.parametrize(
    "name",
    [
        "WorkflowRequest",
        "WorkflowStageRequest",
        "WorkflowResponse",
        "WorkflowCancelResponse",
        "WorkflowExportResponse",
        "StageResponse",
        "ExecutionResponse",
        "CertificateResponse",
        "SignOffRequest",
        "SignOffResponse",
    ],
)
def test_the_components_have_the_names_of_the_contract(schema: dict[str, Any], name: str) -> None:
    assert component(schema, name)["type"] == "object"


def test_reason_codes_are_an_enumeration(schema: dict[str, Any]) -> None:
    assert set(component(schema, "ReasonCode")["enum"]) == set(ReasonCode.values)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("post", "/workflows", {"200", "201", "400", "401", "403", "406", "409", "413", "415"}),
        ("get", "/workflows", {"200", "400", "401", "403", "406"}),
        ("get", "/workflows/{id}", {"200", "400", "401", "404", "406"}),
        ("delete", "/workflows/{id}", {"200", "400", "401", "403", "404", "406"}),
        ("get", "/workflows/{id}/export", {"200", "400", "401", "404", "406"}),
        ("get", "/stages", {"200", "400", "401", "403", "406"}),
        ("get", "/stages/{uid}", {"200", "400", "401", "404", "406"}),
        ("get", "/executions", {"200", "400", "401", "403", "406"}),
        ("get", "/executions/{id}", {"200", "400", "401", "404", "406"}),
        ("get", "/certificates", {"200", "400", "401", "403", "406"}),
        ("get", "/releases/pending", {"200", "400", "401", "406"}),
        (
            "post",
            "/releases/{execution_id}/sign-off",
            {"201", "400", "401", "403", "404", "406", "409", "413", "415", "429"},
        ),
    ],
)
def test_every_status_that_an_endpoint_can_answer_is_described(
    schema: dict[str, Any], method: str, path: str, expected: set[str]
) -> None:
    assert expected <= statuses(schema, method, path)


def test_ranges_and_defaults_are_those_of_the_contract(schema: dict[str, Any]) -> None:
    workflow, stage = (component(schema, name)["properties"] for name in ("WorkflowRequest", "WorkflowStageRequest"))
    assert workflow["name"]["maxLength"] == 160
    assert (workflow["stages"]["minItems"], workflow["stages"]["maxItems"]) == (1, 12)
    budget = stage["budget_cents"]
    assert (budget["minimum"], budget["maximum"], budget["default"]) == (100, 1_000_000, 1500)
    assert (stage["api_key"]["minLength"], stage["api_key"]["writeOnly"]) == (8, True)


@pytest.mark.parametrize("name", ["WorkflowRequest", "WorkflowStageRequest", "SignOffRequest"])
def test_a_request_takes_no_other_members(schema: dict[str, Any], name: str) -> None:
    assert component(schema, name)["additionalProperties"] is False


def test_a_provider_key_is_in_no_answer_of_the_description(schema: dict[str, Any]) -> None:
    for name, described in schema["components"]["schemas"].items():
        if name.startswith(("Workflow", "Stage", "Execution", "Package")) and name != "WorkflowStageRequest":
            assert "api_key" not in described.get("properties", {}), name


def test_only_json_is_answered(alice_api: APIClient) -> None:
    assert alice_api.get("/api/v1/workflows", headers={"Accept": "text/html"}).status_code == 406


def test_an_answer_has_exactly_the_members_that_are_described(schema: dict[str, Any], alice_api: APIClient) -> None:
    sent = {"name": "w", "stages": [{"name": "s", "task": "t", "provider": "embedded"}]}
    created = alice_api.post("/api/v1/workflows", sent, format="json").json()
    assert set(created) == set(component(schema, "WorkflowResponse")["properties"])
    assert created["stages"][0]["language_model"] is False
    assert set(created["stages"][0]) == set(component(schema, "WorkflowStageResponse")["properties"])
    listed = alice_api.get("/api/v1/workflows").json()["results"][0]
    assert set(listed) == set(component(schema, "WorkflowListItem")["properties"])
    assert set(listed["stages"][0]) == set(component(schema, "WorkflowStageListItem")["properties"])
    for kind, name in (("stages", "StageResponse"), ("executions", "ExecutionResponse")):
        key = "uid" if kind == "stages" else "id"
        (record,) = alice_api.get(f"/api/v1/{kind}").json()["results"]
        whole = alice_api.get(f"/api/v1/{kind}/{record[key]}").json()
        assert set(whole) == set(component(schema, name)["properties"])


def test_both_modes_are_named_and_sequential_is_the_default(schema: dict[str, Any]) -> None:
    assert set(component(schema, "WorkflowMode")["enum"]) == {"sequential", "parallel"}
    asked = component(schema, "WorkflowRequest")
    assert asked["properties"]["mode"]["default"] == "sequential"
    assert "mode" not in asked["required"]
    assert "lineage_changed" in component(schema, "ReasonCode")["enum"]
