"""What a draft would have done to past executions, made under the built-in policies with scripted agents."""

from dataclasses import replace
from typing import Any

import pytest

from compliance.policies_in_force import UnknownPolicy
from compliance.roles import grant_role
from tests.replayed_policies import (
    MAIL_TEXT,
    MNPI_TEXT,
    ask_for_sign_offs,
    block,
    change,
    ends,
    in_force,
    publish,
    replay,
    run,
    script_stages,
    sign,
    words,
)
from tests.workflow_driver import (
    CLEAN_TEXT,
    find_execution,
    request_review_and_release,
    run_ready_execution,
    run_to_rest,
    submit,
)
from workflows.models import Execution
from workflows.replay_report import format_replay
from workflows.requests import StageRequest, WorkflowRequest

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    script_stages(monkeypatch)


@pytest.mark.parametrize("name", ["default", "hipaa", "legal_privilege", "sox"])
def test_the_same_rules_under_another_number_change_nothing(name: str) -> None:
    run(MNPI_TEXT, compliance_policy=name)
    workflow = run(compliance_policy=name)
    if workflow.status == "awaiting_sign_off":
        sign(workflow)

    for document in (in_force(name), change(in_force(name))):
        found = replay(document)
        assert found.changes == (), list(format_replay(found))
        assert (
            found.counts.looked_at
            == found.counts.unchanged
            == Execution.objects.filter(completed_at__isnull=False).count()
        )


def test_what_a_draft_blocks_is_named_by_rule_type_and_place_and_never_by_value() -> None:
    workflow = run(MAIL_TEXT, compliance_policy="default")
    assert workflow.status == "completed", workflow.reason_detail

    found = replay(change(in_force("default"), block("email_address", action="block_release")))

    assert ends(found) == {"release": ("blocked", "non_compliant", "content_blocked")}
    start = MAIL_TEXT.index("jane")
    end = MAIL_TEXT.index(" about")
    assert f"holds email_address at characters {start} to {end}" in words(found)
    assert "the draft default v3 blocks (content.3: block_release)" in words(found)
    assert "jane" not in words(found)
    assert (found.counts.looked_at, found.counts.unchanged, found.counts.changed) == (2, 1, 1)


def test_a_review_that_would_not_be_compliant_blocks_what_names_it() -> None:
    run(MAIL_TEXT, compliance_policy="default")

    found = replay(change(in_force("default"), block("email_address")))

    assert ends(found) == {
        "review": ("completed", "non_compliant", ""),
        "release": ("blocked", "non_compliant", "upstream_not_compliant"),
    }


def test_what_comes_after_a_stage_that_would_be_blocked_would_not_have_run() -> None:
    stages = (
        *request_review_and_release(MAIL_TEXT).stages,
        StageRequest(id="write", name="Write", task=CLEAN_TEXT, compliance_policy="hipaa"),
    )
    assert run_to_rest(submit(WorkflowRequest(name="Three", stages=stages))).status == "completed"

    found = replay(change(in_force("default"), block("email_address", action="block_release")))

    assert ends(found)["write"] == ("cancelled", "", "earlier_stage_ended")
    assert "Stage release, which comes before it, would be blocked (content_blocked)" in words(found)


def test_a_laxer_draft_says_that_what_never_ran_is_not_known() -> None:
    workflow = run(MAIL_TEXT, compliance_policy="hipaa")
    assert (workflow.status, workflow.reason_code) == ("blocked", "content_blocked")

    def keep_nothing_in(members: dict[str, Any]) -> None:
        members["content"] = [rule for rule in members["content"] if rule["action"] != "block_release"]

    found = replay(change(in_force("hipaa"), keep_nothing_in))

    assert ends(found) == {"release": ("unknown", "", "unknown_beyond_admission")}
    assert "Its agent never ran" in words(found)
    assert "which hipaa v2 blocked" in words(found)
    assert found.counts.unknown == 1


def test_a_worker_whose_artifact_was_blocked_would_be_compliant_and_what_names_it_admitted() -> None:
    stages = (
        StageRequest(id="write", name="Write", task="Write.", document=MNPI_TEXT, compliance_policy="sox"),
        StageRequest(
            id="review",
            name="Review",
            task="Review.",
            stage_role="reviewer",
            upstream_stage_ids=("write",),
            compliance_policy="sox",
        ),
    )
    run_to_rest(submit(WorkflowRequest(name="Two", stages=stages)))

    found = replay(change(in_force("sox"), lambda members: members["content"].pop(0)))

    assert ends(found) == {
        "write": ("completed", "compliant", ""),
        "review": ("unknown", "", "unknown_beyond_admission"),
    }


def test_a_proof_that_no_check_gave_is_missing() -> None:
    sign(run(compliance_policy="sox"))

    found = replay(change(in_force("sox"), lambda members: members["required_proofs"].append("ner_ran")))

    assert ends(found)["review"] == ("completed", "non_compliant", "")
    assert ends(found)["release"] == ("blocked", "non_compliant", "upstream_not_compliant")
    assert "The proof ner_ran is required (the draft sox v3), and no check of that name ran." in words(found)


def test_a_proof_that_could_not_be_given_and_is_no_longer_required_is_none() -> None:
    strict = change(in_force("sox"), lambda members: members["required_proofs"].append("ner_ran"))
    publish(strict)
    workflow = run(compliance_policy="sox")
    assert (workflow.status, workflow.reason_code) == ("blocked", "upstream_not_compliant")

    found = replay(change(strict, lambda members: members["required_proofs"].remove("ner_ran")))

    assert ends(found) == {
        "review": ("completed", "compliant", ""),
        "release": ("waiting", "", "sign_off_required"),
    }
    assert "The proof ner_ran, which was missing, is no longer required." in words(found)


