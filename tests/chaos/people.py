"""The people of a run: who asks for the workflows, who signs releases, and who settles what nobody knows."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.db import OperationalError
from rest_framework.test import APIClient

from compliance.roles import grant_role
from releases.models import SignOffDecision
from releases.services import sign_off
from tests.chaos.database import insist
from tests.chaos.plan import Workflow, build_request
from tests.chaos.tickets import Tickets
from tests.people import PASSWORD
from workflows.creation import create_workflow
from workflows.models import Execution, ExecutionEvent, ExecutionStatus
from workflows.reasons import ReasonCode
from workflows.requests import Conflict, RequestRefused

_OWNERS = 3
_GIVE_UP_SHARE = 0.1


@dataclass
class People:
    """`seed` decides who gives up. `settled` tells by execution what was decided of its unknown calls."""

    seed: int
    workflows: Sequence[Workflow]
    tickets: Tickets
    owners: list[User] = field(default_factory=list)
    approver: User = field(default_factory=User)
    settled: dict[str, list[str]] = field(default_factory=dict)
    signed: int = 0
    parallel: bool = False

    def arrive(self) -> None:
        """Make the accounts, and find out whether stages can run at once."""
        self.owners = [_make_account(f"owner{number}", "operator") for number in range(_OWNERS)]
        self.approver = _make_account("approver", "approver")
        self.parallel = self._can_run_parallel()

    def ask_for(self, workflow: Workflow) -> None:
        """Create a workflow; asking again after a lost connection gives the same one."""
        owner = self.owners[workflow.number % len(self.owners)]
        request = build_request(workflow, parallel=self.parallel)
        key = f"chaos-{self.seed}-{workflow.number}"
        insist(lambda: create_workflow(owner=owner, request=request, idempotency_key=key, address=None))

    def look_after(self, *, may_settle: bool) -> None:
        """Sign and settle what waits for it. A call is settled only while no process is away that may yet make it."""
        waiting = insist(
            lambda: list(Execution.objects.filter(status=ExecutionStatus.WAITING).select_related("stage__workflow"))
        )
        planned = {workflow.name: workflow for workflow in self.workflows}
        for execution in waiting:
            workflow = planned[execution.stage.workflow.name]
            if execution.reason_code == ReasonCode.SIGN_OFF_REQUIRED:
                self._sign(execution, workflow)
            elif execution.reason_code == ReasonCode.OUTCOME_UNKNOWN and may_settle:
                self._settle(execution)

    def _can_run_parallel(self) -> bool:
        sample = next((workflow for workflow in self.workflows if workflow.parallel), None)
        if sample is None:
            return False
        try:
            from workflows.creation import _plan_stages

            _plan_stages(build_request(sample, parallel=True))
        except RequestRefused as refused:
            if "mode" in refused.errors:
                return False
            raise
        return True

    def _sign(self, execution: Execution, workflow: Workflow) -> None:
        if workflow.person in {None, "never"}:
            return
        decision = SignOffDecision.APPROVE if workflow.person == "approve" else SignOffDecision.REJECT

        def sign() -> None:
            try:
                sign_off(
                    execution_id=execution.id,
                    actor=self.approver,
                    decision=decision,
                    artifact_sha256=execution.subject_digest,
                    meaning="Read and decided.",
                    reason="As the plan says.",
                    password=PASSWORD,
                    address=None,
                )
            except Conflict:
                return  # it landed, and the connection was lost before it was told
            self.signed += 1

        insist(sign)

    def _settle(self, execution: Execution) -> None:
        """Look at the far side, as a person does: what is there has happened, what is not is to be done."""
        done = {effect["reference"] for effect in self.tickets.read_effects()}
        events = insist(lambda: list(ExecutionEvent.objects.filter(execution=execution).order_by("sequence")))
        unknown, sequence = next(iter(find_unanswered_calls(events).items()))
        body: dict[str, Any] = {"outcome": "retry", "reason": "It is not in the log of the far side."}
        if random.Random(f"{self.seed}:settle:{execution.stage.workflow.name}").random() < _GIVE_UP_SHARE:
            body = {"outcome": "give_up", "reason": "It is not worth the trouble."}
        elif unknown in done:
            result = {"done": {"reference": unknown}}
            body = {"outcome": "happened", "reason": "It is in the log of the far side.", "result": result}
        # Asked again after a lost connection, it must not decide about the call after this one.
        body["call"] = sequence
        client = APIClient(SERVER_NAME="127.0.0.1")
        client.force_authenticate(self.approver)

        def settle() -> int:
            answer = client.post(f"/api/v1/executions/{execution.id}/settle", body, format="json")
            if answer.status_code >= 500:
                raise OperationalError(f"settle answered {answer.status_code}: the database is away")
            if answer.status_code not in (200, 409):
                raise RuntimeError(f"settle answered {answer.status_code}: {answer.content[:400]!r}")
            return int(answer.status_code)

        status = insist(settle)
        self.settled.setdefault(str(execution.id), []).append(f"{body['outcome']} ({status})")


def find_unanswered_calls(events: Sequence[ExecutionEvent]) -> dict[str, int]:
    """Return the allowed calls that have neither a result nor a settlement, in order: the event's number by the id."""
    open_calls: dict[str, int] = {}
    for event in events:
        facts: Mapping[str, Any] = event.facts
        if event.kind == "tool_call" and facts["decision"] == "allow":
            open_calls[str(facts["tool_call_id"])] = event.sequence
        elif event.kind in {"tool_result", "tool_settlement"}:
            open_calls.pop(str(facts["tool_call_id"]), None)
    return open_calls


def _make_account(name: str, role: str) -> User:
    user, _ = User.objects.get_or_create(username=name, defaults={"email": f"{name}@example.test"})
    user.set_password(PASSWORD)
    user.save()
    grant_role(user, role)
    return user
