"""What the content rules of policies block in a text: decided here, for artifacts, releases and calls alike.

Every policy of the lineage counts (rule 12): what one of them blocks is blocked.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from compliance.inspection import Finding, inspect, matches
from compliance.inspection.person_model_state import describe_person_model
from compliance.policy import ContentAction, PolicyDocument
from workflows.models import Role

Use = Literal["artifact", "release", "model_call", "tool_call"]

# How many findings a certificate lists, and how many a sentence names; how many there are is always said.
LISTED_FINDINGS = 100
_NAMED_FINDINGS = 3

_BLOCKING_ACTIONS: Mapping[Use, frozenset[ContentAction]] = {
    "artifact": frozenset({"block"}),
    "release": frozenset({"block", "block_release"}),
    "model_call": frozenset({"block_model_call"}),
    "tool_call": frozenset({"block_tool_call"}),
}


@dataclass(frozen=True)
class PolicyInspection:
    """What a text was found to hold under one policy. `ner` says whether names were looked for by the model."""

    policy: PolicyDocument
    findings: tuple[Finding, ...]
    ner: Literal["ran", "not_installed", "not_listed"]


@dataclass(frozen=True)
class BlockedFinding:
    """A finding, and the first rule of a policy that blocks it: `rule` is its index in the policy's list, from 0.

    `place` says in which text of a call it stands, in our words; it is empty where there is only one text.
    """

    policy: PolicyDocument
    rule: int
    finding: Finding
    place: str = ""


def find_use(role: str) -> Use:
    """Return what becomes of the artifact of a stage of that role."""
    return "release" if role == Role.RELEASE else "artifact"


def list_blocking_rules(policy: PolicyDocument, use: Use) -> tuple[int, ...]:
    """Return the indexes of the rules of a policy that block something in a text of that use."""
    actions = _BLOCKING_ACTIONS[use]
    return tuple(index for index, rule in enumerate(policy.content) if rule.action in actions)


def select_policies(policies: Iterable[PolicyDocument], use: Use) -> tuple[PolicyDocument, ...]:
    """Return those of the policies that block anything in a text of that use, each of them once."""
    chosen: list[PolicyDocument] = []
    for policy in policies:
        if list_blocking_rules(policy, use) and policy not in chosen:
            chosen.append(policy)
    return tuple(chosen)


def inspect_under(
    text: str, policies: Iterable[PolicyDocument], hash_key: bytes | None = None
) -> tuple[PolicyInspection, ...]:
    """Inspect a text under each of the policies, by its own detectors. With a key findings have their hashes."""
    return tuple(
        PolicyInspection(policy, inspect(text, policy, hash_key=hash_key), describe_person_model(policy))
        for policy in policies
    )


def find_blocked(inspections: Iterable[PolicyInspection], use: Use) -> tuple[BlockedFinding, ...]:
    """Return every finding that its policy blocks in a text of that use, in the order of the text."""
    blocked = []
    for inspection in inspections:
        rules = list_blocking_rules(inspection.policy, use)
        for finding in inspection.findings:
            rule = next((index for index in rules if matches(finding, inspection.policy.content[index].types)), None)
            if rule is not None:
                blocked.append(BlockedFinding(inspection.policy, rule, finding))
    return tuple(sorted(blocked, key=lambda entry: (entry.finding.start, entry.finding.end, entry.policy.name)))


def find_blocked_in(
    text: str, policies: Iterable[PolicyDocument], use: Use, hash_key: bytes | None = None
) -> tuple[BlockedFinding, ...]:
    """Inspect a text under those of the policies that block anything in such a text, and return what they block."""
    return find_blocked(inspect_under(text, select_policies(policies, use), hash_key), use)


def list_types(blocked: Iterable[BlockedFinding]) -> tuple[str, ...]:
    """Return the types that are blocked, sorted."""
    return tuple(sorted({entry.finding.type for entry in blocked}))


def name_policy(policy: PolicyDocument) -> str:
    return f"{policy.name} v{policy.version}"


def explain_blocked(blocked: Sequence[BlockedFinding]) -> str:
    """Say in words what is blocked: types, places, detectors and policies of the first ones. Never the value."""
    named = [
        f"{entry.finding.type} at characters {entry.finding.start}–{entry.finding.end}"
        f"{f' of {entry.place}' if entry.place else ''}"
        f" (found by {entry.finding.detector}, blocked by {name_policy(entry.policy)})"
        for entry in blocked[:_NAMED_FINDINGS]
    ]
    more = len(blocked) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more else "")


def describe_blocked(blocked: Sequence[BlockedFinding]) -> dict[str, Any]:
    """Return what is blocked, by which rule of which policy, as a check's inputs list it."""
    listed = [
        {
            "policy": entry.policy.name,
            "policy_sha256": entry.policy.digest,
            "rule": entry.rule,
            "action": entry.policy.content[entry.rule].action,
            **({"place": entry.place} if entry.place else {}),
            **describe_finding(entry.finding),
        }
        for entry in blocked[:LISTED_FINDINGS]
    ]
    return {"blocked": listed, "blocked_count": len(blocked)}


def describe_findings(findings: Iterable[Finding]) -> dict[str, Any]:
    """Return findings as a check's inputs list them: what several policies find alike is one of them."""
    distinct = sorted(set(findings), key=lambda finding: (finding.start, finding.end, finding.type, finding.detector))
    counts: dict[str, int] = {}
    for finding in distinct:
        counts[finding.type] = counts.get(finding.type, 0) + 1
    return {
        "findings": [describe_finding(finding) for finding in distinct[:LISTED_FINDINGS]],
        "finding_count": len(distinct),
        "counts": dict(sorted(counts.items())),
    }


def describe_finding(finding: Finding) -> dict[str, Any]:
    """Return a finding as JSON. A confidence of 1.0 is written 1, as canonical JSON (RFC 8785) writes it."""
    confidence = finding.confidence
    return {**asdict(finding), "confidence": int(confidence) if float(confidence).is_integer() else confidence}
