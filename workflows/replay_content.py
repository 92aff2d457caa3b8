"""What a draft blocks in the texts of a past workflow that the policy in its place did not, and the other way round."""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from compliance.policy import PolicyDocument
from compliance.policy_terms import PolicyTerms
from workflows.agents.call_content import Passage, find_blocked_passages
from workflows.content_rules import (
    BlockedFinding,
    PolicyInspection,
    Use,
    find_blocked,
    find_use,
    inspect_under,
    list_blocking_rules,
    name_policy,
    select_policies,
)
from workflows.replay_records import Obstacle


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

    @property
    def draft_name(self) -> str:
        return f"the draft {name_policy(self.draft)}"

    def name(self, digest: str) -> str:
        """Name what would have stood there, for a person."""
        return self.draft_name if digest in self.replaced else name_policy(self.documents[digest])

    def changes_content(self, policies: Iterable[str]) -> bool:
        """Whether the draft's content rules are others than those that it replaces among these policies."""
        draft = self.draft
        return any(
            (old.content, old.detectors, old.patterns) != (draft.content, draft.detectors, draft.patterns)
            for old in (self.documents[digest] for digest in policies if digest in self.replaced)
        )

    def inspects_calls(self, policies: Collection[str], use: Use) -> bool:
        """Whether payloads must be read: rules differ, and one of them keeps something out of such calls."""
        documents = [document for digest in policies for document in (self.documents[digest], self.find(digest))]
        return any(list_blocking_rules(each, use) for each in documents) and self.changes_content(policies)


@dataclass(frozen=True)
class BlockedPlace:
    """A finding that a rule blocks, as a place: `where` and characters `start` to `end` of it.

    `rule` is the rule's path in the policy's document and its action.
    """

    policy: str
    rule: str
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

    then: tuple[BlockedPlace, ...]
    now: tuple[BlockedPlace, ...]

    @property
    def is_same(self) -> bool:
        """Whether the draft blocks the same types: it is then the recorded result that counts."""
        return {found.type for found in self.then} == {found.type for found in self.now}

    @property
    def appeared(self) -> tuple[BlockedPlace, ...]:
        known = {found.place for found in self.then}
        return tuple({found.place: found for found in self.now if found.place not in known}.values())

    @property
    def vanished(self) -> tuple[BlockedPlace, ...]:
        left = {found.place for found in self.now}
        return tuple({found.place: found for found in self.then if found.place not in left}.values())


@dataclass
class ContentComparer:
    """Inspects the texts of one workflow under both sets of policies, each artifact at most once under each policy."""

    workflow_id: uuid.UUID
    substitution: Substitution
    texts: Mapping[str, str]
    _inspections: dict[tuple[str, str], PolicyInspection] = field(default_factory=dict)

    def compare_artifact(self, digest: str, policies: Collection[str], role: str) -> ContentDifference:
        """Compare what is blocked in an artifact of a stage of that role. Raises NotEvaluable."""
        text = self.texts.get(digest)
        if text is None:
            raise NotEvaluable("texts_unreadable", f"the text {digest[:12]}, which must be inspected, cannot be read")
        use = find_use(role)

        def find(chosen: Collection[PolicyDocument]) -> Iterable[BlockedFinding]:
            inspections = [self._inspect(digest, text, policy) for policy in select_policies(chosen, use)]
            return find_blocked(inspections, use)

        return self._compare(policies, "The artifact", find)

    def compare_call(
        self, where: str, passages: Sequence[Passage], policies: Collection[str], use: Use, before: str = ""
    ) -> ContentDifference:
        """Compare what is blocked in what a model or a tool was handed; `before` is the end of the call before."""
        return self._compare(policies, where, lambda chosen: find_blocked_passages(passages, chosen, use, before))

    def _compare(
        self,
        policies: Collection[str],
        where: str,
        find: Callable[[Collection[PolicyDocument]], Iterable[BlockedFinding]],
    ) -> ContentDifference:
        switch = self.substitution
        then = {switch.documents[digest]: name_policy(switch.documents[digest]) for digest in policies}
        now = {switch.find(digest): switch.name(digest) for digest in policies}
        return ContentDifference(
            tuple(_place(found, where, then) for found in find(list(then))),
            tuple(_place(found, where, now) for found in find(list(now))),
        )

    def _inspect(self, digest: str, text: str, policy: PolicyDocument) -> PolicyInspection:
        key = (digest, policy.digest)
        if key not in self._inspections:
            self._inspections[key] = inspect_under(text, [policy])[0]
        return self._inspections[key]


def _place(found: BlockedFinding, where: str, names: Mapping[PolicyDocument, str]) -> BlockedPlace:
    rule = f"content.{found.rule}: {found.policy.content[found.rule].action}"
    whole = f"{where}, {found.place}," if found.place else where
    return BlockedPlace(names[found.policy], rule, found.finding.type, whole, found.finding.start, found.finding.end)
