"""The gate: what may run, what may be called and what may go out.

One pure function, `decide`, used by the worker at every admission, at the end of every release and by the
offline verifier. No database, no clock, no settings; standard library and `cryptography` only. It reads
signed certificates and policy documents, never flags.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from compliance.capabilities import covers, forbids, is_allowed
from compliance.chain import Attestation, ChainError, read_chain
from compliance.envelope import Envelope, load_strict_json

APPROVALS = frozenset({"approved", "modified"})

# Proofs that only some roles can give; every other proof is owed by every stage of a policy that requires it.
ROLE_PROOFS: Mapping[str, frozenset[str]] = {
    "review_approved": frozenset({"reviewer", "release"}),
    "digest_bound": frozenset({"release"}),
    "sign_offs_complete": frozenset({"release"}),
}


@dataclass(frozen=True)
class PolicyTerms:
    """What the gate needs of a policy document."""

    digest: str
    name: str
    version: int
    ceiling: tuple[str, ...]
    forbidden: tuple[str, ...]
    required_proofs: tuple[str, ...]
    sign_offs_required: int
    requester_may_sign: bool


@dataclass(frozen=True)
class AdmissionRequest:
    """Who asks for what. Every field is in the admission certificate, so that a verifier can ask the same again.

    `blocking_findings` are the finding types that the policies of the lineage block in the artifact to be
    released; the worker inspects the text, the gate decides.
    """

    workflow_id: str
    stage_id: str
    execution_id: str
    role: str
    policy_digest: str
    upstream_stage_ids: tuple[str, ...]
    granted: tuple[str, ...]
    requester_id: str
    document_digest: str | None = None
    blocking_findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """All certificates of the workflow so far, in order, and the public keys that are trusted."""

    certificates: tuple[Envelope, ...]
    keys: Mapping[str, Ed25519PublicKey]


@dataclass(frozen=True)
class UpstreamBinding:
    stage_id: str
    execution_id: str
    certificate_digest: str
    artifact_digest: str


@dataclass(frozen=True)
class Lineage:
    """What an admission rests on. `policies` holds digests, the stage's own included, sorted."""

    upstreams: tuple[UpstreamBinding, ...]
    policies: tuple[str, ...]
    subject_digest: str | None


@dataclass(frozen=True)
class Allow:
    lineage: Lineage
    sign_offs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wait:
    """Admissible but for people: `required` sign-offs over the subject, `present` so far."""

    lineage: Lineage
    required: int
    present: int


@dataclass(frozen=True)
class Refuse:
    code: str
    detail: str
    lineage: Lineage | None = None


@dataclass(frozen=True)
class Permit:
    """A tool call that may be made."""


@dataclass(frozen=True)
class Check:
    """One named check that ran. `passed` is its result; `detail` says on what it rests."""

    name: str
    passed: bool
    detail: str


def read_policy_terms(document: bytes | str) -> PolicyTerms:
    """Read the terms out of a policy's canonical document. Raises KeyError, TypeError or ValueError for others."""
    encoded = document.encode() if isinstance(document, str) else document
    members: Any = load_strict_json(encoded)
    capabilities, sign_offs = members["capabilities"], members["sign_offs"]
    return PolicyTerms(
        digest=hashlib.sha256(encoded).hexdigest(),
        name=members["name"],
        version=members["version"],
        ceiling=tuple(capabilities["ceiling"]),
        forbidden=tuple(capabilities["forbidden"]),
        required_proofs=tuple(members["required_proofs"]),
        sign_offs_required=int(sign_offs["required"]),
        requester_may_sign=not sign_offs["not_requester"],
    )


