"""Checks of the records in a package, member by member, against what the certificates state."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compliance.chain import Attestation
from compliance.package.claims import (
    ExecutionIdentity,
    as_reason,
    collect_evidence,
    derive_compliance_members,
    list_lineage_policies,
)
from compliance.package.report import Problem
from compliance.package.text_checks import compute_text_digest, drop_texts, find_preview_problem
from compliance.policy_terms import PolicyTerms
from compliance.shapes import is_same

Stages = Sequence[Mapping[str, Any]]

# Chosen by whoever exports: nothing can be held against them.
_FREE_MEMBERS = {"package_id", "generated_at", "audit_trail"}


def iterate_executions(stages: Stages) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """Yield the place of each execution in a package, the entry that holds it and its stage's record."""
    for index, entry in enumerate(stages):
        for earlier, former in enumerate(entry["earlier_executions"]):
            yield f"stages[{index}].earlier_executions[{earlier}]", former, entry["stage"]
        if entry["execution"] is not None:
            yield f"stages[{index}]", entry, entry["stage"]


def find_identifier_problems(package: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything that names something must name one thing only."""
    stages = package["stages"]
    executions = list(iterate_executions(stages))
    named = {
        "certificates": [certificate["id"] for certificate in package["certificates"]],
        "keys": [key["keyid"] for key in package["keys"]],
        "stages": [entry["stage"]["id"] for entry in stages],
        "stages (uid)": [entry["stage"]["uid"] for entry in stages],
        "executions": [entry["execution"]["id"] for _, entry, _ in executions],
        "compliance packages": [
            entry["compliance_package"]["package_id"] for _, entry, _ in executions if entry["compliance_package"]
        ],
    }
    for where, identifiers in named.items():
        for identifier in sorted(each for each, count in Counter(identifiers).items() if count > 1):
            yield Problem(where, f"{identifier} stands for more than one")


def find_stage_list_problems(stages: Stages, opening: Attestation) -> Iterator[Problem]:
    """Hold the package's stages against the opening certificate's, one by one and in order."""
    if len(stages) != len(opening.stages):
        yield Problem("stages", f"there are {len(stages)}; the opening certificate lists {len(opening.stages)}")
    for index, (entry, opened) in enumerate(zip(stages, opening.stages, strict=False)):
        record = drop_texts(entry["stage"])
        yield from _compare(f"stages[{index}].stage", record, _describe_stage(opened), "the opening certificate")


def find_stage_end_problems(stages: Stages, closing: Attestation) -> Iterator[Problem]:
    """Hold how each stage ended against the closing certificate."""
    for index, (entry, certified) in enumerate(zip(stages, closing.stages, strict=False)):
        record = entry["stage"]
        expected = {"status": certified["status"], "execution_id": certified["execution_id"]}
        yield from _compare(f"stages[{index}].stage", record, expected, "the closing certificate")
        if (record["reason"] or {"code": ""})["code"] != certified["code"]:
            yield Problem(f"stages[{index}].stage.reason", "its code is not the one in the closing certificate")
        exported = entry["execution"]["id"] if entry["execution"] else None
        if exported != certified["execution_id"]:
            yield Problem(f"stages[{index}].execution", "it is not the execution that the closing certificate lists")


def find_workflow_problems(workflow: Mapping[str, Any], stages: Stages, opening: Attestation) -> Iterator[Problem]:
    """Hold the workflow's record against the opening certificate. Its id is the chain's, checked there."""
    predicate = opening.predicate
    description = compute_text_digest(workflow["description"]) if workflow["description"] else None
    if description != predicate["description_sha256"]:
        yield Problem("workflow.description", "it does not match the digest in the opening certificate")
    expected = {"name": predicate["name"], "mode": predicate["mode"], "stage_count": len(opening.stages)}
    yield from _compare("workflow", workflow, expected, "the opening certificate")
    if workflow["current_stage_index"] >= max(1, len(stages)):
        yield Problem("workflow.current_stage_index", "there is no stage of that number")


def find_workflow_end_problems(workflow: Mapping[str, Any], closing: Attestation) -> Iterator[Problem]:
    """Hold how the workflow ended against the closing certificate."""
    outcome = closing.predicate["outcome"]
    expected = {
        "status": outcome["status"],
        "verdict": closing.predicate["verdict"] or None,
        "reason": as_reason(outcome["code"], outcome["detail"]),
        "error": _derive_error(outcome),
        "completed_stage_count": sum(stage["status"] == "completed" for stage in closing.stages),
    }
    yield from _compare("workflow", workflow, expected, "the closing certificate")


def find_record_problems(stages: Stages, chain: Sequence[Attestation]) -> Iterator[Problem]:
    """Hold every member of an execution that a certificate states against that certificate."""
    exported = set()
    for where, entry, stage in iterate_executions(stages):
        execution = entry["execution"]
        exported.add(execution["id"])
        evidence = collect_evidence(chain, execution["id"])
        if evidence.end is None:
            yield Problem(f"{where}.execution", "no certificate attests its end")
            continue
        expected = _certified_execution(evidence.end)
        yield from _compare(f"{where}.execution", drop_texts(execution), expected, "its certificate")
        # The one who worked is the one who was asked for.
        expected = {"provider": evidence.end.predicate["agent"]["provider"]}
        yield from _compare(f"{where.split('.')[0]}.stage", stage, expected, "its certificate")
    for index, entry in enumerate(stages):
        yield from _check_stage_sums(f"stages[{index}]", entry)
    for execution_id in sorted({attestation.execution_id for attestation in chain} - exported - {""}):
        yield Problem("stages", f"execution {execution_id} has certificates, but is not in the package")


def find_compliance_problems(
    stages: Stages,
    chain: Sequence[Attestation],
    policies: Mapping[str, PolicyTerms],
    certificate_ids: Mapping[str, str],
) -> Iterator[Problem]:
    """Derive every compliance package again from the certificates and hold it against the one exported."""
    for where, entry, stage in iterate_executions(stages):
        exported = entry["compliance_package"]
        place = f"{where}.compliance_package"
        if exported is None:
            yield Problem(place, "it is missing")
            continue
        evidence = collect_evidence(chain, entry["execution"]["id"])
        identity = _identify(entry["execution"], stage, evidence.certificates)
        if not policies.keys() >= set(list_lineage_policies(identity, evidence)):
            yield Problem(place, "it cannot be derived: a policy of its lineage is missing")
            continue
        derived = derive_compliance_members(identity, chain, policies, certificate_ids)
        shown = {name: value for name, value in drop_texts(exported).items() if name not in _FREE_MEMBERS}
        preview = shown["execution_summary"].pop("output_preview")
        for name, expected in derived.items():
            for member in _find_differences(f"{place}.{name}", shown[name], expected):
                yield Problem(member, "it is not what the certificates amount to")
        problem = find_preview_problem(preview, entry["execution"]["artifact"])
        if problem is not None:
            yield Problem(f"{place}.execution_summary.output_preview", problem)


def _identify(
    execution: Mapping[str, Any], stage: Mapping[str, Any], certificates: Sequence[Attestation]
) -> ExecutionIdentity:
    if certificates:
        facts = certificates[0].predicate
        return ExecutionIdentity(execution["id"], facts["stage"]["id"], facts["stage"]["role"], facts["policy"])
    return ExecutionIdentity(execution["id"], stage["id"], stage["stage_role"], stage["policy"])


def _describe_stage(opened: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stage, as the opening certificate describes it, in the words of a package; texts by their digests."""
    document = opened["document_sha256"]
    return {
        "id": opened["id"],
        "uid": opened["uid"],
        "name": opened["name"],
        "position": opened["position"],
        "stage_role": opened["role"],
        "task": {"sha256": opened["task_sha256"]},
        "document": {"sha256": document} if document else None,
        "upstream_stage_ids": opened["upstream_stage_ids"],
        "compliance_policy": opened["policy"]["name"],
        "policy": opened["policy"],
        "budget_cents": opened["budget_cents"],
        "provider": opened["provider"],
        "model": opened["model"],
        "permissions": opened["permissions"],
        "granted_permissions": opened["grant"]["effective"],
        "denied_permissions": opened["grant"]["denied"],
    }


def _certified_execution(end: Attestation) -> dict[str, Any]:
    predicate = end.predicate
    outcome, agent = predicate["outcome"], predicate["agent"]
    artifact, answer = predicate["artifact_sha256"], predicate["answer_sha256"]
    return {
        "stage_id": end.stage_id,
        "attempts": predicate["execution"]["attempt"],
        "status": outcome["status"],
        "verdict": predicate["verdict"] or None,
        "reason": as_reason(outcome["code"], outcome["detail"]),
        "agent_decision": agent["decision"] or None,
        "artifact": {"sha256": artifact} if artifact else None,
        "answer": {"sha256": answer} if answer else None,
        "reviewed_sha256": predicate["reviewed_sha256"],
        "checks": predicate["checks"],
        "provider": agent["provider"],
        "model": agent["model"] or None,
        "usage": predicate["usage"],
        "cost_cents": predicate["cost_cents"],
    }


def _check_stage_sums(where: str, entry: Mapping[str, Any]) -> Iterator[Problem]:
    """What a stage's record repeats of its executions."""
    record, latest = entry["stage"], entry["execution"]
    executions = [*(former["execution"] for former in entry["earlier_executions"]), *([latest] if latest else [])]
    expected: dict[str, Any] = {
        "verdict": latest["verdict"] if latest else None,
        "cost_cents": sum(execution["cost_cents"] for execution in executions),
        "execution_id": latest["id"] if latest else None,
        "error": _derive_error({"status": record["status"], **(record["reason"] or {"code": "", "detail": ""})}),
    }
    if latest is not None:
        expected["reason"] = latest["reason"]
    yield from _compare(f"{where}.stage", record, expected, "its executions")
    if entry["compliance_package"] is not None and latest is None:
        yield Problem(f"{where}.compliance_package", "there is no execution that it could be about")


def _derive_error(outcome: Mapping[str, Any]) -> str | None:
    """What went wrong, in words, where something did."""
    if outcome["status"] not in {"blocked", "failed"}:
        return None
    return outcome["detail"] or outcome["code"] or None


def _compare(where: str, record: Mapping[str, Any], expected: Mapping[str, Any], source: str) -> Iterator[Problem]:
    for name, value in expected.items():
        if not is_same(record[name], value):
            yield Problem(f"{where}.{name}", f"it is not what {source} states")


def _find_differences(where: str, shown: Any, expected: Any) -> Iterator[str]:
    """Yield the places where two values differ, as deep as both are objects."""
    if isinstance(shown, Mapping) and isinstance(expected, Mapping) and shown.keys() == expected.keys():
        for name in expected:
            yield from _find_differences(f"{where}.{name}", shown[name], expected[name])
    elif not is_same(shown, expected):
        yield where
