"""The compliance package of one execution: what its certificates amount to, its texts and its journal."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from compliance.chain import Attestation
from compliance.package.claims import ExecutionIdentity, derive_compliance_members
from compliance.package.text_checks import PREVIEW_CHARACTERS
from compliance.policy_terms import PolicyTerms
from workflows.models import Execution, ExecutionEvent
from workflows.records import describe_policy, format_time
from workflows.redaction import TextExporter


@dataclass(frozen=True)
class PackageSources:
    """What all packages of one workflow are made from, loaded once.

    `certificate_ids` gives ids by certificate digest; `events` the journal of each execution, in order.
    """

    chain: tuple[Attestation, ...]
    certificate_ids: Mapping[str, str]
    terms: Mapping[str, PolicyTerms]
    texts: TextExporter
    events: Mapping[uuid.UUID, Sequence[ExecutionEvent]]


def build_compliance_package(execution: Execution, sources: PackageSources) -> dict[str, Any]:
    """Return the compliance package of an execution, whose stage and policy are loaded."""
    stage = execution.stage
    identity = ExecutionIdentity(
        execution_id=str(execution.id),
        stage_id=stage.stage_id,
        role=stage.role,
        policy=describe_policy(stage.policy),
    )
    members = derive_compliance_members(identity, sources.chain, sources.terms, sources.certificate_ids)
    summary = members["execution_summary"]
    return {
        "package_id": str(uuid.uuid4()),
        "generated_at": format_time(timezone.now()),
        **members,
        "execution_summary": {**summary, **_fill_texts(execution, summary, sources.texts)},
        "audit_trail": [_describe_event(event, sources.texts) for event in sources.events.get(execution.id, ())],
    }


def _fill_texts(execution: Execution, summary: Mapping[str, Any], texts: TextExporter) -> dict[str, Any]:
    """Return the members of a summary that hold texts, with the texts in their places."""
    artifact = texts.export(execution.artifact_digest)
    approved = summary["approved_artifact"]
    shown = artifact["text"] if artifact else None
    return {
        "output_preview": None if shown is None else shown[:PREVIEW_CHARACTERS],
        "approved_artifact": None if approved is None else {**approved, **(texts.export(approved["sha256"]) or {})},
        "sign_offs": [
            {**sign_off, "reason": texts.export(sign_off["reason"]["sha256"])} for sign_off in summary["sign_offs"]
        ],
    }


def _describe_event(event: ExecutionEvent, texts: TextExporter) -> dict[str, Any]:
    payload = texts.export_payload(event.payload_digest)
    return {
        "sequence": event.sequence,
        "kind": event.kind,
        "entry": event.entry,
        "digest": event.digest,
        "payload": payload,
        "redacted": payload is None,
    }
