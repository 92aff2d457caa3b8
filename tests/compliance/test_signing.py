"""Whose certificates are believed: the environment says so, and no row of the database."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.exceptions import ImproperlyConfigured
from pytest_django.fixtures import Settings

from compliance.checks import check_pinned_keys
from compliance.envelope import EnvelopeError, compute_key_id, encode_public_key, load_public_keys
from compliance.models import SigningKey
from compliance.signing import public_identity, trusted_public_keys


def make_key() -> tuple[str, str]:
    """A key's id and its public half."""
    key = Ed25519PrivateKey.generate().public_key()
    return compute_key_id(key), encode_public_key(key)


@pytest.mark.django_db
def test_a_key_that_only_the_database_knows_is_not_trusted() -> None:
    key_id, pem = make_key()
    SigningKey.objects.create(key_id=key_id, public_key_pem=pem)
    assert trusted_public_keys().keys() == {public_identity().key_id}


def test_keys_that_the_operator_pinned_are_trusted_beside_the_one_that_signs(settings: Settings) -> None:
    (first, first_pem), (second, second_pem) = make_key(), make_key()
    settings.TRUSTED_PUBLIC_KEYS = f"{first_pem}\n{second_pem}"
    assert trusted_public_keys().keys() == {public_identity().key_id, first, second}


def test_pinning_the_key_that_signs_changes_nothing(settings: Settings) -> None:
    settings.TRUSTED_PUBLIC_KEYS = public_identity().public_key_pem
    assert trusted_public_keys().keys() == {public_identity().key_id}


PRIVATE_KEY = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    "text",
    ["nonsense", PRIVATE_KEY, make_key()[1] + PRIVATE_KEY, make_key()[1][:-30]],
    ids=["no key", "a private key", "a private key after a public one", "a key cut off"],
)
def test_a_setting_that_cannot_be_read_is_named_before_anything_runs(settings: Settings, text: str) -> None:
    settings.TRUSTED_PUBLIC_KEYS = text
    with pytest.raises(ImproperlyConfigured, match="TRUSTED_PUBLIC_KEYS"):
        trusted_public_keys()
    assert [message.id for message in check_pinned_keys(None)] == ["compliance.E002"]
    settings.TRUSTED_PUBLIC_KEYS = ""
    assert check_pinned_keys(None) == []


def test_every_key_in_a_text_is_read_and_what_is_no_key_is_refused() -> None:
    (first, first_pem), (second, second_pem) = make_key(), make_key()
    assert load_public_keys([first_pem + second_pem]).keys() == {first, second}
    assert load_public_keys([f"# the key of 2026\n{first_pem}".encode()]).keys() == {first}
    broken = second_pem.replace("-----BEGIN", "----BEGIN")
    for text in ("", first_pem + broken, first_pem + "-----BEGIN CERTIFICATE-----"):
        with pytest.raises(EnvelopeError):
            load_public_keys([text])
