"""The checks of an artifact's content, under every policy of its lineage."""

from collections.abc import Collection, Sequence

from compliance.content import compute_digest
from compliance.gate import Check
from compliance.inspection.person_model_state import PERSON_MODEL_PATH
from compliance.policy import PolicyDocument
from workflows.content_rules import (
    PolicyInspection,
    describe_blocked,
    describe_findings,
    explain_blocked,
    find_blocked,
    find_use,
    inspect_under,
    list_blocking_rules,
    name_policy,
)


def check_content(
    artifact: str,
    policies: Sequence[PolicyDocument],
    role: str,
    lineage_policies: Collection[str],
    hash_key: bytes | None = None,
) -> list[Check]:
    """Inspect an artifact and return `content_inspected`, `content_rules` and, where it is owed, `ner_ran`.

    `lineage_policies` are the digests of the policies under which it must have been inspected; with a key, what was
    found has its hash.
    """
    digest = compute_digest(artifact)
    inspections = inspect_under(artifact, policies, hash_key)
    checks = [
        _check_inspected(digest, inspections, lineage_policies),
        _check_rules(digest, inspections, role),
        _check_person_model(inspections),
    ]
    return [check for check in checks if check is not None]


def _check_inspected(digest: str, inspections: Sequence[PolicyInspection], lineage_policies: Collection[str]) -> Check:
    found = describe_findings(finding for inspection in inspections for finding in inspection.findings)
    overlooked = set(lineage_policies) - {inspection.policy.digest for inspection in inspections}
    counted = ", ".join(f"{name}: {count}" for name, count in found["counts"].items()) or "nothing found"
    names = ", ".join(name_policy(inspection.policy) for inspection in inspections)
    missing = f"; not under {', '.join(entry[:12] for entry in sorted(overlooked))}" if overlooked else ""
    inputs = {"artifact_sha256": digest, "policies": _describe_inspections(inspections), **found}
    return Check("content_inspected", not overlooked, f"under {names}: {counted}{missing}", inputs)


def _check_rules(digest: str, inspections: Sequence[PolicyInspection], role: str) -> Check:
    use = find_use(role)
    blocked = find_blocked(inspections, use)
    inputs = {
        "artifact_sha256": digest,
        "rules": [
            {
                "policy": inspection.policy.name,
                "policy_sha256": inspection.policy.digest,
                "rule": rule,
                "action": inspection.policy.content[rule].action,
                "types": list(inspection.policy.content[rule].types),
            }
            for inspection in inspections
            for rule in list_blocking_rules(inspection.policy, use)
        ],
        **describe_blocked(blocked),
    }
    detail = f"blocked: {explain_blocked(blocked)}" if blocked else "nothing is blocked"
    return Check("content_rules", not blocked, detail, inputs)


def _check_person_model(inspections: Sequence[PolicyInspection]) -> Check | None:
    """Return whether names were looked for by the model, under each policy that lists it or requires the proof.

    Where a policy lists it, none requires it and it is not installed, no such check has run: `content_inspected`
    says so, and an installation without the model can still be compliant.
    """
    concerned = [
        inspection
        for inspection in inspections
        if PERSON_MODEL_PATH in inspection.policy.detectors or "ner_ran" in inspection.policy.required_proofs
    ]
    missed = [inspection for inspection in concerned if inspection.ner != "ran"]
    required = any("ner_ran" in inspection.policy.required_proofs for inspection in concerned)
    if not concerned or (missed and not required):
        return None
    states = missed or concerned
    detail = "; ".join(f"{name_policy(state.policy)}: {state.ner.replace('_', ' ')}" for state in states)
    return Check("ner_ran", not missed, detail, {"policies": _describe_inspections(concerned)})


def _describe_inspections(inspections: Sequence[PolicyInspection]) -> list[dict[str, object]]:
    return [
        {
            "name": inspection.policy.name,
            "version": inspection.policy.version,
            "sha256": inspection.policy.digest,
            "ner": inspection.ner,
        }
        for inspection in inspections
    ]
