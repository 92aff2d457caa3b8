"""Admission as a worker does it: what it forgets to inspect, and whose evidence it believes."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pytest_django.fixtures import Settings

from compliance.models import SigningKey
from compliance.package import verify_package
from compliance.services import read_attestations
from compliance.signing import public_identity
from tests.workflow_driver import (
    find_execution,
    request_review_and_release,
    run_ready_execution,
    run_to_rest,
    submit,
)
from workflows import admission, engine
from workflows.admission import Inspection
from workflows.export import build_workflow_package
from workflows.models import Workflow

pytestmark = pytest.mark.django_db


# --- what it forgets to inspect


def inspect_nothing(*_: object) -> Inspection:
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
    monkeypatch.setattr(engine, "inspect_release_again", inspect_nothing)
    assert_nothing_went_out(run_to_rest(submit(request_review_and_release())))


# --- whose evidence it believes


def make_private_key() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def review_under_another_key(settings: Settings) -> tuple[Workflow, str]:
    """A workflow whose review is certified by a key that the database knows, and that key's public half.

    Exactly the rows that somebody could insert who may write to the database and holds a key of their own.
    """
    workflow = submit(request_review_and_release())
    own, pinned = settings.SIGNING_KEY, settings.TRUSTED_PUBLIC_KEYS
    settings.TRUSTED_PUBLIC_KEYS = public_identity().public_key_pem
    settings.SIGNING_KEY = make_private_key()
    run_ready_execution(find_execution(workflow, "review").id)
    identity = public_identity()
    settings.SIGNING_KEY, settings.TRUSTED_PUBLIC_KEYS = own, pinned
    assert SigningKey.objects.filter(key_id=identity.key_id).exists()
    assert find_execution(workflow, "review").verdict == "compliant"
    return workflow, identity.public_key_pem


def test_evidence_signed_by_a_key_that_only_the_database_knows_admits_nothing(settings: Settings) -> None:
    workflow, _ = review_under_another_key(settings)
    workflow = run_to_rest(workflow)
    release = find_execution(workflow, "release")
    assert (workflow.status, release.reason_code, release.artifact_digest) == ("blocked", "evidence_invalid", "")


def test_evidence_signed_by_a_former_key_counts_where_the_operator_has_pinned_it(settings: Settings) -> None:
    workflow, former = review_under_another_key(settings)
    settings.TRUSTED_PUBLIC_KEYS = former
    workflow = run_to_rest(workflow)
    assert workflow.status == "completed"
    package, current = build_workflow_package(workflow), public_identity().public_key_pem
    assert verify_package(package, [former, current]).ok
    assert not verify_package(package, current).ok
    assert not verify_package(package, former).ok


# --- what is certified of it


def test_what_was_inspected_is_certified_under_the_policies_of_the_whole_lineage() -> None:
    workflow = run_to_rest(submit(request_review_and_release()))
    admitted = read_attestations(workflow.id)[3]
    assert admitted.predicate["content"] == {"policies": list(admitted.lineage_policies), "blocking": []}
