"""What content rules block in workflows that run: how it ends, what the evidence says, and that it verifies."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from compliance.envelope import load_strict_json
from compliance.package import VerificationReport, verify_package
from compliance.policies_in_force import find_policy, load_policy_terms, read_policy_document
from compliance.policy import parse_policy
from compliance.policy_versions import draft_policy, publish_policy
from compliance.services import read_attestations
from compliance.signing import public_identity
from compliance.verdicts import find_required_proofs
from tests.package_tampering import changed, places
from tests.people import make_bob, make_person
from tests.stub_models import AnthropicStub, Text
from tests.workflow_driver import (
    CLEAN_TEXT,
    find_execution,
    request_review_and_release,
    run_to_rest,
    script_agents,
    submit,
)
from workflows import content_rules
from workflows.agents.types import AgentWork, Answer, ReleaseAnswer, ReviewAnswer
from workflows.export import build_workflow_package
from workflows.models import Execution, Workflow
from workflows.requests import StageRequest, WorkflowRequest

pytestmark = pytest.mark.django_db

NUMBER = "123-45-6789"
PHI = f"The patient's file number is {NUMBER}."
MNPI = "Material non-public information: we will acquire the other house."
PRIVILEGED = "Attorney-client privileged communication on the lease."


def approve(work: AgentWork) -> Answer:
    return ReviewAnswer("approved", None, (), "fine")


def release(work: AgentWork) -> Answer:
    return ReleaseAnswer("release", "fine")


def run_review_and_release(
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    reviewed: str,
    released: str,
    review: Callable[[AgentWork], Answer] = approve,
) -> Workflow:
    """Run both stages, each under its policy, with agents that let everything through."""
    script_agents(monkeypatch, {"review": review, "release": release})
    first, last = request_review_and_release(text).stages
    first = StageRequest(**{**first.__dict__, "compliance_policy": reviewed})
    last = StageRequest(**{**last.__dict__, "compliance_policy": released})
    return run_to_rest(submit(WorkflowRequest(name="Notice", stages=(first, last))))


def verify(package: dict[str, Any]) -> VerificationReport:
    return verify_package(package, public_identity().public_key_pem)


def find_check(execution: Execution, name: str) -> dict[str, Any]:
    [check] = [check for check in execution.checks if check["name"] == name]
    return check


@pytest.mark.parametrize(
    ("text", "reviewed", "released", "blocked_by", "type_", "detector", "value"),
    [
        (PHI, "default", "hipaa", "hipaa", "us_ssn", "taxpayer_number", NUMBER),
        (PHI, "hipaa", "default", "hipaa", "us_ssn", "taxpayer_number", NUMBER),
        (MNPI, "default", "sox", "sox", "inside_information", "inside_information", "non-public"),
        (PRIVILEGED, "default", "legal_privilege", "legal_privilege", "attorney_client", "privilege", "privileged"),
    ],
    ids=["hipaa", "hipaa by lineage", "sox", "legal privilege"],
)
def test_a_release_is_blocked_and_says_by_which_finding(
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    reviewed: str,
    released: str,
    blocked_by: str,
    type_: str,
    detector: str,
    value: str,
) -> None:
    workflow = run_review_and_release(monkeypatch, text, reviewed, released)
    execution = find_execution(workflow, "release")
    assert (workflow.status, execution.status, execution.reason_code) == ("blocked", "blocked", "content_blocked")
    assert execution.artifact_digest == ""
    assert f"{type_} at characters " in execution.reason_detail
    assert f"(found by {detector}, blocked by {blocked_by} v" in execution.reason_detail
    assert value not in execution.reason_detail
    refused = read_attestations(workflow.id)[3].predicate
    assert type_ in refused["content"]["blocking"]
    assert refused["decision"] == {"result": "refuse", "code": "content_blocked", "detail": execution.reason_detail}
    report = verify(build_workflow_package(workflow))
    assert report.ok, report.failures


def test_what_two_policies_of_a_lineage_block_is_blocked_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 12: the reviewer's policy knows nothing of privilege, the release's nothing of patients."""
    workflow = run_review_and_release(monkeypatch, f"{PRIVILEGED} {PHI}", "hipaa", "legal_privilege")
    detail = find_execution(workflow, "release").reason_detail
    assert "blocked by hipaa v" in detail
    assert "blocked by legal_privilege v" in detail
    assert {"attorney_client", "us_ssn"} <= set(read_attestations(workflow.id)[3].predicate["content"]["blocking"])


def test_a_reviewers_own_text_is_inspected_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = "".join(chr(ord(character) + 0xFEE0) for character in NUMBER)

    def modify(work: AgentWork) -> Answer:
        return ReviewAnswer("modified", f"Soup. Ask {hidden}.", (), "better")

    workflow = run_review_and_release(monkeypatch, CLEAN_TEXT, "hipaa", "hipaa", modify)
    execution = find_execution(workflow, "release")
    assert execution.reason_code == "content_blocked"
    assert "us_ssn at characters 10–21 (found by" in execution.reason_detail
    assert hidden not in execution.reason_detail


def test_an_artifact_that_its_policy_blocks_is_not_compliant_and_its_check_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workflow = run_review_and_release(monkeypatch, MNPI, "sox", "sox")
    review = find_execution(workflow, "review")
    assert (review.status, review.verdict) == ("completed", "non_compliant")
    check = find_check(review, "content_rules")
    assert not check["passed"]
    assert "inside_information at characters " in check["detail"]
    blocked = check["inputs"]["blocked"][0]
    assert (blocked["policy"], blocked["action"], blocked["category"]) == ("sox", "block", "mnpi")
    assert len(blocked["value_hash"]) == 64
    release = find_execution(workflow, "release")
    assert release.reason_code == "upstream_not_compliant"
    assert "content_rules: blocked: inside_information at characters " in release.reason_detail
    assert "blocked by sox v" in release.reason_detail


