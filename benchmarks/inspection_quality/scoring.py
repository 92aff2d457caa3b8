"""Compares what was found with what the labels say.

A label counts as found if findings of its family cover at least four fifths of its characters: what is left of a
value that is redacted so no longer says it. A finding is right if at least half of its characters are labelled with
a type of its family, so that one long finding over half a page is not right because a value stands in it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.inspection_quality.documents import ANY, Document, Label
from compliance.inspection.findings import CATEGORY_OF, Finding

COVERED = 0.8
RIGHT = 0.5

# Types of which one stands for the other: for who redacts or blocks, the difference means nothing.
_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "date": ("date", "date_of_birth"),
    "address": ("street_address", "zip_code"),
    "national number": ("us_ssn", "us_itin", "national_id"),
    "record number": ("account_number", "health_plan_number", "medical_record_number"),
    "licence": ("licence_number", "certificate_number"),
    "secret": ("access_token", "api_key", "password", "private_key"),
}
_FAMILY_OF = {name: family for family, names in _FAMILIES.items() for name in names}

# Judged by the document: where a marker begins and ends is nobody's question.
BY_DOCUMENT = ("mnpi", "privilege")


def family_of(kind: str) -> str:
    return _FAMILY_OF.get(kind, kind)


@dataclass
class Tally:
    """How many were to be found and were, and how many findings there are and are right."""

    labelled: int = 0
    found: int = 0
    findings: int = 0
    right: int = 0

    @property
    def recall(self) -> float | None:
        return self.found / self.labelled if self.labelled else None

    @property
    def precision(self) -> float | None:
        return self.right / self.findings if self.findings else None

    def add(self, other: Tally) -> None:
        self.labelled += other.labelled
        self.found += other.found
        self.findings += other.findings
        self.right += other.right


@dataclass(frozen=True)
class Mistake:
    """A label that was missed, or a finding that is wrong: `document.text[start:end]`."""

    document: Document
    kind: str
    missed: bool
    start: int
    end: int


@dataclass
class Score:
    """By type, and under the category's name for what is judged by the document.

    `person_name` holds names that a title, a label or a signature announces; `prose_name` those in running prose.
    """

    by_type: dict[str, Tally] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def tally(self, kind: str) -> Tally:
        return self.by_type.setdefault(kind, Tally())

    def total(self, kinds: Iterable[str]) -> Tally:
        total = Tally()
        for kind in kinds:
            total.add(self.by_type.get(kind, Tally()))
        return total


def is_found(label: Label, findings: Iterable[Finding]) -> bool:
    family = family_of(label.value.type)
    spans = [(finding.start, finding.end) for finding in findings if family_of(finding.type) == family]
    return _count_covered(label.start, label.end, spans) >= COVERED * (label.end - label.start)


def is_right(finding: Finding, labels: Iterable[Label]) -> bool:
    family = family_of(finding.type)
    spans = [(label.start, label.end) for label in labels if family_of(label.value.type) in (family, ANY)]
    return _count_covered(finding.start, finding.end, spans) >= RIGHT * (finding.end - finding.start)


def _count_covered(start: int, end: int, spans: Iterable[tuple[int, int]]) -> int:
    covered: set[int] = set()
    for first, last in spans:
        covered.update(range(max(start, first), min(end, last)))
    return len(covered)


def score_document(score: Score, document: Document, findings: Sequence[Finding]) -> None:
    """Add the document to the score."""
    for category in BY_DOCUMENT:
        _score_category(score, document, findings, category)
    for label in document.labels:
        kind = label.value.type
        if CATEGORY_OF.get(kind) in BY_DOCUMENT:
            continue
        if label.value.subkind == "unlabelled":
            kind = "prose_name"
        elif not label.value.counted:
            continue
        found = is_found(label, findings)
        score.tally(kind).labelled += 1
        score.tally(kind).found += found
        if not found:
            score.mistakes.append(Mistake(document, kind, True, label.start, label.end))
    for finding in findings:
        if finding.category in BY_DOCUMENT:
            continue
        right = is_right(finding, document.labels)
        score.tally(finding.type).findings += 1
        score.tally(finding.type).right += right
        if not right:
            score.mistakes.append(Mistake(document, finding.type, False, finding.start, finding.end))


def _score_category(score: Score, document: Document, findings: Sequence[Finding], category: str) -> None:
    labels = [label for label in document.labels if CATEGORY_OF.get(label.value.type) == category]
    found = [finding for finding in findings if finding.category == category]
    tally = score.tally(category)
    if labels:
        tally.labelled += 1
        tally.found += bool(found)
    if found:
        tally.findings += 1
        tally.right += bool(labels)
    if labels and not found:
        score.mistakes.append(Mistake(document, category, True, labels[0].start, labels[0].end))
    if found and not labels:
        score.mistakes.append(Mistake(document, category, False, found[0].start, found[0].end))


def holds(document: Document, categories: Collection[str]) -> bool:
    """Whether the document has a counted label of one of the categories or types."""
    return any(
        label.value.counted and (label.value.type in categories or CATEGORY_OF.get(label.value.type) in categories)
        for label in document.labels
    )
