"""What an agent's answer amounts to: its artifact, and the checks that this passes.

The agent's word is one check among the deterministic ones (rule 4), and a release never retypes what it
releases (rule 3). What rests on evidence is checked at the end (`workflows.conclusion`).
"""

from collections.abc import Collection
from dataclasses import dataclass

from compliance.content import compute_digest
from compliance.gate import Check
from workflows.agents.types import AgentFailure, AgentWork, Answer, ReleaseAnswer, ReviewAnswer, WorkerAnswer
from workflows.content_checks import check_content
from workflows.content_rules import explain_blocked, find_blocked_in


@dataclass(frozen=True)
class Assessment:
    """`artifact` is the text that the stage leaves behind; None where it leaves none.

    `judged` is what a reviewer without a subject found to judge; None where it does not say.
    """

    artifact: str | None
    judged: str | None
    decision: str
    held: bool
    checks: tuple[Check, ...]


def assess_answer(work: AgentWork, answer: Answer, *, lineage_policies: Collection[str]) -> Assessment:
    """Assess an answer under the policies of the whole lineage, whose digests are given.

    Raises AgentFailure when the answer is not one for this role.
    """
    artifact, decision = _take_artifact(work, answer)
    judged = _find_judged_text(work, answer)
    for text in (artifact, judged):
        _refuse_unstorable(text)
    checks: list[Check] = []
    if artifact is not None:
        checks += check_content(artifact, work.lineage_policies, work.role, lineage_policies, work.finding_key)
    if isinstance(answer, ReviewAnswer):
        checks.append(_check_review(work, answer, artifact, judged))
    held = isinstance(answer, ReleaseAnswer) and answer.decision == "hold"
    return Assessment(artifact, judged, decision, held, tuple(checks))


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


def _check_review(work: AgentWork, answer: ReviewAnswer, artifact: str | None, judged: str | None) -> Check:
    """Whether the reviewer approved. Of a rejected text it is said what policies would block in its release."""
    inputs = {
        "decision": answer.decision,
        "subject_sha256": None if work.subject is None else compute_digest(work.subject),
        "artifact_sha256": None if artifact is None else compute_digest(artifact),
    }
    detail = f"the reviewer's answer is {answer.decision}"
    if answer.decision != "rejected":
        return Check("review_approved", True, detail, inputs)
    blocked = find_blocked_in(work.subject or judged or "", work.lineage_policies, "release")
    if blocked:
        detail += f"; its text may not be released, for it holds {explain_blocked(blocked)}"
    return Check("review_approved", False, detail, inputs)
