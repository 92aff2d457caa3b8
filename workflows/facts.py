"""Workflows, stages and people as they stand in certificates.

The opening certificate is the word on what was asked for: rows can be changed after it was issued, so whatever a
later certificate repeats comes out of it.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from compliance.content import compute_digest
from compliance.gate import Evidence
from compliance.models import Policy
from compliance.services import read_opening
from compliance.statements import OpenedStage, PersonFacts, PolicyFacts, StageFacts, WorkflowFacts
from workflows.models import Stage, Workflow


@dataclass(frozen=True)
class AskedFor:
    """What a workflow was asked for; `stages` by position."""

    workflow: WorkflowFacts
    stages: tuple[OpenedStage, ...]

    def find(self, stage: Stage) -> OpenedStage:
        """Return a stage as it was asked for."""
        uid = str(stage.uid)
        return next((opened for opened in self.stages if opened.stage.uid == uid), None) or _describe_stage(stage)


def describe_request(workflow: Workflow, stages: Sequence[Stage]) -> AskedFor:
    """Return what is asked for by rows whose owner and policies are loaded."""
    facts = WorkflowFacts(
        name=workflow.name,
        description_sha256=compute_digest(workflow.description) if workflow.description else None,
        mode=workflow.mode,
        requester=describe_person(workflow.owner),
    )
    return AskedFor(facts, tuple(_describe_stage(stage) for stage in stages))


def load_request(workflow_id: uuid.UUID, evidence: Evidence | None = None) -> AskedFor:
    """Return what a workflow was asked for by its opening certificate, out of `evidence` where that is loaded.

    Where that does not hold, by the rows: the gate refuses everything then, and the refusal is certified, too.
    """
    opening = read_opening(workflow_id, evidence)
    if opening is not None:
        return AskedFor(_read_workflow(opening.predicate), tuple(_read_stage(stage) for stage in opening.stages))
    stages = Stage.objects.filter(workflow_id=workflow_id).select_related("policy").order_by("position")
    return describe_request(Workflow.objects.select_related("owner").get(id=workflow_id), list(stages))


def describe_policy(policy: Policy) -> PolicyFacts:
    return PolicyFacts(policy.name, policy.version, policy.digest)


def describe_person(user: User) -> PersonFacts:
    return PersonFacts(str(user.pk), user.get_username())


def _describe_stage(stage: Stage) -> OpenedStage:
    requested = stage.requested_permissions
    return OpenedStage(
        stage=StageFacts(
            id=stage.stage_id,
            uid=str(stage.uid),
            name=stage.name,
            position=stage.position,
            role=stage.role,
            task_sha256=stage.task_digest,
            document_sha256=stage.document_digest or None,
            upstream_stage_ids=tuple(stage.upstream_stage_ids),
        ),
        policy=describe_policy(stage.policy),
        grant={"effective": stage.granted_permissions, "denied": stage.denied_permissions},
        budget_cents=stage.budget_cents,
        permissions=None if requested is None else tuple(requested),
        provider=stage.provider,
        model=stage.model or None,
    )


def _read_workflow(opening: Mapping[str, Any]) -> WorkflowFacts:
    requester = PersonFacts(**opening["requester"])
    return WorkflowFacts(opening["name"], opening["description_sha256"], opening["mode"], requester)


def _read_stage(opened: Mapping[str, Any]) -> OpenedStage:
    permissions = opened["permissions"]
    return OpenedStage(
        stage=StageFacts(
            id=opened["id"],
            uid=opened["uid"],
            name=opened["name"],
            position=opened["position"],
            role=opened["role"],
            task_sha256=opened["task_sha256"],
            document_sha256=opened["document_sha256"],
            upstream_stage_ids=tuple(opened["upstream_stage_ids"]),
        ),
        policy=PolicyFacts(**opened["policy"]),
        grant=opened["grant"],
        budget_cents=opened["budget_cents"],
        permissions=None if permissions is None else tuple(permissions),
        provider=opened["provider"],
        model=opened["model"],
    )
