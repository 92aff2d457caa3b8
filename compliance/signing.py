"""Ed25519 signatures. The only file that touches a private key.

The key comes from `SIGNING_KEY` (a PEM text), else from the file `SIGNING_KEY_PATH`, which is made on first use
with mode 0600. Workers on several hosts need the same key: hand it to them in the environment. Public keys that signed
before it stay trusted when `TRUSTED_PUBLIC_KEYS` pins them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from compliance.envelope import (
    PAYLOAD_TYPE,
    EnvelopeError,
    compute_key_id,
    encode_envelope,
    encode_public_key,
    load_public_keys,
    pre_authentication_encoding,
)
from compliance.key_files import read_or_create_secret


@dataclass(frozen=True)
class PublicIdentity:
    key_id: str
    public_key_pem: str


def sign_statement(payload: bytes) -> bytes:
    """Return the DSSE envelope, as JSON bytes, over the statement's exact bytes."""
    private_key = _load_private_key()
    signature = private_key.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload))
    return encode_envelope(payload, compute_key_id(private_key.public_key()), signature)


def public_identity() -> PublicIdentity:
    """Return the public half of the key that signs now."""
    public_key = _load_private_key().public_key()
    return PublicIdentity(compute_key_id(public_key), encode_public_key(public_key))


def trusted_public_keys() -> Mapping[str, Ed25519PublicKey]:
    """Return, by key id, the keys whose certificates are believed here: the one that signs now, and those pinned.

    Never those of the database: whoever could write a row there could sign evidence with a key of their own.
    Raises ImproperlyConfigured.
    """
    public_key = _load_private_key().public_key()
    return {compute_key_id(public_key): public_key, **read_pinned_keys()}


def read_pinned_keys() -> Mapping[str, Ed25519PublicKey]:
    """Return the keys in `TRUSTED_PUBLIC_KEYS` by key id. Raises ImproperlyConfigured."""
    return _parse_pinned_keys(settings.TRUSTED_PUBLIC_KEYS)


@cache
def _parse_pinned_keys(configured: str) -> Mapping[str, Ed25519PublicKey]:
    try:
        return load_public_keys([configured] if configured.strip() else [])
    except EnvelopeError as error:
        raise ImproperlyConfigured(
            f"TRUSTED_PUBLIC_KEYS: {error}; it takes Ed25519 public keys in PEM, one after the other"
        ) from error


def _load_private_key() -> Ed25519PrivateKey:
    return _parse_private_key(settings.SIGNING_KEY, Path(settings.SIGNING_KEY_PATH))


@cache
def _parse_private_key(configured: str, path: Path) -> Ed25519PrivateKey:
    encoded = configured.encode() if configured else read_or_create_secret(path, _generate_private_key)
    source = "SIGNING_KEY" if configured else str(path)
    try:
        private_key = load_pem_private_key(encoded, password=None)
    except ValueError as error:
        raise ImproperlyConfigured(f"{source} does not hold a private key in PEM") from error
    if not isinstance(private_key, Ed25519PrivateKey):
        raise ImproperlyConfigured(f"{source} does not hold an Ed25519 key")
    return private_key


def _generate_private_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