def decide(
    policies: Mapping[str, PolicyTerms], request: AdmissionRequest, evidence: Evidence
) -> Allow | Wait | Refuse:
    """Decide whether a stage may run, or, asked again at its end, whether what it releases may go out."""
    try:
        chain = read_chain(request.workflow_id, evidence.certificates, evidence.keys)
    except ChainError as error:
        return Refuse("evidence_invalid", str(error))
    if chain and chain[-1].kind == "closing":
        return Refuse("workflow_closed", "the workflow has ended and its evidence is closed")
    terms = policies.get(request.policy_digest)
    if terms is None:
        return Refuse("policy_unknown", f"no policy of digest {request.policy_digest[:12]} is known")
    problem = find_grant_problem(request.granted, terms, request.role)
    if problem is not None:
        return problem
    upstreams = _bind_upstreams(policies, request, chain)
    if isinstance(upstreams, Refuse):
        return upstreams
    subject = _find_subject(request, upstreams)
    if isinstance(subject, Refuse):
        return subject
    lineage = Lineage(
        upstreams=tuple(_binding(upstream) for upstream in upstreams),
        policies=_collect_policies(request, upstreams, subject, chain),
        subject_digest=subject,
    )
    unknown = [digest for digest in lineage.policies if digest not in policies]
    if unknown:
        return Refuse("policy_unknown", f"the lineage ran under policy {unknown[0][:12]}, which is not known")
    if request.role != "release":
        return Allow(lineage)
    return _decide_release([policies[digest] for digest in lineage.policies], request, lineage, chain)


def decide_tool_call(
    capability: str, effective: Sequence[str], forbidden: Sequence[str], role: str
) -> Permit | Refuse:
    """Decide one tool call under a grant. Where the grant is a wildcard, prohibitions are checked here."""
    denial = is_allowed(capability, effective, forbidden, role)
    return Permit() if denial is None else Refuse(denial.reason, denial.detail)


def judge(checks: Sequence[Check], policies: Sequence[PolicyTerms], role: str) -> tuple[str, tuple[str, ...]]:
    """Return the verdict and the proofs that are missing.

    Compliant means that every check that ran has passed, and that each proof which the policies require of
    this role is a check of that very name.
    """
    passed = {check.name for check in checks if check.passed}
    required = {proof for terms in policies for proof in terms.required_proofs if _is_owed(proof, role)}
    required |= {proof for proof, roles in ROLE_PROOFS.items() if role in roles}
    missing = tuple(sorted(required - passed))
    compliant = not missing and all(check.passed for check in checks)
    return ("compliant" if compliant else "non_compliant"), missing


def find_grant_problem(granted: Sequence[str], terms: PolicyTerms, role: str) -> Refuse | None:
    """Return why a grant is more than its policy and role allow, or None."""
    for capability in granted:
        if not any(covers(entry, capability) for entry in terms.ceiling):
            return Refuse("grant_exceeds_ceiling", f"{capability} is outside the ceiling of policy {terms.name}")
        if any(forbids(entry, capability) for entry in terms.forbidden):
            return Refuse("grant_exceeds_ceiling", f"{capability} is forbidden by policy {terms.name}")
        if role == "reviewer" and capability != "*" and "read" not in capability.split(":"):
            return Refuse("grant_exceeds_ceiling", f"{capability} is more than a reviewer may hold")
    return None


def read_request(admission: Attestation) -> AdmissionRequest:
    """Return the request that an admission certificate answers. Raises KeyError or TypeError if it is malformed."""
    predicate, stage = admission.predicate, admission.predicate["stage"]
    content = predicate.get("content") or {"blocking": []}
    return AdmissionRequest(
        workflow_id=predicate["workflow"]["id"],
        stage_id=stage["id"],
        execution_id=predicate["execution"]["id"],
        role=stage["role"],
        policy_digest=predicate["policy"]["digest"],
        upstream_stage_ids=tuple(stage["upstream_stage_ids"]),
        granted=tuple(predicate["grant"]["effective"]),
        requester_id=predicate["requester"]["id"],
        document_digest=stage["document_sha256"],
        blocking_findings=tuple(content["blocking"]),
    )


def _is_owed(proof: str, role: str) -> bool:
    return proof not in ROLE_PROOFS or role in ROLE_PROOFS[proof]


