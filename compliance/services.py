"""Actions on evidence: issue a certificate, read a chain's evidence, record an audit event."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection
from django.db.models import Exists
from django.utils import timezone

from compliance.chain import Attestation, ChainError, read_chain
from compliance.envelope import EnvelopeError, load_strict_json, parse_envelope
from compliance.gate import Evidence
from compliance.models import AuditEvent, Certificate, CertificateKind, EvidenceChain, SigningKey
from compliance.predicates import PREDICATE_SHAPES
from compliance.signing import public_identity, sign_statement, trusted_public_keys
from compliance.statements import (
    CertificateDraft,
    EndedStage,
    OpenedStage,
    WorkflowFacts,
    draft_closing,
    draft_opening,
    encode_statement,
)


class ChainClosed(Exception):
    """The workflow has ended: nothing can be added to its evidence."""


class UntrustedKey(Exception):
    """The newest certificate was signed by a key that this process does not trust."""


def check_signing_key() -> None:
    """Raise UntrustedKey when this process would call the evidence invalid that the installation made last.

    Without this check one worker with the wrong SIGNING_KEY would block every workflow that it claims, for good.
    """
    newest = Certificate.objects.order_by("-issued_at").values_list("key_id", flat=True).first()
    if newest is not None and newest not in trusted_public_keys():
        raise UntrustedKey(
            f"the newest certificate was signed by key {newest[:12]}, which is neither this process's SIGNING_KEY "
            "nor in TRUSTED_PUBLIC_KEYS: give it the installation's key, or pin the former one"
        )


def open_chain(workflow_id: uuid.UUID, *, workflow: WorkflowFacts, stages: Sequence[OpenedStage]) -> Certificate:
    """Start the chain of a new workflow with its opening certificate: what was asked for, every stage by position.

    Call it in the transaction that creates the workflow.
    """
    chain = EvidenceChain(id=workflow_id)
    certificate = _sign_next(chain, draft_opening(str(workflow_id), workflow=workflow, stages=stages))
    if not SigningKey.objects.filter(key_id=certificate.key_id).exists():
        _register_signing_key()
    chain.save(force_insert=True)
    certificate.save(force_insert=True)
    return certificate


def issue_certificate(workflow_id: uuid.UUID, draft: CertificateDraft) -> Certificate:
    """Sign a draft as the next statement of its workflow's chain.

    Must run inside the transaction of the change that it attests, so that neither exists without the other; the
    chain's row stays locked until that transaction ends. Raises ChainClosed.
    """
    is_known = Exists(SigningKey.objects.filter(key_id=public_identity().key_id))
    chain = EvidenceChain.objects.select_for_update(of=("self",)).annotate(key_is_known=is_known).get(id=workflow_id)
    if chain.closed_at is not None:
        raise ChainClosed(f"the evidence of workflow {workflow_id} is closed")
    certificate = _sign_next(chain, draft)
    if not chain.key_is_known:
        _register_signing_key()
    certificate.save(force_insert=True)
    chain.save(update_fields=["length", "head_digest", "closed_at"])
    return certificate


def _sign_next(chain: EvidenceChain, draft: CertificateDraft) -> Certificate:
    """Return the signed draft as the chain's next certificate, and move the chain on; the caller saves both."""
    if not connection.in_atomic_block:
        raise RuntimeError("a certificate is issued in the transaction of the change that it attests")
    issued_at = timezone.now()
    payload = encode_statement(draft, str(chain.id), chain.length, chain.head_digest or None, issued_at)
    _refuse_misshapen(payload, draft.kind)
    envelope_bytes = sign_statement(payload)
    envelope = parse_envelope(envelope_bytes)
    predicate = draft.predicate
    certificate = Certificate(
        chain=chain,
        sequence=chain.length,
        kind=draft.kind,
        digest=envelope.digest,
        envelope=envelope_bytes,
        key_id=envelope.signatures[0].key_id,
        execution_id=predicate.get("execution", {}).get("id"),
        stage_id=predicate.get("stage", {}).get("id", ""),
        role=predicate.get("stage", {}).get("role", ""),
        policy_name=predicate.get("policy", {}).get("name", ""),
        outcome=draft.outcome,
        verdict=draft.verdict,
        subject_digest=draft.subject_digest,
        issued_at=issued_at,
    )
    chain.length += 1
    chain.head_digest = envelope.digest
    if draft.kind == "closing":
        chain.closed_at = issued_at
    return certificate


