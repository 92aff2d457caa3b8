"""Judging an execution by its checks: the worker at its end, the gate and the verifier again from its certificate.

Standard library only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from compliance.chain import Attestation
from compliance.policy_terms import PolicyTerms

APPROVALS = frozenset({"approved", "modified"})

# Proofs that only some roles can give; every other proof is owed by every stage of a policy that requires it.
ROLE_PROOFS: Mapping[str, frozenset[str]] = {
    "review_approved": frozenset({"reviewer", "release"}),
    "digest_bound": frozenset({"release"}),
    "sign_offs_complete": frozenset({"release"}),
}


@dataclass(frozen=True)
class Check:
    """One named check that ran. `passed` is its result; `detail` says on what it rests, in words.

    `inputs` is what it was given to decide on, as JSON: digests, names, numbers and findings, never a text's value.
    It is empty where the certificate was issued before inputs were recorded.
    """

    name: str
    passed: bool
    detail: str
    inputs: Mapping[str, Any] = field(default_factory=dict)


def describe_check(check: Check) -> dict[str, Any]:
    """Return a check as it stands in a certificate and in an execution's record."""
    return {"name": check.name, "passed": check.passed, "detail": check.detail, "inputs": dict(check.inputs)}


def find_required_proofs(policies: Sequence[PolicyTerms], role: str) -> tuple[str, ...]:
    """Return the proofs that a stage of that role owes under those policies, sorted."""
    required = {proof for terms in policies for proof in terms.required_proofs if _is_owed(proof, role)}
    return tuple(sorted(required | {proof for proof, roles in ROLE_PROOFS.items() if role in roles}))


def judge(checks: Sequence[Check], policies: Sequence[PolicyTerms], role: str) -> tuple[str, tuple[str, ...]]:
    """Return the verdict and the proofs that are missing.

    Compliant means that every check that ran has passed, and that each proof which the policies require of
    this role is a check of that very name.
    """
    passed = {check.name for check in checks if check.passed}
    missing = tuple(proof for proof in find_required_proofs(policies, role) if proof not in passed)
    compliant = not missing and all(check.passed for check in checks)
    return ("compliant" if compliant else "non_compliant"), missing


def find_verdict_problem(policies: Mapping[str, PolicyTerms], end: Attestation) -> str | None:
    """Return why an execution's certificate does not bear out its verdict, or None.

    The verdict is judged again from the checks, under every policy of the lineage, all of which must be among
    those given. What a reviewer or a release hands on is held against what it worked on.
    """
    predicate = end.predicate
    certified = predicate["verdict"]
    if predicate["outcome"]["status"] != "completed":
        return "its verdict is compliant, but it did not complete" if certified == "compliant" else None
    checks = [Check(**entry) for entry in predicate["checks"]]
    terms = [policies[digest] for digest in {end.policy_digest, *end.lineage_policies}]
    verdict, missing = judge(checks, terms, end.role)
    if verdict != certified:
        failed = sorted({check.name for check in checks if not check.passed} | set(missing)) or ["none"]
        return f"its verdict is {certified or 'absent'}; judged again it is {verdict}, not passed: {', '.join(failed)}"
    if list(missing) != predicate["missing_proofs"]:
        return f"its missing proofs are not those that its policies ask for: {', '.join(missing) or 'none'}"
    return _find_handover_problem(end) if certified == "compliant" else None


def _find_handover_problem(end: Attestation) -> str | None:
    """Return why a compliant reviewer or release does not hand on what it should, or None."""
    decision, reviewed = end.predicate["agent"]["decision"], end.predicate["reviewed_sha256"]
    if not end.artifact_digest:
        return "it is compliant, but left no artifact"
    if end.role == "reviewer" and decision not in APPROVALS:
        return f"the reviewer's decision is {decision or 'absent'}"
    if end.role == "reviewer" and decision == "approved" and reviewed != end.artifact_digest:
        return "the reviewer approved another text than the one it hands on"
    if end.role == "release" and (decision != "release" or reviewed != end.artifact_digest):
        return "what it released is not what was approved for release"
    return None


def _is_owed(proof: str, role: str) -> bool:
    return proof not in ROLE_PROOFS or role in ROLE_PROOFS[proof]
