"""DSSE envelopes: parsing and verifying. Standard library and `cryptography` only.

Source: DSSE protocol and envelope, https://github.com/secure-systems-lab/dsse (v1.0.2); Ed25519, RFC 8032.

What is not checked here: what the statement says, whether it is the newest, and whether the key was still
trusted at the time. `compliance.gate` reads the statement; trust in the key is the caller's.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

PAYLOAD_TYPE = "application/vnd.in-toto+json"
_PEM_BEGIN = b"-----BEGIN PUBLIC KEY-----"
_PEM_END = b"-----END PUBLIC KEY-----"


class EnvelopeError(ValueError):
    """The envelope is malformed, or no trusted key signed these bytes; the message says which."""


@dataclass(frozen=True)
class Signature:
    key_id: str
    value: bytes


@dataclass(frozen=True)
class Envelope:
    payload: bytes
    payload_type: str
    signatures: tuple[Signature, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the signed statement, in hex: the name by which certificates refer to one another."""
        return hashlib.sha256(self.payload).hexdigest()


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return the exact bytes that are signed (DSSE protocol, "PAE")."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def compute_key_id(public_key: Ed25519PublicKey) -> str:
    """Return the SHA-256, in hex, of the key's SubjectPublicKeyInfo in DER."""
    encoded = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(encoded).hexdigest()


def encode_public_key(public_key: Ed25519PublicKey) -> str:
    """Return the key as PEM text."""
    return public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def load_public_keys(pem_texts: Iterable[str | bytes]) -> dict[str, Ed25519PublicKey]:
    """Return the keys by key id; each text may hold several, one after the other.

    Raises EnvelopeError for a text that holds none, or anything in PEM that is not an Ed25519 public key.
    """
    keys = {}
    for text in pem_texts:
        for block in _split_pem(text):
            try:
                key = load_pem_public_key(block)
            except (ValueError, UnsupportedAlgorithm) as error:
                raise EnvelopeError("the public key is not valid PEM") from error
            if not isinstance(key, Ed25519PublicKey):
                raise EnvelopeError("the public key is not an Ed25519 key")
            keys[compute_key_id(key)] = key
    return keys


def encode_envelope(payload: bytes, key_id: str, signature: bytes) -> bytes:
    """Return the envelope as the JSON bytes that are stored and exported."""
    return json.dumps(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"keyid": key_id, "sig": base64.b64encode(signature).decode()}],
        },
        separators=(",", ":"),
    ).encode()


def parse_envelope(document: bytes | str | Mapping[str, Any]) -> Envelope:
    """Read an envelope strictly. Raises EnvelopeError; nothing is verified yet."""
    if isinstance(document, bytes | str):
        document = load_strict_json(document)
    if not isinstance(document, Mapping) or set(document) != {"payload", "payloadType", "signatures"}:
        raise EnvelopeError("an envelope has exactly the members payload, payloadType and signatures")
    if document["payloadType"] != PAYLOAD_TYPE:
        raise EnvelopeError(f"the payload type is not {PAYLOAD_TYPE}")
    entries = document["signatures"]
    if not isinstance(entries, list) or not entries:
        raise EnvelopeError("the envelope has no signature")
    signatures = []
    for entry in entries:
        if not isinstance(entry, Mapping) or set(entry) != {"keyid", "sig"} or not isinstance(entry["keyid"], str):
            raise EnvelopeError("a signature has exactly the members keyid and sig")
        signatures.append(Signature(entry["keyid"], _decode_base64(entry["sig"], "sig")))
    if len({signature.key_id for signature in signatures}) != len(signatures):
        raise EnvelopeError("one key has signed the envelope twice")
    return Envelope(_decode_base64(document["payload"], "payload"), PAYLOAD_TYPE, tuple(signatures))


def verify_envelope(envelope: Envelope, keys: Mapping[str, Ed25519PublicKey]) -> dict[str, Any]:
    """Return the statement when every signature is by a trusted key over these exact bytes.

    Raises EnvelopeError. A signature by an unknown key fails the whole envelope: fail closed.
    """
    signed = pre_authentication_encoding(envelope.payload_type, envelope.payload)
    for signature in envelope.signatures:
        key = keys.get(signature.key_id)
        if key is None:
            raise EnvelopeError(f"signed by key {signature.key_id[:12]}, which is not trusted")
        try:
            key.verify(signature.value, signed)
        except InvalidSignature as error:
            raise EnvelopeError(f"the signature by key {signature.key_id[:12]} does not match the statement") from error
    statement = load_strict_json(envelope.payload)
    if not isinstance(statement, dict):
        raise EnvelopeError("the statement is not a JSON object")
    return statement


def load_strict_json(document: bytes | str) -> Any:
    """Parse JSON that has one meaning only: UTF-8, no duplicate member, no NaN. Raises EnvelopeError."""
    try:
        text = document.decode() if isinstance(document, bytes) else document
        return json.loads(text, object_pairs_hook=_refuse_duplicates, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise EnvelopeError(f"not valid JSON: {error}") from error


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is named twice")
    return members


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _split_pem(text: str | bytes) -> list[bytes]:
    try:
        encoded = text.encode() if isinstance(text, str) else text
    except UnicodeEncodeError as error:
        raise EnvelopeError("the public key is not valid PEM") from error
    blocks = []
    # Cut at each BEGIN and read up to the first END: one pass, whatever the text repeats.
    before, *parts = encoded.split(_PEM_BEGIN)
    rests = [before]
    for part in parts:
        body, end, rest = part.partition(_PEM_END)
        if not end:
            raise EnvelopeError("a public key in PEM has no end")
        blocks.append(_PEM_BEGIN + body + _PEM_END)
        rests.append(rest)
    if not blocks or any(b"-----" in rest for rest in rests):
        raise EnvelopeError("the text does not hold public keys in PEM and nothing else")
    return blocks


def _decode_base64(text: Any, member: str) -> bytes:
    """Decode canonical base64 only, so that no other spelling of the same bytes passes as unchanged."""
    if not isinstance(text, str):
        raise EnvelopeError(f"{member} is not a string")
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EnvelopeError(f"{member} is not base64") from error
    if base64.b64encode(decoded).decode() != text:
        raise EnvelopeError(f"{member} is not canonical base64")
    return decoded
