"""Audit packages of workflows that ran: every one verifies, whatever became of it, and says no more than it may."""

import base64
import json
import os
import subprocess
import sys
import uuid
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from compliance.content import destroy_content_key
from compliance.models import Certificate
from compliance.package import VerificationReport, verify_package
from compliance.package.text_output import format_report
from compliance.signing import public_identity
from releases.services import sign_off
from tests.held_journal import record_event
from tests.package_tampering import changed, places
from tests.people import PASSWORD, make_alice, make_bob
from tests.workflow_driver import (
    CLEAN_TEXT,
    claim_execution,
    expire_leases,
    find_execution,
    request_review_and_release,
    run_ready_execution,
    run_to_rest,
    script_agents,
    submit,
)
from workflows import engine
from workflows.agents.types import AgentFailure, AgentWork, Answer, ReviewAnswer, WorkerAnswer
from workflows.export import build_workflow_package, encode_package
from workflows.leases import (
    sweep,
)
from workflows.models import Execution, Workflow
from workflows.requests import StageRequest, WorkflowRequest
from workflows.services import cancel_workflow

pytestmark = pytest.mark.django_db

PATIENT_TEXT = "Patient: Jane Roe, SSN 219-09-9999, MRN: 00482913, born 04/12/1961, was seen for a cough."


def export(workflow: Workflow) -> Any:
    """The package as whoever receives it reads it."""
    return json.loads(encode_package(build_workflow_package(workflow)))


def verify(package: Any) -> VerificationReport:
    return verify_package(package, public_identity().public_key_pem)


def assert_verifies(workflow: Workflow) -> Any:
    package = export(workflow)
    report = verify(package)
    assert report.ok, "\n".join(format_report(report))
    return package


def reject(work: AgentWork) -> Answer:
    return ReviewAnswer("rejected", None, (), "not fine")


def fail(work: AgentWork) -> Answer:
    raise AgentFailure("provider_error", "the provider answered with an error")


# --- whatever became of a workflow


def test_a_reviewed_release_verifies_and_its_lineage_leads_to_the_review() -> None:
    workflow = run_to_rest(submit(request_review_and_release()))
    package = assert_verifies(workflow)

    (lineage,) = package["lineage"]
    review, release = package["stages"]
    assert lineage["release"]["execution_id"] == release["execution"]["id"]
    assert [node["execution_id"] for node in lineage["rests_on"]] == [review["execution"]["id"]]
    assert release["execution"]["artifact"]["text"] == CLEAN_TEXT
    summary = release["compliance_package"]["execution_summary"]
    assert summary["approved_artifact"]["text"] == CLEAN_TEXT
    assert summary["release_binding_summary"]["upstream_execution_id"] == review["execution"]["id"]
    assert release["compliance_package"]["attestation"]["compliant"] is True


def test_a_rejecting_reviewer_verifies(monkeypatch: pytest.MonkeyPatch) -> None:
    script_agents(monkeypatch, {"review": reject})
    package = assert_verifies(run_to_rest(submit(request_review_and_release())))
    assert package["workflow"]["status"] == "blocked"
    assert package["lineage"] == []
    assert package["stages"][1]["compliance_package"]["attestation"]["compliant"] is False


def test_a_failed_stage_and_those_that_never_ran_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    script_agents(monkeypatch, {"review": fail})
    package = assert_verifies(run_to_rest(submit(request_review_and_release())))
    assert [entry["stage"]["status"] for entry in package["stages"]] == ["failed", "cancelled"]
    assert package["stages"][1]["execution"] is None


def test_a_workflow_cancelled_before_it_began_verifies() -> None:
    workflow = submit(request_review_and_release())
    cancel_workflow(workflow_id=workflow.id, actor=make_alice(), address=None)
    package = assert_verifies(workflow)
    assert package["workflow"]["status"] == "cancelled"


def test_a_workflow_cancelled_while_it_waited_for_a_person_verifies() -> None:
    workflow = run_to_rest(submit(request_review_and_release(compliance_policy="sox")))
    assert workflow.status == "awaiting_sign_off"
    cancel_workflow(workflow_id=workflow.id, actor=make_alice(), address=None)
    assert_verifies(workflow)


@pytest.mark.parametrize(("decision", "status"), [("approve", "completed"), ("reject", "blocked")])
def test_a_signed_off_release_verifies_with_the_reason_given(decision: str, status: str) -> None:
    workflow = run_to_rest(submit(request_review_and_release(compliance_policy="sox")))
    execution = find_execution(workflow, "release")
    sign_off(
        execution_id=execution.id,
        actor=make_bob(),
        decision=decision,
        artifact_sha256=execution.subject_digest,
        meaning="Approval for release",
        reason="Read it twice.",
        password=PASSWORD,
        address=None,
    )
    package = assert_verifies(run_to_rest(workflow))
    (given,) = package["stages"][1]["compliance_package"]["execution_summary"]["sign_offs"]
    assert (given["decision"], given["signer"]["name"], given["reason"]["text"]) == (decision, "bob", "Read it twice.")
    assert package["workflow"]["status"] == status


