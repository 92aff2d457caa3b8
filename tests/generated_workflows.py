"""Workflows that hypothesis makes up: roles, lineage, policies, what agents answer, and what goes wrong meanwhile."""

import contextlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any
from unittest import mock

from hypothesis import strategies as st

from releases.services import sign_off
from tests.interleaved_stages import Interleaving
from tests.people import PASSWORD, make_alice, make_bob
from tests.workflow_driver import (
    CLEAN_TEXT,
    ONE_CENT,
    SCRIPTED_CHARGE,
    expire_leases,
    run_ready_execution,
    submit,
)
from workflows import admission, endings, engine, journal, stage_journal, starting
from workflows.agents.types import (
    AgentFailure,
    AgentResult,
    AgentWork,
    Answer,
    Entry,
    ReleaseAnswer,
    ReviewAnswer,
    Settlement,
    Usage,
    WorkerAnswer,
)
from workflows.leases import sweep
from workflows.models import Execution, Workflow
from workflows.requests import StageRequest, WorkflowRequest
from workflows.services import cancel_workflow
from workflows.transitions import LEASED

TEXTS = (
    CLEAN_TEXT,
    CLEAN_TEXT,
    CLEAN_TEXT,
    "This is material non-public information: the merger has not yet been announced.",
    "Patient: Jane Roe, SSN 219-09-9999, MRN: 00482913, born 04/12/1961.",
    "Privileged and confidential: attorney-client communication about the claim.",
)
POLICIES = ("default", "default", "sox", "hipaa", "legal_privilege")
REVIEWS = ("approved", "approved", "approved", "approved", "modified", "rejected", "no_verdict", "error")
CRASH_POINTS = (
    (engine, "admit_execution"),
    (engine, "move_execution"),
    (engine, "assess_answer"),
    (engine, "finish_execution"),
    (engine, "end_execution"),
    (engine, "store_sealed"),
    (admission, "issue_certificate"),
    (admission, "move_execution"),
    (endings, "issue_certificate"),
    (endings, "move_execution"),
    (endings, "move_stage"),
    (endings, "move_workflow"),
    (starting, "wake"),
    (endings, "close_chain"),
    (stage_journal, "append_event"),
    (journal, "insert_event"),
    (journal, "insert_sealed"),
)
CANCEL_POINTS = frozenset({"admit_execution", "assess_answer", "finish_execution"})


class WorkerKilled(BaseException):
    """Stands for SIGKILL: nothing catches it, and the transaction it interrupts is rolled back."""


