"""Workflows, stages and executions as an audit package carries them (layout: compliance.package.layout).

What a certificate states stands here in the same words, so that the verifier can hold the one against the other.
Times are ISO 8601 in UTC.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from compliance.models import Policy
from compliance.package.claims import as_reason
from workflows.models import Execution, Stage, StageStatus, Workflow
from workflows.redaction import TextExporter
from workflows.transitions import STAGE_ENDS

_BAD_ENDS = frozenset({"blocked", "failed"})


class _Ended(Protocol):
    """A record, or a row of one, that says how it stands."""

    @property
    def status(self) -> str: ...
    @property
    def reason_code(self) -> str: ...
    @property
    def reason_detail(self) -> str: ...


class _InOrder(Protocol):
    """A stage, or a row of one."""

    @property
    def position(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def started_at(self) -> datetime | None: ...


def describe_workflow(workflow: Workflow, stages: Sequence[Stage]) -> dict[str, Any]:
    """Return the workflow's record, without its stages."""
    return {
        "id": str(workflow.id),
        "name": workflow.name,
        "description": workflow.description,
        "mode": workflow.mode,
        "status": workflow.status,
        "verdict": workflow.verdict or None,
        "reason": as_reason(workflow.reason_code, workflow.reason_detail),
        "error": describe_error(workflow),
        "created_at": format_time(workflow.created_at),
        "updated_at": format_time(workflow.updated_at),
        "completed_at": format_time(workflow.completed_at),
        "current_stage_index": find_current_stage(stages),
        "stage_count": workflow.stage_count,
        "completed_stage_count": sum(stage.status == StageStatus.COMPLETED for stage in stages),
    }


def describe_stage(stage: Stage, executions: Sequence[Execution], texts: TextExporter) -> dict[str, Any]:
    """Return a stage's record; `executions` are its own, oldest first. Its provider key is never in it."""
    latest = executions[-1] if executions else None
    return {
        "id": stage.stage_id,
        "uid": str(stage.uid),
        "name": stage.name,
        "position": stage.position,
        "stage_role": stage.role,
        "task": texts.export(stage.task_digest),
        "document": texts.export(stage.document_digest),
        "upstream_stage_ids": stage.upstream_stage_ids,
        "compliance_policy": stage.policy.name,
        "policy": describe_policy(stage.policy),
        "budget_cents": stage.budget_cents,
        "provider": stage.provider,
        "model": stage.model or None,
        "permissions": stage.requested_permissions,
        "granted_permissions": stage.granted_permissions,
        "denied_permissions": stage.denied_permissions,
        "status": stage.status,
        "execution_id": str(latest.id) if latest else None,
        "verdict": (latest.verdict or None) if latest else None,
        "reason": as_reason(stage.reason_code, stage.reason_detail),
        "error": describe_error(stage),
        "started_at": format_time(stage.started_at),
        "completed_at": format_time(stage.completed_at),
        "cost_cents": sum(execution.cost_cents for execution in executions),
    }


def describe_execution(execution: Execution, texts: TextExporter) -> dict[str, Any]:
    """Return an execution's record."""
    return {
        "id": str(execution.id),
        "stage_id": execution.stage.stage_id,
        "attempts": execution.attempts,
        "status": execution.status,
        "verdict": execution.verdict or None,
        "reason": as_reason(execution.reason_code, execution.reason_detail),
        "agent_decision": execution.agent_decision or None,
        "artifact": texts.export(execution.artifact_digest),
        "answer": texts.export_answer(execution.answer_digest),
        "reviewed_sha256": execution.subject_digest or None,
        "checks": execution.checks,
        "provider": execution.provider or execution.stage.provider,
        "model": execution.model or None,
        "usage": {
            "requests": execution.request_count,
            "input_tokens": execution.input_tokens,
            "output_tokens": execution.output_tokens,
        },
        "cost_cents": execution.cost_cents,
        "created_at": format_time(execution.created_at),
        "started_at": format_time(execution.started_at),
        "completed_at": format_time(execution.completed_at),
    }


def describe_policy(policy: Policy) -> dict[str, Any]:
    return {"name": policy.name, "version": policy.version, "digest": policy.digest}


def format_time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


def describe_error(record: _Ended) -> str | None:
    """Return what went wrong, in words, where something did."""
    if record.status not in _BAD_ENDS:
        return None
    return record.reason_detail or record.reason_code or None


def find_current_stage(stages: Sequence[_InOrder]) -> int:
    """Return the first stage that has not ended; once all have, the last one that started. From 0."""
    still_open = [stage.position for stage in stages if stage.status not in STAGE_ENDS]
    started = [stage.position for stage in stages if stage.started_at is not None]
    return min(still_open, default=max(started, default=0))
