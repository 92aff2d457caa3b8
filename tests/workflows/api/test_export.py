"""`GET /workflows/{id}/export`."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from compliance.models import Certificate
from config.docs import openapi_schema
from tests.workflow_driver import request_review_and_release, run_to_rest, submit
from workflows.export import build_workflow_package
from workflows.models import Workflow


@pytest.fixture
def finished(alice: User) -> Workflow:
    return run_to_rest(submit(request_review_and_release(), alice))


def without_times(value: Any) -> Any:
    """What two packages of one workflow share: everything but when and as which package they were made."""
    if isinstance(value, dict):
        made = {"exported_at", "generated_at", "package_id"}
        return {name: without_times(member) for name, member in value.items() if name not in made}
    return [without_times(member) for member in value] if isinstance(value, list) else value


def test_the_package_is_the_one_that_the_service_builds(alice_api: APIClient, finished: Workflow) -> None:
    for parameters in ({}, {"format": "json"}):
        response = alice_api.get(f"/api/v1/workflows/{finished.id}/export", parameters)
        assert response.status_code == 200, response.content
        assert without_times(response.json()) == without_times(build_workflow_package(finished))


def test_its_members_are_those_of_the_schema(alice_api: APIClient, finished: Workflow) -> None:
    package = alice_api.get(f"/api/v1/workflows/{finished.id}/export").json()
    schemas = openapi_schema()["components"]["schemas"]
    assert set(package) == set(schemas["WorkflowExportResponse"]["properties"])
    assert set(package["stages"][0]) == set(schemas["PackageStage"]["properties"])
    assert set(package["certificates"][0]) == set(schemas["PackageCertificate"]["properties"])
    assert set(package["keys"][0]) == set(schemas["PackageKey"]["properties"])


@pytest.mark.parametrize("wanted", ["pdf", "zip", "xml", "", "JSON", "../../etc/passwd"])
def test_a_format_that_does_not_exist_is_refused_and_named(
    alice_api: APIClient, finished: Workflow, wanted: str
) -> None:
    response = alice_api.get(f"/api/v1/workflows/{finished.id}/export", {"format": wanted})
    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["format"]


def test_an_unknown_parameter_is_refused(alice_api: APIClient, finished: Workflow) -> None:
    response = alice_api.get(f"/api/v1/workflows/{finished.id}/export", {"formt": "json"})
    assert response.status_code == 400


def test_evidence_that_does_not_hold_together_is_not_exported(
    alice_api: APIClient, finished: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The table is append-only, so a lost certificate is played by a reader that does not see it.
    first = Certificate.objects.filter(chain_id=finished.id, sequence=0).get()
    rows = Certificate.objects.exclude(id=first.id)
    monkeypatch.setattr(Certificate.objects, "filter", rows.filter)
    response = alice_api.get(f"/api/v1/workflows/{finished.id}/export")
    assert (response.status_code, response.json()["code"]) == (409, "evidence_invalid")
