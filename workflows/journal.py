"""The journal of an execution and the documents it may read: what the agent's loop is handed.

Every write is conditional on the claim, in one transaction with the row that it counts: a worker that lost its
lease raises LeaseLost and leaves nothing behind.
"""

import json
import secrets
import uuid
from collections.abc import Mapping
from typing import Any

import rfc8785
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from compliance.content import compute_digest, load_text, load_unerased_texts, store_text
from compliance.merkle import compute_merkle_root
from compliance.predicates import DOCUMENT_EVENTS
from workflows.agents.types import PastEvent
from workflows.leases import Claim, LeaseLost
from workflows.models import Execution, ExecutionEvent, ExecutionStatus, Stage, StageDocument

_SALT_BYTES = 16
_MAX_NUMBER = 2**53 - 1  # RFC 8785 numbers are exact up to here


def record_event(claim: Claim, kind: str, facts: Mapping[str, Any], payload: object) -> None:
    """Append one event. `facts` hold no text; the payload, with a salt, goes to the content store. Raises LeaseLost.

    The event's digest covers the facts and, by its digest, the payload: facts are proven whatever becomes of it.
    """
    at = timezone.now()
    with transaction.atomic():
        sequence = _next_sequence(claim)
        payload_digest = store_text(claim.workflow_id, _encode_payload(payload))
        entry = rfc8785.dumps(
            {
                "sequence": sequence,
                "kind": kind,
                "at": at.isoformat(),
                "facts": {name: _clean_fact(value) for name, value in facts.items()},
                "payload_sha256": payload_digest,
            }
        ).decode()
        ExecutionEvent.objects.create(
            execution_id=claim.execution_id,
            sequence=sequence,
            kind=kind,
            entry=entry,
            digest=compute_digest(entry),
            payload_digest=payload_digest,
            created_at=at,
        )


def load_history(execution_id: uuid.UUID, workflow_id: uuid.UUID) -> tuple[PastEvent, ...]:
    """Return what earlier attempts left in the journal, in order; payloads that were erased are None."""
    events = list(ExecutionEvent.objects.filter(execution_id=execution_id).order_by("sequence"))
    if not events:
        return ()
    texts = load_unerased_texts((workflow_id, event.payload_digest) for event in events)
    return tuple(
        PastEvent(
            event.sequence, event.kind, event.facts, _decode_payload(texts.get((workflow_id, event.payload_digest)))
        )
        for event in events
    )


def summarise_journal(execution_id: uuid.UUID) -> dict[str, Any]:
    """Return the journal's size and Merkle root, as they stand in the certificate."""
    digests = ExecutionEvent.objects.filter(execution_id=execution_id).order_by("sequence")
    leaves = list(digests.values_list("digest", flat=True))
    return {"size": len(leaves), "root": compute_merkle_root(leaves)}


def summarise_documents(execution_id: uuid.UUID) -> dict[str, list[dict[str, str]]]:
    """Return the documents that an execution has read and written, by its journal, as they stand in the certificate."""
    found: dict[str, set[tuple[str, str]]] = {"read": set(), "written": set()}
    for event in ExecutionEvent.objects.filter(execution_id=execution_id, kind__in=DOCUMENT_EVENTS):
        found[DOCUMENT_EVENTS[event.kind]].add((event.facts["name"], event.facts["sha256"]))
    return {
        member: [{"name": name, "sha256": digest} for name, digest in sorted(documents)]
        for member, documents in found.items()
    }


def read_document(claim: Claim, name: str) -> str | None:
    """Return a named document: the stage's own newest one, else that of the last stage named upstream that has it.

    What is handed out is journalled first, for the certificate to list. Raises LeaseLost.
    """
    stage = Stage.objects.get(uid=claim.stage_uid)
    rows = StageDocument.objects.filter(
        execution__stage__workflow_id=claim.workflow_id,
        execution__stage__stage_id__in=[stage.stage_id, *stage.upstream_stage_ids],
        name=name,
    )
    row = rows.order_by("-execution__stage__position", "-id").first()
    if row is None:
        return None
    text = load_text(claim.workflow_id, row.digest)
    record_event(claim, "document_read", {"name": name, "sha256": row.digest}, {})
    return text


def write_document(claim: Claim, name: str, text: str) -> str:
    """Store a named document, journal that it was written and return its digest. Raises LeaseLost."""
    digest = compute_digest(text)
    with transaction.atomic():
        record_event(claim, "document_write", {"name": name, "sha256": digest}, {})
        store_text(claim.workflow_id, text)
        StageDocument.objects.create(execution_id=claim.execution_id, name=name, digest=digest)
    return digest


def list_documents(claim: Claim) -> tuple[str, ...]:
    """Return the names of the documents that the stage may see, sorted."""
    stage = Stage.objects.get(uid=claim.stage_uid)
    names = StageDocument.objects.filter(
        execution__stage__workflow_id=claim.workflow_id,
        execution__stage__stage_id__in=[stage.stage_id, *stage.upstream_stage_ids],
    )
    return tuple(sorted(set(names.values_list("name", flat=True))))


def _next_sequence(claim: Claim) -> int:
    """Count one event more, which locks the execution's row for the rest of the transaction."""
    held = Execution.objects.filter(id=claim.execution_id, fence=claim.fence, status=ExecutionStatus.EXECUTING)
    if not held.update(event_count=F("event_count") + 1):
        raise LeaseLost
    return int(Execution.objects.values_list("event_count", flat=True).get(id=claim.execution_id)) - 1


def _encode_payload(payload: object) -> str:
    """Return the payload, salted, as JSON in ASCII: a lone surrogate out of a model's answer stays an escape.

    NaN and infinities, which JSON has no number for, become strings.
    """
    salted = {"salt": secrets.token_hex(_SALT_BYTES), "payload": payload}
    try:
        return json.dumps(salted, ensure_ascii=True, sort_keys=True, allow_nan=False)
    except ValueError:
        finite = json.loads(json.dumps(salted), parse_constant=str)
        return json.dumps(finite, ensure_ascii=True, sort_keys=True, allow_nan=False)


def _decode_payload(text: str | None) -> Any:
    return None if text is None else json.loads(text)["payload"]


def _clean_fact(value: Any) -> Any:
    """Keep out of facts what canonical JSON or a database cannot hold.

    NUL and lone surrogates become question marks; numbers that are not finite or beyond 2^53 become strings.
    """
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return value if abs(value) <= _MAX_NUMBER else str(value)
    return value.replace("\0", "?").encode("utf-8", "replace").decode()[:400]
