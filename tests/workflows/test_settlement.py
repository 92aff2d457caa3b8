"""A tool call of unknown outcome waits for a person, and goes on as they decide; the decision is evidence."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from django.contrib.auth.models import User

from compliance.models import AuditEvent
from compliance.package import verify_package
from compliance.services import read_attestations
from compliance.signing import public_identity
from tests.held_journal import record_event
from tests.people import make_alice, make_bob, make_charlie, make_person
from tests.workflow_driver import find_execution, find_stage, request_review_and_release, run_to_rest, submit
from tests.workflows.test_concurrency import run_together
from workflows import engine
from workflows.agents.history import read_history
from workflows.agents.types import AgentResult, AgentWork, OutcomeUnknown, ReviewAnswer, Usage
from workflows.export import build_workflow_package
from workflows.leases import Claim
from workflows.models import Execution, Workflow
from workflows.requests import Conflict, NotAllowed, RequestRefused
from workflows.services import cancel_workflow, settle_execution
from workflows.settlement import find_unknown_call

FACTS = {"tool": "payment_send", "tool_call_id": "pay-1", "capability": "document:read:ledger", "decision": "allow"}
HOSTILE = "</pre><script>alert(1)</script>"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Review agents that begin a payment and die; when they go on, they are told what is collected here."""
    told: list[Any] = []

    async def run(work: AgentWork, journal: Any, documents: Any) -> AgentResult:
        if work.role != "reviewer":
            return await real(work, journal, documents)
        call = next(iter(read_history(work.history).calls.values()), None)
        if call is None:
            await journal.record("tool_call", FACTS, {"arguments": {"cents": 5, "to": HOSTILE}})
        if call is None or (call.result is None and not call.again):
            raise OutcomeUnknown(tool="payment_send", tool_call_id="pay-1", step=0, occurrence=0)
        told.append("again" if call.result is None else call.result.payload["result"])
        return AgentResult(ReviewAnswer("approved", None, (), "fine"), work.provider, "scripted", Usage())

    real = engine.run_agent
    monkeypatch.setattr(engine, "run_agent", run)
    return told


def wait_for_a_person(**changes: Any) -> tuple[Workflow, Execution]:
    workflow = run_to_rest(submit(request_review_and_release(**changes)))
    return workflow, find_execution(workflow, "review")


def settle(execution: Execution, actor: User, outcome: str = "retry", **changes: Any) -> Execution:
    fields = {"result": None, "reason": "It is not on the account.", "address": "127.0.0.1", **changes}
    return settle_execution(execution_id=execution.id, actor=actor, outcome=outcome, **fields)


def begin_call_and_wait(
    execution: Execution, call_id: str, before: Sequence[tuple[str, Any, Any]] = (), arguments: Any = None
) -> None:
    """Write what a run journals that dies in a call, `before` first, and let the execution wait for a person."""
    claim = Claim(execution.id, execution.stage.workflow_id, execution.stage_id, execution.fence, 1, 0, 1, "", "")
    Execution.objects.filter(id=execution.id).update(status="executing")
    for event in (*before, ("tool_call", {**FACTS, "tool_call_id": call_id}, {"arguments": arguments or {}})):
        record_event(claim, *event)
    Execution.objects.filter(id=execution.id).update(status="waiting", reason_code="outcome_unknown")


