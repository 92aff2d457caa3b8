"""How an execution whose agent has answered ends: its checks on the evidence as it is then, verdict, status, reason."""

from collections.abc import Sequence
from dataclasses import dataclass

from compliance.content import compute_digest
from compliance.gate import Allow, Check, Evidence, Refuse, Wait, decide_on_chain, judge
from compliance.policies_in_force import load_policy_terms
from workflows.admission import Admitted, Inspection, build_request, explain_refusal
from workflows.assessment import Assessment
from workflows.evidence_checks import (
    Basis,
    check_binding,
    check_grant,
    check_lineage,
    check_reviews,
    check_sign_offs,
    read_basis,
    select_terms,
)
from workflows.models import Execution, ExecutionStatus, Role, Verdict
from workflows.reasons import ReasonCode

_CONTENT_CHECKS = frozenset({"content_inspected", "ner_ran"})


@dataclass(frozen=True)
class Conclusion:
    """`reason` is (code, detail), empty for a plain success."""

    status: str
    reason: tuple[str, str]
    verdict: str
    checks: tuple[Check, ...]
    missing_proofs: tuple[str, ...]


def conclude(
    execution: Execution, admitted: Admitted, assessment: Assessment, inspection: Inspection, evidence: Evidence
) -> Conclusion:
    """Judge an execution under every policy of its lineage. A release is decided by the gate a second time.

    Must run in the transaction that ends the execution, with its workflow locked; `evidence` is that of the workflow
    as it is then.
    """
    request = build_request(execution, inspection)
    basis = read_basis(request, admitted.lineage, load_policy_terms(), evidence)
    lineage = check_lineage(basis)
    checks = (lineage, check_grant(basis), *assessment.checks, *_check_release(basis, assessment))
    verdict, missing = judge(checks, select_terms(basis), request.role)
    if request.role != Role.RELEASE:
        return Conclusion(ExecutionStatus.COMPLETED, ("", ""), verdict, checks, missing)
    decision = _decide_again(basis)
    has_grown = _has_grown(decision, basis)
    reason = ("", "")
    if isinstance(decision, Refuse) and not (has_grown and decision.code == ReasonCode.CONTENT_NOT_INSPECTED):
        reason = (decision.code, explain_refusal(decision, inspection))
    elif has_grown:
        reason = (ReasonCode.LINEAGE_CHANGED, lineage.detail)
    elif isinstance(decision, Wait):
        reason = (ReasonCode.SIGN_OFF_REQUIRED, "a sign-off that the release rested on is missing")
    elif assessment.held:
        reason = (ReasonCode.RELEASE_HELD, "the release agent answered hold; its reason is kept with its answer")
    elif verdict != Verdict.COMPLIANT:
        reason = explain_verdict(checks, missing)
    if reason[0]:
        return Conclusion(ExecutionStatus.BLOCKED, reason, Verdict.NON_COMPLIANT, checks, missing)
    return Conclusion(ExecutionStatus.COMPLETED, reason, verdict, checks, missing)


def _decide_again(basis: Basis) -> Allow | Wait | Refuse:
    """Ask the gate as `decide` does, on the certificates that are verified already."""
    if basis.chain is None:
        return Refuse(ReasonCode.EVIDENCE_INVALID, basis.problem)
    return decide_on_chain(basis.terms, basis.request, basis.chain)


def _has_grown(decision: Allow | Wait | Refuse, basis: Basis) -> bool:
    """Say whether the lineage has come under policies that it was not admitted under."""
    return decision.lineage is not None and not set(decision.lineage.policies) <= set(basis.admitted.policies)


def _check_release(basis: Basis, assessment: Assessment) -> tuple[Check, ...]:
    if basis.request.role != Role.RELEASE or assessment.artifact is None:
        return ()
    released = compute_digest(assessment.artifact)
    return check_reviews(basis, released), check_binding(basis, released), check_sign_offs(basis)


def explain_verdict(checks: Sequence[Check], missing: Sequence[str]) -> tuple[str, str]:
    """Return why a release that the gate would let out is not compliant: by the checks that did not pass."""
    failed = {check.name: check.detail for check in checks if not check.passed}
    failed |= {name: "no such check ran" for name in missing if name not in failed}
    code = ReasonCode.EVIDENCE_INVALID
    if "content_rules" in failed:
        code = ReasonCode.CONTENT_BLOCKED
    elif _CONTENT_CHECKS & failed.keys():
        code = ReasonCode.CONTENT_NOT_INSPECTED
    return code, "checks not passed: " + "; ".join(f"{name}: {detail}" for name, detail in failed.items())
