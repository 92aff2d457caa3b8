"""The texts of stages that are shown together, read at once: queries do not grow with the number of stages."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from compliance.content import load_readable_texts
from compliance.policies_in_force import load_policy_documents
from workflows.api.rows import ExecutionRow, StageRow
from workflows.models import Execution
from workflows.queries import Artifact, summarise_artifacts
from workflows.reasons import ReasonCode
from workflows.redaction import redact_text


@dataclass(frozen=True)
class StageTexts:
    """Tasks and documents by (workflow, digest), output summaries by execution. What was erased is not in them."""

    by_digest: Mapping[tuple[UUID, str], str]
    summaries: Mapping[UUID, str]


def load_stage_texts(stages: Sequence[StageRow], runs: Iterable[ExecutionRow]) -> StageTexts:
    """Read the texts of stages and what their executions made, in three queries, however many they are."""
    workflow_of = {stage.uid: stage.workflow_id for stage in stages}
    asked = {(stage.workflow_id, digest) for stage in stages for digest in (stage.task_digest, stage.document_digest)}
    made = [(run, (workflow_of[run.stage_id], run.artifact_digest)) for run in runs if run.artifact_digest]
    texts = load_readable_texts(asked | {pair for _, pair in made})
    artifacts = [Artifact(run.id, texts[pair], run.lineage_policies) for run, pair in made if pair in texts]
    return StageTexts(texts, summarise_artifacts(artifacts) if artifacts else {})


def read_output(execution: Execution) -> str | None:
    """Return an execution's artifact, redacted as every policy of its lineage says; None where there is none."""
    return _redact(execution, _read(execution, execution.artifact_digest))


def read_last_text(execution: Execution) -> str | None:
    """Return what the model of an execution said last before its budget ended, redacted likewise; else None."""
    if execution.reason_code != ReasonCode.BUDGET_EXHAUSTED:
        return None
    kept = _read(execution, execution.answer_digest)
    return None if kept is None else _redact(execution, json.loads(kept)["text"])


def _read(execution: Execution, digest: str) -> str | None:
    pair = (execution.stage.workflow_id, digest)
    return load_readable_texts([pair]).get(pair) if digest else None


def _redact(execution: Execution, text: str | None) -> str | None:
    if text is None:
        return None
    return redact_text(text, load_policy_documents(set(execution.lineage_policies)).values())
