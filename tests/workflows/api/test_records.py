"""What one workflow, stage and execution look like, as they run and when they have ended."""

import hashlib
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from compliance.content import destroy_content_key
from compliance.envelope import load_public_keys, parse_envelope, verify_envelope
from compliance.models import SigningKey
from tests.workflow_driver import (
    CLEAN_TEXT,
    claim_execution,
    find_execution,
    find_stage,
    request_review_and_release,
    run_to_rest,
    script_agents,
    submit,
)
from workflows.agents.types import AgentFailure, AgentWork, Answer, ReviewAnswer, WorkerAnswer
from workflows.engine import begin_execution
from workflows.models import Execution, Workflow
from workflows.requests import StageRequest, WorkflowRequest

PATIENT_TEXT = "The patient's social security number is 219-09-9999. Call 212-555-0143."


def read(client: APIClient, address: str) -> dict[str, Any]:
    response = client.get(f"/api/v1/{address}")
    assert response.status_code == 200, response.content
    record: dict[str, Any] = response.json()
    return record


def test_a_completed_workflow_shows_each_stage_with_its_outcome(alice: User, alice_api: APIClient) -> None:
    workflow = run_to_rest(submit(request_review_and_release(), alice))
    record = read(alice_api, f"workflows/{workflow.id}")

    assert (record["status"], record["verdict"], record["error"], record["reason"]) == (
        "completed",
        "compliant",
        None,
        None,
    )
    assert (record["current_stage_index"], record["stage_count"], record["completed_stage_count"]) == (1, 2, 2)
    assert record["completed_at"] is not None
    review, release = record["stages"]
    assert [stage["id"] for stage in record["stages"]] == ["review", "release"]
    assert (review["status"], review["verdict"], review["document"]) == ("completed", "compliant", CLEAN_TEXT)
    assert release["execution_id"] == str(find_execution(workflow, "release").id)
    assert release["output_summary"] == CLEAN_TEXT
    assert release["upstream_stage_ids"] == ["review"]
    assert release["started_at"] <= release["completed_at"]