@dataclass
class Interruptions:
    """Kills the worker, or cancels the workflow, at numbered calls of the points above."""

    kill_at: frozenset[int]
    cancel_at: int | None
    workflow: Workflow | None = None
    count: int = 0
    patches: list[Any] = field(default_factory=list)

    def wrap(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def interrupted(*arguments: Any, **options: Any) -> Any:
            self.count += 1
            if self.cancel_at is not None and self.count >= self.cancel_at and name in CANCEL_POINTS:
                self.cancel_at = None
                assert self.workflow is not None
                cancel_workflow(workflow_id=self.workflow.id, actor=make_alice(), address=None)
            if self.count in self.kill_at and self.count % 2:
                raise WorkerKilled
            result = real(*arguments, **options)
            if self.count in self.kill_at:
                raise WorkerKilled
            return result

        return interrupted

    def __enter__(self) -> "Interruptions":
        for module, name in CRASH_POINTS:
            patch = mock.patch.object(module, name, self.wrap(name, getattr(module, name)))
            patch.start()
            self.patches.append(patch)
        return self

    def __exit__(self, *_: object) -> None:
        for patch in reversed(self.patches):
            patch.stop()


@dataclass(frozen=True)
class StagePlan:
    """A stage, what its agent answers if it reviews, and the text that it makes; `writes`: as a document, too."""

    stage: StageRequest
    review: str
    text: str
    writes: bool = False


@st.composite
def stage_plans(draw: st.DrawFn, position: int, count: int, roles: list[str], common: str) -> StagePlan:
    """One stage, often with the text that several have in common. Most workflows end in a release."""
    texts = st.sampled_from((common, common, common, *TEXTS))
    choices = ["reviewer", "reviewer", "release", "worker", "intake"] if position else ["reviewer", "worker"]
    role = draw(st.sampled_from(choices)) if position + 1 < count else "release"
    upstream = draw(st.sets(st.sampled_from(range(position)), max_size=3)) if position else set()
    if role == "release":
        reviewers = [index for index in range(position) if roles[index] == "reviewer"]
        if reviewers:
            upstream.add(draw(st.sampled_from(reviewers)))
        else:
            role = "worker"
    takes_document = role in {"worker", "intake"} or (role == "reviewer" and not upstream)
    stage = StageRequest(
        id=f"s{position}",
        name=f"Stage {position}",
        task="Do it.",
        stage_role=role,
        compliance_policy=draw(st.sampled_from(POLICIES)),
        upstream_stage_ids=tuple(f"s{index}" for index in sorted(upstream)),
        document=draw(texts) if takes_document and draw(st.booleans()) else None,
    )
    review, text = draw(st.sampled_from(REVIEWS)), draw(texts)
    return StagePlan(stage, review, text, writes=role == "worker" and draw(st.booleans()))


@st.composite
def workflow_plans(draw: st.DrawFn) -> list[StagePlan]:
    plans: list[StagePlan] = []
    count, common = draw(st.integers(2, 5)), draw(st.sampled_from(TEXTS))
    for position in range(count):
        plans.append(draw(stage_plans(position, count, [plan.stage.stage_role for plan in plans], common)))
    return plans


def build_agent(plans: list[StagePlan]) -> Callable[..., Any]:
    answers = {plan.stage.id: plan for plan in plans}

    async def run(work: AgentWork, journal: Any, documents: Any) -> AgentResult:
        stage_id = await documents.database.call(_find_stage_id, work.execution_id)
        plan = answers[stage_id]
        reservation = await journal.reserve(ONE_CENT, Entry("model_request", {"attempt": 1}, {"task": work.task}))
        if plan.writes:
            await documents.write("reports", plan.text)
        answer = _answer(work, plan.review, plan.text)
        settlement = Settlement(reservation.nanocents, reservation.nanocents // 2)
        await journal.settle(settlement, Entry("model_response", SCRIPTED_CHARGE, {"answer": repr(answer)}))
        return AgentResult(answer, work.provider, "scripted", Usage(1, 10, 2))

    return run


def _find_stage_id(execution_id: str) -> str:
    return Execution.objects.select_related("stage").get(id=execution_id).stage.stage_id


def _answer(work: AgentWork, review: str, text: str) -> Answer:
    if work.role == "reviewer":
        if review == "no_verdict":
            raise AgentFailure("no_verdict", "no structured answer")
        if review == "error":
            raise AgentFailure("provider_error", "the provider broke")
        return ReviewAnswer(review, text, (), "")  # type: ignore[arg-type]
    if work.role == "release":
        return ReleaseAnswer("hold" if review == "rejected" else "release", "")
    return WorkerAnswer(text)


def drive(workflow: Workflow, sign_offs: list[str]) -> None:
    """Run to rest, stage after stage, as workers, sweep and officers would, whatever gets killed meanwhile."""
    decisions = list(sign_offs)
    for _ in range(300):
        ready = next(iter(_list_ready(workflow)), None)
        if ready is not None:
            with contextlib.suppress(WorkerKilled):
                run_ready_execution(ready)
        elif not _recover(workflow) and not (decisions and _sign(workflow, decisions)):
            return
    raise AssertionError("the workflow never came to rest")


def drive_interleaved(
    workflow: Workflow, sign_offs: list[str], picks: Sequence[int], repeated: frozenset[int] = frozenset()
) -> None:
    """As `drive`, with all that is ready at one time side by side; `picks` choose whose next call it is, each time."""
    decisions, turns = list(sign_offs), cycle(picks or (0,))
    for _ in range(300):
        with contextlib.suppress(WorkerKilled):
            Interleaving(lambda: _list_ready(workflow), turns, repeated).run()
        if not _recover(workflow) and not _list_ready(workflow) and not (decisions and _sign(workflow, decisions)):
            return
    raise AssertionError("the workflow never came to rest")


def _list_ready(workflow: Workflow) -> list[uuid.UUID]:
    queued = Execution.objects.filter(stage__workflow=workflow, status="queued")
    queued.update(available_at=None)
    return list(queued.order_by("stage__position").values_list("id", flat=True))


def _recover(workflow: Workflow) -> bool:
    """Sweep what a killed worker held, and say whether there was anything."""
    if not Execution.objects.filter(stage__workflow=workflow, status__in=LEASED).exists():
        return False
    expire_leases(workflow)
    sweep()
    return True


def _sign(workflow: Workflow, decisions: list[str]) -> bool:
    """Let an officer decide on a release that waits, and say whether there was one."""
    waiting = Execution.objects.filter(stage__workflow=workflow, status="waiting").first()
    if waiting is None:
        return False
    sign_off(
        execution_id=waiting.id,
        actor=make_bob(),
        decision=decisions.pop(),
        artifact_sha256=waiting.subject_digest,
        meaning="Approval",
        reason="Read it.",
        password=PASSWORD,
        address=None,
    )
    return True


def run_generated(
    plans: list[StagePlan],
    kill_at: frozenset[int],
    cancel_at: int | None,
    sign_offs: list[str],
    drive_to_rest: Callable[[Workflow, list[str]], None] = drive,
    mode: str = "sequential",
) -> Workflow:
    """Create a planned workflow and run it to rest under these interruptions; return it as it is then."""
    make_bob()
    workflow = submit(WorkflowRequest(name="Generated", stages=tuple(plan.stage for plan in plans), mode=mode))
    interruptions = Interruptions(kill_at, cancel_at, workflow)
    with mock.patch.object(engine, "run_agent", build_agent(plans)), interruptions:
        drive_to_rest(workflow, sign_offs)
    workflow.refresh_from_db()
    return workflow
