"""What an admission rests on: the stages named upstream, and every policy that its texts are under.

Standard library only.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from compliance.chain import Attestation, find_given_text


@dataclass(frozen=True)
class UpstreamBinding:
    stage_id: str
    execution_id: str
    certificate_digest: str
    artifact_digest: str


@dataclass(frozen=True)
class Lineage:
    """What an admission rests on. `policies` holds digests, the stage's own included, sorted."""

    upstreams: tuple[UpstreamBinding, ...]
    policies: tuple[str, ...]
    subject_digest: str | None


def trace_lineage(
    stage: Mapping[str, Any], upstreams: Sequence[Attestation], subject: str | None, chain: Sequence[Attestation]
) -> Lineage:
    """Return the lineage of a stage, as its opening certificate describes it, over the stages that it names.

    `subject` is the digest of the text that it reviews or releases, if any; `chain` is all evidence so far.
    """
    return Lineage(
        upstreams=tuple(_bind(upstream) for upstream in upstreams),
        policies=_collect_policies(stage, upstreams, subject, chain),
        subject_digest=subject,
    )


def describe_lineage(lineage: Lineage) -> dict[str, Any]:
    """Return a lineage as it stands in a predicate."""
    return {
        "policies": list(lineage.policies),
        "upstreams": [
            {
                "stage_id": upstream.stage_id,
                "execution_id": upstream.execution_id,
                "certificate_sha256": upstream.certificate_digest,
                "artifact_sha256": upstream.artifact_digest,
            }
            for upstream in lineage.upstreams
        ],
    }


def _bind(upstream: Attestation) -> UpstreamBinding:
    return UpstreamBinding(upstream.stage_id, upstream.execution_id, upstream.digest, upstream.artifact_digest)


def _collect_policies(
    stage: Mapping[str, Any], upstreams: Sequence[Attestation], subject: str | None, chain: Sequence[Attestation]
) -> tuple[str, ...]:
    """Gather the policies of the whole lineage.

    A text is followed by what names it and by its digest, back to the texts that it was made from. Every stage of
    the workflow that works on the same bytes counts, whether or not it is named and whether or not it has run, so
    that neither leaving a strict stage out nor putting it last gains anything. Where stages run in parallel, so does
    every stage that may come to work on them, with all that it will rest on: what counts hangs on no race.
    """
    digests = {stage["policy"]["digest"]}
    for upstream in upstreams:
        digests.update(upstream.lineage_policies)
    given = {find_given_text(stage), subject, *(upstream.artifact_digest for upstream in upstreams)}
    texts = _trace_texts({text for text in given if text}, chain)
    if chain[0].is_parallel:
        texts, joined = _spread(texts, chain, stage["id"])
        digests.update(opened["policy"]["digest"] for opened in joined)
    for entry in chain:
        if entry.kind in {"admission", "execution"} and entry.touches(texts):
            digests.update(entry.lineage_policies)
    for opened in chain[0].stages:
        if not texts.isdisjoint(_find_known_texts(opened, chain)):
            digests.add(opened["policy"]["digest"])
    return tuple(sorted(digests))


def _spread(texts: Set[str], chain: Sequence[Attestation], asking: str) -> tuple[Set[str], list[Mapping[str, Any]]]:
    """Return the texts, with those that they are worked on together with, and the stages that do that or may come to.

    With a stage come all those that it will rest on: their policies count once it is admitted, so they count before.
    """
    opened = {stage["id"]: stage for stage in chain[0].stages}
    to_come = _find_texts_to_come(chain, asking)
    found = set(texts)
    joined: set[str] = set()
    fresh = True
    while fresh:
        working = {name for name in opened if not found.isdisjoint(to_come[name])} | {
            upstream for name in joined for upstream in opened[name]["upstream_stage_ids"] if upstream in opened
        }
        fresh = not working <= joined
        for name in working - joined:
            found.update(_trace_texts(to_come[name], chain))
        joined |= working
    return found, [opened[name] for name in joined]


def _find_texts_to_come(chain: Sequence[Attestation], asking: str) -> dict[str, set[str]]:
    """Return by stage the texts that it works on or may come to: those that are known, and those it may be passed on.

    A reviewer may pass on what it reviews, and a release what it releases. Whether it then does is not asked, or who is
    faster would decide. Only what the stage that asks passes on comes in no order before its own end.
    """
    found: dict[str, set[str]] = {}
    passed_on: dict[str, set[str]] = {}
    for stage in chain[0].stages:
        own = _find_known_texts(stage, chain).union(
            *(passed_on.get(name, set()) for name in stage["upstream_stage_ids"])
        )
        found[stage["id"]] = own
        if stage["role"] in {"reviewer", "release"} and stage["id"] != asking:
            passed_on[stage["id"]] = own
    return found


def _trace_texts(texts: Set[str], chain: Sequence[Attestation]) -> Set[str]:
    """Return the texts and all that they were made from, as far as the certificates know."""
    found: set[str] = set()
    pending = set(texts)
    while pending:
        text = pending.pop()
        found.add(text)
        for entry in chain:
            if entry.kind == "execution" and text in entry.products:
                pending.update(entry.sources - found)
    return found


def _find_known_texts(stage: Mapping[str, Any], chain: Sequence[Attestation]) -> set[str]:
    """Return the texts that a stage works on or will: the one it was given, and what the stages it names have left."""
    named = stage["upstream_stage_ids"]
    left = {entry.artifact_digest for entry in chain if entry.kind == "execution" and entry.stage_id in named}
    return (left | {find_given_text(stage) or ""}) - {""}
