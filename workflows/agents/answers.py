"""The structured answers that roles give, as schemas for a model, and their way into the run's result."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from workflows.agents.types import (
    AgentWork,
    Answer,
    ReleaseAnswer,
    ReviewAnswer,
    ReviewFinding,
    Role,
    WorkerAnswer,
)


class FindingOut(BaseModel):
    """One thing that is wrong with the text."""

    model_config = ConfigDict(extra="forbid")

    severity: Literal["low", "medium", "high", "critical"]
    description: str = Field(min_length=1, max_length=2000, description="What is wrong, and under which rule.")
    quote: str | None = Field(default=None, max_length=2000, description="The passage, word for word, or null.")


class ReviewOut(BaseModel):
    """Your verdict on the text under review."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["approved", "modified", "rejected"]
    text: str | None = Field(
        default=None,
        description="modified: the whole new text. approved: null, unless there is no text under review and "
        "you hand back the text that you approve. rejected: null or, without a text under review, the text rejected.",
    )
    findings: list[FindingOut] = Field(default_factory=list, max_length=500)
    reason: str = Field(min_length=1, max_length=4000)


class ReleaseOut(BaseModel):
    """Whether the approved artifact is released."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["release", "hold"]
    reason: str = Field(min_length=1, max_length=4000)


@dataclass(frozen=True)
class AnswerFormat:
    """How one role answers. `schema` is None for plain text; `problem` says what is wrong with an answer."""

    schema: type[BaseModel] | None
    problem: Callable[[AgentWork, Any], str | None]
    convert: Callable[[AgentWork, Any], Answer]


def answer_format(role: Role) -> AnswerFormat:
    """Return how the role answers. Raises KeyError for a role that does not exist."""
    return _FORMATS[role]


def _text_problem(work: AgentWork, output: str) -> str | None:
    return None if _is_unicode(output) else "The text is not valid Unicode: it holds a lone surrogate."


def _review_problem(work: AgentWork, output: ReviewOut) -> str | None:
    if output.text is not None and not _is_unicode(output.text):
        return "The text is not valid Unicode: it holds a lone surrogate."
    if output.decision == "modified" and not output.text:
        return "decision is modified, but text is empty: give the whole new text."
    if output.decision == "approved" and work.subject is None and not output.text:
        return "There is no text under review: hand back the text that you approve in text, or reject."
    if output.decision == "approved" and work.subject is not None and output.text not in (None, "", work.subject):
        return "decision is approved, but text differs from what is under review: omit it, or use modified."
    if output.decision == "rejected" and output.text and work.subject is not None:
        return "decision is rejected, but there is a text: leave text out, or use modified."
    return None


def _release_problem(work: AgentWork, output: ReleaseOut) -> str | None:
    if output.decision == "release" and work.subject is None:
        return "There is no approved artifact, so nothing can be released: use hold."
    return None


def _to_worker(work: AgentWork, output: str) -> Answer:
    return WorkerAnswer(output)


def _to_review(work: AgentWork, output: ReviewOut) -> Answer:
    keeps_text = output.decision == "modified" or work.subject is None
    return ReviewAnswer(
        decision=output.decision,
        text=(output.text or None) if keeps_text else None,
        findings=tuple(ReviewFinding(item.severity, item.description, item.quote) for item in output.findings),
        reason=output.reason,
    )


def _to_release(work: AgentWork, output: ReleaseOut) -> Answer:
    return ReleaseAnswer(output.decision, output.reason)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_PLAIN = AnswerFormat(None, _text_problem, _to_worker)
_FORMATS: dict[Role, AnswerFormat] = {
    "intake": _PLAIN,
    "worker": _PLAIN,
    "reviewer": AnswerFormat(ReviewOut, _review_problem, _to_review),
    "release": AnswerFormat(ReleaseOut, _release_problem, _to_release),
}
