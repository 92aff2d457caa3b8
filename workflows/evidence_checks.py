"""The checks of an execution that rest on its workflow's certificates, made at its end on the evidence as it is then.

They ask the gate's own functions again, so that each of them can fail.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from compliance.chain import Attestation, ChainError, read_chain
from compliance.gate import (
    AdmissionRequest,
    Check,
    Evidence,
    Lineage,
    PolicyTerms,
    Refuse,
    bind_lineage,
    count_sign_offs,
    find_grant_problem,
)
from compliance.verdicts import APPROVALS


@dataclass(frozen=True)
class Basis:
    """What the checks rest on: what is asked, what was admitted, and the certificates; `chain` is None where they do
    not hold, and `problem` says why."""

    request: AdmissionRequest
    admitted: Lineage
    terms: Mapping[str, PolicyTerms]
    chain: tuple[Attestation, ...] | None
    problem: str = ""


def read_basis(
    request: AdmissionRequest, admitted: Lineage, terms: Mapping[str, PolicyTerms], evidence: Evidence
) -> Basis:
    """Read the evidence. Certificates that do not hold are a basis as well: one on which checks fail."""
    try:
        chain = read_chain(request.workflow_id, evidence.certificates, evidence.keys)
    except ChainError as error:
        return Basis(request, admitted, terms, None, str(error))
    return Basis(request, admitted, terms, chain)


def check_lineage(basis: Basis) -> Check:
    """Whether the certificates of all stages named upstream bear out, at the end, what they did at admission."""
    admitted = basis.admitted
    inputs = {
        "upstreams": [
            {"stage_id": entry.stage_id, "certificate_sha256": entry.certificate_digest} for entry in admitted.upstreams
        ],
        "policies": list(admitted.policies),
        "subject_sha256": admitted.subject_digest,
        "certificates": 0 if basis.chain is None else len(basis.chain),
    }
    problem = _find_lineage_problem(basis)
    verified = f"{len(admitted.upstreams)} upstream certificates verified, under {len(admitted.policies)} policies"
    return Check("lineage_verified", problem is None, problem or verified, inputs)


def check_grant(basis: Basis) -> Check:
    """Whether the grant is still within the policy's ceiling and the role."""
    request = basis.request
    terms = basis.terms.get(request.policy_digest)
    inputs = {
        "granted": list(request.granted),
        "role": request.role,
        "policy_sha256": request.policy_digest,
        "ceiling": list(terms.ceiling) if terms else [],
        "forbidden": list(terms.forbidden) if terms else [],
    }
    if terms is None:
        return Check("grant_within_ceiling", False, "its policy is not known", inputs)
    problem = find_grant_problem(request.granted, terms, request.role)
    held = f"grant verified against policy {terms.name} v{terms.version}"
    return Check("grant_within_ceiling", problem is None, problem.detail if problem else held, inputs)


def check_reviews(basis: Basis, released: str) -> Check:
    """Whether every reviewer that a release names has approved exactly the text of that digest."""
    named = {entry.certificate_digest for entry in basis.admitted.upstreams}
    reviews = [entry for entry in basis.chain or () if entry.digest in named and entry.role == "reviewer"]
    inputs = {
        "released_sha256": released,
        "reviews": [
            {
                "stage_id": review.stage_id,
                "certificate_sha256": review.digest,
                "decision": review.predicate["agent"]["decision"],
                "artifact_sha256": review.artifact_digest or None,
            }
            for review in reviews
        ],
    }
    against = [
        review.stage_id
        for review in reviews
        if review.predicate["agent"]["decision"] not in APPROVALS or review.artifact_digest != released
    ]
    if not reviews:
        return Check("review_approved", False, "no certificate of a reviewer named upstream can be read", inputs)
    detail = (
        f"not approved by {', '.join(against)}" if against else "every reviewer named upstream approved this digest"
    )
    return Check("review_approved", not against, detail, inputs)


def check_binding(basis: Basis, released: str) -> Check:
    """Whether what is released is the admitted text, byte for byte."""
    approved = basis.admitted.subject_digest
    bound = released == approved
    detail = "the artifact is the approved one, byte for byte" if bound else "the artifact is not the approved one"
    return Check("digest_bound", bound, detail, {"released_sha256": released, "approved_sha256": approved})


def check_sign_offs(basis: Basis) -> Check:
    """Whether as many persons have signed the admitted text as its lineage asks for, and none has refused."""
    lineage = [basis.terms[digest] for digest in basis.admitted.policies if digest in basis.terms]
    signed = count_sign_offs(lineage, basis.request, basis.admitted.subject_digest, basis.chain or ())
    inputs = {
        "required": signed.asked.required,
        "requester_may_sign": signed.asked.requester_may_sign,
        "sign_offs": list(signed.given),
        "artifact_sha256": basis.admitted.subject_digest,
    }
    if signed.refused:
        return Check("sign_offs_complete", False, "a person refused to sign", inputs)
    if basis.chain is None or len(lineage) < len(basis.admitted.policies):
        return Check("sign_offs_complete", False, "what is asked for or given cannot be read", inputs)
    complete = len(signed.given) >= signed.asked.required
    detail = f"{len(signed.given)} sign-offs given, {signed.asked.required} required"
    return Check("sign_offs_complete", complete, detail, inputs)


def select_terms(basis: Basis) -> Sequence[PolicyTerms]:
    """Return the policies of the lineage by which the execution is judged, as far as they are known."""
    digests = {basis.request.policy_digest, *basis.admitted.policies}
    return [basis.terms[digest] for digest in sorted(digests) if digest in basis.terms]


def _find_lineage_problem(basis: Basis) -> str | None:
    if basis.chain is None:
        return basis.problem
    found = bind_lineage(basis.terms, basis.request, basis.chain)
    if isinstance(found, Refuse):
        return f"asked again at the end, the gate refuses: {found.code}, {found.detail}"
    if (found.upstreams, found.subject_digest) != (basis.admitted.upstreams, basis.admitted.subject_digest):
        return "the certificates no longer say what they did at admission"
    if not set(basis.admitted.policies) <= set(found.policies):
        return "the certificates no longer say what they did at admission"
    added = [basis.terms[digest] for digest in found.policies if digest not in basis.admitted.policies]
    # What a stage that releases nothing leaves behind is held against all of them where it is released.
    if added and basis.request.role == "release":
        names = ", ".join(f"{terms.name} v{terms.version}" for terms in added)
        return f"since its admission other stages have worked on the same text under {names}"
    return None
