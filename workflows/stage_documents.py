"""The named documents of a workflow, as one of its stages may read and write them."""

from django.db.models import QuerySet

from compliance.content import OpenKey, open_texts
from workflows.leases import Claim
from workflows.models import Stage, StageDocument


def find_document(claim: Claim, opened: OpenKey, name: str) -> tuple[str, str] | None:
    """Return digest and text of a document: the stage's own newest one, else that of the last stage named upstream."""
    row = _visible(claim).filter(name=name).order_by("-execution__stage__position", "-id").first()
    if row is None:
        return None
    return row.digest, open_texts(opened, [row.digest])[row.digest]


def list_documents(claim: Claim) -> tuple[str, ...]:
    """Return the names of the documents that the stage may see, sorted."""
    return tuple(sorted(set(_visible(claim).values_list("name", flat=True))))


def add_document(claim: Claim, name: str, digest: str) -> None:
    """Give a stored text a name in the workflow."""
    StageDocument.objects.create(execution_id=claim.execution_id, name=name, digest=digest)


def _visible(claim: Claim) -> QuerySet[StageDocument]:
    stage = Stage.objects.get(uid=claim.stage_uid)
    return StageDocument.objects.filter(
        execution__stage__workflow_id=claim.workflow_id,
        execution__stage__stage_id__in=[stage.stage_id, *stage.upstream_stage_ids],
    )
