"""`/workflows`. Rules live in the services; here they become responses."""

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.errors import Conflict
from compliance.api.permissions import MayCreateWorkflow
from compliance.api.schema import errors
from compliance.api.serializers import CapabilitiesRefusedResponseSerializer, ErrorResponseSerializer
from compliance.api.throttles import client_address
from workflows.api.answers import answer_new_workflow, answer_workflow, answer_workflows
from workflows.api.export_serializers import WorkflowExportResponseSerializer
from workflows.api.filters import WorkflowFilter
from workflows.api.records import SCOPE_PARAMETER, Answers, RecordViewSet, actor_of, translated_refusals
from workflows.api.requests import WorkflowRequestSerializer, parse_workflow_request
from workflows.api.serializers import (
    WorkflowCancelResponseSerializer,
    WorkflowListItemSerializer,
    WorkflowResponseSerializer,
)
from workflows.export import EvidenceDamaged, build_workflow_package
from workflows.models import Workflow
from workflows.queries import Scope
from workflows.services import cancel_workflow, create_workflow, visible_workflows

_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,200}")
_IDEMPOTENCY_PARAMETER = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="1-200 visible ASCII characters. The same key and body give the same workflow; another body gives 409.",
)
_EXPORT_FORMATS = ("json",)
_FORMAT_PARAMETER = OpenApiParameter("format", str, enum=_EXPORT_FORMATS, default="json")
_REFUSED_CREATION = PolymorphicProxySerializer(
    component_name="WorkflowRefusedResponse",
    serializers=[ErrorResponseSerializer, CapabilitiesRefusedResponseSerializer],
    resource_type_field_name=None,
)


class WorkflowViewSet(RecordViewSet):
    queryset = Workflow.objects.none()
    lookup_field = "id"
    lookup_value_converter = "uuid"
    filterset_class = WorkflowFilter
    serializer_class = WorkflowResponseSerializer
    list_serializer_class = WorkflowListItemSerializer

    @property
    def query_parameters(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("scope", "format") if self.action == "export" else ("scope",)

    def get_permissions(self) -> Any:
        return [MayCreateWorkflow()] if self.action == "create" else super().get_permissions()

    def visible(self, user: User, scope: Scope) -> QuerySet[Workflow]:
        return visible_workflows(user, scope)

    def answer_page(self, page: Sequence[Workflow]) -> Answers:
        return answer_workflows(page)

    @extend_schema(
        operation_id="workflows_list",
        parameters=[SCOPE_PARAMETER],
        responses={200: WorkflowListItemSerializer(many=True), **errors(403)},
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The caller's workflows, newest first, without the texts of their stages."""
        return super().list(request, *args, **kwargs)

    @extend_schema(operation_id="workflows_retrieve", responses=WorkflowResponseSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One workflow: its present state, with each stage's status, execution and timing."""
        return Response(answer_workflow(self.get_object()))

    @extend_schema(
        operation_id="workflows_create",
        parameters=[_IDEMPOTENCY_PARAMETER],
        request=WorkflowRequestSerializer,
        responses={
            200: OpenApiResponse(WorkflowResponseSerializer, description="Made before, with this Idempotency-Key."),
            201: OpenApiResponse(WorkflowResponseSerializer, description="Made, and waiting for a worker."),
            403: OpenApiResponse(
                _REFUSED_CREATION,
                description="The role does not allow it; or all permissions of a stage lie outside its ceiling.",
            ),
            **errors(409, status_409="The Idempotency-Key came before with another body."),
        },
    )
    def create(self, request: Request) -> Response:
        """Create a workflow. Everything that can be known now is refused now, naming the field."""
        idempotency_key = _read_idempotency_key(request)
        asked = parse_workflow_request(request.data)
        with translated_refusals():
            workflow, is_new = create_workflow(
                owner=actor_of(request),
                request=asked,
                idempotency_key=idempotency_key,
                address=client_address(request),
            )
        body = answer_new_workflow(workflow, asked) if is_new else answer_workflow(workflow)
        location = reverse("workflow-detail", kwargs={"id": workflow.id})
        return Response(body, status=201 if is_new else 200, headers={"Location": location})

    @extend_schema(
        operation_id="workflows_cancel",
        request=None,
        responses={200: WorkflowCancelResponseSerializer, **errors(403)},
    )
    def destroy(self, request: Request, id: UUID) -> Response:
        """Cancel a workflow. One that has ended is left in place; a cancelled one stays cancelled."""
        workflow: Workflow = self.get_object()
        with translated_refusals():
            workflow = cancel_workflow(
                workflow_id=workflow.id, actor=actor_of(request), address=client_address(request)
            )
        return Response({"workflow_id": str(workflow.id), "status": workflow.status})

    @extend_schema(
        operation_id="workflows_export",
        parameters=[_FORMAT_PARAMETER],
        responses={
            200: WorkflowExportResponseSerializer,
            **errors(409, status_409="The stored evidence does not hold together, so it is not exported."),
        },
    )
    @action(detail=True, filterset_class=None)
    def export(self, request: Request, id: UUID) -> Response:
        """The audit package: every stage's compliance package, the lineage, the certificates and the public keys."""
        workflow: Workflow = self.get_object()
        wanted = request.query_params.get("format", "json")
        if wanted not in _EXPORT_FORMATS:
            raise ValidationError(
                {"format": [f"This format does not exist; give one of: {', '.join(_EXPORT_FORMATS)}."]}
            )
        try:
            return Response(build_workflow_package(workflow))
        except EvidenceDamaged as error:
            raise Conflict(f"The stored evidence does not hold together: {error}.", "evidence_invalid") from None


def _read_idempotency_key(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise ValidationError({"Idempotency-Key": ["Give 1 to 200 visible ASCII characters without spaces."]})
    return key
