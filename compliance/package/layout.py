"""The layout of an audit package, format v1: every member and its type, so that nothing unread can hide in it.

A text stands as `{"text", "sha256", "redacted"}`: whole, with `redacted` false; masked, with `redacted` true; or
null, with `redacted` true, where it was erased or is withheld. `sha256` always names the whole text.

An event of a journal stands as its entry, byte for byte, with the digest that the Merkle tree is made of, and its
payload, whole or null. `sequence` and `kind` are the entry's, for reading.
"""

from compliance.predicates import CHECK, DENIAL, POLICY, REASON, ROLES, UPSTREAM, USAGE
from compliance.shapes import (
    anything,
    boolean,
    each,
    identifier,
    integer,
    members,
    one_of,
    optional,
    sha256,
    text,
)

FORMAT = "countersign-audit-package/v1"

TEXT_MEMBERS = frozenset({"text", "sha256", "redacted"})

_TEXT = members(text=optional(text), sha256=sha256, redacted=boolean)

_WORKFLOW = members(
    id=identifier,
    name=text,
    description=text,
    mode=text,
    status=text,
    verdict=optional(text),
    reason=optional(REASON),
    error=optional(text),
    created_at=text,
    updated_at=text,
    completed_at=optional(text),
    current_stage_index=integer,
    stage_count=integer,
    completed_stage_count=integer,
)

_STAGE = members(
    id=identifier,
    uid=identifier,
    name=text,
    position=integer,
    stage_role=one_of(ROLES),
    task=_TEXT,
    document=optional(_TEXT),
    upstream_stage_ids=each(text),
    compliance_policy=text,
    policy=POLICY,
    budget_cents=integer,
    provider=text,
    model=optional(text),
    permissions=optional(each(text)),
    granted_permissions=each(text),
    denied_permissions=each(DENIAL),
    status=text,
    execution_id=optional(identifier),
    verdict=optional(text),
    reason=optional(REASON),
    error=optional(text),
    started_at=optional(text),
    completed_at=optional(text),
    cost_cents=integer,
)

_EXECUTION = members(
    id=identifier,
    stage_id=identifier,
    attempts=integer,
    status=text,
    verdict=optional(text),
    reason=optional(REASON),
    agent_decision=optional(text),
    artifact=optional(_TEXT),
    answer=optional(_TEXT),
    reviewed_sha256=optional(sha256),
    checks=each(CHECK),
    provider=text,
    model=optional(text),
    usage=USAGE,
    cost_cents=integer,
    created_at=text,
    started_at=optional(text),
    completed_at=optional(text),
)

_SIGN_OFF = members(
    certificate_sha256=sha256,
    signer=members(id=identifier, name=text, role=text),
    decision=text,
    meaning=text,
    artifact_sha256=sha256,
    reason=_TEXT,
    signed_at=text,
)

_EXECUTION_SUMMARY = members(
    execution_id=identifier,
    stage_id=identifier,
    stage_role=one_of(ROLES),
    status=optional(text),
    verdict=optional(text),
    reason=optional(REASON),
    provider=optional(text),
    model=optional(text),
    agent_decision=optional(text),
    usage=optional(USAGE),
    cost_cents=optional(integer),
    output_preview=optional(text),
    approved_artifact=optional(
        members(text=optional(text), sha256=sha256, redacted=boolean, approved_for_release=boolean)
    ),
    release_binding_summary=optional(members(artifact_hash=sha256, upstream_execution_id=identifier, rebound=boolean)),
    sign_offs=each(_SIGN_OFF),
)

_CERTIFICATE_SUMMARY = members(
    id=identifier,
    sha256=sha256,
    kind=text,
    sequence=integer,
    outcome=text,
    verdict=optional(text),
    subject_sha256=sha256,
    issued_at=text,
)

_FLOW_ANALYSIS = members(
    upstreams=each(UPSTREAM),
    policies=each(sha256),
    subject_sha256=optional(sha256),
    decision=optional(members(result=text, code=text, detail=text)),
    sign_offs=each(sha256),
)

_EVENT = members(
    sequence=integer,
    kind=text,
    entry=text,
    digest=sha256,
    payload=optional(text),
    redacted=boolean,
)

_ATTESTATION = members(
    regime=text,
    retention_days=integer,
    proofs_required=each(text),
    proofs_satisfied=each(text),
    proofs_missing=each(text),
    certificate_count=integer,
    compliant=boolean,
)

_COMPLIANCE_PACKAGE = members(
    package_id=identifier,
    generated_at=text,
    compliance_regime=text,
    execution_summary=_EXECUTION_SUMMARY,
    certificates=each(_CERTIFICATE_SUMMARY),
    safety_scans=each(CHECK),
    flow_analysis=_FLOW_ANALYSIS,
    verification_runtime=members(mode=text, lean_status=text, detail=text),
    policy_applied=members(name=text, version=integer, digest=sha256, lineage=each(POLICY)),
    audit_trail=each(_EVENT),
    attestation=_ATTESTATION,
)

_LINEAGE_NODE = members(
    stage_id=identifier,
    role=one_of(ROLES),
    execution_id=identifier,
    certificate_id=identifier,
    certificate_sha256=sha256,
    artifact_sha256=sha256,
)

_LINEAGE_SIGN_OFF = members(certificate_id=identifier, certificate_sha256=sha256, artifact_sha256=sha256)

PACKAGE = members(
    format=one_of({FORMAT}),
    exported_at=text,
    workflow=_WORKFLOW,
    stages=each(
        members(
            stage=_STAGE,
            execution=optional(_EXECUTION),
            compliance_package=optional(_COMPLIANCE_PACKAGE),
            earlier_executions=each(members(execution=_EXECUTION, compliance_package=_COMPLIANCE_PACKAGE)),
        )
    ),
    lineage=each(members(release=_LINEAGE_NODE, rests_on=each(_LINEAGE_NODE), sign_offs=each(_LINEAGE_SIGN_OFF))),
    # What is inside an envelope is read by compliance.envelope, which names the certificate that fails.
    certificates=each(members(id=identifier, payload=anything, payloadType=anything, signatures=anything)),
    keys=each(members(keyid=sha256, public_key=text)),
    policies=each(members(digest=sha256, document=text)),
)
