"""An audit package out of evidence that was built, with the records that would belong to it."""

import base64
from typing import Any

from compliance.envelope import encode_public_key
from compliance.package import FORMAT
from compliance.package.claims import ExecutionIdentity, derive_compliance_members, derive_lineage
from compliance.statements import StageFacts
from tests.evidence_builder import DESCRIPTION, NAME, WRITTEN_AT, EvidenceBuilder

AT = WRITTEN_AT.isoformat()
TEXT = "The cafeteria opens at eight."


def build_package(builder: EvidenceBuilder) -> dict[str, Any]:
    """Return the package of a workflow that has been closed."""
    chain = builder.read()
    closing = chain[-1].predicate
    ids = {entry.digest: f"certificate-{entry.sequence}" for entry in chain}
    listed = closing["stages"]
    outcome = closing["outcome"]
    return {
        "format": FORMAT,
        "exported_at": AT,
        "workflow": {
            "id": builder.workflow_id,
            "name": NAME,
            "description": DESCRIPTION,
            "mode": builder.mode,
            "status": outcome["status"],
            "verdict": closing["verdict"],
            "reason": {"code": outcome["code"], "detail": outcome["detail"]} if outcome["code"] else None,
            "error": outcome["detail"] if outcome["status"] in {"blocked", "failed"} else None,
            "created_at": AT,
            "updated_at": AT,
            "completed_at": AT,
            "current_stage_index": 0,
            "stage_count": len(listed),
            "completed_stage_count": sum(stage["status"] == "completed" for stage in listed),
        },
        "stages": [
            _describe(builder, stage, row, chain, ids) for stage, row in zip(builder.stages, listed, strict=True)
        ],
        "lineage": derive_lineage(chain, ids),
        "certificates": [
            {"id": f"certificate-{index}", **describe_envelope(builder, index)}
            for index in range(len(builder.envelopes))
        ],
        "keys": [{"keyid": keyid, "public_key": encode_public_key(key)} for keyid, key in builder.keys.items()],
        "policies": [{"digest": digest, "document": document} for digest, document in builder.documents.items()],
    }


def build_reviewed_release(**policy: Any) -> tuple[EvidenceBuilder, dict[str, Any]]:
    """An intake, a review of what it made, a release that a person signed off, and a journal."""
    builder = EvidenceBuilder()
    strict = builder.add_policy("strict", sign_offs=1, **policy)
    lax = builder.add_policy("lax")
    review = builder.add_stage("review", "reviewer", policy=lax, document=TEXT)
    intake = builder.add_stage("intake", "intake", policy=strict, document="Notes.")
    release = builder.add_stage("release", "release", policy=strict, upstreams=["review", "intake"])
    builder.record(review, "model_request", {"attempt": 1, "cents": "4"}, {"messages": ["Please review."]})
    allowed = {"tool": "document_read", "capability": "document:read:reports", "decision": "allow", "code": None}
    builder.record(review, "tool_call", allowed, {"arguments": {"name": "reports"}})
    builder.touch_document(review, "document_read", "A report.")
    builder.run(review)
    builder.run(intake, "Notes, in order.")
    builder.sign_off(release, TEXT)
    builder.run(release)
    builder.close()
    return builder, build_package(builder)


def describe_envelope(builder: EvidenceBuilder, index: int) -> dict[str, Any]:
    """Return a certificate of the builder's as it stands in a package, without its id."""
    envelope = builder.envelopes[index]
    signature = envelope.signatures[0]
    return {
        "payload": base64.b64encode(envelope.payload).decode(),
        "payloadType": envelope.payload_type,
        "signatures": [{"keyid": signature.key_id, "sig": base64.b64encode(signature.value).decode()}],
    }


def _text(builder: EvidenceBuilder, digest: str | None) -> dict[str, Any] | None:
    return None if digest is None else {"text": builder.texts[digest], "sha256": digest, "redacted": False}


def _describe(
    builder: EvidenceBuilder, stage: StageFacts, row: dict[str, Any], chain: Any, ids: dict[str, str]
) -> dict[str, Any]:
    policy = builder.stage_policies[stage.id]
    end = next((entry for entry in chain if entry.kind == "execution" and entry.stage_id == stage.id), None)
    predicate = end.predicate if end else None
    detail = predicate["outcome"]["detail"] if predicate else "an earlier stage ended"
    reason = {"code": row["code"], "detail": detail} if row["code"] else None
    policy_facts = {"name": policy.name, "version": policy.version, "digest": policy.digest}
    record = {
        "id": stage.id,
        "uid": stage.uid,
        "name": stage.name,
        "position": stage.position,
        "stage_role": stage.role,
        "task": _text(builder, stage.task_sha256),
        "document": _text(builder, stage.document_sha256),
        "upstream_stage_ids": list(stage.upstream_stage_ids),
        "compliance_policy": policy.name,
        "policy": policy_facts,
        "budget_cents": 1500,
        "provider": "embedded",
        "model": None,
        "permissions": None,
        "granted_permissions": builder.grants[stage.id]["effective"],
        "denied_permissions": [],
        "status": row["status"],
        "execution_id": row["execution_id"],
        "verdict": predicate["verdict"] if predicate else None,
        "reason": reason,
        "error": detail if row["status"] in {"blocked", "failed"} else None,
        "started_at": AT,
        "completed_at": AT,
        "cost_cents": predicate["cost_cents"] if predicate else 0,
    }
    if predicate is None:
        return {"stage": record, "execution": None, "compliance_package": None, "earlier_executions": []}
    execution = {
        "id": row["execution_id"],
        "stage_id": stage.id,
        "attempts": 1,
        "status": row["status"],
        "verdict": predicate["verdict"],
        "reason": reason,
        "agent_decision": predicate["agent"]["decision"],
        "artifact": _text(builder, predicate["artifact_sha256"]),
        "answer": _text(builder, predicate["answer_sha256"]),
        "reviewed_sha256": predicate["reviewed_sha256"],
        "checks": predicate["checks"],
        "provider": "embedded",
        "model": "rules",
        "usage": predicate["usage"],
        "cost_cents": predicate["cost_cents"],
        "created_at": AT,
        "started_at": AT,
        "completed_at": AT,
    }
    identity = ExecutionIdentity(row["execution_id"], stage.id, stage.role, policy_facts)
    derived = derive_compliance_members(identity, chain, builder.terms, ids)
    summary = derived["execution_summary"]
    approved = summary["approved_artifact"]
    artifact = execution["artifact"]
    summary |= {
        "output_preview": artifact["text"][:500] if artifact else None,
        "approved_artifact": None if approved is None else {**approved, **(_text(builder, approved["sha256"]) or {})},
        "sign_offs": [
            {**sign_off, "reason": _text(builder, sign_off["reason"]["sha256"])} for sign_off in summary["sign_offs"]
        ],
    }
    package = {
        "package_id": f"package-{stage.id}",
        "generated_at": AT,
        **derived,
        "audit_trail": builder.journals.get(stage.id, []),
    }
    return {"stage": record, "execution": execution, "compliance_package": package, "earlier_executions": []}