def _bind_upstreams(
    policies: Mapping[str, PolicyTerms], request: AdmissionRequest, chain: Sequence[Attestation]
) -> list[Attestation] | Refuse:
    """Find the certificate of each stage named upstream: completed, compliant, under a known policy."""
    bound = []
    for stage_id in request.upstream_stage_ids:
        ended = [entry for entry in chain if entry.kind == "execution" and entry.stage_id == stage_id]
        if not ended:
            return Refuse("upstream_evidence_missing", f"stage {stage_id} has left no certificate")
        upstream = ended[-1]
        status = upstream.predicate.get("outcome", {}).get("status")
        if status != "completed":
            return Refuse("upstream_not_completed", f"stage {stage_id} ended {status}")
        if upstream.predicate.get("verdict") != "compliant" or not upstream.artifact_digest:
            return Refuse("upstream_not_compliant", f"stage {stage_id} ended with a verdict that is not compliant")
        if upstream.policy_digest not in policies:
            return Refuse("policy_unknown", f"stage {stage_id} ran under a policy that is not known")
        bound.append(upstream)
    return bound


def _find_subject(request: AdmissionRequest, upstreams: Sequence[Attestation]) -> str | None | Refuse:
    """Return the digest of the one text that is reviewed or released; None for a stage that has no such text."""
    if request.role == "reviewer":
        digests = {upstream.artifact_digest for upstream in upstreams}
        if request.document_digest is not None:
            digests.add(request.document_digest)
        if len(digests) > 1:
            return Refuse("ambiguous_subject", "the stages named upstream do not share one artifact to review")
        return digests.pop() if digests else None
    if request.role == "release":
        reviews = [upstream for upstream in upstreams if upstream.role == "reviewer"]
        if not reviews:
            return Refuse("no_reviewer", "no stage named upstream is a reviewer")
        for review in reviews:
            if review.predicate.get("agent", {}).get("decision") not in APPROVALS:
                return Refuse("upstream_not_compliant", f"reviewer {review.stage_id} has not approved")
        if len({review.artifact_digest for review in reviews}) > 1:
            return Refuse("approvals_differ", "the reviewers named upstream approved different texts")
        return reviews[0].artifact_digest
    return None


def _binding(upstream: Attestation) -> UpstreamBinding:
    return UpstreamBinding(upstream.stage_id, upstream.execution_id, upstream.digest, upstream.artifact_digest)


def _collect_policies(
    request: AdmissionRequest, upstreams: Sequence[Attestation], subject: str | None, chain: Sequence[Attestation]
) -> tuple[str, ...]:
    """Gather the policies of the whole lineage.

    A text is followed by what names it and by its digest: a stage of this workflow that handled the same
    bytes under a stricter policy counts, whether or not it is named, so that leaving it out gains nothing.
    """
    digests = {request.policy_digest}
    for upstream in upstreams:
        digests.update(upstream.lineage_policies)
    texts = {upstream.artifact_digest for upstream in upstreams} | {subject, request.document_digest}
    for text in texts - {None}:
        for entry in chain:
            if entry.kind in {"admission", "execution"} and entry.touches(str(text)):
                digests.update(entry.lineage_policies)
    return tuple(sorted(digests))


def _decide_release(
    lineage_terms: Sequence[PolicyTerms], request: AdmissionRequest, lineage: Lineage, chain: Sequence[Attestation]
) -> Allow | Wait | Refuse:
    if request.blocking_findings:
        found = ", ".join(request.blocking_findings)
        return Refuse("content_blocked", f"the artifact holds what its policies block: {found}", lineage)
    required = max(terms.sign_offs_required for terms in lineage_terms)
    requester_may_sign = all(terms.requester_may_sign for terms in lineage_terms if terms.sign_offs_required)
    signers: dict[str, str] = {}
    for entry in chain:
        if entry.kind != "sign_off" or entry.execution_id != request.execution_id:
            continue
        if entry.subject_digest != lineage.subject_digest:
            continue
        if entry.predicate.get("decision") == "reject":
            return Refuse("sign_off_refused", "a person refused to sign this artifact off", lineage)
        signer = str(entry.predicate.get("signer", {}).get("id", ""))
        if entry.predicate.get("decision") != "approve" or not signer:
            continue
        if signer == request.requester_id and not requester_may_sign:
            continue
        signers.setdefault(signer, entry.digest)
    if len(signers) < required:
        return Wait(lineage, required, len(signers))
    return Allow(lineage, tuple(signers.values()))
