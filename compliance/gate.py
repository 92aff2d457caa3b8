"""The gate: what may run, what may be called and what may go out.

One pure function, `decide`, used by the worker at every admission, at the end of every release and by the
offline verifier. No database, no clock, no settings; standard library and `cryptography` only. It reads
signed certificates and policy documents, never flags.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from compliance.capabilities import CapabilityError, is_allowed, resolve
from compliance.chain import Attestation, ChainError, read_chain
from compliance.envelope import Envelope
from compliance.lineage import Lineage, UpstreamBinding, trace_lineage
from compliance.policy_terms import PolicyTerms, SignOffTerms, combine_sign_off_terms, read_policy_terms
from compliance.verdicts import APPROVALS, Check, find_verdict_problem, judge

__all__ = [
    "REQUEST_DIFFERS",
    "AdmissionRequest",
    "Allow",
    "Check",
    "Evidence",
    "Lineage",
    "Permit",
    "PolicyTerms",
    "Refuse",
    "SignOffCount",
    "UpstreamBinding",
    "Wait",
    "bind_lineage",
    "count_sign_offs",
    "decide",
    "decide_on_chain",
    "decide_tool_call",
    "find_grant_problem",
    "judge",
    "read_policy_terms",
    "read_request",
]

# The refusal that a verifier cannot ask for again: what differed stands in rows, and certificates repeat the opening.
REQUEST_DIFFERS = "request_differs"


@dataclass(frozen=True)
class AdmissionRequest:
    """Who asks for what. Every field is in the admission certificate, so that a verifier can ask the same again.

    The worker inspects the artifact to be released, the gate decides: `inspected_policies` are the digests of the
    policies that it was inspected under, `blocking_findings` the types found that those policies block.
    """

    workflow_id: str
    stage_id: str
    execution_id: str
    role: str
    policy_digest: str
    upstream_stage_ids: tuple[str, ...]
    granted: tuple[str, ...]
    requester_id: str
    task_digest: str
    document_digest: str | None = None
    inspected_policies: tuple[str, ...] = ()
    blocking_findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """All certificates of the workflow so far, in order, and the public keys that are trusted."""

    certificates: tuple[Envelope, ...]
    keys: Mapping[str, Ed25519PublicKey]


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
class SignOffCount:
    """The sign-offs that the lineage asks for, the digests of those that count, and whether a person refused."""

    asked: SignOffTerms
    given: tuple[str, ...] = ()
    refused: bool = False


@dataclass(frozen=True)
class Permit:
    """A tool call that may be made."""


def decide(policies: Mapping[str, PolicyTerms], request: AdmissionRequest, evidence: Evidence) -> Allow | Wait | Refuse:
    """Decide whether a stage may run, or, asked again at its end, whether what it releases may go out.

    Never raises for what evidence or request hold: what cannot be read is refused.
    """
    try:
        chain = read_chain(request.workflow_id, evidence.certificates, evidence.keys)
    except ChainError as error:
        return Refuse("evidence_invalid", str(error))
    return decide_on_chain(policies, request, chain)


def decide_on_chain(
    policies: Mapping[str, PolicyTerms], request: AdmissionRequest, chain: Sequence[Attestation]
) -> Allow | Wait | Refuse:
    """`decide`, over certificates that `read_chain` has verified already."""
    lineage = bind_lineage(policies, request, chain)
    if isinstance(lineage, Refuse):
        return lineage
    if request.role != "release":
        return Allow(lineage)
    return _decide_release([policies[digest] for digest in lineage.policies], request, lineage, chain)


def bind_lineage(
    policies: Mapping[str, PolicyTerms], request: AdmissionRequest, chain: Sequence[Attestation]
) -> Lineage | Refuse:
    """Return what a stage rests on, where the certificates bear it out; else why it may not run."""
    if not chain:
        return Refuse("evidence_invalid", "there is no opening certificate, so nothing says what was asked for")
    if chain[-1].kind == "closing":
        return Refuse("workflow_closed", "the workflow has ended and its evidence is closed")
    stage = _find_opened_stage(request, chain[0])
    if isinstance(stage, Refuse):
        return stage
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
    turn = _find_turn_problem(stage, chain)
    if turn is not None:
        return turn
    lineage = trace_lineage(stage, upstreams, subject, chain)
    unknown = [digest for digest in lineage.policies if digest not in policies]
    if unknown:
        return Refuse("policy_unknown", f"the lineage ran under policy {unknown[0][:12]}, which is not known")
    return lineage


def decide_tool_call(capability: str, effective: Sequence[str], forbidden: Sequence[str], role: str) -> Permit | Refuse:
    """Decide one tool call under a grant. Where the grant is a wildcard, prohibitions are checked here."""
    try:
        denial = is_allowed(capability, effective, forbidden, role)
    except CapabilityError as error:
        return Refuse("not_granted", str(error))
    return Permit() if denial is None else Refuse(denial.reason, denial.detail)


def count_sign_offs(
    lineage_terms: Sequence[PolicyTerms],
    request: AdmissionRequest,
    subject_digest: str | None,
    chain: Sequence[Attestation],
) -> SignOffCount:
    """Count the sign-offs of a release over exactly its subject: one for each person who may sign."""
    asked = combine_sign_off_terms(lineage_terms)
    signers: dict[str, str] = {}
    for entry in chain:
        if entry.kind != "sign_off" or entry.execution_id != request.execution_id:
            continue
        if entry.subject_digest != subject_digest:
            continue
        if entry.predicate["decision"] == "reject":
            return SignOffCount(asked, refused=True)
        signer = entry.predicate["signer"]["id"]
        if not signer:
            continue
        if signer == request.requester_id and not asked.requester_may_sign:
            continue
        signers.setdefault(signer, entry.digest)
    return SignOffCount(asked, tuple(signers.values()))


def find_grant_problem(granted: Sequence[str], terms: PolicyTerms, role: str) -> Refuse | None:
    """Return why a grant is more than its policy and role allow, or None.

    A grant holds when asking for it again would give all of it: the same `resolve` as at the request.
    """
    try:
        denied = resolve(tuple(granted), terms.ceiling, terms.forbidden, (), role).denied
    except CapabilityError as error:
        return Refuse("grant_exceeds_ceiling", str(error))
    if not denied:
        return None
    return Refuse("grant_exceeds_ceiling", f"{denied[0].permission} under policy {terms.name}: {denied[0].detail}")


def read_request(admission: Attestation) -> AdmissionRequest:
    """Return the request that an admission certificate, as `read_chain` returns it, answers."""
    predicate, stage = admission.predicate, admission.predicate["stage"]
    content = predicate["content"] or {"policies": [], "blocking": []}
    return AdmissionRequest(
        workflow_id=predicate["workflow"]["id"],
        stage_id=stage["id"],
        execution_id=predicate["execution"]["id"],
        role=stage["role"],
        policy_digest=predicate["policy"]["digest"],
        upstream_stage_ids=tuple(stage["upstream_stage_ids"]),
        granted=tuple(predicate["grant"]["effective"]),
        requester_id=predicate["requester"]["id"],
        task_digest=stage["task_sha256"],
        document_digest=stage["document_sha256"],
        inspected_policies=tuple(content["policies"]),
        blocking_findings=tuple(content["blocking"]),
    )


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
        status = upstream.predicate["outcome"]["status"]
        if status != "completed":
            return Refuse("upstream_not_completed", f"stage {stage_id} ended {status}")
        if upstream.predicate["verdict"] != "compliant" or not upstream.artifact_digest:
            return Refuse("upstream_not_compliant", _explain_verdict(upstream))
        if any(digest not in policies for digest in {upstream.policy_digest, *upstream.lineage_policies}):
            return Refuse("policy_unknown", f"stage {stage_id} ran under a policy that is not known")
        problem = find_verdict_problem(policies, upstream)
        if problem is not None:
            return Refuse("upstream_not_compliant", f"stage {stage_id}: {problem}")
        bound.append(upstream)
    return bound


def _explain_verdict(upstream: Attestation) -> str:
    """Say by which of its checks a stage is not compliant: what was found in its artifact, among them."""
    failed = [f"{check['name']}: {check['detail']}" for check in upstream.predicate["checks"] if not check["passed"]]
    why = f" ({'; '.join(failed)})" if failed else ""
    return f"stage {upstream.stage_id} ended with a verdict that is not compliant{why}"


def _find_subject(request: AdmissionRequest, upstreams: Sequence[Attestation]) -> str | Refuse | None:
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
            if review.predicate["agent"]["decision"] not in APPROVALS:
                return Refuse("upstream_not_compliant", f"reviewer {review.stage_id} has not approved")
        if len({review.artifact_digest for review in reviews}) > 1:
            return Refuse("approvals_differ", "the reviewers named upstream approved different texts")
        return reviews[0].artifact_digest
    return None


def _find_turn_problem(stage: Mapping[str, Any], chain: Sequence[Attestation]) -> Refuse | None:
    """Return why it is not this stage's turn, or None: it runs to one end, after the completion of all before it.

    In a workflow that was opened as parallel only the stages that it names come before it, and those are bound already.
    """
    ends = {entry.stage_id: entry.predicate["outcome"]["status"] for entry in chain if entry.kind == "execution"}
    if stage["id"] in ends:
        return Refuse(
            "stage_already_ended", f"stage {stage['id']} has ended {ends[stage['id']]}: it does not run again"
        )
    if chain[0].is_parallel:
        return None
    for earlier in chain[0].stages[: stage["position"]]:
        if ends.get(earlier["id"]) != "completed":
            how = f"ended {ends[earlier['id']]}" if earlier["id"] in ends else "has not ended"
            return Refuse("earlier_stage_not_completed", f"stage {earlier['id']}, which comes before it, {how}")
    return None


def _find_opened_stage(request: AdmissionRequest, opening: Attestation) -> Mapping[str, Any] | Refuse:
    """Find the stage that is asked about in the opening certificate, which must say of it what the request says.

    A request is made from rows that somebody may have changed since the workflow was created.
    """
    stage = next((stage for stage in opening.stages if stage["id"] == request.stage_id), None)
    if stage is None:
        return Refuse(REQUEST_DIFFERS, f"the opening certificate lists no stage {request.stage_id[:40]!r}")
    compared = {
        "role": (request.role, stage["role"]),
        "policy": (request.policy_digest, stage["policy"]["digest"]),
        "task": (request.task_digest, stage["task_sha256"]),
        "document": (request.document_digest, stage["document_sha256"]),
        "upstream stages": (list(request.upstream_stage_ids), stage["upstream_stage_ids"]),
        "grant": (list(request.granted), stage["grant"]["effective"]),
        "requester": (request.requester_id, opening.predicate["requester"]["id"]),
    }
    differing = [name for name, (asked, opened) in compared.items() if asked != opened]
    if differing:
        return Refuse(REQUEST_DIFFERS, f"not as in the opening certificate: {', '.join(differing)}")
    return stage


def _decide_release(
    lineage_terms: Sequence[PolicyTerms], request: AdmissionRequest, lineage: Lineage, chain: Sequence[Attestation]
) -> Allow | Wait | Refuse:
    overlooked = [terms for terms in lineage_terms if terms.digest not in request.inspected_policies]
    if overlooked:
        names = ", ".join(f"{terms.name} v{terms.version}" for terms in overlooked)
        return Refuse("content_not_inspected", f"the artifact was not inspected under {names}", lineage)
    if request.blocking_findings:
        found = ", ".join(request.blocking_findings)
        return Refuse("content_blocked", f"the artifact holds what its policies block: {found}", lineage)
    signed = count_sign_offs(lineage_terms, request, lineage.subject_digest, chain)
    if signed.refused:
        return Refuse("sign_off_refused", "a person refused to sign this artifact off", lineage)
    if len(signed.given) < signed.asked.required:
        return Wait(lineage, signed.asked.required, len(signed.given))
    return Allow(lineage, signed.given)