def test_a_blocked_workflow_says_why_on_each_level(
    alice: User, alice_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    script_agents(monkeypatch, {"review": lambda work: ReviewAnswer("rejected", None, (), "no")})
    workflow = run_to_rest(submit(request_review_and_release(), alice))
    record = read(alice_api, f"workflows/{workflow.id}")
    review, release = record["stages"]

    assert (review["status"], review["verdict"], review["error"], review["output_summary"]) == (
        "completed",
        "non_compliant",
        None,
        None,
    )
    assert (release["status"], release["reason"]["code"]) == ("blocked", "upstream_not_compliant")
    assert release["error"] == release["reason"]["detail"]
    assert (record["status"], record["reason"]["code"]) == ("blocked", "upstream_not_compliant")
    assert record["error"]
    assert (record["current_stage_index"], record["completed_stage_count"]) == (1, 1)


def test_a_stage_that_never_ran_says_that_an_earlier_one_ended(
    alice: User, alice_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(work: AgentWork) -> Answer:
        raise AgentFailure("provider_timeout", "no answer in 90 s")

    script_agents(monkeypatch, {"review": fail})
    workflow = run_to_rest(submit(request_review_and_release(), alice))
    record = read(alice_api, f"workflows/{workflow.id}")
    review, release = record["stages"]

    assert (record["status"], record["current_stage_index"]) == ("failed", 0)
    assert (review["error"], review["cost_cents"]) == ("no answer in 90 s", 1)
    assert (release["status"], release["execution_id"], release["started_at"]) == ("cancelled", None, None)
    assert (release["reason"]["code"], release["error"]) == ("earlier_stage_ended", None)


def test_a_running_workflow_points_at_its_stage(alice: User, alice_api: APIClient) -> None:
    workflow = submit(request_review_and_release(), alice)
    claim = claim_execution(find_execution(workflow, "review").id)
    assert claim is not None
    begin_execution(claim)
    record = read(alice_api, f"workflows/{workflow.id}")
    assert (record["status"], record["current_stage_index"]) == ("running", 0)
    assert record["stages"][0]["status"] == "running"


def test_a_stage_on_its_own_is_the_stage_of_its_workflow(alice: User, alice_api: APIClient) -> None:
    workflow = run_to_rest(submit(request_review_and_release(), alice))
    whole = read(alice_api, f"workflows/{workflow.id}")
    for position, stage in enumerate(whole["stages"]):
        alone = read(alice_api, f"stages/{stage['uid']}")
        assert (alone.pop("workflow_id"), alone.pop("position")) == (str(workflow.id), position)
        assert alone == stage


def test_erased_texts_are_null_and_everything_else_stays(alice: User, alice_api: APIClient) -> None:
    workflow = run_to_rest(submit(request_review_and_release(), alice))
    before = read(alice_api, f"workflows/{workflow.id}")
    destroy_content_key(workflow.id)
    after = read(alice_api, f"workflows/{workflow.id}")

    for stage in before["stages"]:
        stage.update(task=None, document=None, output_summary=None)
    assert after == before
    execution = read(alice_api, f"executions/{find_execution(workflow, 'release').id}")
    assert execution["output"] is None
    assert execution["artifact_sha256"] == hashlib.sha256(CLEAN_TEXT.encode()).hexdigest()


def test_an_execution_shows_grant_checks_usage_certificates_and_output(
    alice: User, alice_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    script_agents(monkeypatch, {"review": lambda work: ReviewAnswer("approved", None, (), "fine")})
    workflow = run_to_rest(submit(request_review_and_release(), alice))
    execution = find_execution(workflow, "review")
    record = read(alice_api, f"executions/{execution.id}")

    assert (record["workflow_id"], record["stage_id"]) == (str(workflow.id), "review")
    assert record["stage_uid"] == str(find_stage(workflow, "review").uid)
    assert (record["stage_role"], record["policy"]["name"], record["status"]) == ("reviewer", "default", "completed")
    assert record["policy"]["digest"] == execution.stage.policy.digest
    assert record["grant"] == {"effective": execution.stage.granted_permissions, "denied": []}
    assert {"review_approved", "content_inspected"} <= {check["name"] for check in record["checks"] if check["passed"]}
    assert all(check["inputs"] for check in record["checks"])
    (listed,) = read(alice_api, f"executions?workflow={workflow.id}&role=reviewer")["results"]
    assert [set(check) for check in listed["checks"]] == [{"name", "passed", "detail"}] * len(record["checks"])
    assert (record["agent_decision"], record["model"]) == ("approved", "scripted")
    assert record["usage"] == {"requests": 1, "input_tokens": 10, "output_tokens": 2}
    assert (record["cost_cents"], record["output"], record["tool_calls"]) == (1, CLEAN_TEXT, [])
    digest = hashlib.sha256(CLEAN_TEXT.encode()).hexdigest()
    assert (record["artifact_sha256"], record["subject_sha256"]) == (digest, digest)
    assert [certificate["kind"] for certificate in record["certificates"]] == ["admission", "execution"]


def test_every_tool_call_is_shown_with_its_decision_and_without_its_text(
    alice: User, alice_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_calls(
        monkeypatch,
        [
            ("tool_call", _call("c1", "document:write:notes", "allow", None)),
            ("tool_result", {"tool": "document_write", "tool_call_id": "c1", "outcome": "written", "duration_ms": 7}),
            ("tool_call", _call("c2", "document:write:secrets", "refuse", "not_granted")),
        ],
    )
    stages = (StageRequest(id="work", name="Work", task="Do it.", provider="embedded"),)
    workflow = run_to_rest(submit(WorkflowRequest(name="w", stages=stages), alice))
    response = alice_api.get(f"/api/v1/executions/{find_execution(workflow, 'work').id}")

    first, second = response.json()["tool_calls"]
    assert (first["capability"], first["decision"], first["outcome"], first["duration_ms"]) == (
        "document:write:notes",
        "allow",
        "written",
        7,
    )
    assert (second["decision"], second["reason_code"], second["outcome"]) == ("refuse", "not_granted", None)
    assert first["sequence"] < second["sequence"]
    assert b"canary-argument" not in response.content


def test_a_call_that_was_made_again_has_its_own_outcome(
    alice: User, alice_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = _call("same", "document:write:notes", "allow", None)
    named = {"tool": "document_write", "tool_call_id": "same"}
    record_calls(
        monkeypatch,
        [
            ("tool_call", call),
            ("tool_settlement", {**named, "outcome": "retry"}),
            ("tool_call", {**call, "retried": True}),
            ("tool_result", {**named, "outcome": "written", "duration_ms": 7}),
            ("tool_call", call),
            ("tool_settlement", {**named, "outcome": "happened"}),
        ],
    )
    stages = (StageRequest(id="work", name="Work", task="Do it.", provider="embedded"),)
    workflow = run_to_rest(submit(WorkflowRequest(name="w", stages=stages), alice))
    response = alice_api.get(f"/api/v1/executions/{find_execution(workflow, 'work').id}")

    outcomes = [(shown["outcome"], shown["duration_ms"]) for shown in response.json()["tool_calls"]]
    assert outcomes == [(None, None), ("written", 7), ("happened", None)]


def _call(call_id: str, capability: str, decision: str, code: str | None) -> dict[str, Any]:
    return {
        "tool": "document_write",
        "tool_call_id": call_id,
        "capability": capability,
        "decision": decision,
        "code": code,
    }


def record_calls(monkeypatch: pytest.MonkeyPatch, events: list[tuple[str, dict[str, Any]]]) -> None:
    """Let agents leave these events in their journal before they answer."""
    from workflows import engine
    from workflows.agents.types import AgentResult, Usage

    async def run(work: AgentWork, journal: Any, documents: Any) -> AgentResult:
        for kind, facts in events:
            await journal.record(kind, facts, {"arguments": "canary-argument"})
        return AgentResult(WorkerAnswer("done"), work.provider, "scripted", Usage())

    monkeypatch.setattr(engine, "run_agent", run)


def test_output_is_redacted_as_the_policy_says(
    alice: User, alice_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    script_agents(monkeypatch, {"work": lambda work: WorkerAnswer(PATIENT_TEXT)})
    stages = (StageRequest(id="work", name="Work", task="Do it.", compliance_policy="hipaa", provider="embedded"),)
    workflow = run_to_rest(submit(WorkflowRequest(name="w", stages=stages), alice))
    execution = find_execution(workflow, "work")

    output = read(alice_api, f"executions/{execution.id}")["output"]
    summary = read(alice_api, f"workflows/{workflow.id}")["stages"][0]["output_summary"]
    for text in (output, summary):
        assert "219-09-9999" not in text
        assert "[" in text
    assert execution.artifact_digest == hashlib.sha256(PATIENT_TEXT.encode()).hexdigest()


def test_a_certificate_comes_with_its_envelope_as_stored_and_it_verifies(alice: User, alice_api: APIClient) -> None:
    workflow = run_to_rest(submit(request_review_and_release(), alice))
    listed = alice_api.get("/api/v1/certificates", {"workflow": workflow.id}).json()["results"]
    keys = load_public_keys(SigningKey.objects.values_list("public_key_pem", flat=True))
    for entry in listed:
        record = read(alice_api, f"certificates/{entry['id']}")
        envelope = parse_envelope(record["envelope"])
        assert envelope.digest == record["digest"]
        statement = verify_envelope(envelope, keys)
        assert statement["predicate"]["workflow"]["sequence"] == record["sequence"]


def test_hostile_names_come_back_as_data(alice_api: APIClient) -> None:
    hostile = "<script>alert(1)</script>\"'; DROP TABLE workflows_workflow; -- \u202e{{7*7}}"
    sent = {"name": hostile, "stages": [{"name": hostile[:120], "task": hostile, "provider": "embedded"}]}
    response = alice_api.post("/api/v1/workflows", sent, format="json")
    assert response.status_code == 201
    assert response["Content-Type"] == "application/json"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response.json()["name"] == hostile
    assert Workflow.objects.get().name == hostile
    assert Execution.objects.count() == 1