def test_a_stage_that_a_second_worker_finished_verifies(monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = submit(request_review_and_release())
    execution = find_execution(workflow, "review")
    with monkeypatch.context() as patched:

        def die(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patched.setattr(engine, "finish_execution", die)
        with pytest.raises(KeyboardInterrupt):
            run_ready_execution(execution.id)
    expire_leases(workflow)
    sweep()
    package = assert_verifies(run_to_rest(workflow))
    review = package["stages"][0]
    assert review["execution"]["attempts"] == 2
    kinds = [certificate["kind"] for certificate in review["compliance_package"]["certificates"]]
    assert kinds == ["admission", "admission", "execution"]


def test_a_workflow_that_has_not_ended_is_exported_but_does_not_verify() -> None:
    workflow = run_to_rest(submit(request_review_and_release(compliance_policy="sox")))
    report = verify(export(workflow))
    assert not report.ok
    assert any("had not ended" in failure.detail for failure in report.failures)


def test_a_workflow_that_has_not_begun_is_exported_too() -> None:
    package = export(submit(request_review_and_release()))
    assert [len(package["certificates"]), len(package["keys"])] == [1, 1]
    assert {failure.name for failure in verify(package).failures} == {"closing", "records"}


def test_a_journal_is_exported_with_its_payloads(monkeypatch: pytest.MonkeyPatch) -> None:
    script_agents(monkeypatch, {"review": lambda work: ReviewAnswer("approved", None, (), "fine")})
    package = assert_verifies(run_to_rest(submit(request_review_and_release())))
    events = package["stages"][0]["compliance_package"]["audit_trail"]
    assert [event["kind"] for event in events] == ["model_request", "model_response"]
    assert json.loads(events[0]["payload"])["payload"] == {"task": "Review it."}


def test_what_the_records_say_is_held_against_the_certificates() -> None:
    workflow = run_to_rest(submit(request_review_and_release()))
    Execution.objects.filter(stage__workflow=workflow, stage__stage_id="review").update(cost_cents=7, verdict="")
    found = places(verify(export(workflow)))
    assert {"stages[0].execution.cost_cents", "stages[0].execution.verdict"} <= found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("stages", 0, "stage", "name"), "Renamed"),
        (("stages", 1, "stage", "stage_role"), "worker"),
        (("stages", 0, "execution", "verdict"), "non_compliant"),
        (("stages", 1, "execution", "artifact", "text"), "Something else."),
        (("workflow", "id"), str(uuid.UUID(int=1))),
    ],
)
def test_what_is_changed_afterwards_shows(path: tuple[str | int, ...], value: str) -> None:
    package = export(run_to_rest(submit(request_review_and_release())))
    assert verify(package).ok
    assert places(verify(changed(package, *path, to=value)))


# --- what may leave


def request_deidentification() -> WorkflowRequest:
    """An intake under hipaa whose answer repeats what it read, and a review that names it."""
    return WorkflowRequest(
        name="Notes",
        stages=(
            StageRequest(id="intake", name="Intake", task="Read.", stage_role="intake", document=PATIENT_TEXT,
                         compliance_policy="hipaa"),
            StageRequest(id="plain", name="Plain", task="Copy.", document=PATIENT_TEXT),
        ),
    )  # fmt: skip


def test_what_a_policy_redacts_leaves_no_export_not_even_through_a_laxer_stage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def repeat(work: AgentWork) -> Answer:
        return WorkerAnswer(work.document or "")

    script_agents(monkeypatch, {"intake": repeat, "plain": repeat})
    workflow = run_to_rest(submit(request_deidentification()))
    package = assert_verifies(workflow)

    written = json.dumps(package)
    for secret in ("219-09-9999", "Jane Roe", "00482913", "04/12/1961"):
        assert secret not in written
    document = package["stages"][1]["stage"]["document"]
    assert document["redacted"] is True
    assert "[US_SSN]" in document["text"]
    assert package["stages"][0]["compliance_package"]["audit_trail"][1]["payload"] is None
    assert verify(package).redacted


def test_a_journal_payload_hides_nothing_in_json_within_json() -> None:
    workflow = submit(request_deidentification())
    claim = claim_execution(find_execution(workflow, "intake").id)
    assert claim is not None
    Execution.objects.filter(id=claim.execution_id).update(status="executing")
    arguments = json.dumps({"note": "first line\nSSN 219-09-9999"})
    record_event(claim, "tool_call", {"tool": "x"}, {"arguments": arguments})
    record_event(claim, "tool_call", {"tool": "y"}, {"arguments": "{}"})
    events = export(workflow)["stages"][0]["compliance_package"]["audit_trail"]
    assert [event["redacted"] for event in events] == [True, False]


