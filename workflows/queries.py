"""Who sees which records, and what a page of them needs."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet

from compliance.models import Certificate
from compliance.policies_in_force import load_policy_documents
from compliance.policy import PolicyDocument
from compliance.roles import may_read_everything
from workflows.models import Execution, Stage, Workflow
from workflows.redaction import redact_text
from workflows.requests import NotAllowed

Scope = Literal["own", "all"]

SUMMARY_CHARACTERS = 280
_INSPECTED_CHARACTERS = 4000


def visible_workflows(user: User | AnonymousUser, scope: Scope = "own") -> QuerySet[Workflow]:
    """Return the workflows of the user; with `all`, everybody's. Raises NotAllowed."""
    if scope == "all":
        _require_reader(user)
        return Workflow.objects.all()
    return Workflow.objects.filter(owner_id=user.pk)


def readable_workflows(user: User | AnonymousUser) -> QuerySet[Workflow]:
    """Return every workflow that the user may read at all: what is not in it is unknown to them."""
    return visible_workflows(user, "all" if may_read_everything(user) else "own")


def visible_stages(user: User | AnonymousUser, scope: Scope = "own") -> QuerySet[Stage]:
    """Return the stages of those workflows. Raises NotAllowed."""
    if scope == "all":
        _require_reader(user)
        return Stage.objects.all()
    return Stage.objects.filter(workflow__owner_id=user.pk)


def visible_executions(user: User | AnonymousUser, scope: Scope = "own") -> QuerySet[Execution]:
    """Return the executions of those workflows. Raises NotAllowed."""
    if scope == "all":
        _require_reader(user)
        return Execution.objects.all()
    return Execution.objects.filter(stage__workflow__owner_id=user.pk)


def visible_certificates(user: User | AnonymousUser, scope: Scope = "own") -> QuerySet[Certificate]:
    """Return the certificates of those workflows. Raises NotAllowed."""
    rows = Certificate.objects.all()
    if scope == "all":
        _require_reader(user)
        return rows
    return rows.filter(chain_id__in=Workflow.objects.filter(owner_id=user.pk).values("id"))


@dataclass(frozen=True)
class Artifact:
    """What an execution made, and the digests of the policies that its text came under."""

    execution_id: uuid.UUID
    text: str
    lineage_policies: Sequence[str]


def summarise_artifacts(artifacts: Sequence[Artifact]) -> dict[uuid.UUID, str]:
    """Return the start of each artifact by its execution, redacted as the policies say, in one query."""
    documents = load_policy_documents({digest for artifact in artifacts for digest in artifact.lineage_policies})
    return {
        artifact.execution_id: summarise_text(artifact.text, [documents[name] for name in artifact.lineage_policies])
        for artifact in artifacts
    }


def summarise_text(text: str, policies: Iterable[PolicyDocument]) -> str:
    """Return the start of a text, redacted under every policy given."""
    start = redact_text(text[:_INSPECTED_CHARACTERS], policies)
    return start if len(start) <= SUMMARY_CHARACTERS else start[: SUMMARY_CHARACTERS - 1] + "…"


def _require_reader(user: User | AnonymousUser) -> None:
    if not may_read_everything(user):
        raise NotAllowed("scope=all takes the role admin, approver or auditor")
