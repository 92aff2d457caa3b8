"""The table of status changes is the only way from one status to another."""

import itertools

import pytest

from tests.workflow_driver import find_execution, request_review_and_release, submit
from workflows.models import Execution, ExecutionStatus, Stage, StageStatus, Workflow, WorkflowStatus
from workflows.transitions import (
    EXECUTION_ENDS,
    EXECUTION_SOURCES,
    STAGE_ENDS,
    STAGE_SOURCES,
    WORKFLOW_ENDS,
    WORKFLOW_SOURCES,
    move_execution,
    move_stage,
    move_workflow,
)


@pytest.mark.django_db
def test_every_change_lands_exactly_where_the_table_has_it() -> None:
    workflow = submit(request_review_and_release())
    execution = find_execution(workflow, "review")
    for source, target in itertools.product(ExecutionStatus, EXECUTION_SOURCES):
        Execution.objects.filter(id=execution.id).update(status=source)
        assert move_execution(execution.id, target) == (source in EXECUTION_SOURCES[target]), (source, target)
    for source, target in itertools.product(StageStatus, STAGE_SOURCES):
        Stage.objects.filter(uid=execution.stage_id).update(status=source)
        assert move_stage(execution.stage_id, target) == (source in STAGE_SOURCES[target]), (source, target)
    for source, target in itertools.product(WorkflowStatus, WORKFLOW_SOURCES):
        Workflow.objects.filter(id=workflow.id).update(status=source)
        assert move_workflow(workflow.id, target) == (source in WORKFLOW_SOURCES[target]), (source, target)


def test_nothing_leaves_an_end() -> None:
    tables = (
        (EXECUTION_ENDS, EXECUTION_SOURCES),
        (STAGE_ENDS, STAGE_SOURCES),
        (WORKFLOW_ENDS, WORKFLOW_SOURCES),
    )
    for ends, sources in tables:
        leaving = {(end, target) for end in ends for target, allowed in sources.items() if end in allowed}
        assert not leaving, f"a finished record could still change: {leaving}"