def test_each_required_proof_is_a_check_with_its_inputs_and_none_can_be_changed() -> None:
    workflow = run_to_rest(submit(request_review_and_release(compliance_policy="hipaa")))
    execution = find_execution(workflow, "release")
    assert (execution.status, execution.verdict) == ("completed", "compliant")
    package = build_workflow_package(workflow)
    report = verify(package)
    assert report.ok, report.failures
    end = next(entry for entry in reversed(read_attestations(workflow.id)) if entry.kind == "execution")
    checks = {check["name"]: check for check in end.predicate["checks"]}
    terms = load_policy_terms()[end.policy_digest]
    assert set(find_required_proofs([terms], "release")) <= checks.keys()
    assert all(check["passed"] and check["inputs"] for check in checks.values())
    review = end.predicate["lineage"]["upstreams"][0]["certificate_sha256"]
    assert checks["lineage_verified"]["inputs"]["upstreams"][0]["certificate_sha256"] == review
    assert checks["review_approved"]["inputs"]["reviews"][0]["certificate_sha256"] == review
    assert checks["digest_bound"]["inputs"]["released_sha256"] == end.artifact_digest
    assert checks["content_inspected"]["inputs"]["policies"][0]["sha256"] == end.policy_digest
    assert checks["sign_offs_complete"]["inputs"]["required"] == 0

    record = changed(package, "stages", 1, "execution", "checks", 0, "inputs", "certificates", to=1)
    assert places(verify(record)) == {"stages[1].execution.checks"}
    position = package["certificates"].index(next(c for c in package["certificates"] if _is(c, end.sequence)))
    payload = changed(package, "certificates", position, "payload", to=_forge)
    assert f"certificates[{position}]" in places(verify(payload))


def _is(certificate: dict[str, Any], sequence: int) -> bool:
    statement = load_strict_json(base64.b64decode(certificate["payload"]))
    return bool(statement["predicate"]["workflow"]["sequence"] == sequence)


def _forge(payload: str) -> str:
    """Raise the number of certificates that a check says it saw, in the signed bytes."""
    statement = base64.b64decode(payload)
    assert b'"certificates":' in statement
    return base64.b64encode(statement.replace(b'"certificates":', b'"certificates":1', 1)).decode()


def describe_next(name: str) -> dict[str, Any]:
    """Return the document of a policy's next version, as yet the same."""
    document = read_policy_document(find_policy(name)).model_dump(mode="json", exclude_unset=True)
    return {**document, "version": document["version"] + 1}


def publish(document: dict[str, Any]) -> None:
    with transaction.atomic():
        drafted = draft_policy(author=make_person("dora", "policy_author"), document=parse_policy(document))
        publish_policy(approver=make_bob(), policy=drafted)


def test_a_release_whose_policy_insists_on_the_person_model_is_blocked_where_that_did_not_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(content_rules, "describe_person_model", lambda policy: "not_installed")
    document = describe_next("hipaa")
    publish({**document, "required_proofs": [*document["required_proofs"], "ner_ran"]})
    workflow = run_review_and_release(monkeypatch, CLEAN_TEXT, "default", "hipaa")
    execution = find_execution(workflow, "release")
    assert (execution.status, execution.reason_code) == ("blocked", "content_not_inspected")
    assert execution.reason_detail.startswith("checks not passed: ner_ran: hipaa v")
    assert find_execution(workflow, "review").verdict == "compliant", "its own policy does not insist"
    report = verify(build_workflow_package(workflow))
    assert report.ok, report.failures


def test_what_is_kept_from_models_ends_the_stage_before_anything_is_sent_or_spent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = describe_next("hipaa")
    publish({**document, "content": [*document["content"], {"types": ["us_ssn"], "action": "block_model_call"}]})
    with AnthropicStub([Text("never asked")]) as server:
        monkeypatch.setenv(server.environment_variable, server.base_url)
        asked = request_review_and_release(PHI, provider="anthropic", api_key="sk-test", compliance_policy="hipaa")
        workflow = run_to_rest(submit(asked))
    review = find_execution(workflow, "review")
    assert not server.requests
    assert (workflow.status, review.status, review.reason_code) == ("blocked", "blocked", "content_blocked")
    assert "us_ssn at characters 29–40 of the block TEXT UNDER REVIEW" in review.reason_detail
    assert (review.cost_cents, review.request_count) == (0, 0)
    [event] = review.events.all()
    assert (event.kind, event.facts["call"], event.facts["types"]) == ("content_blocked", "model", "us_ssn")
    package = build_workflow_package(workflow)
    report = verify(package)
    assert report.ok, report.failures
    assert NUMBER not in json.dumps(package)


@pytest.mark.parametrize(
    ("policy", "text", "found"),
    [
        ("hipaa", PHI, "us_ssn at characters 29–40"),
        ("sox", MNPI, "inside_information at characters"),
        ("legal", PRIVILEGED, "attorney_client at characters"),
    ],
)
def test_a_release_of_what_its_reviewer_rejected_says_by_which_finding(policy: str, text: str, found: str) -> None:
    asked = request_review_and_release(text, provider="embedded", compliance_policy=policy)
    release = find_execution(run_to_rest(submit(asked)), "release")
    assert (release.status, release.reason_code) == ("blocked", "upstream_not_compliant")
    assert found in release.reason_detail, release.reason_detail
    assert NUMBER not in release.reason_detail
