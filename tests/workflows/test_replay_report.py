"""A replay in words and as JSON."""

import json

import pytest

from tests.replayed_policies import (
    MAIL_TEXT,
    block,
    change,
    in_force,
    replay,
    script_stages,
)
from tests.workflow_driver import (
    run_to_rest,
    script_agents,
    submit,
)
from workflows.agents.types import WorkerAnswer
from workflows.replay_report import describe_replay, format_replay
from workflows.requests import StageRequest, WorkflowRequest

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    script_stages(monkeypatch)


def test_a_report_says_all_of_it_and_acts_on_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = StageRequest(id="write\x1b[2J", name="Write", task=MAIL_TEXT)
    script_agents(monkeypatch, {stage.id or "": lambda work: WorkerAnswer(MAIL_TEXT)})
    run_to_rest(submit(WorkflowRequest(name="One", stages=(stage,))))
    found = replay(change(in_force("default"), block("email_address")))
    change_found = found.changes[0]

    text = "\n".join(format_replay(found))
    assert "1 looked at, 0 unchanged, 1 changed" in text
    assert "\x1b" not in text
    assert f"{change_found.execution_id}  stage write\\x1b[2J of workflow {change_found.workflow_id}" in text
    assert "was       completed, compliant" in text
    assert "would be  completed, non_compliant" in text
    assert "holds email_address at characters" in text

    described = json.loads(json.dumps(describe_replay(found)))
    assert described["changed"] == 1
    assert described["changes"][0]["would_be"] == {"status": "completed", "verdict": "non_compliant", "code": None}
    assert described["changes"][0]["reasons"] == list(change_found.reasons)
