"""A workflow's chain of certificates, read out of its envelopes. Standard library and `cryptography` only.

Each statement carries the workflow's id, its own sequence number and the digest of the statement before it, so
that none can be swapped, dropped, inserted or moved to another workflow without the reading failing.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from compliance.envelope import Envelope, EnvelopeError, verify_envelope

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPES = {
    "admission": "urn:countersign:admission:v1",
    "execution": "urn:countersign:execution:v1",
    "sign_off": "urn:countersign:sign-off:v1",
    "closing": "urn:countersign:closing:v1",
}
_KINDS = {predicate_type: kind for kind, predicate_type in PREDICATE_TYPES.items()}
_DIGEST = re.compile(r"[0-9a-f]{64}")


class ChainError(ValueError):
    """The chain does not hold; `sequence` is the first certificate that breaks it."""

    def __init__(self, sequence: int, detail: str) -> None:
        super().__init__(f"certificate {sequence}: {detail}")
        self.sequence = sequence
        self.detail = detail


@dataclass(frozen=True)
class Attestation:
    """One verified statement. `digest` names it; `subject_digest` is what it speaks about, both SHA-256 in hex."""

    digest: str
    kind: str
    sequence: int
    subject_name: str
    subject_digest: str
    predicate: Mapping[str, Any]

    @property
    def stage_id(self) -> str:
        return str(self.predicate.get("stage", {}).get("id", ""))

    @property
    def role(self) -> str:
        return str(self.predicate.get("stage", {}).get("role", ""))

    @property
    def execution_id(self) -> str:
        return str(self.predicate.get("execution", {}).get("id", ""))

    @property
    def policy_digest(self) -> str:
        return str(self.predicate.get("policy", {}).get("digest", ""))

    @property
    def artifact_digest(self) -> str:
        """The artifact that an execution left behind; empty where there is none."""
        return str(self.predicate.get("artifact_sha256") or "")

    @property
    def lineage_policies(self) -> tuple[str, ...]:
        """Digests of every policy that its texts have passed under, its own included."""
        return tuple(self.predicate.get("lineage", {}).get("policies", ()))

    def touches(self, digest: str) -> bool:
        """Say whether the stage read, reviewed or made the text of that digest."""
        inputs = (upstream["artifact_sha256"] for upstream in self.predicate.get("lineage", {}).get("upstreams", ()))
        document = self.predicate.get("stage", {}).get("document_sha256")
        return digest in {self.subject_digest, self.artifact_digest, document, *inputs}


def read_chain(
    workflow_id: str, envelopes: Sequence[Envelope], keys: Mapping[str, Ed25519PublicKey]
) -> tuple[Attestation, ...]:
    """Verify every signature and link, in order. Raises ChainError at the first certificate that does not hold."""
    attestations: list[Attestation] = []
    previous: str | None = None
    for sequence, envelope in enumerate(envelopes):
        try:
            statement = verify_envelope(envelope, keys)
        except EnvelopeError as error:
            raise ChainError(sequence, str(error)) from error
        attestation = _read_statement(sequence, envelope.digest, statement)
        _check_link(attestation, workflow_id, previous)
        if attestations and attestations[-1].kind == "closing":
            raise ChainError(sequence, "it follows the closing certificate")
        attestations.append(attestation)
        previous = envelope.digest
    return tuple(attestations)


def _read_statement(sequence: int, digest: str, statement: Mapping[str, Any]) -> Attestation:
    kind = _KINDS.get(str(statement.get("predicateType")))
    subjects = statement.get("subject")
    predicate = statement.get("predicate")
    if statement.get("_type") != STATEMENT_TYPE or kind is None or not isinstance(predicate, dict):
        raise ChainError(sequence, "it is not a statement that this version knows")
    try:
        (subject,) = subjects  # type: ignore[misc]  # a wrong shape is the error that is caught here
        name, subject_digest = subject["name"], subject["digest"]["sha256"]
    except (TypeError, KeyError, ValueError) as error:
        raise ChainError(sequence, "it does not have exactly one subject with a SHA-256") from error
    if not isinstance(subject_digest, str) or not _DIGEST.fullmatch(subject_digest):
        raise ChainError(sequence, "the subject's digest is not a SHA-256 in hex")
    return Attestation(digest, kind, sequence, str(name), subject_digest, predicate)


def _check_link(attestation: Attestation, workflow_id: str, previous: str | None) -> None:
    link = attestation.predicate.get("workflow")
    if not isinstance(link, dict):
        raise ChainError(attestation.sequence, "it names no workflow")
    if link.get("id") != workflow_id:
        raise ChainError(attestation.sequence, f"it belongs to workflow {link.get('id')}, not to {workflow_id}")
    if link.get("sequence") != attestation.sequence:
        raise ChainError(
            attestation.sequence,
            f"it carries sequence number {link.get('sequence')}: certificates are missing, doubled or out of order",
        )
    if link.get("previous") != previous:
        raise ChainError(attestation.sequence, "it does not follow the certificate before it")
