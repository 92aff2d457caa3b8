"""The records of workflows and stages, built from rows as `workflows.api.serializers` says that they are."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from compliance.content import compute_digest
from workflows.api.rows import ExecutionRow, Runs, StageRow, read_runs_of, read_stages_of, row_of, run_of
from workflows.api.texts import StageTexts, load_stage_texts
from workflows.models import StageStatus, Workflow
from workflows.records import describe_error, find_current_stage
from workflows.requests import WorkflowRequest

Answer = dict[str, Any]


def answer_workflows(workflows: Sequence[Workflow]) -> list[Answer]:
    """Return a list's items, in one query however many they are."""
    stages, runs = read_stages_of(workflow.id for workflow in workflows)
    return [
        _describe_workflow(workflow, rows, [_describe_stage(stage, runs) for stage in rows])
        for workflow in workflows
        for rows in [stages.get(workflow.id, [])]
    ]


def answer_new_workflow(workflow: Workflow, asked: WorkflowRequest) -> Answer:
    """Return the record of a workflow as it was created: out of the rows that were written and the texts asked for."""
    made = list(workflow.stages.all())
    stages = [row_of(stage) for stage in made]
    runs = {stage.uid: [run_of(execution) for execution in stage.executions.all()] for stage in made}
    given = {text: compute_digest(text) for stage in asked.stages for text in (stage.task, stage.document or "")}
    texts = StageTexts({(workflow.id, digest): text for text, digest in given.items()}, {})
    return _describe_workflow(workflow, stages, [_describe_stage_whole(stage, runs, texts) for stage in stages])


def answer_workflow(workflow: Workflow) -> Answer:
    """Return the record of one workflow with its texts."""
    by_workflow, runs = read_stages_of([workflow.id])
    stages = by_workflow.get(workflow.id, [])
    texts = load_stage_texts(stages, _latest_of(runs))
    return _describe_workflow(workflow, stages, [_describe_stage_whole(stage, runs, texts) for stage in stages])


def answer_stages(stages: Iterable[StageRow]) -> list[Answer]:
    """Return the items of a list of stages, each with its workflow and position."""
    rows = list(stages)
    runs = read_runs_of(stage.uid for stage in rows)
    return [_describe_stage(stage, runs) | _place_of(stage) for stage in rows]


def answer_stage(stage: StageRow) -> Answer:
    """Return the record of one stage with its texts."""
    runs = read_runs_of([stage.uid])
    texts = load_stage_texts([stage], _latest_of(runs))
    return _describe_stage_whole(stage, runs, texts) | _place_of(stage)


def _describe_workflow(workflow: Workflow, stages: Sequence[StageRow], answers: list[Answer]) -> Answer:
    return {
        "id": str(workflow.id),
        "name": workflow.name,
        "description": workflow.description,
        "mode": workflow.mode,
        "status": workflow.status,
        "verdict": workflow.verdict or None,
        "created_at": _format_time(workflow.created_at),
        "updated_at": _format_time(workflow.updated_at),
        "completed_at": _format_time(workflow.completed_at),
        "current_stage_index": find_current_stage(stages),
        "stage_count": workflow.stage_count,
        "completed_stage_count": sum(stage.status == StageStatus.COMPLETED for stage in stages),
        "error": describe_error(workflow),
        "reason": _describe_reason(workflow),
        "stages": answers,
    }


def _describe_stage(stage: StageRow, runs: Runs) -> Answer:
    own = runs.get(stage.uid, ())
    latest = _latest(own)
    return {
        "id": stage.stage_id,
        "uid": str(stage.uid),
        "name": stage.name,
        "compliance_policy": stage.policy_name,
        "policy_version": stage.policy_version,
        "budget_cents": stage.budget_cents,
        "stage_role": stage.role,
        "provider": stage.provider,
        "language_model": stage.provider != "embedded",
        "model": stage.model or None,
        "permissions": stage.requested_permissions,
        "upstream_stage_ids": stage.upstream_stage_ids,
        "status": stage.status,
        "execution_id": str(latest.id) if latest else None,
        "verdict": (latest.verdict or None) if latest else None,
        "started_at": _format_time(stage.started_at),
        "completed_at": _format_time(stage.completed_at),
        "error": describe_error(stage),
        "reason": _describe_reason(stage),
        "granted_permissions": stage.granted_permissions,
        "denied_permissions": stage.denied_permissions,
        "cost_cents": sum(run.cost_cents for run in own),
    }


def _describe_stage_whole(stage: StageRow, runs: Runs, texts: StageTexts) -> Answer:
    latest = _latest(runs.get(stage.uid, ()))
    return _describe_stage(stage, runs) | {
        "task": texts.by_digest.get((stage.workflow_id, stage.task_digest)),
        "document": texts.by_digest.get((stage.workflow_id, stage.document_digest)),
        "output_summary": texts.summaries.get(latest.id) if latest else None,
    }


def _place_of(stage: StageRow) -> Answer:
    return {"workflow_id": str(stage.workflow_id), "position": stage.position}


def _latest(own: Sequence[ExecutionRow]) -> ExecutionRow | None:
    return max(own, key=lambda run: (run.created_at, run.id), default=None)


def _latest_of(runs: Runs) -> list[ExecutionRow]:
    return [latest for of_stage in runs.values() if (latest := _latest(of_stage))]


def _describe_reason(record: Workflow | StageRow) -> Answer | None:
    return {"code": record.reason_code, "detail": record.reason_detail} if record.reason_code else None


def _format_time(at: datetime | None) -> str | None:
    """Return a time as the other serializers do: ISO 8601 in UTC, with Z."""
    return None if at is None else at.isoformat().replace("+00:00", "Z")
