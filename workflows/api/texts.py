"""The texts of stages that are shown together, read at once: queries do not grow with the number of stages."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from compliance.content import load_readable_texts
from compliance.policies_in_force import load_policy_documents
from workflows.models import Execution, Stage
from workflows.reasons import ReasonCode
from workflows.redaction import redact_text
from workflows.services import load_output_summaries


@dataclass(frozen=True)
class StageTexts:
    """Tasks and documents by (workflow, digest), output summaries by execution. What was erased is not in them."""

    by_digest: dict[tuple[UUID, str], str]
    summaries: dict[UUID, str]

    @classmethod
    def load(cls, stages: Iterable[Stage]) -> Self:
        """Read the texts of stages whose `executions` are prefetched."""
        stages = list(stages)
        digests = {
            (stage.workflow_id, digest) for stage in stages for digest in (stage.task_digest, stage.document_digest)
        }
        executions = [execution for stage in stages for execution in stage.executions.all()]
        return cls(load_readable_texts(digests), load_output_summaries(executions))

    def task(self, stage: Stage) -> str | None:
        return self.by_digest.get((stage.workflow_id, stage.task_digest))

    def document(self, stage: Stage) -> str | None:
        return self.by_digest.get((stage.workflow_id, stage.document_digest))

    def summary(self, execution: Execution) -> str | None:
        return self.summaries.get(execution.id)


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
