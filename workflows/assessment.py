"""What an agent's answer amounts to: its artifact, the checks that it passes and the verdict.

The agent's word is one check among the deterministic ones (rule 4), and a release never retypes what it
releases (rule 3).
"""

from collections import Counter
from dataclasses import dataclass

from compliance.content import compute_digest
from compliance.gate import Check, judge, read_policy_terms
from compliance.inspection import inspect, matches
from compliance.policy import PolicyDocument
from workflows.agents.types import AgentFailure, AgentWork, Answer, ReleaseAnswer, ReviewAnswer, WorkerAnswer


@dataclass(frozen=True)
class Assessment:
    """`artifact` is the text that the stage leaves behind; None where it leaves none.

    `judged` is what a reviewer without a subject found to judge; None where it does not say.
    """

    artifact: str | None
    judged: str | None
    decision: str
    held: bool
    verdict: str
    checks: tuple[Check, ...]
    missing_proofs: tuple[str, ...]
    blocking_types: tuple[str, ...]


def assess_answer(
    work: AgentWork, answer: Answer, *, upstream_count: int, approved_digest: str | None, sign_off_count: int
) -> Assessment:
    """Assess an answer under the policies of the whole lineage.

    `approved_digest` is what a release is bound to. Raises AgentFailure when the answer is not one for this role.
    """
    artifact, decision = _take_artifact(work, answer)
    judged = _find_judged_text(work, answer)
    for text in (artifact, judged):
        _refuse_unstorable(text)
    checks = [
        Check("lineage_verified", True, f"{upstream_count} upstream certificates verified at admission"),
        Check("grant_within_ceiling", True, f"grant verified against policy {work.policy.name}"),
    ]
    blocking: tuple[str, ...] = ()
    if artifact is not None:
        inspected, blocking = _inspect_artifact(artifact, work.lineage_policies, work.role)
        checks += inspected
    if isinstance(answer, ReviewAnswer):
        checks.append(Check("review_approved", decision != "rejected", f"the reviewer's answer is {decision}"))
    if isinstance(answer, ReleaseAnswer) and artifact is not None:
        checks += _check_release(artifact, approved_digest, sign_off_count)
    terms = [read_policy_terms(policy.canonical_bytes()) for policy in work.lineage_policies]
    verdict, missing = judge(checks, terms, work.role)
    held = isinstance(answer, ReleaseAnswer) and answer.decision == "hold"
    return Assessment(artifact, judged, decision, held, verdict, tuple(checks), missing, blocking)


def _take_artifact(work: AgentWork, answer: Answer) -> tuple[str | None, str]:
    if isinstance(answer, WorkerAnswer) and work.role in ("intake", "worker"):
        return answer.text, "answered"
    if isinstance(answer, ReviewAnswer) and work.role == "reviewer":
        return _take_reviewed_text(work, answer), answer.decision
    if isinstance(answer, ReleaseAnswer) and work.role == "release":
        return (work.subject if answer.decision == "release" else None), answer.decision
    raise AgentFailure("malformed_answer", f"the agent gave a {type(answer).__name__} for the role {work.role}")


def _take_reviewed_text(work: AgentWork, answer: ReviewAnswer) -> str | None:
    """What a reviewer approves is its subject, byte for byte; its own copy of it is never looked at."""
    if answer.decision == "rejected":
        return None
    text = answer.text if answer.decision == "modified" or work.subject is None else work.subject
    if text is None:
        raise AgentFailure("no_verdict", f"the reviewer answered {answer.decision} without the text that it approves")
    return text


def _find_judged_text(work: AgentWork, answer: Answer) -> str | None:
    """What was judged, where the reviewer took it out of its task.

    A modified text is a new one, and a rejection may come without a text: the old one is then what follows the task's
    first blank line, which is where a reviewer without a subject is given its text.
    """
    if not isinstance(answer, ReviewAnswer) or work.subject is not None:
        return None
    if answer.decision == "modified" or answer.text is None:
        return work.task.partition("\n\n")[2] or None
    return answer.text


def _refuse_unstorable(text: str | None) -> None:
    try:
        (text or "").encode()
    except UnicodeEncodeError as error:
        raise AgentFailure("malformed_answer", "the agent's text is not valid Unicode") from error


def _inspect_artifact(
    artifact: str, policies: tuple[PolicyDocument, ...], role: str
) -> tuple[list[Check], tuple[str, ...]]:
    counts: Counter[str] = Counter()
    blocking: set[str] = set()
    for policy in policies:
        findings = inspect(artifact, policy)
        counts |= Counter(finding.type for finding in findings)
        blocked = policy.blocked_types(role)
        blocking.update(finding.type for finding in findings if matches(finding, blocked))
    found = ", ".join(f"{name}: {count}" for name, count in sorted(counts.items())) or "nothing found"
    names = ", ".join(f"{policy.name} v{policy.version}" for policy in policies)
    blocked_names = ", ".join(sorted(blocking))
    return [
        Check("content_inspected", True, f"under {names}: {found}"),
        Check("content_rules", not blocking, f"blocked: {blocked_names}" if blocking else "nothing is blocked"),
    ], tuple(sorted(blocking))


def _check_release(artifact: str, approved_digest: str | None, sign_off_count: int) -> list[Check]:
    bound = compute_digest(artifact) == approved_digest
    return [
        Check("review_approved", approved_digest is not None, "every reviewer named upstream approved this digest"),
        Check("digest_bound", bound, "the artifact is the approved one, byte for byte"),
        Check("sign_offs_complete", True, f"{sign_off_count} sign-offs verified by the gate"),
    ]
