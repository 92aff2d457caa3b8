"""Admission as a worker does it: what it forgets to inspect, and whose evidence it believes."""

import pytest

from compliance.package import verify_package
from compliance.services import read_attestations
from compliance.signing import public_identity
from tests.workflow_driver import find_execution, request_review_and_release, run_to_rest, submit
from workflows import admission, engine
from workflows.admission import Inspection
from workflows.export import build_workflow_package
from workflows.models import Workflow

pytestmark = pytest.mark.django_db


def inspect_nothing(execution: object) -> Inspection:
    return Inspection()


def assert_nothing_went_out(workflow: Workflow) -> None:
    release = find_execution(workflow, "release")
    assert (workflow.status, release.status) == ("blocked", "blocked")
    assert release.reason_code == "content_not_inspected"
    assert release.artifact_digest == ""
    report = verify_package(build_workflow_package(workflow), public_identity().public_key_pem)
    assert report.ok, report.failures


def test_a_worker_that_did_not_inspect_is_not_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "inspect_release", inspect_nothing)
    workflow = run_to_rest(submit(request_review_and_release()))
    assert_nothing_went_out(workflow)
    (refused,) = [
        entry for entry in read_attestations(workflow.id) if entry.kind == "admission" and entry.role == "release"
    ]
    assert refused.predicate["decision"]["code"] == "content_not_inspected"
    assert refused.predicate["content"] is None


def test_a_worker_that_did_not_inspect_at_the_end_lets_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "inspect_release", inspect_nothing)
    assert_nothing_went_out(run_to_rest(submit(request_review_and_release())))


def test_what_was_inspected_is_certified_under_the_policies_of_the_whole_lineage() -> None:
    workflow = run_to_rest(submit(request_review_and_release()))
    admitted = read_attestations(workflow.id)[2]
    assert admitted.predicate["content"] == {"policies": list(admitted.lineage_policies), "blocking": []}