def test_erased_texts_are_withheld_and_the_evidence_still_verifies() -> None:
    workflow = run_to_rest(submit(request_review_and_release()))
    destroy_content_key(workflow.id)
    package = assert_verifies(workflow)
    assert package["stages"][1]["execution"]["artifact"]["text"] is None
    assert CLEAN_TEXT not in json.dumps(package)


def test_a_stages_provider_key_is_not_in_the_package() -> None:
    canary = "sk-canary-7f3a"
    request = request_review_and_release(provider="anthropic", api_key=canary)
    assert canary not in encode_package(build_workflow_package(submit(request))).decode()


def test_hostile_texts_come_out_as_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = "\x1b[2J</script>\u202e\u2028 é"
    package = encode_package(build_workflow_package(run_to_rest(submit(request_review_and_release(hostile)))))
    assert package.isascii()
    assert b"\x1b" not in package
    assert verify(json.loads(package)).ok


# --- cost


def count_queries(workflow: Workflow) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        build_workflow_package(workflow)
    return len(captured)


def request_stages(count: int) -> WorkflowRequest:
    stages = tuple(StageRequest(id=f"s{n}", name=f"S{n}", task=f"Do {n}.", document=CLEAN_TEXT) for n in range(count))
    return WorkflowRequest(name="Many", stages=stages)


def test_the_number_of_queries_does_not_grow_with_the_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    script_agents(monkeypatch, {f"s{n}": lambda work: WorkerAnswer("Done.") for n in range(12)})
    small = run_to_rest(submit(request_stages(1)))
    large = run_to_rest(submit(request_stages(12)))
    assert count_queries(small) == count_queries(large) <= 14


# --- the commands


def run_export(*arguments: str) -> str:
    output = StringIO()
    call_command("export_workflow", *arguments, stdout=output)
    return output.getvalue()


def test_the_command_writes_a_package_that_the_other_command_verifies(tmp_path: Path) -> None:
    workflow = run_to_rest(submit(request_review_and_release()))
    path, key = tmp_path / "package.json", tmp_path / "key.pem"
    key.write_text(public_identity().public_key_pem)
    assert "6 certificates" in run_export(str(workflow.id), "--format", "json", "--output", str(path))

    output = StringIO()
    call_command("verify_package", str(path), "--key", str(key), stdout=output)
    assert output.getvalue().splitlines()[-1] == "VERIFIED: every check passed."

    package = json.loads(path.read_bytes())
    path.write_text(json.dumps(changed(package, "stages", 0, "stage", "name", to="Renamed")))
    with pytest.raises(CommandError, match="NOT VERIFIED"):
        call_command("verify_package", str(path), "--key", str(key), stdout=output)
    assert "stages[0].stage.name" in output.getvalue()


@pytest.mark.parametrize("wanted", ["pdf", "zip", "JSON", ""])
def test_a_format_that_does_not_exist_is_named(tmp_path: Path, wanted: str) -> None:
    with pytest.raises(CommandError, match="there is json"):
        run_export(str(uuid.uuid4()), "--format", wanted, "--output", str(tmp_path / "package"))
    assert not list(tmp_path.iterdir())


def test_damaged_evidence_is_not_exported_and_said_to_be_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow = run_to_rest(submit(request_review_and_release()))
    arguments = (str(workflow.id), "--output", str(tmp_path / "package.json"))
    with monkeypatch.context() as patched:
        rows = Certificate.objects.exclude(chain_id=workflow.id, sequence=1)
        patched.setattr(Certificate.objects, "filter", rows.filter)
        with pytest.raises(CommandError, match="certificate 1: it carries sequence number 2"):
            run_export(*arguments)
    another_key = override_settings(CONTENT_MASTER_KEY=base64.b64encode(bytes(32)).decode())
    with another_key, pytest.raises(CommandError, match="does not open under"):
        run_export(*arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("identifier", "message"), [("x", "must be a UUID"), (str(uuid.UUID(int=7)), "no workflow")])
def test_a_workflow_that_does_not_exist_is_named(tmp_path: Path, identifier: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run_export(identifier, "--output", str(tmp_path / "package.json"))


def test_verifying_needs_no_database_no_secret_and_leaves_no_file(tmp_path: Path) -> None:
    workflow = run_to_rest(submit(request_review_and_release()))
    path, key, var = tmp_path / "package.json", tmp_path / "key.pem", tmp_path / "var"
    path.write_bytes(encode_package(build_workflow_package(workflow)))
    key.write_text(public_identity().public_key_pem)
    root = Path(__file__).resolve().parents[2]
    bare = {"PATH": os.environ["PATH"], "VAR_DIR": str(var)}
    for extra in ({}, {"DATABASE_URL": "postgres://nobody:nothing@127.0.0.1:1/nowhere"}):
        command = [sys.executable, str(root / "manage.py"), "verify_package", str(path), "--key", str(key)]
        result = subprocess.run(command, cwd=tmp_path, env=bare | extra, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
        assert result.stdout.splitlines()[-1] == "VERIFIED: every check passed."
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["key.pem", "package.json"]
