"""What a draft finds and blocks in the texts of a past workflow that the policy in its place did not, and back."""

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from compliance.inspection import Finding, inspect, matches
from compliance.policy import PolicyDocument
from compliance.policy_terms import PolicyTerms
from workflows.replay_records import Obstacle

Call = Literal["model", "tool"]

_ARTIFACT_ACTIONS = frozenset({"block"})
_RELEASE_ACTIONS = frozenset({"block", "block_release"})
_CALL_ACTIONS: Mapping[Call, frozenset[str]] = {
    "model": frozenset({"block_model_call"}),
    "tool": frozenset({"block_tool_call"}),
}


class NotEvaluable(Exception):
    """What stands in the way of saying anything of an execution."""

    def __init__(self, why: Obstacle, detail: str) -> None:
        super().__init__(detail)
        self.why = why
        self.detail = detail


@dataclass(frozen=True)
class Substitution:
    """A draft in the place of every version of one policy. Everything is by the digest of the version that was bound.

    `terms` are what the gate reads, with the draft's in the place of those that it replaces; so evidence that names
    a version by its digest stays as it is.
    """

    draft: PolicyDocument
    replaced: frozenset[str]
    documents: Mapping[str, PolicyDocument]
    terms: Mapping[str, PolicyTerms]

    def find(self, digest: str) -> PolicyDocument:
        """Return the document that would have stood where the version of that digest did."""
        return self.draft if digest in self.replaced else self.documents[digest]

    def changes_content(self, policies: Iterable[str]) -> bool:
        """Whether the draft's content rules are others than those that it replaces among these policies."""
        draft = self.draft
        return any(
            (old.content, old.detectors, old.patterns) != (draft.content, draft.detectors, draft.patterns)
            for old in (self.documents[digest] for digest in policies if digest in self.replaced)
        )

    def inspects_calls(self, policies: Collection[str], call: Call) -> bool:
        """Whether payloads must be read: rules differ, and one of them keeps something out of such calls."""
        documents = [document for digest in policies for document in (self.documents[digest], self.find(digest))]
        return any(get_call_blocked_types(each, call) for each in documents) and self.changes_content(policies)

    def label(self, digest: str) -> str:
        """Name what would have stood there, for a person."""
        if digest in self.replaced:
            return f"the draft {self.draft.name} v{self.draft.version}"
        return self.label_then(digest)

    def label_then(self, digest: str) -> str:
        document = self.documents[digest]
        return f"{document.name} v{document.version}"


# Yields what a document, known to the reader by that label, blocks in the texts at hand.
Finder = Callable[[PolicyDocument, str], Iterator["BlockedFinding"]]


@dataclass(frozen=True)
class BlockedFinding:
    """Something found that a rule blocks, as a place: `where` and characters `start` to `end` of it."""

    policy: str
    rule: int
    action: str
    type: str
    where: str
    start: int
    end: int

    @property
    def place(self) -> tuple[str, str, int, int]:
        return (self.where, self.type, self.start, self.end)

    def describe(self) -> str:
        return f"{self.where} holds {self.type} at characters {self.start} to {self.end}"


@dataclass(frozen=True)
class ContentDifference:
    """What is blocked in one text or payload: `then` under the policies that were bound, `now` with the draft."""

    then: tuple[BlockedFinding, ...]
    now: tuple[BlockedFinding, ...]

    @property
    def is_same(self) -> bool:
        """Whether the draft blocks the same types: it is then the recorded result that counts."""
        return {found.type for found in self.then} == {found.type for found in self.now}

    @property
    def appeared(self) -> tuple[BlockedFinding, ...]:
        known = {found.place for found in self.then}
        return tuple({found.place: found for found in self.now if found.place not in known}.values())

    @property
    def vanished(self) -> tuple[BlockedFinding, ...]:
        left = {found.place for found in self.now}
        return tuple({found.place: found for found in self.then if found.place not in left}.values())


@dataclass
class ContentComparer:
    """Inspects the texts of one workflow under both sets of policies, each text at most once under each policy."""

    workflow_id: uuid.UUID
    substitution: Substitution
    texts: Mapping[str, str]
    _found: dict[tuple[str, str], tuple[Finding, ...]] = field(default_factory=dict)

    def compare_artifact(self, digest: str, policies: Collection[str], role: str) -> ContentDifference:
        """Compare what is blocked in an artifact of a stage of that role. Raises NotEvaluable."""
        text = self.texts.get(digest)
        if text is None:
            raise NotEvaluable("texts_unreadable", f"the text {digest[:12]}, which must be inspected, cannot be read")
        actions = _RELEASE_ACTIONS if role == "release" else _ARTIFACT_ACTIONS

        def find(document: PolicyDocument, label: str) -> Iterator[BlockedFinding]:
            blocked = document.blocked_types(role)
            if blocked:
                key = (digest, document.digest)
                if key not in self._found:
                    self._found[key] = inspect(text, document)
                yield from _select(self._found[key], "The artifact", document, label, blocked, actions)

        return self._compare(policies, find)

    def compare_call(self, texts: Mapping[str, str], policies: Collection[str], call: Call) -> ContentDifference:
        """Compare what is blocked in what a model or a tool was handed; `texts` by where they stand."""

        def find(document: PolicyDocument, label: str) -> Iterator[BlockedFinding]:
            blocked = get_call_blocked_types(document, call)
            for where, text in texts.items() if blocked else ():
                yield from _select(inspect(text, document), where, document, label, blocked, _CALL_ACTIONS[call])

        return self._compare(policies, find)

    def _compare(self, policies: Collection[str], find: Finder) -> ContentDifference:
        switch = self.substitution
        then = [found for digest in policies for found in find(switch.documents[digest], switch.label_then(digest))]
        now = [found for digest in policies for found in find(switch.find(digest), switch.label(digest))]
        return ContentDifference(tuple(then), tuple(now))


def get_call_blocked_types(document: PolicyDocument, call: Call) -> frozenset[str]:
    """Return what a policy keeps out of model calls, or out of tool calls."""
    return document.model_call_blocked_types if call == "model" else document.tool_call_blocked_types


def _select(
    findings: Iterable[Finding],
    where: str,
    document: PolicyDocument,
    label: str,
    blocked: frozenset[str],
    actions: frozenset[str],
) -> Iterator[BlockedFinding]:
    """Yield those of the findings that are blocked, each with the number, from 1, of the rule that blocks it."""
    for finding in findings:
        if matches(finding, blocked):
            number, action = next(
                (number, rule.action)
                for number, rule in enumerate(document.content, 1)
                if rule.action in actions and matches(finding, rule.types)
            )
            yield BlockedFinding(label, number, action, finding.type, where, finding.start, finding.end)