def close_chain(
    workflow_id: uuid.UUID,
    *,
    workflow: WorkflowFacts,
    status: str,
    verdict: str,
    reason: tuple[str, str],
    stages: Sequence[EndedStage],
) -> Certificate:
    """Issue the closing certificate: how the workflow and each of its stages ended. Same rules as above."""
    head_digest = EvidenceChain.objects.values_list("head_digest", flat=True).select_for_update().get(id=workflow_id)
    draft = draft_closing(
        workflow=workflow,
        status=status,
        verdict=verdict,
        reason=reason,
        stages=stages,
        head_digest=head_digest,
    )
    return issue_certificate(workflow_id, draft)


def load_evidence(workflow_id: uuid.UUID) -> Evidence:
    """Return every certificate of a workflow, as stored, and the public keys that are trusted here."""
    rows = Certificate.objects.filter(chain_id=workflow_id).order_by("sequence").values_list("envelope", flat=True)
    return Evidence(tuple(parse_envelope(bytes(row)) for row in rows), trusted_public_keys())


def read_attestations(workflow_id: uuid.UUID) -> tuple[Attestation, ...]:
    """Return the verified statements of a workflow, in order. Raises ChainError when the chain does not hold."""
    evidence = load_evidence(workflow_id)
    return read_chain(str(workflow_id), evidence.certificates, evidence.keys)


def read_opening(workflow_id: uuid.UUID, evidence: Evidence | None = None) -> Attestation | None:
    """Return the verified opening certificate of a workflow; None where there is none that holds.

    `evidence` is that of the workflow, where it is loaded already.
    """
    try:
        if evidence is None:
            rows = Certificate.objects.filter(chain_id=workflow_id, sequence=0).values_list("envelope", flat=True)
            evidence = Evidence(tuple(parse_envelope(bytes(row)) for row in rows), trusted_public_keys())
        return next(iter(read_chain(str(workflow_id), evidence.certificates[:1], evidence.keys)), None)
    except (ChainError, EnvelopeError):
        return None


def find_admission(workflow_id: uuid.UUID, execution_id: uuid.UUID, evidence: Evidence | None = None) -> str | None:
    """Return the digest of the last admission of an execution, out of `evidence` where that is loaded and holds."""
    if evidence is not None:
        try:
            chain = read_chain(str(workflow_id), evidence.certificates, evidence.keys)
        except ChainError:
            pass
        else:
            named = [
                each.digest for each in chain if each.kind == "admission" and each.execution_id == str(execution_id)
            ]
            return named[-1] if named else None
    rows = Certificate.objects.filter(execution_id=execution_id, kind=CertificateKind.ADMISSION)
    return rows.order_by("-sequence").values_list("digest", flat=True).first()


def record_audit_event(
    *,
    actor: AbstractBaseUser | None,
    action: str,
    target_type: str,
    target_id: str,
    address: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Append to the audit trail. `detail` may hold identifiers, digests, old and new values; no text, no secret."""
    AuditEvent.objects.create(
        actor_id=actor.pk if actor else None,
        action=action,
        target_type=target_type,
        target_id=target_id,
        address=address,
        detail=dict(detail or {}),
    )


def _refuse_misshapen(payload: bytes, kind: str) -> None:
    """Raise before signing what our own reader would refuse: a chain that holds it could never be read again."""
    problem = PREDICATE_SHAPES[kind](load_strict_json(payload)["predicate"], f"{kind} predicate")
    if problem is not None:
        raise ValueError(f"not signed: {problem}")


def _register_signing_key() -> None:
    """Keep the public half of the key that signs, so that packages can name it. Being kept makes no key trusted."""
    identity = public_identity()
    row = SigningKey(key_id=identity.key_id, public_key_pem=identity.public_key_pem)
    SigningKey.objects.bulk_create([row], ignore_conflicts=True)
