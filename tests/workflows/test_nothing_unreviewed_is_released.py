"""The invariant that the product exists for, over generated workflows, verdicts, crashes and cancellations.

Every released artifact has a verified certificate of a compliant reviewer, named by the release, over the same
digest; and the sign-offs, content rules and closing certificate that its lineage asks for. And whatever happened, the
audit package of what ended verifies.
"""

import json

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from compliance.chain import Attestation, read_chain
from compliance.content import load_text
from compliance.inspection import inspect, matches
from compliance.package import verify_package
from compliance.package.text_output import format_report
from compliance.policies_in_force import load_policy_documents
from compliance.services import load_evidence
from compliance.signing import public_identity
from tests.generated_workflows import StagePlan, drive_interleaved, run_generated, workflow_plans
from workflows.export import build_workflow_package, encode_package
from workflows.models import Execution, Workflow
from workflows.transitions import STAGE_ENDS, WORKFLOW_ENDS


def list_touched_texts(entry: Attestation) -> set[str | None]:
    """Digests of the texts that a stage, by the certificate of its end, worked on or made."""
    if entry.kind != "execution":
        return set()
    said, documents = entry.predicate, entry.predicate["documents"]
    return {
        said["artifact_sha256"],
        said["reviewed_sha256"],
        said["stage"]["document_sha256"],
        *(upstream["artifact_sha256"] for upstream in said["lineage"]["upstreams"]),
        *(document["sha256"] for document in documents["read"] + documents["written"]),
    }


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
    # Whoever has these bytes for a document, before the release or after it, has them under its own policy.
    touching = [entry for entry in chain[: own.sequence] if execution.artifact_digest in list_touched_texts(entry)]
    assert {entry.policy_digest for entry in touching} <= set(own.lineage_policies), "a policy of its text was left out"
    holders = workflow.stages.filter(document_digest=execution.artifact_digest).select_related("policy")
    named_policies = {execution.stage.policy.digest, *(entry.policy_digest for entry in reviews)}
    named_policies |= {entry.policy_digest for entry in touching} | {stage.policy.digest for stage in holders}
    policies = load_policy_documents(named_policies).values()
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


def check_package(workflow: Workflow) -> None:
    """An ended workflow's package verifies; that of one that has not ended says so, and nothing else fails it."""
    package = json.loads(encode_package(build_workflow_package(workflow)))
    report = verify_package(package, public_identity().public_key_pem)
    assert report.complete
    if workflow.status in WORKFLOW_ENDS:
        assert report.ok, "\n".join(format_report(report))
    else:
        assert "closing" in {failure.name for failure in report.failures}


def check_rest(workflow: Workflow) -> None:
    """The rules for a workflow at rest, whatever it went through."""
    evidence = load_evidence(workflow.id)
    chain = read_chain(str(workflow.id), evidence.certificates, evidence.keys)
    released = Execution.objects.filter(stage__workflow=workflow, stage__role="release", status="completed")
    for execution in released.select_related("stage__policy"):
        event("something was released")
        check_released(workflow, execution, chain)
    stages = Execution.objects.filter(stage__workflow=workflow).values_list("stage_id", flat=True)
    assert len(stages) == len(set(stages)), "a stage was started twice"
    if workflow.status in WORKFLOW_ENDS:
        assert chain[-1].kind == "closing", "a workflow ended without its closing certificate"
        assert not Execution.objects.filter(stage__workflow=workflow, completed_at=None).exists()
        assert not workflow.stages.exclude(status__in=STAGE_ENDS).exists()
    else:
        assert workflow.status == "awaiting_sign_off", f"a workflow at rest is {workflow.status}"
    check_package(workflow)
    event(f"workflow {workflow.status}")


INTERRUPTIONS = {
    "kill_at": st.frozensets(st.integers(1, 120), max_size=4),
    "cancel_at": st.none() | st.none() | st.integers(1, 100),
    "sign_offs": st.lists(st.sampled_from(["approve", "approve", "reject"]), max_size=2),
}


class NothingUnreviewedIsReleased(TestCase):
    @settings(suppress_health_check=list(HealthCheck))
    @given(plans=workflow_plans(), **INTERRUPTIONS)
    def test_by_no_order_of_events(
        self, plans: list[StagePlan], kill_at: frozenset[int], cancel_at: int | None, sign_offs: list[str]
    ) -> None:
        workflow = run_generated(plans, kill_at, cancel_at, sign_offs)
        check_rest(workflow)
        last = Execution.objects.filter(stage__workflow=workflow, stage__position=len(plans) - 1)
        if workflow.status == "cancelled":
            assert not last.filter(stage__role="release", status="completed").exists()

    @settings(suppress_health_check=list(HealthCheck))
    @given(
        plans=workflow_plans(),
        picks=st.lists(st.integers(0, 5), max_size=24),
        repeated=st.frozensets(st.integers(1, 40), max_size=3),
        **INTERRUPTIONS,
    )
    def test_by_no_interleaving_of_parallel_stages(
        self,
        plans: list[StagePlan],
        picks: list[int],
        repeated: frozenset[int],
        kill_at: frozenset[int],
        cancel_at: int | None,
        sign_offs: list[str],
    ) -> None:
        def drive_to_rest(workflow: Workflow, decisions: list[str]) -> None:
            drive_interleaved(workflow, decisions, picks, repeated)

        check_rest(run_generated(plans, kill_at, cancel_at, sign_offs, drive_to_rest, "parallel"))
