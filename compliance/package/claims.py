"""What the certificates of a workflow amount to, in the words of an audit package.

The exporter writes these members and the verifier derives them again: whatever of a compliance package is not in
here is either a text, held against its digest, or the journal, held against its Merkle root.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compliance.chain import Attestation
from compliance.policy_terms import PolicyTerms
from compliance.verdicts import APPROVALS, find_required_proofs

_SCANS = ("content_inspected", "content_rules")
VERIFICATION_RUNTIME = {
    "mode": "gate",
    "lean_status": "absent",
    "detail": "Decided by a deterministic gate over signed certificates; no Lean kernel took part.",
}


@dataclass(frozen=True)
class ExecutionEvidence:
    """The certificates of one execution, in order. `admission` is the last one; `end` is None while it runs."""

    certificates: tuple[Attestation, ...]

    @property
    def admission(self) -> Attestation | None:
        return next((entry for entry in reversed(self.certificates) if entry.kind == "admission"), None)

    @property
    def end(self) -> Attestation | None:
        return next((entry for entry in self.certificates if entry.kind == "execution"), None)

    @property
    def sign_offs(self) -> tuple[Attestation, ...]:
        return tuple(entry for entry in self.certificates if entry.kind == "sign_off")


@dataclass(frozen=True)
class ExecutionIdentity:
    """Whose compliance package it is. `policy` has name, version and digest."""

    execution_id: str
    stage_id: str
    role: str
    policy: Mapping[str, Any]


def collect_evidence(chain: Sequence[Attestation], execution_id: str) -> ExecutionEvidence:
    """Return the certificates of one execution."""
    own = (entry for entry in chain if entry.kind != "closing" and entry.execution_id == execution_id)
    return ExecutionEvidence(tuple(own))


def derive_compliance_members(
    identity: ExecutionIdentity,
    chain: Sequence[Attestation],
    policies: Mapping[str, PolicyTerms],
    certificate_ids: Mapping[str, str],
) -> dict[str, Any]:
    """Return every member of a compliance package that follows from certificates and policies alone.

    `policies` by digest must hold all of the lineage's; `certificate_ids` gives the id of each certificate by its
    digest. A text is named by its `sha256` only, and `output_preview` is left out.
    """
    evidence = collect_evidence(chain, identity.execution_id)
    lineage = list_lineage_policies(identity, evidence)
    binding = _describe_binding(evidence.end, chain) if evidence.end else None
    return {
        "compliance_regime": identity.policy["name"],
        "execution_summary": {**_summarise(identity, evidence), "release_binding_summary": binding},
        "certificates": [describe_certificate(entry, certificate_ids) for entry in evidence.certificates],
        "safety_scans": _list_scans(evidence),
        "flow_analysis": _analyse_flow(lineage, evidence),
        "verification_runtime": dict(VERIFICATION_RUNTIME),
        "policy_applied": {
            **identity.policy,
            "lineage": [
                {"name": policies[digest].name, "version": policies[digest].version, "digest": digest}
                for digest in lineage
            ],
        },
        "attestation": _attest(identity, evidence, [policies[digest] for digest in lineage]),
    }


def list_lineage_policies(identity: ExecutionIdentity, evidence: ExecutionEvidence) -> list[str]:
    """Return the digests of the policies that an execution's texts passed under, its own included, sorted."""
    decisive = evidence.end or evidence.admission
    return sorted({identity.policy["digest"], *(decisive.lineage_policies if decisive else ())})


def describe_certificate(entry: Attestation, certificate_ids: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": certificate_ids[entry.digest],
        "sha256": entry.digest,
        "kind": entry.kind,
        "sequence": entry.sequence,
        "outcome": _outcome(entry),
        "verdict": entry.predicate.get("verdict") or None,
        "subject_sha256": entry.subject_digest,
        "issued_at": entry.predicate["issued_at"],
    }


