"""The journal of an execution: what is appended, by whom, and what is read out of it.

An append is one transaction: an UPDATE that holds the claim, the event's number and the ledger against the row as it is
then, and what depends on it. So a worker that lost its lease raises LeaseLost and leaves nothing behind, and what was
prepared once can be appended again after a lost connection: either it is there already, or it lands now.
"""

import json
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import rfc8785
from django.db import connection, transaction
from django.utils import timezone

from compliance.content import OpenKey, SealedText, compute_digest, insert_sealed, load_unerased_texts, seal_text
from compliance.merkle import compute_merkle_root
from compliance.predicates import DOCUMENT_EVENTS
from workflows.agents.types import Entry, PastEvent
from workflows.leases import Claim, LeaseLost
from workflows.models import Execution, ExecutionEvent, ExecutionStatus

_SALT_BYTES = 16
_MAX_NUMBER = 2**53 - 1  # RFC 8785 numbers are exact up to here

# One statement for guard, number and ledger: RETURNING is known to PostgreSQL, and to SQLite from 3.35 on.
_COUNT_EVENT = """
UPDATE workflows_execution
SET event_count = event_count + 1, charged_nanocents = charged_nanocents + %s
WHERE id = %s AND fence = %s AND status = %s AND event_count = %s AND charged_nanocents = %s
RETURNING id
"""


@dataclass(frozen=True)
class PreparedEvent:
    """An event as it will stand: its entry in canonical form, byte for byte, and its payload, sealed."""

    sequence: int
    kind: str
    entry: str
    payload: SealedText
    at: datetime

    @property
    def digest(self) -> str:
        return compute_digest(self.entry)


@dataclass(frozen=True)
class LedgerChange:
    """What an event does to the ledger: from `charged` nano-cents by `growth`."""

    charged: int
    growth: int = 0


def prepare_event(opened: OpenKey, sequence: int, entry: Entry) -> PreparedEvent:
    """Seal an event's payload, with a salt, and write its entry. Touches no database.

    `facts` hold no text. The event's digest covers the facts and, by its digest, the payload: facts are proven
    whatever becomes of it.
    """
    at = timezone.now()
    payload = seal_text(opened, _encode_payload(entry.payload))
    written = rfc8785.dumps(
        {
            "sequence": sequence,
            "kind": entry.kind,
            "at": at.isoformat(),
            "facts": {name: _clean_fact(value) for name, value in entry.facts.items()},
            "payload_sha256": payload.digest,
        }
    ).decode()
    return PreparedEvent(sequence, entry.kind, written, payload, at)


def append_event(
    claim: Claim, event: PreparedEvent, ledger: LedgerChange, along: Callable[[], None] | None = None
) -> None:
    """Append an event under a claim, with what belongs into its transaction. Raises LeaseLost.

    Safe to repeat: nobody but the claim's holder writes, so an event of that number and digest is this one.
    """
    with transaction.atomic():
        if not _count_event(claim.execution_id, claim.fence, ExecutionStatus.EXECUTING, event.sequence, ledger):
            if _has_landed(claim, event):
                return
            raise LeaseLost
        insert_event(claim.execution_id, claim.workflow_id, event)
        if along is not None:
            along()


def append_while_waiting(execution: Execution, workflow_id: uuid.UUID, event: PreparedEvent) -> bool:
    """Append an event to the journal of an execution that waits for a person, and say whether it still waits.

    Must run in a transaction that has the workflow's row locked.
    """
    ledger = LedgerChange(execution.charged_nanocents)
    if not _count_event(execution.id, execution.fence, ExecutionStatus.WAITING, event.sequence, ledger):
        return False
    insert_event(execution.id, workflow_id, event)
    return True


def insert_event(execution_id: uuid.UUID, workflow_id: uuid.UUID, event: PreparedEvent) -> None:
    """Write an event's rows. Its number must be taken already, in the same transaction."""
    insert_sealed(workflow_id, [event.payload])
    ExecutionEvent.objects.bulk_create(
        [
            ExecutionEvent(
                execution_id=execution_id,
                sequence=event.sequence,
                kind=event.kind,
                entry=event.entry,
                digest=event.digest,
                payload_digest=event.payload.digest,
                created_at=event.at,
            )
        ]
    )


def load_history(execution_id: uuid.UUID, workflow_id: uuid.UUID) -> tuple[PastEvent, ...]:
    """Return what earlier attempts left in the journal, in order; payloads that were erased are None."""
    events = list(ExecutionEvent.objects.filter(execution_id=execution_id).order_by("sequence"))
    if not events:
        return ()
    texts = load_unerased_texts((workflow_id, event.payload_digest) for event in events)
    return tuple(
        PastEvent(event.sequence, event.kind, event.facts, payload)
        for event in events
        for payload in [_decode_payload(texts.get((workflow_id, event.payload_digest)))]
    )


def summarise_journal(execution_id: uuid.UUID) -> tuple[dict[str, Any], dict[str, list[dict[str, str]]]]:
    """Return the journal's size and Merkle root, and the documents read and written by it, for the certificate."""
    rows = ExecutionEvent.objects.filter(execution_id=execution_id).order_by("sequence")
    leaves: list[str] = []
    found: dict[str, set[tuple[str, str]]] = {"read": set(), "written": set()}
    for kind, digest, entry in rows.values_list("kind", "digest", "entry"):
        leaves.append(digest)
        if kind in DOCUMENT_EVENTS:
            facts = json.loads(entry)["facts"]
            found[DOCUMENT_EVENTS[kind]].add((facts["name"], facts["sha256"]))
    documents = {
        member: [{"name": name, "sha256": digest} for name, digest in sorted(named)] for member, named in found.items()
    }
    return {"size": len(leaves), "root": compute_merkle_root(leaves)}, documents


def _count_event(execution_id: uuid.UUID, fence: int, status: str, sequence: int, ledger: LedgerChange) -> bool:
    """Take an event's number and change the ledger, and say whether it landed; locks the row if it did."""
    key = Execution._meta.pk.get_db_prep_value(execution_id, connection)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_EVENT, [ledger.growth, key, fence, status, sequence, ledger.charged])
        return cursor.fetchone() is not None


def _has_landed(claim: Claim, event: PreparedEvent) -> bool:
    held = Execution.objects.filter(id=claim.execution_id, fence=claim.fence, status=ExecutionStatus.EXECUTING)
    written = ExecutionEvent.objects.filter(
        execution_id=claim.execution_id, sequence=event.sequence, digest=event.digest
    )
    return held.exists() and written.exists()


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
