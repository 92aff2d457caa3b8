"""Workflows, stages, people and grants as they stand in certificates."""

from typing import Any

from django.contrib.auth.models import User

from compliance.content import compute_digest
from compliance.models import Policy
from compliance.statements import PersonFacts, PolicyFacts, StageFacts, WorkflowFacts
from workflows.models import Stage, Workflow


def describe_stage(stage: Stage) -> StageFacts:
    return StageFacts(
        id=stage.stage_id,
        uid=str(stage.uid),
        name=stage.name,
        position=stage.position,
        role=stage.role,
        task_sha256=stage.task_digest,
        document_sha256=stage.document_digest or None,
        upstream_stage_ids=tuple(stage.upstream_stage_ids),
    )


def describe_workflow(workflow: Workflow) -> WorkflowFacts:
    """Return the workflow as asked for; its owner is loaded."""
    return WorkflowFacts(
        name=workflow.name,
        description_sha256=compute_digest(workflow.description) if workflow.description else None,
        mode=workflow.mode,
        requester=describe_person(workflow.owner),
    )


def describe_policy(policy: Policy) -> PolicyFacts:
    return PolicyFacts(policy.name, policy.version, policy.digest)


def describe_person(user: User) -> PersonFacts:
    return PersonFacts(str(user.pk), user.get_username())


def describe_grant(stage: Stage) -> dict[str, Any]:
    return {"effective": stage.granted_permissions, "denied": stage.denied_permissions}
