import base64
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from compliance.models import Certificate, EvidenceChain, SigningKey
from workflows.models import Workflow

CERTIFICATES = "/api/v1/certificates"
ENVELOPE = {"payload": base64.b64encode(b"{}").decode(), "payloadType": "x", "signatures": [{"keyid": "k", "sig": "s"}]}


def certify(owner: User, **columns: Any) -> Certificate:
    """A stored certificate of a workflow of `owner`. It is listed, not verified, so it needs no signature."""
    workflow = Workflow.objects.create(owner=owner, name="w", stage_count=1)
    chain = EvidenceChain.objects.create(id=workflow.id)
    key, _ = SigningKey.objects.get_or_create(key_id="k", defaults={"public_key_pem": "pem"})
    values = {
        "kind": "execution",
        "outcome": "completed",
        "role": "reviewer",
        "policy_name": "sox",
        "subject_digest": "a" * 64,
        "execution_id": uuid.uuid4(),
    } | columns
    return Certificate.objects.create(
        chain=chain,
        sequence=0,
        digest=uuid.uuid4().hex * 2,
        envelope=json.dumps(ENVELOPE).encode(),
        key=key,
        issued_at=timezone.now(),
        **values,
    )


def ids(response: Any) -> list[str]:
    assert response.status_code == 200, response.json()
    return [entry["id"] for entry in response.json()["results"]]


def test_a_certificate_is_shown_with_its_envelope_as_stored(
    make_account: Callable[..., User], client_of: Callable[[User], APIClient]
) -> None:
    owner = make_account("operator")
    certificate = certify(owner)
    body = client_of(owner).get(f"{CERTIFICATES}/{certificate.id}").json()
    assert body["envelope"] == ENVELOPE
    assert body["workflow_id"] == str(certificate.chain_id)
    assert (body["policy"], body["role"], body["artifact_sha256"]) == ("sox", "reviewer", "a" * 64)


def test_to_another_operator_it_is_not_there(
    make_account: Callable[..., User], client_of: Callable[[User], APIClient]
) -> None:
    owner, other, viewer = make_account("operator"), make_account("operator"), make_account("viewer")
    certificate = certify(owner)
    for user in (other, viewer):
        client = client_of(user)
        assert ids(client.get(CERTIFICATES)) == []
        for method in ("get", "delete", "put", "patch"):
            assert getattr(client, method)(f"{CERTIFICATES}/{certificate.id}").status_code in {404, 405}
        assert client.get(f"{CERTIFICATES}/{certificate.id}").status_code == 404
        assert client.get(CERTIFICATES, {"scope": "all"}).status_code == 403


@pytest.mark.parametrize("role", ["admin", "approver", "auditor"])
def test_who_reads_everything_asks_for_it_in_lists(
    make_account: Callable[..., User], client_of: Callable[[User], APIClient], role: str
) -> None:
    certificate = certify(make_account("operator"))
    client = client_of(make_account(role))
    assert ids(client.get(CERTIFICATES)) == []
    assert ids(client.get(CERTIFICATES, {"scope": "all"})) == [str(certificate.id)]
    assert client.get(f"{CERTIFICATES}/{certificate.id}").status_code == 200


def test_filters_find_what_they_name(make_account: Callable[..., User], client_of: Callable[[User], APIClient]) -> None:
    owner = make_account("operator")
    wanted = certify(
        owner, kind="sign_off", outcome="approve", role="release", policy_name="hipaa", subject_digest="b" * 64
    )
    certify(owner)
    client = client_of(owner)
    for name, value in {
        "workflow": wanted.chain_id,
        "execution": wanted.execution_id,
        "kind": "sign_off",
        "status": "approve",
        "role": "release",
        "policy": "hipaa",
        "artifact_sha256": "b" * 64,
    }.items():
        assert ids(client.get(CERTIFICATES, {name: value})) == [str(wanted.id)], name


@pytest.mark.parametrize(
    "query",
    [
        {"workflow": "x"},
        {"workflow": ""},
        {"kind": ""},
        {"kind": "x"},
        {"role": "x"},
        {"stauts": "x"},
        {"scope": "mine"},
        {"verdict": "x"},
    ],
)
def test_a_filter_that_cannot_match_is_refused(
    make_account: Callable[..., User], client_of: Callable[[User], APIClient], query: dict[str, str]
) -> None:
    response = client_of(make_account("auditor")).get(CERTIFICATES, query)
    assert response.status_code == 400
    assert list(response.json()["errors"]) == list(query)


def test_nothing_of_it_can_be_written(
    make_account: Callable[..., User], client_of: Callable[[User], APIClient]
) -> None:
    client = client_of(make_account("admin"))
    certificate = certify(make_account("operator"))
    answers = [
        client.post(CERTIFICATES, {}),
        client.put(f"{CERTIFICATES}/{certificate.id}", {}),
        client.patch(f"{CERTIFICATES}/{certificate.id}", {}),
        client.delete(f"{CERTIFICATES}/{certificate.id}"),
    ]
    assert {answer.status_code for answer in answers} == {405}
