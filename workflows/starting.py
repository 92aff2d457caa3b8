"""Which stages of a workflow start when: the next one, or in a parallel one each whose upstreams have completed."""

from collections.abc import Collection, Sequence
from uuid import UUID

from workflows.models import Execution, Mode, Stage, StageStatus, Workflow
from workflows.queue import wake
from workflows.transitions import STAGE_ENDS


def start_stages(workflow: Workflow, stages: Sequence[Stage], begun: Collection[UUID] | None = None) -> list[Execution]:
    """Give each stage whose turn it is its execution and a wake-up, and return the executions.

    `stages` are all of the workflow's, by position, as they are now; `begun` are those that have an execution, where
    the caller knows. Must run in a transaction that has the workflow's
    row locked, or makes it, so that no stage starts twice.
    """
    started = [
        Execution(stage=stage, owner_id=workflow.owner_id, provider=stage.provider)
        for stage in _find_ready(workflow, stages, _find_begun(stages) if begun is None else begun)
    ]
    Execution.objects.bulk_create(started)
    for execution in started:
        wake(execution.id)
    return started


def find_hopeless(stages: Sequence[Stage]) -> list[tuple[Stage, Stage]]:
    """Return the stages that can never start, each with the one that it waits for in vain, if only through others."""
    lost: dict[str, Stage] = {
        stage.stage_id: stage for stage in stages if stage.status in STAGE_ENDS - {StageStatus.COMPLETED}
    }
    hopeless = []
    for stage in stages:
        cause = next((lost[name] for name in stage.upstream_stage_ids if name in lost), None)
        if stage.status == StageStatus.PENDING and cause is not None:
            hopeless.append((stage, cause))
            lost[stage.stage_id] = cause
    return hopeless


def _find_begun(stages: Sequence[Stage]) -> set[UUID]:
    return set(Execution.objects.filter(stage__in=stages).values_list("stage_id", flat=True))


def _find_ready(workflow: Workflow, stages: Sequence[Stage], begun: Collection[UUID]) -> list[Stage]:
    pending = [stage for stage in stages if stage.status == StageStatus.PENDING and stage.uid not in begun]
    completed = {stage.stage_id for stage in stages if stage.status == StageStatus.COMPLETED}
    if workflow.mode == Mode.PARALLEL:
        return [stage for stage in pending if completed.issuperset(stage.upstream_stage_ids)]
    return pending[:1] if len(completed) == len(stages) - len(pending) else []
