"""All that a run left behind, read once when it is at rest: rows, journals, certificates, and the far sides' logs."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from compliance.models import Certificate
from tests.chaos.audit import Claimed, Written, list_claims, list_writes
from tests.chaos.model import Request
from tests.chaos.plan import Workflow
from workflows.models import Execution, ExecutionEvent, Stage
from workflows.models import Workflow as WorkflowRow


@dataclass(frozen=True)
class Event:
    """One event of a journal. `at` is the database's time of its insertion, whatever the worker's clock said."""

    sequence: int
    kind: str
    facts: Mapping[str, Any]
    at: datetime
    writer: str


@dataclass(frozen=True)
class Run:
    """`stops` are the worker processes that were stopped, each from when to when; executions are by stage, in order."""

    planned: Mapping[str, Workflow]
    workflows: Sequence[WorkflowRow]
    names: Mapping[UUID, str]
    stages: Mapping[UUID, Stage]
    executions: Mapping[UUID, Sequence[Execution]]
    journals: Mapping[UUID, Sequence[Event]]
    certificates: Mapping[UUID, Sequence[Certificate]]
    claims: Mapping[UUID, Sequence[Claimed]]
    writes: Sequence[Written]
    requests: Mapping[str, Sequence[Request]]
    effects: Sequence[Mapping[str, Any]]
    settled: Mapping[str, Sequence[str]]
    stops: Sequence[tuple[int, float, float]]

    def key(self, execution: Execution) -> str:
        """Return the plan's name of the stage that an execution is of."""
        stage = self.stages[execution.stage_id]
        return f"{self.names[stage.workflow_id]}-{stage.stage_id}"

    def all_executions(self) -> Sequence[Execution]:
        return [execution for rows in self.executions.values() for execution in rows]

    def claims_of(self, execution: Execution) -> Sequence[Claimed]:
        """Return how often an execution was really claimed, which no status says."""
        return [claim for claim in self.claims.get(execution.id, ()) if claim.status == "planning"]


def read_run(
    planned: Sequence[Workflow],
    requests: Sequence[Request],
    effects: Sequence[Mapping[str, Any]],
    settled: Mapping[str, Sequence[str]],
    stops: Sequence[tuple[int, float, float]],
) -> Run:
    """Read everything. The workers must have ended."""
    writes = list_writes()
    inserted = {
        (write.execution_id, write.sequence): write for write in writes if write.relation == "workflows_executionevent"
    }
    journals: dict[UUID, list[Event]] = defaultdict(list)
    for event in ExecutionEvent.objects.order_by("execution_id", "sequence"):
        write = inserted[event.execution_id, event.sequence]
        journals[event.execution_id].append(Event(event.sequence, event.kind, event.facts, write.at, write.writer))
    executions: dict[UUID, list[Execution]] = defaultdict(list)
    for execution in Execution.objects.order_by("created_at", "id"):
        executions[execution.stage_id].append(execution)
    certificates: dict[UUID, list[Certificate]] = defaultdict(list)
    for certificate in Certificate.objects.order_by("chain_id", "sequence"):
        certificates[certificate.chain_id].append(certificate)
    claims: dict[UUID, list[Claimed]] = defaultdict(list)
    for claim in list_claims():
        claims[claim.execution_id].append(claim)
    by_key: dict[str, list[Request]] = defaultdict(list)
    for request in requests:
        by_key[request.key].append(request)
    workflows = list(WorkflowRow.objects.order_by("created_at"))
    return Run(
        planned={workflow.name: workflow for workflow in planned},
        workflows=workflows,
        names={workflow.id: workflow.name for workflow in workflows},
        stages={stage.uid: stage for stage in Stage.objects.all()},
        executions=executions,
        journals=journals,
        certificates=certificates,
        claims=claims,
        writes=writes,
        requests=by_key,
        effects=list(effects),
        settled=settled,
        stops=list(stops),
    )
