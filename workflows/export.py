"""A workflow's audit package, out of the records, the certificates as stored, and the content store.

The number of queries does not grow with stages, executions, certificates or events.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from compliance.chain import Attestation, ChainError, read_chain
from compliance.content import ContentError, load_unerased_texts
from compliance.envelope import EnvelopeError, load_public_keys, parse_envelope
from compliance.models import Certificate, Policy, SigningKey
from compliance.package import FORMAT
from compliance.package.claims import derive_lineage
from compliance.policies_in_force import read_policy_document
from compliance.policy_terms import read_policy_terms
from workflows.compliance_package import PackageSources, build_compliance_package
from workflows.leases import lock_workflow
from workflows.models import Execution, ExecutionEvent, Stage, Workflow
from workflows.records import describe_execution, describe_stage, describe_workflow, format_time
from workflows.redaction import TextExporter


class EvidenceDamaged(Exception):
    """The stored evidence does not hold together, so it is not exported as if it did; the message says where."""


@dataclass(frozen=True)
class _Rows:
    """The rows of one workflow, as they were at one moment."""

    workflow: Workflow
    stages: Sequence[Stage]
    executions: Sequence[Execution]
    events: Sequence[ExecutionEvent]
    certificates: Sequence[Certificate]
    keys: Sequence[SigningKey]


@dataclass(frozen=True)
class _Loaded:
    rows: _Rows
    policies: Sequence[Policy]
    sources: PackageSources

    def list_executions(self, stage: Stage) -> list[Execution]:
        """A stage's executions, oldest first."""
        return [execution for execution in self.rows.executions if execution.stage_id == stage.uid]


def build_workflow_package(workflow: Workflow) -> dict[str, Any]:
    """Return the audit package of a workflow, as JSON-able values (layout: compliance.package.layout).

    Raises EvidenceDamaged.
    """
    loaded = _load(workflow.id)
    rows, sources = loaded.rows, loaded.sources
    return {
        "format": FORMAT,
        "exported_at": format_time(timezone.now()),
        "workflow": describe_workflow(rows.workflow, rows.stages),
        "stages": [_describe_entry(stage, loaded) for stage in rows.stages],
        "lineage": derive_lineage(sources.chain, sources.certificate_ids),
        "certificates": [{"id": str(row.id), **json.loads(bytes(row.envelope).decode())} for row in rows.certificates],
        "keys": [{"keyid": row.key_id, "public_key": row.public_key_pem} for row in rows.keys],
        "policies": [{"digest": row.digest, "document": row.document} for row in loaded.policies],
    }


def encode_package(package: dict[str, Any]) -> bytes:
    """Return a package as the JSON that is written out: ASCII only, so that no text in it can act on a terminal."""
    return (json.dumps(package, ensure_ascii=True, indent=1) + "\n").encode()


def _describe_entry(stage: Stage, loaded: _Loaded) -> dict[str, Any]:
    executions, texts = loaded.list_executions(stage), loaded.sources.texts
    described = [
        {
            "execution": describe_execution(execution, texts),
            "compliance_package": build_compliance_package(execution, loaded.sources),
        }
        for execution in executions
    ]
    latest = described.pop() if described else {"execution": None, "compliance_package": None}
    return {"stage": describe_stage(stage, executions, texts), **latest, "earlier_executions": described}


def _load(workflow_id: uuid.UUID) -> _Loaded:
    rows = _read_rows(workflow_id)
    try:
        chain = _read_stored_chain(rows)
        digests = _name_texts(rows, chain)
        found = load_unerased_texts((workflow_id, digest) for digest in digests)
    except (ChainError, ContentError) as error:
        raise EvidenceDamaged(str(error)) from error
    policies = list(Policy.objects.filter(digest__in=_name_policies(rows.stages, chain)).order_by("name", "version"))
    events: dict[uuid.UUID, list[ExecutionEvent]] = defaultdict(list)
    for event in rows.events:
        events[event.execution_id].append(event)
    texts = TextExporter(
        texts={digest: text for (_, digest), text in found.items()},
        policies=[read_policy_document(row) for row in policies],
    )
    sources = PackageSources(
        chain=chain,
        certificate_ids={row.digest: str(row.id) for row in rows.certificates},
        terms={row.digest: read_policy_terms(row.document) for row in policies},
        texts=texts,
        events=events,
    )
    return _Loaded(rows, policies, sources)


@transaction.atomic
def _read_rows(workflow_id: uuid.UUID) -> _Rows:
    """Read what changes while a workflow runs. Its row is locked meanwhile, as for every change of its status."""
    workflow = lock_workflow(workflow_id)
    executions = Execution.objects.filter(stage__workflow=workflow).select_related("stage__policy")
    certificates = list(Certificate.objects.filter(chain_id=workflow_id).order_by("sequence"))
    return _Rows(
        workflow=workflow,
        stages=list(Stage.objects.filter(workflow=workflow).select_related("policy").order_by("position")),
        executions=list(executions.order_by("created_at", "id")),
        events=list(ExecutionEvent.objects.filter(execution__stage__workflow=workflow).order_by("sequence")),
        certificates=certificates,
        keys=list(SigningKey.objects.filter(key_id__in={row.key_id for row in certificates}).order_by("key_id")),
    )


def _read_stored_chain(rows: _Rows) -> tuple[Attestation, ...]:
    envelopes = []
    for row in rows.certificates:
        try:
            envelopes.append(parse_envelope(bytes(row.envelope)))
        except EnvelopeError as error:
            raise ChainError(row.sequence, str(error)) from error
    return read_chain(str(rows.workflow.id), envelopes, load_public_keys(row.public_key_pem for row in rows.keys))


def _name_policies(stages: Iterable[Stage], chain: Iterable[Attestation]) -> set[str]:
    named = {stage.policy.digest for stage in stages}
    for entry in chain:
        content = entry.predicate.get("content") or {"policies": ()}
        named.update(entry.lineage_policies, content["policies"])
        if entry.kind == "opening":
            named.update(stage["policy"]["digest"] for stage in entry.stages)
    return named


def _name_texts(rows: _Rows, chain: Iterable[Attestation]) -> set[str]:
    named = {digest for stage in rows.stages for digest in (stage.task_digest, stage.document_digest)}
    named |= {digest for row in rows.executions for digest in (row.artifact_digest, row.answer_digest)}
    named |= {entry.predicate["reason_sha256"] for entry in chain if entry.kind == "sign_off"}
    return named | {event.payload_digest for event in rows.events}