def derive_lineage(chain: Sequence[Attestation], certificate_ids: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return, for each completed release, every execution that it rests on and its sign-offs, in chain order."""
    ends = {entry.digest: entry for entry in chain if entry.kind == "execution"}
    sign_offs = {entry.digest: entry for entry in chain if entry.kind == "sign_off"}
    lineage = []
    for release in ends.values():
        if release.role != "release" or release.predicate["outcome"]["status"] != "completed":
            continue
        given = [sign_offs[digest] for digest in release.predicate["sign_offs"] if digest in sign_offs]
        lineage.append(
            {
                "release": _describe_node(release, certificate_ids),
                "rests_on": [_describe_node(entry, certificate_ids) for entry in _trace_ends(release, ends)],
                "sign_offs": [
                    {
                        "certificate_id": certificate_ids[entry.digest],
                        "certificate_sha256": entry.digest,
                        "artifact_sha256": entry.subject_digest,
                    }
                    for entry in given
                ],
            }
        )
    return lineage


def as_reason(code: str, detail: str) -> dict[str, str] | None:
    """Return a reason as records carry it; None where there is none."""
    return {"code": code, "detail": detail} if code else None


def _outcome(entry: Attestation) -> str:
    predicate = entry.predicate
    if entry.kind == "admission":
        return "allowed" if predicate["decision"]["result"] == "allow" else "refused"
    return str(predicate["decision"] if entry.kind == "sign_off" else predicate["outcome"]["status"])


def _summarise(identity: ExecutionIdentity, evidence: ExecutionEvidence) -> dict[str, Any]:
    end = evidence.end
    predicate = end.predicate if end else {}
    outcome = predicate.get("outcome", {})
    agent = predicate.get("agent", {})
    return {
        "execution_id": identity.execution_id,
        "stage_id": identity.stage_id,
        "stage_role": identity.role,
        "status": outcome.get("status"),
        "verdict": predicate.get("verdict") or None,
        "reason": as_reason(outcome.get("code", ""), outcome.get("detail", "")),
        "provider": agent.get("provider"),
        "model": agent.get("model") or None,
        "agent_decision": agent.get("decision") or None,
        "usage": predicate.get("usage"),
        "cost_cents": predicate.get("cost_cents"),
        "approved_artifact": _describe_approval(end) if end else None,
        "sign_offs": [_describe_sign_off(entry) for entry in evidence.sign_offs],
    }


def _describe_approval(end: Attestation) -> dict[str, Any] | None:
    """The text that a reviewer approved or a release put out, by its digest."""
    decision = end.predicate["agent"]["decision"]
    approves = end.role == "reviewer" and decision in APPROVALS
    if not end.artifact_digest or not (approves or end.role == "release"):
        return None
    return {"sha256": end.artifact_digest, "approved_for_release": end.predicate["verdict"] == "compliant"}


def _describe_binding(end: Attestation, chain: Sequence[Attestation]) -> dict[str, Any] | None:
    """What a release is bound to. It is never rebound: what goes out is found by digest, not typed again."""
    bound = end.predicate["reviewed_sha256"]
    if end.role != "release" or bound is None:
        return None
    named = {upstream["certificate_sha256"] for upstream in end.predicate["lineage"]["upstreams"]}
    reviews = (entry for entry in chain if entry.digest in named and entry.role == "reviewer")
    review = next((entry for entry in reviews if entry.artifact_digest == bound), None)
    if review is None:
        return None
    return {"artifact_hash": bound, "upstream_execution_id": review.execution_id, "rebound": False}


def _describe_sign_off(entry: Attestation) -> dict[str, Any]:
    predicate = entry.predicate
    return {
        "certificate_sha256": entry.digest,
        "signer": predicate["signer"],
        "decision": predicate["decision"],
        "meaning": predicate["meaning"],
        "artifact_sha256": entry.subject_digest,
        "reason": {"sha256": predicate["reason_sha256"]},
        "signed_at": predicate["issued_at"],
    }


def _list_scans(evidence: ExecutionEvidence) -> list[dict[str, Any]]:
    """What content inspection said: at the admission of a release, and of the artifact at the end."""
    scans = []
    content = evidence.admission.predicate["content"] if evidence.admission else None
    if content is not None:
        blocking = content["blocking"]
        detail = f"blocked: {', '.join(blocking)}" if blocking else "nothing is blocked"
        scans.append({"name": "release_admission", "passed": not blocking, "detail": detail})
    checks = evidence.end.predicate["checks"] if evidence.end else []
    return scans + [dict(check) for check in checks if check["name"] in _SCANS]


def _analyse_flow(lineage: Sequence[str], evidence: ExecutionEvidence) -> dict[str, Any]:
    decisive = evidence.end or evidence.admission
    predicate: Mapping[str, Any] = decisive.predicate if decisive else {}
    return {
        "upstreams": predicate.get("lineage", {}).get("upstreams", []),
        "policies": list(lineage),
        "subject_sha256": predicate.get("reviewed_sha256"),
        "decision": evidence.admission.predicate["decision"] if evidence.admission else None,
        "sign_offs": predicate.get("sign_offs", []),
    }


def _attest(
    identity: ExecutionIdentity, evidence: ExecutionEvidence, policies: Sequence[PolicyTerms]
) -> dict[str, Any]:
    """A proof counts as satisfied only when a check of that very name ran and passed."""
    checks = evidence.end.predicate["checks"] if evidence.end else []
    passed = {check["name"] for check in checks if check["passed"]}
    required = find_required_proofs(policies, identity.role)
    return {
        "regime": identity.policy["name"],
        "retention_days": max(terms.retention_days for terms in policies),
        "proofs_required": list(required),
        "proofs_satisfied": [proof for proof in required if proof in passed],
        "proofs_missing": [proof for proof in required if proof not in passed],
        "certificate_count": len(evidence.certificates),
        "compliant": evidence.end is not None and evidence.end.predicate["verdict"] == "compliant",
    }


def _trace_ends(release: Attestation, ends: Mapping[str, Attestation]) -> list[Attestation]:
    found: dict[str, Attestation] = {}
    pending = [release]
    while pending:
        for upstream in pending.pop().predicate["lineage"]["upstreams"]:
            digest = upstream["certificate_sha256"]
            if digest in ends and digest not in found:
                found[digest] = ends[digest]
                pending.append(ends[digest])
    return sorted(found.values(), key=lambda entry: entry.sequence)


def _describe_node(entry: Attestation, certificate_ids: Mapping[str, str]) -> dict[str, Any]:
    return {
        "stage_id": entry.stage_id,
        "role": entry.role,
        "execution_id": entry.execution_id,
        "certificate_id": certificate_ids[entry.digest],
        "certificate_sha256": entry.digest,
        "artifact_sha256": entry.artifact_digest,
    }
