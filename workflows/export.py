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

from compliance.chain import Attestation, read_chain
from compliance.content import load_readable_texts
from compliance.envelope import load_public_keys, parse_envelope
from compliance.models import Certificate, Policy, SigningKey
from compliance.package import FORMAT
from compliance.package.claims import derive_lineage
from compliance.policies_in_force import read_policy_document
from compliance.policy_terms import read_policy_terms
from workflows.compliance_package import PackageSources, build_compliance_package
from workflows.models import Execution, ExecutionEvent, Stage, Workflow
from workflows.records import describe_execution, describe_stage, describe_workflow, format_time
from workflows.redaction import TextExporter


@dataclass(frozen=True)
class _Loaded:
    """The rows of one workflow, read in one transaction so that they fit together."""

    workflow: Workflow
    stages: Sequence[Stage]
    executions: Sequence[Execution]
    certificates: Sequence[Certificate]
    keys: Sequence[SigningKey]
    policies: Sequence[Policy]
    sources: PackageSources

    def list_executions(self, stage: Stage) -> list[Execution]:
        """A stage's executions, oldest first."""
        return [execution for execution in self.executions if execution.stage_id == stage.uid]


def build_workflow_package(workflow: Workflow) -> dict[str, Any]:
    """Return the audit package of a workflow, as JSON-able values (layout: compliance.package.layout).

    Raises ChainError when the stored certificates do not hold together: such evidence is not exported as if it did.
    """
    loaded = _load(workflow)
    sources = loaded.sources
    return {
        "format": FORMAT,
        "exported_at": format_time(timezone.now()),
        "workflow": describe_workflow(loaded.workflow, loaded.stages),
        "stages": [_describe_entry(stage, loaded) for stage in loaded.stages],
        "lineage": derive_lineage(sources.chain, sources.certificate_ids),
        "certificates": [
            {"id": str(row.id), **json.loads(bytes(row.envelope).decode())} for row in loaded.certificates
        ],
        "keys": [{"keyid": row.key_id, "public_key": row.public_key_pem} for row in loaded.keys],
        "policies": [{"digest": row.digest, "document": row.document} for row in loaded.policies],
    }


def build_execution_package(execution: Execution) -> dict[str, Any]:
    """Return the compliance package of one execution. Raises ChainError, as above."""
    loaded = _load(execution.stage.workflow)
    row = next(entry for entry in loaded.executions if entry.id == execution.id)
    return build_compliance_package(row, loaded.sources)


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


@transaction.atomic
def _load(workflow: Workflow) -> _Loaded:
    workflow = Workflow.objects.get(id=workflow.id)
    stages = list(Stage.objects.filter(workflow=workflow).select_related("policy").order_by("position"))
    executions = list(
        Execution.objects.filter(stage__workflow=workflow).select_related("stage__policy").order_by("created_at", "id")
    )
    events: dict[uuid.UUID, list[ExecutionEvent]] = defaultdict(list)
    for event in ExecutionEvent.objects.filter(execution__stage__workflow=workflow).order_by("sequence"):
        events[event.execution_id].append(event)
    certificates = list(Certificate.objects.filter(chain_id=workflow.id).order_by("sequence"))
    keys = list(SigningKey.objects.filter(key_id__in={row.key_id for row in certificates}).order_by("key_id"))
    envelopes = [parse_envelope(bytes(row.envelope)) for row in certificates]
    chain = read_chain(str(workflow.id), envelopes, load_public_keys(row.public_key_pem for row in keys))
    policies = list(Policy.objects.filter(digest__in=_name_policies(stages, chain)).order_by("name", "version"))
    sources = PackageSources(
        chain=chain,
        certificate_ids={row.digest: str(row.id) for row in certificates},
        terms={row.digest: read_policy_terms(row.document) for row in policies},
        texts=TextExporter(
            texts=_load_texts(workflow.id, _name_texts(stages, executions, chain, events.values())),
            policies=[read_policy_document(row) for row in policies],
        ),
        events=events,
    )
    return _Loaded(workflow, stages, executions, certificates, keys, policies, sources)


def _name_policies(stages: Iterable[Stage], chain: Iterable[Attestation]) -> set[str]:
    named = {stage.policy.digest for stage in stages}
    for entry in chain:
        content = entry.predicate.get("content") or {"policies": ()}
        named.update(entry.lineage_policies, content["policies"])
    return named


def _name_texts(
    stages: Iterable[Stage],
    executions: Iterable[Execution],
    chain: Iterable[Attestation],
    journals: Iterable[Sequence[ExecutionEvent]],
) -> set[str]:
    named = {digest for stage in stages for digest in (stage.task_digest, stage.document_digest)}
    named |= {digest for row in executions for digest in (row.artifact_digest, row.answer_digest)}
    named |= {entry.predicate["reason_sha256"] for entry in chain if entry.kind == "sign_off"}
    return named | {event.digest for journal in journals for event in journal}


def _load_texts(scope: uuid.UUID, digests: set[str]) -> dict[str, str]:
    found = load_readable_texts((scope, digest) for digest in digests)
    return {digest: text for (_, digest), text in found.items()}
