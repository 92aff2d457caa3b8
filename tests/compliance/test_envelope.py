"""Envelopes: what is signed, and what is refused."""

import base64
import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from compliance.envelope import (
    PAYLOAD_TYPE,
    EnvelopeError,
    compute_key_id,
    encode_public_key,
    load_public_keys,
    load_strict_json,
    parse_envelope,
    pre_authentication_encoding,
    verify_envelope,
)
from tests.evidence_builder import sign

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
KEYS = {compute_key_id(KEY.public_key()): KEY.public_key()}
PAYLOAD = b'{"_type":"https://in-toto.io/Statement/v1","text":"r\\u00e9sum\\u00e9"}'
ENVELOPE: dict[str, Any] = json.loads(sign(KEY, PAYLOAD))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)


def encode(content: bytes) -> str:
    return base64.b64encode(content).decode()


def flip(content: bytes, position: int, mask: int) -> bytes:
    return content[:position] + bytes([content[position] ^ mask]) + content[position + 1 :]


def test_the_signed_bytes_are_those_of_the_dsse_specification() -> None:
    # The example of the DSSE protocol's own test vectors.
    encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_lengths_are_counted_in_bytes() -> None:
    assert pre_authentication_encoding("é", "é".encode()) == b"DSSEv1 2 \xc3\xa9 2 \xc3\xa9"


def test_the_key_id_is_the_digest_of_the_key_in_der() -> None:
    encoded = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert compute_key_id(KEY.public_key()) == hashlib.sha256(encoded).hexdigest()


def test_a_signed_statement_comes_back_as_it_was() -> None:
    envelope = parse_envelope(ENVELOPE)
    assert verify_envelope(envelope, KEYS)["text"] == "résumé"
    assert envelope.payload == PAYLOAD
    assert envelope.digest == hashlib.sha256(PAYLOAD).hexdigest()


@given(position=st.integers(0, len(PAYLOAD) - 1), mask=st.integers(1, 255))
def test_no_byte_of_a_statement_can_change(position: int, mask: int) -> None:
    envelope = parse_envelope({**ENVELOPE, "payload": encode(flip(PAYLOAD, position, mask))})
    with pytest.raises(EnvelopeError, match="does not match the statement"):
        verify_envelope(envelope, KEYS)


@given(position=st.integers(0, 63), mask=st.integers(1, 255))
def test_no_byte_of_a_signature_can_change(position: int, mask: int) -> None:
    signature = ENVELOPE["signatures"][0]
    changed = encode(flip(base64.b64decode(signature["sig"]), position, mask))
    envelope = parse_envelope({**ENVELOPE, "signatures": [{**signature, "sig": changed}]})
    with pytest.raises(EnvelopeError, match="does not match the statement"):
        verify_envelope(envelope, KEYS)


def test_a_key_that_is_not_trusted_fails_the_envelope() -> None:
    envelope = parse_envelope(sign(OTHER_KEY, PAYLOAD))
    with pytest.raises(EnvelopeError, match="is not trusted"):
        verify_envelope(envelope, KEYS)


def test_an_untrusted_signature_beside_a_good_one_fails_the_envelope() -> None:
    other = json.loads(sign(OTHER_KEY, PAYLOAD))["signatures"]
    envelope = parse_envelope({**ENVELOPE, "signatures": [*ENVELOPE["signatures"], *other]})
    with pytest.raises(EnvelopeError, match="is not trusted"):
        verify_envelope(envelope, KEYS)


def test_one_key_signs_once() -> None:
    with pytest.raises(EnvelopeError, match="twice"):
        parse_envelope({**ENVELOPE, "signatures": ENVELOPE["signatures"] * 2})


def test_another_key_under_a_trusted_name_fails() -> None:
    forged = json.loads(sign(OTHER_KEY, PAYLOAD))["signatures"][0]["sig"]
    trusted = {"keyid": next(iter(KEYS)), "sig": forged}
    with pytest.raises(EnvelopeError, match="does not match the statement"):
        verify_envelope(parse_envelope({**ENVELOPE, "signatures": [trusted]}), KEYS)


def test_a_signature_over_the_payload_alone_is_no_signature() -> None:
    bare = {"keyid": next(iter(KEYS)), "sig": encode(KEY.sign(PAYLOAD))}
    with pytest.raises(EnvelopeError, match="does not match the statement"):
        verify_envelope(parse_envelope({**ENVELOPE, "signatures": [bare]}), KEYS)


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"payloadType": "text/plain"},
        {"payload": 7},
        {"payload": "not base64!"},
        {"payload": "eyJ9Zh=="},
        {"payload": ENVELOPE["payload"] + "\n"},
        {"signatures": []},
        {"signatures": {}},
        {"signatures": [{"keyid": "a"}]},
        {"signatures": [{"keyid": 1, "sig": ""}]},
        {"signatures": [{"keyid": "a", "sig": "", "cert": ""}]},
    ],
    ids=lambda change: json.dumps(change)[:40],
)
def test_an_envelope_of_another_form_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(EnvelopeError):
        parse_envelope({**ENVELOPE, **change})


@pytest.mark.parametrize("member", sorted(ENVELOPE))
def test_an_envelope_that_lacks_a_member_is_refused(member: str) -> None:
    with pytest.raises(EnvelopeError):
        parse_envelope({name: value for name, value in ENVELOPE.items() if name != member})


def test_base64_has_one_spelling_only() -> None:
    # "QQ==" and "QR==" decode to the same byte; the second has bits that no encoder sets.
    with pytest.raises(EnvelopeError, match="canonical"):
        parse_envelope({"payload": "QR==", "payloadType": PAYLOAD_TYPE, "signatures": ENVELOPE["signatures"]})


@given(json_values)
def test_whatever_is_no_envelope_is_refused_and_nothing_else_is_raised(value: Any) -> None:
    with pytest.raises(EnvelopeError):
        parse_envelope(value)


@pytest.mark.parametrize(
    "document",
    [
        b'{"a": 1, "a": 2}',
        b'{"b": [{"a": 1, "a": 1}]}',
        b'{"a": NaN}',
        b"[-Infinity]",
        b"\xff",
        b"",
        b"[" * 100_000,
        b"9" * 5000,
    ],
    ids=["doubled", "doubled below", "NaN", "Infinity", "not UTF-8", "empty", "deep", "huge number"],
)
def test_json_of_more_than_one_meaning_is_refused(document: bytes) -> None:
    with pytest.raises(EnvelopeError, match="not valid JSON"):
        load_strict_json(document)


def test_a_signed_statement_that_is_no_object_is_refused() -> None:
    with pytest.raises(EnvelopeError, match="not a JSON object"):
        verify_envelope(parse_envelope(sign(KEY, b"[]")), KEYS)


def test_keys_are_found_by_their_id() -> None:
    pem = [encode_public_key(key.public_key()) for key in (KEY, OTHER_KEY)]
    assert load_public_keys(pem).keys() == {compute_key_id(KEY.public_key()), compute_key_id(OTHER_KEY.public_key())}


def private_pem() -> bytes:
    return KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def rsa_pem() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("pem", ["", "no key", b"\xff\x00", "\ud800", private_pem(), rsa_pem()])
def test_anything_but_an_ed25519_public_key_is_refused(pem: str | bytes) -> None:
    with pytest.raises(EnvelopeError):
        load_public_keys([pem])
