"""The invariant that the product exists for, over generated workflows, verdicts, crashes and cancellations.

Every released artifact has a verified certificate of a compliant reviewer, named by the release, over the same
digest; and the sign-offs, content rules and closing certificate that its lineage asks for.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from compliance.chain import Attestation, read_chain
from compliance.content import load_text
from compliance.inspection import inspect, matches
from compliance.policies_in_force import load_policy_documents
from compliance.services import load_evidence
from releases.services import sign_off
from tests.people import PASSWORD, make_alice, make_bob
from tests.workflow_driver import CLEAN_TEXT, expire_leases, submit
from workflows import admission, endings, engine, journal
from workflows.agents.types import (
    AgentFailure,
    AgentResult,
    AgentWork,
    Answer,
    ReleaseAnswer,
    ReviewAnswer,
    Usage,
    WorkerAnswer,
)
from workflows.leases import sweep
from workflows.models import Execution, Workflow
from workflows.requests import StageRequest, WorkflowRequest
from workflows.services import cancel_workflow
from workflows.transitions import WORKFLOW_ENDS

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
    (engine, "store_text"),
    (admission, "issue_certificate"),
    (admission, "move_execution"),
    (endings, "issue_certificate"),
    (endings, "move_execution"),
    (endings, "move_stage"),
    (endings, "move_workflow"),
    (endings, "wake_execution"),
    (endings, "close_chain"),
    (journal, "store_text"),
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


@st.composite
def stage_plans(draw: st.DrawFn, position: int, count: int, roles: list[str]) -> tuple[StageRequest, str, str]:
    """A stage, what its agent answers, and the text that it writes. Most workflows end in a release."""
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
        document=draw(st.sampled_from(TEXTS)) if takes_document and draw(st.booleans()) else None,
    )
    return stage, draw(st.sampled_from(REVIEWS)), draw(st.sampled_from(TEXTS))


@st.composite
def workflow_plans(draw: st.DrawFn) -> list[tuple[StageRequest, str, str]]:
    plans: list[tuple[StageRequest, str, str]] = []
    count = draw(st.integers(2, 5))
    for position in range(count):
        plans.append(draw(stage_plans(position, count, [plan[0].stage_role for plan in plans])))
    return plans


def build_agent(plans: list[tuple[StageRequest, str, str]]) -> Callable[..., Any]:
    answers = {plan[0].id: plan for plan in plans}

    async def run(work: AgentWork, journal: Any, documents: Any) -> AgentResult:
        stage_id = await documents.bridge.call(_find_stage_id, work.execution_id)
        _, review, text = answers[stage_id]
        await journal.record("model_request", {"attempt": 1}, {"task": work.task})
        answer = _answer(work, review, text)
        await journal.record("model_response", {"output_tokens": 1}, {"answer": repr(answer)})
        return AgentResult(answer, work.provider, "scripted", Usage(1, 1, 1), 0)

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
    """Run to rest as workers, sweep and officers would, whatever gets killed meanwhile."""
    decisions = list(sign_offs)
    for _ in range(300):
        open_rows = Execution.objects.filter(stage__workflow=workflow)
        ready = open_rows.filter(status="queued").first()
        waiting = open_rows.filter(status="waiting").first()
        if ready is not None:
            open_rows.filter(id=ready.id).update(available_at=None)
            with contextlib.suppress(WorkerKilled):
                engine.run_ready_execution(ready.id)
        elif open_rows.filter(status__in=["planning", "executing", "verifying"]).exists():
            expire_leases(workflow)
            sweep()
        elif waiting is not None and decisions:
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
        else:
            return
    raise AssertionError("the workflow never came to rest")


def check_released(workflow: Workflow, execution: Execution, chain: tuple[Attestation, ...]) -> None:
    """Re-state the rules from the certificates alone, independently of the gate."""
    own = next(entry for entry in chain if entry.kind == "execution" and entry.execution_id == str(execution.id))
    assert own.subject_digest == own.artifact_digest == execution.artifact_digest
    named = set(execution.stage.upstream_stage_ids)
    upstreams = [entry for entry in chain if entry.kind == "execution" and entry.stage_id in named]
    assert {entry.stage_id for entry in upstreams} == named, "a stage named upstream left no certificate"
    assert all(entry.predicate["outcome"]["status"] == "completed" for entry in upstreams)
    assert all(entry.predicate["verdict"] == "compliant" for entry in upstreams)
    reviews = [entry for entry in upstreams if entry.role == "reviewer"]
    assert reviews, "released without a reviewer"
    assert {entry.artifact_digest for entry in reviews} == {execution.artifact_digest}, "other bytes were reviewed"
    assert all(entry.predicate["agent"]["decision"] in {"approved", "modified"} for entry in reviews)

    text = load_text(workflow.id, execution.artifact_digest)
    policies = load_policy_documents({execution.stage.policy.digest, *(e.policy_digest for e in reviews)}).values()
    for policy in policies:
        blocked = [found for found in inspect(text, policy) if matches(found, policy.blocked_types("release"))]
        assert not blocked, f"{policy.name} blocks {blocked[0].type}"
    if any(policy.sign_offs.required for policy in policies):
        signed = [e for e in chain if e.kind == "sign_off" and e.execution_id == str(execution.id)]
        assert any(
            e.predicate["decision"] == "approve"
            and e.subject_digest == execution.artifact_digest
            and e.predicate["signer"]["id"] != str(workflow.owner_id)
            for e in signed
        ), "released without its sign-off"
        assert all(e.predicate["decision"] == "approve" for e in signed)


class NothingUnreviewedIsReleased(TestCase):
    @settings(suppress_health_check=list(HealthCheck))
    @given(
        plans=workflow_plans(),
        kill_at=st.frozensets(st.integers(1, 120), max_size=4),
        cancel_at=st.none() | st.none() | st.integers(1, 100),
        sign_offs=st.lists(st.sampled_from(["approve", "approve", "reject"]), max_size=2),
    )
    def test_by_no_order_of_events(
        self, plans: Any, kill_at: frozenset[int], cancel_at: int | None, sign_offs: list[str]
    ) -> None:
        make_bob()
        workflow = submit(WorkflowRequest(name="Generated", stages=tuple(plan[0] for plan in plans)))
        interruptions = Interruptions(kill_at, cancel_at, workflow)
        with mock.patch.object(engine, "run_agent", build_agent(plans)), interruptions:
            drive(workflow, sign_offs)

        workflow.refresh_from_db()
        evidence = load_evidence(workflow.id)
        chain = read_chain(str(workflow.id), evidence.certificates, evidence.keys)
        released = Execution.objects.filter(stage__workflow=workflow, stage__role="release", status="completed")
        for execution in released.select_related("stage__policy"):
            event("something was released")
            check_released(workflow, execution, chain)
        if workflow.status in WORKFLOW_ENDS:
            assert chain[-1].kind == "closing", "a workflow ended without its closing certificate"
            assert not Execution.objects.filter(stage__workflow=workflow, completed_at=None).exists()
        else:
            assert workflow.status == "awaiting_sign_off", f"a workflow at rest is {workflow.status}"
        assert (workflow.status == "cancelled") <= (not released.filter(stage__position=len(plans) - 1).exists())
        event(f"workflow {workflow.status}")