@pytest.mark.django_db
class TestSettlement:
    def test_it_waits_without_worker_or_lease_and_says_for_what(self, told: list[Any]) -> None:
        workflow, execution = wait_for_a_person()
        assert (workflow.status, find_stage(workflow, "review").status) == ("awaiting_decision", "awaiting_decision")
        assert (execution.status, execution.reason_code, execution.lease_owner) == ("waiting", "outcome_unknown", "")
        call = find_unknown_call(execution)
        assert call is not None
        assert (call.facts["tool"], call.step, call.occurrence) == ("payment_send", 0, 0)
        assert call.arguments == {"cents": 5, "to": HOSTILE}

    def test_what_happened_is_what_the_agent_is_told(self, told: list[Any]) -> None:
        workflow, execution = wait_for_a_person()
        settled = settle(execution, make_bob(), "happened", result={"sent": "by hand"})
        assert (settled.status, settled.lost_attempts) == ("queued", 0)

        assert run_to_rest(workflow).status == "completed"
        assert told == [{"sent": "by hand"}]
        assert find_unknown_call(execution) is None

    def test_a_call_may_be_made_again(self, told: list[Any]) -> None:
        workflow, execution = wait_for_a_person()
        settle(execution, make_bob())

        assert run_to_rest(workflow).status == "completed"
        assert told == ["again"]

    def test_giving_up_ends_the_stage_as_failed_with_its_certificate(self, told: list[Any]) -> None:
        workflow, execution = wait_for_a_person()
        settle(execution, make_bob(), "give_up")

        workflow.refresh_from_db()
        assert (workflow.status, workflow.reason_code) == ("failed", "outcome_unknown")
        kinds = [entry.kind for entry in read_attestations(workflow.id)]
        assert kinds == ["opening", "admission", "execution", "closing"]
        assert not told

    @pytest.mark.parametrize("outcome", ["happened", "retry", "give_up"])
    def test_the_decision_stands_in_the_package_and_in_the_audit_trail(self, told: list[Any], outcome: str) -> None:
        workflow, execution = wait_for_a_person()
        settle(execution, make_bob(), outcome, result={} if outcome == "happened" else None)
        package = build_workflow_package(run_to_rest(workflow))

        report = verify_package(package, public_identity().public_key_pem)
        assert report.ok, report
        trail = package["stages"][0]["compliance_package"]["audit_trail"]
        [event] = [each for each in trail if json.loads(each["entry"])["kind"] == "tool_settlement"]
        facts = json.loads(event["entry"])["facts"]
        assert (facts["outcome"], facts["settled_by"]) == (outcome, str(make_bob().pk))
        assert AuditEvent.objects.get(action=f"execution.settle.{outcome}").actor_id == make_bob().pk

    def test_of_two_calls_without_a_result_the_first_is_asked_about_first(self, told: list[Any]) -> None:
        _, execution = wait_for_a_person()
        begin_call_and_wait(execution, "pay-2")

        first = find_unknown_call(execution)
        assert first is not None
        assert first.facts["tool_call_id"] == "pay-1"
        settle(execution, make_bob())
        second = find_unknown_call(execution)
        assert second is not None
        assert second.facts["tool_call_id"] == "pay-2"

    def test_a_decision_is_about_the_call_that_was_shown_and_about_no_other(self, told: list[Any]) -> None:
        _, execution = wait_for_a_person()
        shown = find_unknown_call(execution)
        assert shown is not None
        settle(execution, make_bob(), call_sequence=shown.event.sequence)
        begin_call_and_wait(execution, "pay-2")

        with pytest.raises(Conflict, match="not for the one at"):
            settle(execution, make_bob(), "happened", result={}, call_sequence=shown.event.sequence)
        waits_for = find_unknown_call(execution)
        assert waits_for is not None
        assert waits_for.facts["tool_call_id"] == "pay-2"
        assert settle(execution, make_bob(), call_sequence=waits_for.event.sequence).status == "queued"

    def test_a_call_that_no_run_comes_back_to_is_not_asked_about(self, told: list[Any]) -> None:
        _, execution = wait_for_a_person()
        begin_anew = [("model_response", {"request": 0}, {})] * 2
        begin_call_and_wait(execution, "pay-2", begin_anew)

        call = find_unknown_call(execution)
        assert call is not None
        assert call.facts["tool_call_id"] == "pay-2"

    def test_only_approvers_and_admins_settle_and_only_what_they_may_read(self, told: list[Any]) -> None:
        _, execution = wait_for_a_person()
        for person in (make_alice(), make_person("anna", "auditor")):
            with pytest.raises(NotAllowed):
                settle(execution, person)
        with pytest.raises(Execution.DoesNotExist):
            settle(execution, make_charlie())
        execution.refresh_from_db()
        assert execution.status == "waiting"
        assert settle(execution, make_person("adam", "admin")).status == "queued"

    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("outcome", {"outcome": "maybe"}),
            ("reason", {"reason": "  "}),
            ("reason", {"reason": "x" * 2001}),
            ("result", {"outcome": "happened"}),
            ("result", {"outcome": "retry", "result": {}}),
            ("result", {"outcome": "happened", "result": {"x": "y" * 100_001}}),
        ],
    )
    def test_a_bad_field_is_named_and_nothing_is_decided(
        self, told: list[Any], field: str, changes: dict[str, Any]
    ) -> None:
        _, execution = wait_for_a_person()
        with pytest.raises(RequestRefused) as refused:
            settle(execution, make_bob(), **{"outcome": "retry", **changes})
        assert list(refused.value.errors) == [field]
        assert find_unknown_call(execution) is not None

    def test_what_is_settled_is_not_settled_again(self, told: list[Any]) -> None:
        _, execution = wait_for_a_person()
        settle(execution, make_bob())
        with pytest.raises(Conflict):
            settle(execution, make_bob())

    def test_what_waits_can_be_cancelled(self, told: list[Any]) -> None:
        workflow, execution = wait_for_a_person()
        ended = cancel_workflow(workflow_id=workflow.id, actor=make_alice(), address=None)
        assert ended.status == "cancelled"
        with pytest.raises(Conflict):
            settle(execution, make_bob())


@pytest.mark.django_db(transaction=True)
def test_of_two_who_settle_at_once_one_decides(told: list[Any]) -> None:
    _, execution = wait_for_a_person()
    officer = make_bob()
    results = run_together(lambda: settle(execution, User.objects.get(pk=officer.pk)), 2)

    assert sorted(type(result) for result in results if isinstance(result, Exception)) == [Conflict], results
    assert execution.events.filter(kind="tool_settlement").count() == 1
