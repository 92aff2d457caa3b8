"""The embedded agent: rules over the content inspection. No language model takes part; its name says so."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable, Mapping

from compliance.inspection import Finding, inspect, matches, redact
from compliance.policy import PolicyDocument
from workflows.agents.settings import AgentSettings
from workflows.agents.types import (
    AgentFailure,
    AgentResult,
    AgentWork,
    Answer,
    Documents,
    Ledger,
    ReleaseAnswer,
    ReviewAnswer,
    ReviewFinding,
    Role,
    Usage,
    WorkerAnswer,
)

MODEL_NAME = "embedded-rules"
_BY_RULES = "Decided by rules over the content inspection; no language model took part."
_BLANK_LINE = re.compile(r"\r?\n[ \t]*\r?\n")
_SECRETS = frozenset({"secret"})


class EmbeddedProvider:
    """Needs no key and no network. A key or a model that a stage gives it is left unused."""

    name = "embedded"

    def is_ready(self, has_stage_key: bool) -> bool:
        return True

    def missing(self) -> str:
        return "everything that it needs"

    async def run(self, work: AgentWork, journal: Ledger, documents: Documents, settings: AgentSettings) -> AgentResult:
        # In a thread: a large text takes a while, and the loop serves other runs.
        answer = await asyncio.to_thread(_ROLES[work.role], work)
        return AgentResult(answer, self.name, MODEL_NAME, Usage())


def _deidentify(work: AgentWork) -> Answer:
    """Replace what the inspection finds in the document, else the inputs, else the task, by its type."""
    if work.document is not None:
        text = work.document
    elif work.inputs:
        text = "\n\n".join(stage.text for stage in work.inputs)
    else:
        text = work.task
    return WorkerAnswer(redact(text, _inspect(work, text)))


def _review(work: AgentWork) -> Answer:
    """Reject what a policy of the lineage would block in a release, and any secret; approve the rest."""
    text = work.subject if work.subject is not None else _text_in_task(work.task)
    found = _inspect(work, text)
    barred = _SECRETS.union(*(policy.blocked_types("release") for policy in _policies(work)))
    blocking = [finding for finding in found if matches(finding, barred)]
    findings = _summarise(found, barred)
    handed_back = text if work.subject is None else None
    if blocking:
        kinds = ", ".join(sorted({finding.type for finding in blocking}))
        reason = f"The text holds what may not go out: {kinds}. {_BY_RULES}"
        return ReviewAnswer("rejected", handed_back, findings, reason)
    return ReviewAnswer("approved", handed_back, findings, f"Nothing was found that may not go out. {_BY_RULES}")


def _release(work: AgentWork) -> Answer:
    if work.subject is None:
        return ReleaseAnswer("hold", f"There is no approved artifact. {_BY_RULES}")
    return ReleaseAnswer("release", f"The approved artifact is at hand. {_BY_RULES}")


def _text_in_task(task: str) -> str:
    """Return what follows the task's first blank line, byte for byte."""
    parts = _BLANK_LINE.split(task, maxsplit=1)
    if len(parts) < 2 or not parts[1]:
        raise AgentFailure(
            "no_verdict",
            "there is nothing to review: give the stage a document, name a stage upstream, or put the text "
            "after a blank line in the task",
        )
    return parts[1]


def _policies(work: AgentWork) -> tuple[PolicyDocument, ...]:
    return tuple({policy.digest: policy for policy in (work.policy, *work.lineage_policies)}.values())


def _inspect(work: AgentWork, text: str) -> tuple[Finding, ...]:
    """Return what any policy of the lineage names, and secrets whether or not one does, by position, once each."""
    found = {finding: None for policy in _policies(work) for finding in inspect(text, policy)}
    found |= {finding: None for finding in inspect(text) if matches(finding, _SECRETS)}
    return tuple(sorted(found, key=lambda finding: (finding.start, finding.end, finding.type)))


def _summarise(found: tuple[Finding, ...], barred: frozenset[str]) -> tuple[ReviewFinding, ...]:
    """One finding per type, without quotes: what was found is what should not be repeated."""
    by_type: Mapping[str, list[Finding]] = defaultdict(list)
    for finding in found:
        by_type[finding.type].append(finding)
    return tuple(
        ReviewFinding(
            severity="high" if matches(places[0], barred) else "low",
            description=f"{kind} ({places[0].category}): {len(places)} found, the first at characters "
            f"{places[0].start} to {places[0].end}, by {places[0].detector}",
            quote=None,
        )
        for kind, places in sorted(by_type.items())
    )


_ROLES: dict[Role, Callable[[AgentWork], Answer]] = {
    "intake": _deidentify,
    "worker": _deidentify,
    "reviewer": _review,
    "release": _release,
}

EMBEDDED = EmbeddedProvider()
