"""`manage.py worker` refuses to start where it would spoil other workers' stages."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from compliance.signing import public_identity
from tests.workflow_driver import request_review_and_release, run_to_rest, submit
from workflows.supervisor import Supervisor

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[Supervisor]:
    """The supervisors that ran, in place of running them."""
    ran: list[Supervisor] = []
    monkeypatch.setattr(Supervisor, "run", lambda self: ran.append(self))
    return ran


def make_other_key() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_it_starts_on_a_new_database_and_on_its_own(started: list[Supervisor]) -> None:
    call_command("worker")
    run_to_rest(submit(request_review_and_release()))
    call_command("worker")
    assert len(started) == 2


def test_it_does_not_start_under_another_master_key(started: list[Supervisor], settings: Settings) -> None:
    submit(request_review_and_release())
    settings.CONTENT_MASTER_KEY = base64.b64encode(b"another key of thirty-two bytes!").decode()

    with pytest.raises(CommandError, match="CONTENT_MASTER_KEY"):
        call_command("worker")
    assert not started


def test_it_does_not_start_under_a_signing_key_that_disowns_the_evidence(
    started: list[Supervisor], settings: Settings
) -> None:
    run_to_rest(submit(request_review_and_release()))
    former = public_identity().public_key_pem
    settings.SIGNING_KEY = make_other_key()
    with pytest.raises(CommandError, match="TRUSTED_PUBLIC_KEYS"):
        call_command("worker")
    assert not started

    call_command("worker", "--disown-former-key")
    settings.TRUSTED_PUBLIC_KEYS = former
    call_command("worker")
    assert len(started) == 2
