"""Checks of what a package holds beside the certificates: its texts against digests, journals against their root."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from compliance.capabilities import CapabilityError, is_allowed
from compliance.chain import Attestation
from compliance.merkle import compute_merkle_root
from compliance.package.layout import TEXT_MEMBERS
from compliance.package.report import Problem
from compliance.policy_terms import PolicyTerms
from compliance.shapes import is_same

PREVIEW_CHARACTERS = 500

_MASK = re.compile(r"\[[A-Z][A-Z0-9_]*\]")


@dataclass
class TextCount:
    """How many texts were held against their digests, and where those stand that could not be."""

    proven: int = 0
    redacted: list[str] = field(default_factory=list)


def find_text_problems(stages: Sequence[Mapping[str, Any]], may_redact: bool, count: TextCount) -> Iterator[Problem]:
    """Hold every whole text against its digest, and every redacted one against what redaction may do.

    `may_redact` says whether a policy of the workflow redacts at all: where none does, a text is whole or withheld.
    """
    for where, entry in iterate_texts(stages, "stages"):
        shown = entry["text"]
        if not entry["redacted"]:
            if shown is None or compute_text_digest(shown) != entry["sha256"]:
                yield Problem(where, "the text does not match its digest")
            else:
                count.proven += 1
            continue
        count.redacted.append(where)
        if shown is None:
            continue
        if not may_redact:
            yield Problem(where, "it is marked as redacted, but no policy of this workflow redacts")
        elif not _MASK.search(shown):
            yield Problem(where, "it is marked as redacted, but nothing in it is masked")
        elif compute_text_digest(shown) == entry["sha256"]:
            yield Problem(where, "it is marked as redacted, but it is whole")


def iterate_texts(value: Any, where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each `{"text", "sha256", "redacted"}` below a value, with its place."""
    if isinstance(value, Mapping):
        if value.keys() >= TEXT_MEMBERS:
            yield where, value
            return
        for name, member in value.items():
            yield from iterate_texts(member, f"{where}.{name}")
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from iterate_texts(entry, f"{where}[{index}]")


def drop_texts(value: Any) -> Any:
    """Return a value with each text reduced to its digest, as the certificates name it."""
    if isinstance(value, Mapping):
        dropped = {"text", "redacted"} if value.keys() >= TEXT_MEMBERS else set()
        return {name: drop_texts(member) for name, member in value.items() if name not in dropped}
    if isinstance(value, list):
        return [drop_texts(entry) for entry in value]
    return value


def find_preview_problem(preview: str | None, artifact: Mapping[str, Any] | None) -> str | None:
    """A preview is the start of the artifact, as the package shows it."""
    shown = artifact["text"] if artifact else None
    if preview == (None if shown is None else shown[:PREVIEW_CHARACTERS]):
        return None
    return "it is not the start of the artifact"


def find_journal_problems(
    where: str, events: Sequence[Mapping[str, Any]], end: Attestation, count: TextCount
) -> Iterator[Problem]:
    """Hold a journal against the size and the Merkle root that the execution's certificate states."""
    certified = end.predicate["journal"]
    if len(events) != certified["size"]:
        yield Problem(where, f"it has {len(events)} events; the certificate covers {certified['size']}")
    if compute_merkle_root([event["digest"] for event in events]) != certified["root"]:
        yield Problem(where, "its Merkle root is not the one that the certificate states")
    for index, event in enumerate(events):
        place = f"{where}[{index}]"
        if event["sequence"] != index:
            yield Problem(place, f"it has the sequence number {event['sequence']}")
        if event["payload"] is None:
            count.redacted.append(place)
            if not event["redacted"]:
                yield Problem(place, "its payload is missing and not marked as redacted")
        elif event["redacted"]:
            yield Problem(place, "its payload is marked as redacted, but is there")
        else:
            count.proven += 1
            problem = _find_event_problem(event)
            if problem is not None:
                yield Problem(place, problem)


def find_tool_call_problems(
    where: str, events: Sequence[Mapping[str, Any]], end: Attestation, policies: Mapping[str, PolicyTerms]
) -> Iterator[Problem]:
    """Decide every tool call that was allowed again, under the certified grant and every policy of the lineage."""
    terms = [policies[digest] for digest in {end.policy_digest, *end.lineage_policies} if digest in policies]
    forbidden = tuple(sorted({entry for each in terms for entry in each.forbidden}))
    for index, event in enumerate(events):
        facts = event["facts"]
        if event["kind"] != "tool_call" or facts.get("decision") != "allow":
            continue
        try:
            denial = is_allowed(str(facts.get("capability")), end.predicate["grant"]["effective"], forbidden, end.role)
        except CapabilityError as error:
            yield Problem(f"{where}[{index}].facts.capability", str(error))
            continue
        if denial is not None:
            yield Problem(f"{where}[{index}].facts.decision", f"the gate does not allow it: {denial.detail}")


def compute_text_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _find_event_problem(event: Mapping[str, Any]) -> str | None:
    """The payload is the very text that was digested, and repeats what the event says of itself."""
    if compute_text_digest(event["payload"]) != event["digest"]:
        return "its payload does not match its digest"
    try:
        entry = json.loads(event["payload"])
    except (ValueError, RecursionError):
        return "its payload is not JSON"
    if not isinstance(entry, dict):
        return "its payload is not a JSON object"
    for name in ("sequence", "kind", "at", "facts"):
        if not is_same(entry.get(name), event[name]):
            return f"its {name} is not the one in its payload"
    return None
