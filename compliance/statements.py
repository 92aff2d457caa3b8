"""What a certificate says, as the exact bytes that are signed: in-toto Statement v1, canonical by RFC 8785.

Source: https://github.com/in-toto/attestation, spec/v1/statement.md. The drafts below are complete but for the
workflow's chain (id, sequence number, digest of the statement before) and the time, which are set at issue.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import rfc8785

from compliance.chain import NEVER_ADMITTED, PREDICATE_TYPES, STATEMENT_TYPE, compute_opening_subject
from compliance.lineage import Lineage, describe_lineage
from compliance.verdicts import Check, describe_check


@dataclass(frozen=True)
class StageFacts:
    """The stage as asked for; digests are SHA-256 in hex."""

    id: str
    uid: str
    name: str
    position: int
    role: str
    task_sha256: str
    document_sha256: str | None
    upstream_stage_ids: tuple[str, ...]


@dataclass(frozen=True)
class PolicyFacts:
    name: str
    version: int
    digest: str


@dataclass(frozen=True)
class PersonFacts:
    id: str
    name: str


@dataclass(frozen=True)
class WorkflowFacts:
    """The workflow as asked for. `description_sha256` is None where it has no description."""

    name: str
    description_sha256: str | None
    mode: str
    requester: PersonFacts


@dataclass(frozen=True)
class OpenedStage:
    """A stage as asked for and resolved. `grant` has `effective` and `denied`, out of `permissions`, which are what
    was requested: None where the policy's defaults were left to stand. `model` is None where none was named."""

    stage: StageFacts
    policy: PolicyFacts
    grant: Mapping[str, Any]
    budget_cents: int
    permissions: tuple[str, ...] | None
    provider: str
    model: str | None


@dataclass(frozen=True)
class EndedStage:
    """How a stage ended; `code` is its reason's, and `execution_id` None where it never ran."""

    stage: StageFacts
    policy_digest: str
    status: str
    code: str
    execution_id: str | None


@dataclass(frozen=True)
class CertificateDraft:
    """A statement that lacks only its place in the chain. `outcome` and `verdict` are there to find it by."""

    kind: str
    subject_name: str
    subject_digest: str
    predicate: Mapping[str, Any]
    outcome: str
    verdict: str = ""


def encode_statement(
    draft: CertificateDraft, workflow_id: str, sequence: int, previous: str | None, issued_at: datetime
) -> bytes:
    """Return the statement's bytes; `previous` is the digest of the statement before it, or None for the first."""
    predicate = {
        **draft.predicate,
        "workflow": {"id": workflow_id, "sequence": sequence, "previous": previous},
        "issued_at": issued_at.astimezone(UTC).isoformat(),
    }
    return rfc8785.dumps(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": draft.subject_name, "digest": {"sha256": draft.subject_digest}}],
            "predicateType": PREDICATE_TYPES[draft.kind],
            "predicate": predicate,
        }
    )


def draft_opening(workflow_id: str, *, workflow: WorkflowFacts, stages: Sequence[OpenedStage]) -> CertificateDraft:
    """What was asked for, before anything has run: all that a later certificate says of it must equal this."""
    return CertificateDraft(
        kind="opening",
        subject_name="workflow",
        subject_digest=compute_opening_subject(workflow_id),
        predicate={
            **asdict(workflow),
            "stages": [
                {
                    **_plain(opened.stage),
                    "policy": asdict(opened.policy),
                    "grant": dict(opened.grant),
                    "budget_cents": opened.budget_cents,
                    "permissions": None if opened.permissions is None else list(opened.permissions),
                    "provider": opened.provider,
                    "model": opened.model,
                }
                for opened in stages
            ],
        },
        outcome="opened",
    )


def draft_admission(
    *,
    stage: StageFacts,
    execution_id: str,
    attempt: int,
    policy: PolicyFacts,
    requester: PersonFacts,
    grant: Mapping[str, Any],
    lineage: Lineage | None,
    sign_offs: Sequence[str],
    inspected_policies: Sequence[str] | None,
    blocking_findings: Sequence[str],
    refusal: tuple[str, str] | None,
    input_digest: str,
) -> CertificateDraft:
    """An admission, allowed or refused. Its subject is the stage's input: the text it reviews or releases, its
    document or, without either, its task. `inspected_policies` is None where no artifact was inspected."""
    code, detail = refusal or ("", "")
    content = None
    if inspected_policies is not None:
        content = {"policies": list(inspected_policies), "blocking": list(blocking_findings)}
    return CertificateDraft(
        kind="admission",
        subject_name="input",
        subject_digest=input_digest,
        predicate={
            "stage": _plain(stage),
            "execution": {"id": execution_id, "attempt": attempt},
            "policy": asdict(policy),
            "requester": asdict(requester),
            "grant": dict(grant),
            "content": content,
            "decision": {"result": "refuse" if refusal else "allow", "code": code, "detail": detail},
            "lineage": _describe_lineage(lineage, policy),
            "sign_offs": list(sign_offs),
        },
        outcome="refused" if refusal else "allowed",
    )


