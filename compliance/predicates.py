"""The shape of what each kind of certificate says. Standard library only.

`compliance.statements` writes these members; `compliance.chain` refuses a statement that has others, so that the
gate never reads past something it does not understand.
"""

from collections.abc import Mapping

from compliance.shapes import (
    Shape,
    at_least,
    boolean,
    each,
    identifier,
    integer,
    json_object,
    mapping,
    members,
    members_and_later,
    one_of,
    optional,
    scalar,
    sha256,
    text,
)

ROLES = frozenset({"intake", "reviewer", "release", "worker", "single_agent"})
MODES = frozenset({"sequential", "parallel"})
VERDICTS = frozenset({"compliant", "non_compliant"})
ENDS = frozenset({"completed", "blocked", "failed", "cancelled"})

POLICY = members(name=text, version=integer, digest=sha256)
REASON = members(code=text, detail=text)
# `inputs` came later: certificates without it were issued, and are verified for as long as they are kept.
CHECK = members_and_later({"name": text, "passed": boolean, "detail": text}, inputs=json_object)
USAGE = members(requests=integer, input_tokens=integer, output_tokens=integer)
DENIAL = members(permission=text, reason=text, detail=text)
GRANT = members(effective=each(text), denied=each(DENIAL))
UPSTREAM = members(stage_id=identifier, execution_id=identifier, certificate_sha256=sha256, artifact_sha256=sha256)
DOCUMENT = members(name=text, sha256=sha256)
LINEAGE = members(policies=each(sha256), upstreams=each(UPSTREAM))
OUTCOME = members(status=one_of(ENDS), code=text, detail=text)
VERDICT = one_of(VERDICTS | {""})

_LINK = members(id=identifier, sequence=integer, previous=optional(sha256))
_PERSON = members(id=identifier, name=text)
_ATTEMPT = members(id=identifier, attempt=integer)
STAGE_MEMBERS: Mapping[str, Shape] = {
    "id": identifier,
    "uid": identifier,
    "name": text,
    "position": integer,
    "role": one_of(ROLES),
    "task_sha256": sha256,
    "document_sha256": optional(sha256),
    "upstream_stage_ids": each(identifier),
}
_STAGE = members(**STAGE_MEMBERS)

PREDICATE_SHAPES: Mapping[str, Shape] = {
    "opening": members(
        workflow=_LINK,
        issued_at=text,
        name=text,
        description_sha256=optional(sha256),
        mode=one_of(MODES),
        requester=_PERSON,
        stages=each(
            members(
                **STAGE_MEMBERS,
                policy=POLICY,
                grant=GRANT,
                budget_cents=integer,
                permissions=optional(each(text)),
                provider=text,
                model=optional(text),
            )
        ),
    ),
    "admission": members(
        workflow=_LINK,
        issued_at=text,
        stage=_STAGE,
        execution=_ATTEMPT,
        policy=POLICY,
        requester=_PERSON,
        grant=GRANT,
        content=optional(members(policies=each(sha256), blocking=each(text))),
        decision=members(result=one_of({"allow", "refuse"}), code=text, detail=text),
        lineage=LINEAGE,
        sign_offs=each(sha256),
    ),
    "execution": members(
        workflow=_LINK,
        issued_at=text,
        stage=_STAGE,
        execution=_ATTEMPT,
        policy=POLICY,
        grant=GRANT,
        lineage=LINEAGE,
        admission=optional(sha256),
        sign_offs=each(sha256),
        outcome=OUTCOME,
        verdict=VERDICT,
        checks=each(CHECK),
        missing_proofs=each(text),
        agent=members(provider=text, model=text, decision=text),
        usage=USAGE,
        cost_cents=integer,
        journal=members(size=integer, root=sha256),
        documents=members(read=each(DOCUMENT), written=each(DOCUMENT)),
        artifact_sha256=optional(sha256),
        reviewed_sha256=optional(sha256),
        answer_sha256=optional(sha256),
    ),
    "sign_off": members(
        workflow=_LINK,
        issued_at=text,
        stage=_STAGE,
        execution=members(id=identifier),
        policy=POLICY,
        signer=members(id=identifier, name=text, role=text),
        decision=one_of({"approve", "reject"}),
        meaning=text,
        reason_sha256=sha256,
        authentication=text,
    ),
    "closing": members(
        workflow=_LINK,
        issued_at=text,
        name=text,
        description_sha256=optional(sha256),
        mode=one_of(MODES),
        requester=_PERSON,
        outcome=OUTCOME,
        verdict=VERDICT,
        stages=each(
            members(
                **STAGE_MEMBERS,
                policy=sha256,
                status=one_of(ENDS),
                code=text,
                execution_id=optional(identifier),
            )
        ),
    ),
}

# An event of a journal, which an execution's certificate covers by its Merkle root.
JOURNAL_ENTRY = members(sequence=integer, kind=identifier, at=text, facts=mapping(scalar), payload_sha256=sha256)

# The kinds of event that tell of a document, by name and digest, and where the execution's certificate lists it.
DOCUMENT_EVENTS: Mapping[str, str] = {"document_read": "read", "document_write": "written"}

# A policy's canonical document, as far as gate and verifier read it.
POLICY_DOCUMENT = at_least(
    name=text,
    version=integer,
    retention_days=integer,
    required_proofs=each(text),
    capabilities=at_least(ceiling=each(text), forbidden=each(text)),
    content=each(at_least(action=text)),
    sign_offs=at_least(required=integer, not_requester=boolean),
)
