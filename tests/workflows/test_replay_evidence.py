"""On what evidence a replay rests, and that it reads and never writes, however many executions there are."""

import base64
import json
import re
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from compliance.append_only import triggers_lifted
from compliance.content import destroy_content_key
from compliance.models import Certificate
from compliance.policy import PolicyDocument
from tests.generated_workflows import run_generated, workflow_plans
from tests.replayed_policies import (
    MAIL_TEXT,
    MNPI_TEXT,
    ask_for_sign_offs,
    block,
    change,
    ends,
    in_force,
    replay,
    run,
    script_stages,
    sign,
)
from tests.workflow_driver import find_execution
from workflows.models import Execution, ExecutionEvent
from workflows.policy_replay import replay_policy
from workflows.replay_report import format_replay

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    script_stages(monkeypatch)


def test_where_the_texts_were_erased_only_what_needs_them_is_not_evaluable() -> None:
    workflow = run(MAIL_TEXT)
    destroy_content_key(workflow.id)

    found = replay(change(in_force("default"), block("email_address", action="block_release")))
    assert found.changes == ()
    assert {(each.stage_id, each.why) for each in found.not_evaluable} == {
        ("review", "texts_unreadable"),
        ("release", "texts_unreadable"),
    }
    assert found.counts.looked_at == found.counts.not_evaluable == 2

    assert ends(replay(change(in_force("default"), ask_for_sign_offs(1)))) == {
        "release": ("waiting", "", "sign_off_required")
    }


def test_evidence_that_does_not_verify_is_not_evaluated() -> None:
    forged, sound = run(), run()
    with triggers_lifted(connection):
        certificate = Certificate.objects.filter(chain_id=forged.id, kind="execution").earliest("sequence")
        envelope = json.loads(bytes(certificate.envelope))
        payload = base64.b64decode(envelope["payload"])
        assert b'"verdict":"compliant"' in payload
        changed = payload.replace(b'"verdict":"compliant"', b'"verdict":"non_compliant"')
        envelope["payload"] = base64.b64encode(changed).decode()
        Certificate.objects.filter(id=certificate.id).update(envelope=json.dumps(envelope).encode())

    found = replay(change(in_force("default"), ask_for_sign_offs(1)))

    assert {(each.workflow_id, each.why) for each in found.not_evaluable} == {(forged.id, "evidence_invalid")}
    assert [each.workflow_id for each in found.changes] == [sound.id]


def test_a_journal_other_than_the_certified_one_is_not_evaluated() -> None:
    workflow = run()
    with triggers_lifted(connection):
        ExecutionEvent.objects.filter(execution=find_execution(workflow, "review")).first().delete()  # type: ignore[union-attr]

    found = replay(change(in_force("default")))

    assert {each.why for each in found.not_evaluable} == {"journal_differs"}


def test_the_certificate_counts_where_the_row_says_otherwise() -> None:
    workflow = run(MNPI_TEXT, compliance_policy="sox")
    Execution.objects.filter(stage__workflow=workflow).update(verdict="compliant", status="completed")

    found = replay(change(in_force("sox"), lambda members: members["content"].pop(0)))

    assert {each.stage_id: each.was.verdict for each in found.changes}["review"] == "non_compliant"


# PostgreSQL reads a stream of rows through a cursor.
READS = re.compile(r'(DECLARE "\w+" (NO SCROLL )?CURSOR (WITH HOLD )?FOR )?SELECT ')


def read_all_rows() -> str:
    """Everything that the database holds of ours."""
    ours = [model for app in ("compliance", "workflows", "releases") for model in apps.get_app_config(app).get_models()]
    return "\n".join(serializers.serialize("json", model._default_manager.order_by("pk")) for model in ours)


def test_nothing_is_written() -> None:
    sign(run(MAIL_TEXT, compliance_policy="sox"))
    run(MAIL_TEXT, compliance_policy="default")
    before = read_all_rows()

    with CaptureQueriesContext(connection) as captured:
        for name in ("sox", "default"):
            assert replay(change(in_force(name), block("secret", "password"))).counts.looked_at
            assert replay(change(in_force(name), ask_for_sign_offs(3))).changes

    issued = [query["sql"] for query in captured]
    assert issued
    assert [sql for sql in issued if not READS.match(sql)] == []
    assert read_all_rows() == before


def count_queries(draft: PolicyDocument) -> int:
    with CaptureQueriesContext(connection) as captured:
        replay(draft)
    return len(captured)


def test_the_number_of_queries_does_not_grow_with_the_executions() -> None:
    run(MAIL_TEXT)
    draft = change(in_force("default"), block("email_address"))
    few = count_queries(draft)
    for _ in range(3):
        run(MAIL_TEXT)
    assert count_queries(draft) == few


def test_at_most_the_newest_are_looked_at_and_that_there_are_more_is_said() -> None:
    run(MAIL_TEXT)
    newest = run(MAIL_TEXT)
    draft = change(in_force("default"), block("email_address"))

    found = replay(draft, limit=2)
    assert {each.workflow_id for each in found.changes} == {newest.id}
    assert (found.counts.looked_at, found.truncated) == (2, True)
    assert not replay(draft, limit=4).truncated
    assert replay_policy(draft, since=timezone.now()).counts.looked_at == 0


class TheSameRulesChangeNothing(TestCase):
    """Whatever workflows there were: the simulation of a course that is not changed is the recorded one."""

    @settings(suppress_health_check=list(HealthCheck), max_examples=6)
    @given(
        plans=workflow_plans(),
        kill_at=st.frozensets(st.integers(1, 120), max_size=2),
        cancel_at=st.none() | st.none() | st.integers(1, 100),
        sign_offs=st.lists(st.sampled_from(["approve", "approve", "reject"]), max_size=2),
    )
    def test_for_any_workflow(self, plans: Any, kill_at: Any, cancel_at: Any, sign_offs: Any) -> None:
        workflow = run_generated(plans, kill_at, cancel_at, sign_offs)
        for name in sorted({stage.policy.name for stage in workflow.stages.select_related("policy")}):
            found = replay(change(in_force(name)))
            assert found.changes == (), "\n".join(format_replay(found))
            assert found.not_evaluable == ()
