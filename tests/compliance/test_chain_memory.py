"""What reading a chain remembers of its certificates vouches for those bytes under those keys, and for nothing else."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.chain import ChainError, read_chain
from compliance.envelope import Envelope, Signature, load_strict_json
from compliance.services import load_evidence
from tests.evidence_builder import EvidenceBuilder
from tests.workflow_driver import request_review_and_release, run_to_rest, submit


@pytest.fixture
def builder() -> EvidenceBuilder:
    """A workflow of one stage that has ended, whose chain was read: it is remembered."""
    built = EvidenceBuilder()
    built.run(built.add_stage("review", "reviewer", policy=built.add_policy(), document="A notice."))
    read_chain(built.workflow_id, built.envelopes, built.keys)
    return built


def change_payload(envelope: Envelope) -> Envelope:
    return replace(envelope, payload=envelope.payload.replace(b"review", b"rewiew"))


def change_type(envelope: Envelope) -> Envelope:
    return replace(envelope, payload_type="application/json")


def change_signature(envelope: Envelope) -> Envelope:
    [signature] = envelope.signatures
    value = bytes([signature.value[0] ^ 1]) + signature.value[1:]
    return replace(envelope, signatures=(replace(signature, value=value),))


def add_unknown_signer(envelope: Envelope) -> Envelope:
    return replace(envelope, signatures=(*envelope.signatures, Signature("ab" * 32, bytes(64))))


@pytest.mark.parametrize("change", [change_payload, change_type, change_signature, add_unknown_signer])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_changed_envelope_does_not_pass_for_the_one_that_was_read(
    builder: EvidenceBuilder, change: Callable[[Envelope], Envelope], at: int
) -> None:
    envelopes = list(builder.envelopes)
    envelopes[at] = change(envelopes[at])
    for _ in range(2):  # what was refused once is refused again
        with pytest.raises(ChainError) as caught:
            read_chain(builder.workflow_id, envelopes, builder.keys)
        assert caught.value.sequence == at


def test_a_key_that_is_no_longer_trusted_vouches_for_nothing(builder: EvidenceBuilder) -> None:
    with pytest.raises(ChainError, match="not trusted"):
        read_chain(builder.workflow_id, builder.envelopes, {})


def test_another_key_under_the_same_id_vouches_for_nothing(builder: EvidenceBuilder) -> None:
    [key_id] = builder.keys
    with pytest.raises(ChainError, match="does not match the statement"):
        read_chain(builder.workflow_id, builder.envelopes, {key_id: Ed25519PrivateKey.generate().public_key()})


def test_a_remembered_certificate_does_not_move_to_another_place(builder: EvidenceBuilder) -> None:
    with pytest.raises(ChainError) as caught:
        read_chain(builder.workflow_id, builder.envelopes[:2] + builder.envelopes[1:], builder.keys)
    assert caught.value.sequence == 2


def test_a_remembered_certificate_does_not_move_to_another_workflow(builder: EvidenceBuilder) -> None:
    with pytest.raises(ChainError, match="belongs to workflow"):
        read_chain(EvidenceBuilder().workflow_id, builder.envelopes, builder.keys)


@pytest.mark.django_db
def test_what_is_remembered_is_what_was_signed_after_a_whole_workflow_has_used_it() -> None:
    workflow = run_to_rest(submit(request_review_and_release()))
    evidence = load_evidence(workflow.id)
    chain = read_chain(str(workflow.id), evidence.certificates, evidence.keys)

    assert chain[-1].kind == "closing"
    for attestation, envelope in zip(chain, evidence.certificates, strict=True):
        signed = load_strict_json(envelope.payload)["predicate"]
        assert json.dumps(attestation.predicate) == json.dumps(signed)
