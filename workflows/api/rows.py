"""Stages and executions as plain rows: instances of models for a page cost more than its queries."""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from django.db.models import F, TextField
from django.db.models.functions import Cast

from workflows.models import Execution, Stage


class StageRow(NamedTuple):
    """What answers say of a stage, by the names of its columns."""

    workflow_id: uuid.UUID
    position: int
    uid: uuid.UUID
    stage_id: str
    name: str
    policy_name: str
    policy_version: int
    budget_cents: int
    role: str
    provider: str
    model: str
    requested_permissions: list[str] | None
    upstream_stage_ids: list[str]
    status: str
    started_at: datetime | None
    completed_at: datetime | None
    reason_code: str
    reason_detail: str
    granted_permissions: list[str]
    denied_permissions: list[dict[str, str]]
    task_digest: str
    document_digest: str


class ExecutionRow(NamedTuple):
    """What a stage's answer says of its executions."""

    stage_id: uuid.UUID
    id: uuid.UUID
    created_at: datetime
    verdict: str
    cost_cents: int
    artifact_digest: str
    lineage_policies: list[str]


Runs = Mapping[uuid.UUID, Sequence[ExecutionRow]]
_STAGE_LOOKUPS = tuple(field.replace("policy_", "policy__") for field in StageRow._fields)
# Decoded here, and each text once: nearly all are "[]" or what the policy grants.
_LISTS = ("requested_permissions", "upstream_stage_ids", "granted_permissions", "denied_permissions")
_LIST_POSITIONS = tuple(StageRow._fields.index(name) for name in _LISTS)
_STAGE_COLUMNS = tuple(Cast(name, TextField()) if name in _LISTS else F(name) for name in _STAGE_LOOKUPS)
_RUN_COLUMNS = tuple(
    Cast(f"executions__{name}", TextField()) if name == "lineage_policies" else F(f"executions__{name}")
    for name in ExecutionRow._fields
)
_read_stage = attrgetter(*(lookup.replace("__", ".") for lookup in _STAGE_LOOKUPS))
_read_run = attrgetter(*ExecutionRow._fields)


def row_of(stage: Stage) -> StageRow:
    """Return the row of a stage whose policy is loaded."""
    return StageRow._make(_read_stage(stage))


def run_of(execution: Execution) -> ExecutionRow:
    return ExecutionRow._make(_read_run(execution))


def read_stages_of(workflow_ids: Iterable[uuid.UUID]) -> tuple[dict[uuid.UUID, list[StageRow]], Runs]:
    """Return the stages of several workflows in their order, and the executions of each stage, in one query."""
    stages: dict[uuid.UUID, StageRow] = {}
    runs: dict[uuid.UUID, list[ExecutionRow]] = defaultdict(list)
    width = len(_STAGE_LOOKUPS)
    joined = Stage.objects.filter(workflow_id__in=list(workflow_ids)).order_by("position")
    for row in joined.values_list(*_STAGE_COLUMNS, *_RUN_COLUMNS):
        stage = _decode(row[:width])
        stages[stage.uid] = stage
        if row[width] is not None:  # the join leaves its columns empty where a stage has no execution
            runs[stage.uid].append(ExecutionRow._make([*row[width:-1], _decode_list(row[-1])]))
    found: dict[uuid.UUID, list[StageRow]] = defaultdict(list)
    for stage in stages.values():
        found[stage.workflow_id].append(stage)
    return found, runs


def _decode(columns: Sequence[Any]) -> StageRow:
    values = list(columns)
    for position in _LIST_POSITIONS:
        values[position] = _decode_list(values[position])
    return StageRow._make(values)


@lru_cache(maxsize=512)
def _decode_list(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def read_runs_of(stage_uids: Iterable[uuid.UUID]) -> Runs:
    """Return the executions of several stages by stage, in one query."""
    runs: dict[uuid.UUID, list[ExecutionRow]] = defaultdict(list)
    rows = Execution.objects.filter(stage_id__in=list(stage_uids)).order_by()
    for row in map(ExecutionRow._make, rows.values_list(*ExecutionRow._fields)):
        runs[row.stage_id].append(row)
    return runs
