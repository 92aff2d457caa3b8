"""Past executions to hold a draft against, and drafts: a version in force, edited."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from compliance.models import Policy, PolicyPublication
from compliance.policies_in_force import find_policy, read_policy_document
from compliance.policy import PolicyDocument, parse_policy
from releases.services import sign_off
from tests.people import PASSWORD, make_bob
from tests.workflow_driver import (
    CLEAN_TEXT,
    find_execution,
    request_review_and_release,
    run_to_rest,
    script_agents,
    submit,
)
from workflows.agents.types import AgentWork, Answer, ReleaseAnswer, ReviewAnswer, WorkerAnswer
from workflows.models import Workflow
from workflows.policy_replay import replay_policy
from workflows.replay_records import PolicyReplay

MAIL_TEXT = "Write to jane.roe@example.test about the soup."
MNPI_TEXT = "This is material non-public information: the merger has not yet been announced."


def script_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `write` give its document or task back, `review` approve and `release` release."""
    script_agents(
        monkeypatch,
        {
            "write": lambda work: WorkerAnswer(work.document or work.task),
            "review": _approve,
            "release": lambda work: ReleaseAnswer("release", "fine"),
        },
    )


def _approve(work: AgentWork) -> Answer:
    return ReviewAnswer("approved", None, (), "fine")


def in_force(name: str) -> PolicyDocument:
    return read_policy_document(find_policy(name))


def change(document: PolicyDocument, edit: Callable[[dict[str, Any]], object] = lambda _: None) -> PolicyDocument:
    """The next version of a policy, edited."""
    members = document.model_dump(mode="json", exclude_unset=True)
    members["version"] += 1
    edit(members)
    return parse_policy(members)


def replay(draft: PolicyDocument, **options: Any) -> PolicyReplay:
    return replay_policy(draft, since=timezone.now() - timedelta(days=1), **options)


def run(text: str = CLEAN_TEXT, **fields: Any) -> Workflow:
    return run_to_rest(submit(request_review_and_release(text, **fields)))


def sign(workflow: Workflow, decision: str = "approve", signer: Any = None) -> Workflow:
    execution = find_execution(workflow, "release")
    sign_off(
        execution_id=execution.id,
        actor=signer or make_bob(),
        decision=decision,
        artifact_sha256=execution.subject_digest,
        meaning="Approval for release",
        reason="Read it.",
        password=PASSWORD,
        address=None,
    )
    return run_to_rest(workflow)


def ends(found: PolicyReplay) -> dict[str, tuple[str, str, str]]:
    """What each changed stage would end with. One workflow at a time, or stage ids would collide."""
    return {each.stage_id: (each.would_be.status, each.would_be.verdict, each.would_be.code) for each in found.changes}


def words(found: PolicyReplay) -> str:
    return "\n".join(reason for each in found.changes for reason in each.reasons)


def block(*types: str, action: str = "block") -> Callable[[dict[str, Any]], object]:
    return lambda members: members["content"].append({"types": list(types), "action": action})


def ask_for_sign_offs(required: int, *, not_requester: bool = True) -> Callable[[dict[str, Any]], object]:
    def edit(members: dict[str, Any]) -> None:
        members["sign_offs"] = {"required": required, "not_requester": not_requester}

    return edit


def publish(document: PolicyDocument) -> None:
    row = Policy.objects.create(
        name=document.name,
        version=document.version,
        digest=document.digest,
        document=document.canonical_bytes().decode(),
    )
    PolicyPublication.objects.create(policy=row, name=row.name, version=row.version)
