"""The journal of an execution and the documents it may read: what the agent's loop is handed.

Every write is conditional on the claim, in one transaction with the row that it counts: a worker that lost its
lease raises LeaseLost and leaves nothing behind.
"""

import json
import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from compliance.content import load_text, store_text
from compliance.merkle import compute_merkle_root
from workflows.leases import Claim, LeaseLost
from workflows.models import Execution, ExecutionEvent, ExecutionStatus, Stage, StageDocument

_SALT_BYTES = 16


def record_event(claim: Claim, kind: str, facts: Mapping[str, Any], payload: object) -> None:
    """Append one event. `facts` hold no text; the payload, with a salt, goes to the content store. Raises LeaseLost."""
    at = timezone.now()
    cleaned = {name: _clean_fact(value) for name, value in facts.items()}
    with transaction.atomic():
        sequence = _next_sequence(claim)
        entry = {
            "salt": secrets.token_hex(_SALT_BYTES),
            "sequence": sequence,
            "kind": kind,
            "at": at.isoformat(),
            "facts": cleaned,
            "payload": payload,
        }
        # ASCII only: a lone surrogate out of a model's answer stays an escape and cannot break the encoding.
        digest = store_text(claim.workflow_id, json.dumps(entry, ensure_ascii=True, sort_keys=True))
        ExecutionEvent.objects.create(
            execution_id=claim.execution_id,
            sequence=sequence,
            kind=kind,
            facts=cleaned,
            digest=digest,
            created_at=at,
        )


def summarise_journal(execution_id: uuid.UUID) -> dict[str, Any]:
    """Return the journal's size and Merkle root, as they stand in the certificate."""
    digests = ExecutionEvent.objects.filter(execution_id=execution_id).order_by("sequence")
    leaves = list(digests.values_list("digest", flat=True))
    return {"size": len(leaves), "root": compute_merkle_root(leaves)}


def read_document(claim: Claim, name: str) -> str | None:
    """Return a named document: the stage's own newest one, else that of the last stage named upstream that has it."""
    stage = Stage.objects.get(uid=claim.stage_uid)
    rows = StageDocument.objects.filter(
        execution__stage__workflow_id=claim.workflow_id,
        execution__stage__stage_id__in=[stage.stage_id, *stage.upstream_stage_ids],
        name=name,
    )
    row = rows.order_by("-execution__stage__position", "-id").first()
    return None if row is None else load_text(claim.workflow_id, row.digest)


def write_document(claim: Claim, name: str, text: str) -> str:
    """Store a named document and return its digest. Raises LeaseLost."""
    with transaction.atomic():
        held = Execution.objects.select_for_update().filter(
            id=claim.execution_id, fence=claim.fence, status=ExecutionStatus.EXECUTING
        )
        if not held.exists():
            raise LeaseLost
        digest = store_text(claim.workflow_id, text)
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


def _clean_fact(value: Any) -> Any:
    """Keep what a database cannot store out of facts: NUL and lone surrogates become question marks."""
    if not isinstance(value, str):
        return value
    return value.replace("\0", "?").encode("utf-8", "replace").decode()[:400]