def test_a_release_that_owes_a_proof_of_its_own_policy_is_blocked_at_its_end() -> None:
    stages = request_review_and_release().stages
    request = WorkflowRequest(name="Mixed", stages=(stages[0], replace(stages[1], compliance_policy="sox")))
    assert sign(run_to_rest(submit(request))).status == "completed"

    found = replay(change(in_force("sox"), lambda members: members["required_proofs"].append("ner_ran")))

    assert ends(found) == {"release": ("blocked", "non_compliant", "content_not_inspected")}


def test_a_second_sign_off_would_still_be_waited_for() -> None:
    assert sign(run(compliance_policy="sox")).status == "completed"

    found = replay(change(in_force("sox"), ask_for_sign_offs(2)))

    assert ends(found) == {"release": ("waiting", "", "sign_off_required")}
    assert "2 sign-offs (the draft sox v3 asks for 2), and 1 of the 1 given would count" in words(found)


def test_where_no_sign_off_is_asked_for_nobody_would_have_refused_one() -> None:
    workflow = sign(run(compliance_policy="sox"), "reject")
    assert workflow.reason_code == "sign_off_refused"

    found = replay(change(in_force("sox"), ask_for_sign_offs(0)))

    assert ends(found) == {"release": ("unknown", "", "unknown_beyond_admission")}


def test_the_requesters_own_sign_off_counts_only_where_no_policy_minds() -> None:
    lax = change(in_force("sox"), ask_for_sign_offs(1, not_requester=False))
    publish(lax)
    workflow = run(compliance_policy="sox")
    grant_role(workflow.owner, "approver")
    assert sign(workflow, signer=workflow.owner).status == "completed"

    found = replay(change(lax, ask_for_sign_offs(1)))

    assert ends(found) == {"release": ("waiting", "", "sign_off_required")}
    assert "A sign-off of the requester would not count" in words(found)


def test_a_retired_capability_keeps_out_the_workflow_that_asked_for_nothing_else() -> None:
    run(compliance_policy="hipaa", permissions=["database:read:patient_data"])

    def retire(members: dict[str, Any]) -> None:
        for entries in (members["capabilities"]["default"], members["capabilities"]["ceiling"]):
            entries.remove("database:read:patient_data")

    found = replay(change(in_force("hipaa"), retire))

    assert set(ends(found).values()) == {("not_admitted", "", "permissions_refused")}
    assert len(found.changes) == 2
    assert "database:read:patient_data (exceeds_policy_ceiling)" in words(found)


def test_a_grant_that_nothing_used_changes_no_verdict_and_is_counted() -> None:
    run(compliance_policy="hipaa", permissions=["database:read:patient_data", "filesystem:read"])

    def retire(members: dict[str, Any]) -> None:
        for entries in (members["capabilities"]["default"], members["capabilities"]["ceiling"]):
            entries.remove("filesystem:read")

    found = replay(change(in_force("hipaa"), retire))

    assert found.changes == ()
    assert found.counts.grants_changed == 2


def test_a_policy_that_only_the_lineage_holds_counts_too() -> None:
    stages = request_review_and_release(MAIL_TEXT).stages
    lineage = (replace(stages[0], compliance_policy="legal_privilege"), stages[1])
    workflow = sign(run_to_rest(submit(WorkflowRequest(name="Mixed", stages=lineage))))
    assert workflow.status == "completed", workflow.reason_detail

    def find_addresses(members: dict[str, Any]) -> None:
        members["detectors"].append("compliance.inspection.detectors.contact.EmailDetector")
        members["content"].append({"types": ["email_address"], "action": "block_release"})

    found = replay(change(in_force("legal_privilege"), find_addresses))

    assert ends(found) == {"release": ("blocked", "non_compliant", "content_blocked")}
    assert found.changes[0].policy.name == "default"


def test_a_draft_of_another_name_stands_where_it_is_told_to() -> None:
    run(MAIL_TEXT)
    draft = change(in_force("default"), lambda members: members.update(name="strict", version=1))
    draft = change(draft, block("email_address"))

    with pytest.raises(UnknownPolicy, match="no version of a policy named strict was ever published"):
        replay(draft)
    assert ends(replay(draft, in_place_of="default"))["review"] == ("completed", "non_compliant", "")


def test_in_parallel_only_what_rests_on_a_stage_that_would_be_blocked_would_not_have_run() -> None:
    stages = (
        *request_review_and_release(MAIL_TEXT).stages,
        StageRequest(
            id="heir", name="Heir", task=CLEAN_TEXT, compliance_policy="hipaa", upstream_stage_ids=("release",)
        ),
        StageRequest(id="write", name="Write", task=CLEAN_TEXT, compliance_policy="hipaa"),
    )
    workflow = submit(WorkflowRequest(name="Four", mode="parallel", stages=stages))
    for stage_id in ("review", "release", "heir", "write"):
        run_ready_execution(find_execution(workflow, stage_id).id)
    assert run_to_rest(workflow).status == "completed", workflow.reason_detail

    found = replay(change(in_force("default"), block("email_address", action="block_release")))

    assert ends(found) == {
        "release": ("blocked", "non_compliant", "content_blocked"),
        "heir": ("cancelled", "", "earlier_stage_ended"),
    }
