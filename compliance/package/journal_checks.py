"""Checks of the journals in a package: against the Merkle roots of the certificates, and against the gate."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from compliance.capabilities import CapabilityError, is_allowed
from compliance.chain import Attestation
from compliance.envelope import EnvelopeError, load_strict_json
from compliance.merkle import compute_merkle_root
from compliance.package.report import Problem
from compliance.package.text_checks import TextCount, compute_text_digest
from compliance.policy_terms import PolicyTerms
from compliance.predicates import DOCUMENT_EVENTS, JOURNAL_ENTRY
from compliance.shapes import is_same

Events = Sequence[Mapping[str, Any]]

# The facts that change what an execution is charged, and which way.
_AMOUNTS: Mapping[str, int] = {"reserved_cents": 1, "released_cents": -1, "cents": 1}
_CENTS = re.compile(r"[0-9]{1,20}(\.[0-9]{1,40})?", re.ASCII)


def find_journal_problems(where: str, events: Events, end: Attestation, count: TextCount) -> Iterator[Problem]:
    """Hold a journal against the size and the Merkle root that the execution's certificate states.

    An entry is always there and always proven. Its payload may be withheld, which is counted.
    """
    certified = end.predicate["journal"]
    if len(events) != certified["size"]:
        yield Problem(where, f"it has {len(events)} events; the certificate covers {certified['size']}")
    if compute_merkle_root([event["digest"] for event in events]) != certified["root"]:
        yield Problem(where, "its Merkle root is not the one that the certificate states")
    for index, event in enumerate(events):
        place = f"{where}[{index}]"
        entry = _read_entry(event)
        if isinstance(entry, str):
            yield Problem(place, entry)
            continue
        if entry["sequence"] != index:
            yield Problem(place, f"it has the sequence number {entry['sequence']}")
        for name in ("sequence", "kind"):
            if not is_same(event[name], entry[name]):
                yield Problem(place, f"its {name} is not the one in its entry")
        if event["redacted"] != (event["payload"] is None):
            yield Problem(place, "its payload is either missing and not marked as redacted, or marked and there")
        elif event["redacted"]:
            count.redacted.append(f"{place}.payload")
        elif compute_text_digest(event["payload"]) != entry["payload_sha256"]:
            yield Problem(place, "its payload does not match the digest in its entry")
        else:
            count.proven += 1


def find_document_problems(where: str, events: Events, end: Attestation) -> Iterator[Problem]:
    """Hold the documents that the certificate says were read and written against the events that tell of it."""
    found: dict[str, set[tuple[str, str]]] = {"read": set(), "written": set()}
    for event in events:
        entry = _read_entry(event)
        if not isinstance(entry, str) and entry["kind"] in DOCUMENT_EVENTS:
            facts = entry["facts"]
            found[DOCUMENT_EVENTS[entry["kind"]]].add((str(facts.get("name")), str(facts.get("sha256"))))
    for member, documents in found.items():
        certified = [(document["name"], document["sha256"]) for document in end.predicate["documents"][member]]
        if certified != sorted(documents):
            yield Problem(where, f"it does not tell of the documents that the certificate lists as {member}")


def find_cost_problems(where: str, events: Events, end: Attestation) -> Iterator[Problem]:
    """Add up what a journal says was reserved, given back and charged, and hold it against the certified cost.

    What was reserved and never given back counts: the worker died while its request was under way.
    """
    total = Fraction(0)
    for index, event in enumerate(events):
        entry = _read_entry(event)
        if isinstance(entry, str):
            return  # told already
        for name, sign in _AMOUNTS.items():
            amount = entry["facts"].get(name, "0")
            if not isinstance(amount, str) or not _CENTS.fullmatch(amount):
                yield Problem(f"{where}[{index}].entry", f"its {name} is no amount")
                return
            total += sign * Fraction(amount)
    if math.ceil(total) != end.predicate["cost_cents"]:
        yield Problem(where, f"it adds up to {math.ceil(total)} cents; the certificate says otherwise")


def find_tool_call_problems(
    where: str, events: Events, end: Attestation, policies: Mapping[str, PolicyTerms]
) -> Iterator[Problem]:
    """Decide every tool call that was allowed again, under the certified grant and every policy of the lineage."""
    terms = [policies[digest] for digest in {end.policy_digest, *end.lineage_policies} if digest in policies]
    forbidden = tuple(sorted({entry for each in terms for entry in each.forbidden}))
    for index, event in enumerate(events):
        entry = _read_entry(event)
        if isinstance(entry, str) or entry["kind"] != "tool_call" or entry["facts"].get("decision") != "allow":
            continue
        capability = str(entry["facts"].get("capability"))
        try:
            denial = is_allowed(capability, end.predicate["grant"]["effective"], forbidden, end.role)
        except CapabilityError as error:
            yield Problem(f"{where}[{index}].entry", f"it allows no capability: {error}")
            continue
        if denial is not None:
            yield Problem(f"{where}[{index}].entry", f"it allows what the gate does not allow: {denial.detail}")


def _read_entry(event: Mapping[str, Any]) -> Mapping[str, Any] | str:
    """Return the entry that stands under an event's digest, or what is wrong with it."""
    if compute_text_digest(event["entry"]) != event["digest"]:
        return "its entry does not match its digest"
    try:
        entry: Any = load_strict_json(event["entry"])
    except EnvelopeError as error:
        return f"its entry is {error}"
    problem = JOURNAL_ENTRY(entry, "its entry")
    return entry if problem is None else problem
