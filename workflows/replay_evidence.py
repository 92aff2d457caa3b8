"""The recorded facts of past workflows, many at a time: verified chains, proven journals, texts that are readable."""

import hashlib
import json
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from compliance.chain import Attestation, ChainError, read_chain
from compliance.content import load_readable_texts
from compliance.envelope import EnvelopeError, parse_envelope
from compliance.merkle import compute_merkle_root
from compliance.models import Certificate, Content
from compliance.signing import trusted_public_keys
from workflows.models import ExecutionEvent, Role
from workflows.replay_calls import CALL_EVENTS, USE_OF, RecordedEvent
from workflows.replay_content import NotEvaluable, Substitution
from workflows.replay_simulation import RecordedWorkflow

# Texts are held for as many workflows at once as these bytes allow, and for one at the least.
_MAX_TEXT_BYTES = 32 * 1024 * 1024

Chains = dict[uuid.UUID, tuple[Attestation, ...]]
Journals = dict[str, list[RecordedEvent]]
_Pair = tuple[uuid.UUID, str]


def load_chains(workflow_ids: Collection[uuid.UUID]) -> tuple[Chains, dict[uuid.UUID, NotEvaluable]]:
    """Return the verified chains, and what is wrong with those that do not verify. One query."""
    envelopes: dict[uuid.UUID, list[bytes]] = {workflow_id: [] for workflow_id in workflow_ids}
    rows = Certificate.objects.filter(chain_id__in=workflow_ids).order_by("chain_id", "sequence")
    for workflow_id, envelope in rows.values_list("chain_id", "envelope"):
        envelopes[workflow_id].append(bytes(envelope))
    keys, chains, obstacles = trusted_public_keys(), Chains(), {}
    for workflow_id, encoded in envelopes.items():
        try:
            chain = read_chain(str(workflow_id), [parse_envelope(each) for each in encoded], keys)
        except (ChainError, EnvelopeError) as error:
            obstacles[workflow_id] = NotEvaluable("evidence_invalid", f"its evidence does not verify: {error}")
            continue
        if chain:
            chains[workflow_id] = chain
        else:
            obstacles[workflow_id] = NotEvaluable("evidence_missing", "its workflow has no certificates")
    return chains, obstacles


def load_journals(chains: Chains) -> tuple[dict[uuid.UUID, Journals], dict[uuid.UUID, NotEvaluable]]:
    """Return the calls in the journals by workflow and execution, as far as certificates cover them. One query."""
    ends = {
        entry.execution_id: (workflow_id, entry)
        for workflow_id, chain in chains.items()
        for entry in chain
        if entry.kind == "execution"
    }
    rows: dict[str, list[tuple[str, str]]] = defaultdict(list)
    found = ExecutionEvent.objects.filter(execution_id__in=[uuid.UUID(name) for name in ends if _is_uuid(name)])
    ordered = found.order_by("execution_id", "sequence")
    for key, digest, entry in ordered.values_list("execution_id", "digest", "entry"):
        rows[str(key)].append((digest, entry))
    journals: dict[uuid.UUID, Journals] = {workflow_id: {} for workflow_id in chains}
    obstacles = {}
    for execution_id, (workflow_id, end) in ends.items():
        if _is_covered(rows[execution_id], end.predicate["journal"]):
            journals[workflow_id][execution_id] = list(_read_calls(rows[execution_id]))
        else:
            detail = f"the journal of execution {execution_id} is not the one that its certificate covers"
            obstacles[workflow_id] = NotEvaluable("journal_differs", detail)
    return journals, obstacles


def load_texts_in_groups(
    chains: Chains, journals: Mapping[uuid.UUID, Journals], substitution: Substitution
) -> Iterator[RecordedWorkflow]:
    """Yield the workflows with those of their texts that a draft makes worth reading.

    One query for the sizes and two for each group of texts: as a rule for all of them, more where they are large.
    """
    wanted = {
        workflow_id: _find_wanted_texts(chain, journals[workflow_id], substitution)
        for workflow_id, chain in chains.items()
    }
    sizes = _load_sizes(wanted)
    group: list[uuid.UUID] = []
    held = 0
    for workflow_id in chains:
        size = sum(sizes.get((workflow_id, digest), 0) for digest in wanted[workflow_id])
        if group and held + size > _MAX_TEXT_BYTES:
            yield from _load_group(group, chains, journals, wanted)
            group, held = [], 0
        group.append(workflow_id)
        held += size
    yield from _load_group(group, chains, journals, wanted)


def _load_group(
    group: list[uuid.UUID],
    chains: Chains,
    journals: Mapping[uuid.UUID, Journals],
    wanted: Mapping[uuid.UUID, set[str]],
) -> Iterator[RecordedWorkflow]:
    pairs = [(workflow_id, digest) for workflow_id in group for digest in wanted[workflow_id]]
    texts: dict[uuid.UUID, dict[str, str]] = defaultdict(dict)
    for (workflow_id, digest), text in (load_readable_texts(pairs) if pairs else {}).items():
        texts[workflow_id][digest] = text
    for workflow_id in group:
        yield RecordedWorkflow(workflow_id, chains[workflow_id], journals[workflow_id], texts.pop(workflow_id, {}))


def _load_sizes(wanted: Mapping[uuid.UUID, set[str]]) -> dict[_Pair, int]:
    digests = set[str]().union(*wanted.values())
    if not digests:
        return {}
    rows = Content.objects.filter(scope__in=[scope for scope in wanted if wanted[scope]], digest__in=digests)
    return {(scope, digest): size for scope, digest, size in rows.values_list("scope", "digest", "size")}


def _find_wanted_texts(
    chain: tuple[Attestation, ...], journals: Mapping[str, list[RecordedEvent]], substitution: Substitution
) -> set[str]:
    policies = {stage["policy"]["digest"] for stage in chain[0].stages}
    # A release that was refused for what it names was never inspected; if it would be admitted now, it would be.
    uninspected = any(
        entry.kind == "admission" and entry.role == Role.RELEASE and entry.predicate["content"] is None
        for entry in chain
    )
    wanted: set[str] = set()
    if uninspected or substitution.changes_content(policies):
        ends = [entry.predicate for entry in chain if entry.kind == "execution"]
        wanted.update(end[member] or "" for end in ends for member in ("artifact_sha256", "reviewed_sha256"))
    called = {kind for kind, use in USE_OF.items() if substitution.inspects_calls(policies, use)}
    wanted.update(event.payload_digest for events in journals.values() for event in events if event.kind in called)
    return wanted - {""}


def _is_covered(rows: list[tuple[str, str]], journal: Mapping[str, Any]) -> bool:
    """Say whether the rows are the events that the certificate's Merkle root covers, each by its entry's bytes."""
    try:
        root = compute_merkle_root([digest for digest, _ in rows])
    except ValueError:
        return False
    intact = all(hashlib.sha256(entry.encode("utf-8", "replace")).hexdigest() == digest for digest, entry in rows)
    return intact and root == journal["root"] and len(rows) == journal["size"]


def _read_calls(rows: list[tuple[str, str]]) -> Iterator[RecordedEvent]:
    for _, encoded in rows:
        entry = json.loads(encoded)
        if entry["kind"] in CALL_EVENTS:
            yield RecordedEvent(entry["sequence"], entry["kind"], entry["facts"], entry["payload_sha256"])


def _is_uuid(name: str) -> bool:
    try:
        uuid.UUID(name)
    except ValueError:
        return False
    return True
