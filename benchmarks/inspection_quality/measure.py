"""Runs inspection over the corpora: plain, disguised, and under the built-in policies."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.inspection_quality.corpus import generate_corpus
from benchmarks.inspection_quality.documents import Document, Label
from benchmarks.inspection_quality.evasions import EVASIONS, disguise
from benchmarks.inspection_quality.scoring import BY_DOCUMENT, Score, holds, is_found, score_document
from compliance.inspection.engine import inspect
from compliance.inspection.findings import CATEGORY_OF, Finding, matches
from compliance.inspection.person_model_state import describe_person_model
from compliance.policy import PolicyDocument, builtin_policies

# What each built-in policy that is about a kind of text has to stop.
_STOPPED_BY: Mapping[str, tuple[str, ...]] = {
    "hipaa": ("phi", "pii", "secret"),
    "sox": ("mnpi", "secret"),
    "legal_privilege": ("privilege", "secret"),
}


@dataclass
class EvasionScore:
    """Of the values that the evasion changes: how many there are, and are found as they were and disguised."""

    values: int = 0
    found_plain: int = 0
    found_disguised: int = 0

    @property
    def drop(self) -> float:
        return (self.found_plain - self.found_disguised) / self.values if self.values else 0.0


@dataclass
class PolicyScore:
    """Documents by whether a release of them is to be blocked, and is."""

    to_block: int = 0
    blocked: int = 0
    to_pass: int = 0
    passed: int = 0


@dataclass
class Measurement:
    seed: int
    documents: int
    characters: int
    score: Score
    evasions: dict[str, EvasionScore] = field(default_factory=dict)
    policies: dict[str, PolicyScore] = field(default_factory=dict)
    # Under a policy that lists the language model for names; None where it did not run.
    names: Score | None = None
    python: str = field(default_factory=platform.python_version)


_Findings = tuple[Finding, ...]


def measure(seed: int, documents: int) -> Measurement:
    corpus = generate_corpus(seed, documents)
    found = inspect_all(corpus)
    measurement = Measurement(seed, len(corpus), sum(len(document.text) for document in corpus), score(corpus, found))
    for evasion in EVASIONS:
        measurement.evasions[evasion] = _measure_evasion(corpus, found, evasion, seed)
    for policy in builtin_policies():
        if policy.name in _STOPPED_BY:
            under_policy = inspect_all(corpus, policy)
            measurement.policies[policy.name] = _measure_policy(corpus, under_policy, policy)
            if describe_person_model(policy) == "ran":
                measurement.names = score(corpus, under_policy)
    return measurement


def inspect_all(corpus: Sequence[Document], policy: PolicyDocument | None = None) -> list[_Findings]:
    """Return each document's findings. Without a policy: those of every base detector."""
    return [inspect(document.text, policy) for document in corpus]


def score(corpus: Sequence[Document], found: Sequence[_Findings]) -> Score:
    result = Score()
    for document, findings in zip(corpus, found, strict=True):
        score_document(result, document, findings)
    return result


def _measure_evasion(corpus: Sequence[Document], found: Sequence[_Findings], evasion: str, seed: int) -> EvasionScore:
    """Only what base detectors promise is counted: of names, the announced ones. Markers count by document."""
    result = EvasionScore()
    for document, before in zip(corpus, found, strict=True):
        disguised = disguise(document, evasion, seed)
        changed = [
            (plain, hidden)
            for plain, hidden in zip(document.labels, disguised.labels, strict=True)
            if plain.value.text != hidden.value.text
        ]
        if not changed:
            continue
        after = inspect(disguised.text)
        result.values += len(changed)
        result.found_plain += sum(_is_noticed(plain, before) for plain, _ in changed)
        result.found_disguised += sum(_is_noticed(hidden, after) for _, hidden in changed)
    return result


def _is_noticed(label: Label, findings: Sequence[Finding]) -> bool:
    category = CATEGORY_OF.get(label.value.type)
    if category in BY_DOCUMENT:
        return any(finding.category == category for finding in findings)
    return is_found(label, findings)


def _measure_policy(corpus: Sequence[Document], found: Sequence[_Findings], policy: PolicyDocument) -> PolicyScore:
    """A document whose only labels are arguable, or names that nothing announces, is in neither count."""
    result = PolicyScore()
    stopped = _STOPPED_BY[policy.name]
    blocked_types = policy.blocked_types("release")
    for document, findings in zip(corpus, found, strict=True):
        is_to_block = holds(document, stopped)
        if not is_to_block and any(
            label.value.type in stopped or CATEGORY_OF.get(label.value.type) in stopped for label in document.labels
        ):
            continue
        blocked = any(matches(finding, blocked_types) for finding in findings)
        if is_to_block:
            result.to_block += 1
            result.blocked += blocked
        else:
            result.to_pass += 1
            result.passed += not blocked
    return result