def draft_execution(
    *,
    stage: StageFacts,
    execution_id: str,
    attempt: int,
    policy: PolicyFacts,
    grant: Mapping[str, Any],
    lineage: Mapping[str, Any],
    admission_digest: str | None,
    sign_offs: Sequence[str],
    status: str,
    reason: tuple[str, str],
    verdict: str,
    checks: Sequence[Check],
    missing_proofs: Sequence[str],
    agent: Mapping[str, Any],
    usage: Mapping[str, int],
    cost_cents: int,
    journal: Mapping[str, Any],
    documents: Mapping[str, Any],
    artifact_digest: str | None,
    reviewed_digest: str | None,
    answer_digest: str | None,
) -> CertificateDraft:
    """The end of an execution, whatever it was. Its subject is the artifact; where there is none, the execution,
    by the digest of its admission certificate (zeros for one that was never admitted)."""
    return CertificateDraft(
        kind="execution",
        subject_name="artifact" if artifact_digest else f"execution:{execution_id}",
        subject_digest=artifact_digest or admission_digest or NEVER_ADMITTED,
        predicate={
            "stage": _plain(stage),
            "execution": {"id": execution_id, "attempt": attempt},
            "policy": asdict(policy),
            "grant": dict(grant),
            "lineage": dict(lineage),
            "admission": admission_digest,
            "sign_offs": list(sign_offs),
            "outcome": {"status": status, "code": reason[0], "detail": reason[1]},
            "verdict": verdict,
            "checks": [describe_check(check) for check in checks],
            "missing_proofs": list(missing_proofs),
            "agent": dict(agent),
            "usage": dict(usage),
            "cost_cents": cost_cents,
            "journal": dict(journal),
            "documents": dict(documents),
            "artifact_sha256": artifact_digest,
            "reviewed_sha256": reviewed_digest,
            "answer_sha256": answer_digest,
        },
        outcome=status,
        verdict=verdict,
    )


def draft_sign_off(
    *,
    stage: StageFacts,
    execution_id: str,
    policy: PolicyFacts,
    signer: PersonFacts,
    role: str,
    decision: str,
    artifact_digest: str,
    meaning: str,
    reason_digest: str,
    authentication: str,
) -> CertificateDraft:
    """A person's decision about exactly one artifact in exactly one execution (21 CFR 11.50, 11.70).

    The reason's text is in the content store; the statement holds its digest.
    """
    return CertificateDraft(
        kind="sign_off",
        subject_name="artifact",
        subject_digest=artifact_digest,
        predicate={
            "stage": _plain(stage),
            "execution": {"id": execution_id},
            "policy": asdict(policy),
            "signer": {**asdict(signer), "role": role},
            "decision": decision,
            "meaning": meaning,
            "reason_sha256": reason_digest,
            "authentication": authentication,
        },
        outcome=decision,
    )


def draft_closing(
    *,
    workflow: WorkflowFacts,
    status: str,
    verdict: str,
    reason: tuple[str, str],
    stages: Sequence[EndedStage],
    head_digest: str,
) -> CertificateDraft:
    """The end of a workflow: every stage, by position, as it was asked for and with how it ended.

    So none can be left out of a package, and what a stage that never ran was to do is certified too.
    """
    return CertificateDraft(
        kind="closing",
        subject_name="chain",
        subject_digest=head_digest,
        predicate={
            **asdict(workflow),
            "outcome": {"status": status, "code": reason[0], "detail": reason[1]},
            "verdict": verdict,
            "stages": [
                {
                    **_plain(ended.stage),
                    "policy": ended.policy_digest,
                    "status": ended.status,
                    "code": ended.code,
                    "execution_id": ended.execution_id,
                }
                for ended in stages
            ],
        },
        outcome=status,
        verdict=verdict,
    )


def _describe_lineage(lineage: Lineage | None, policy: PolicyFacts) -> dict[str, Any]:
    return describe_lineage(lineage) if lineage else {"policies": [policy.digest], "upstreams": []}


def _plain(stage: StageFacts) -> dict[str, Any]:
    return {**asdict(stage), "upstream_stage_ids": list(stage.upstream_stage_ids)}
