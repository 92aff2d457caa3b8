"""`/stages` and `/executions`: the same records on their own, and the settling of what waits for a person."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db.models import F, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.pagination import NewestFirst
from compliance.api.schema import errors
from compliance.api.throttles import client_address
from workflows.api.answers import answer_stage, answer_stages
from workflows.api.execution_serializers import (
    ExecutionListItemSerializer,
    ExecutionResponseSerializer,
    SettleRequestSerializer,
)
from workflows.api.filters import ExecutionFilter, StageFilter
from workflows.api.records import SCOPE_PARAMETER, Answers, RecordViewSet, actor_of, translated_refusals
from workflows.api.rows import row_of
from workflows.api.serializers import StageListItemSerializer, StageResponseSerializer
from workflows.models import Execution, Stage
from workflows.queries import Scope
from workflows.services import settle_execution, visible_executions, visible_stages


class _StagePages(NewestFirst):
    """By workflow, newest first, and in their order within it."""

    ordering = ("-workflow_created_at", "-workflow_id", "position")


class StageViewSet(RecordViewSet):
    queryset = Stage.objects.none()
    lookup_field = "uid"
    lookup_value_converter = "uuid"
    filterset_class = StageFilter
    pagination_class = _StagePages
    serializer_class = StageResponseSerializer
    list_serializer_class = StageListItemSerializer

    def visible(self, user: User, scope: Scope) -> QuerySet[Stage]:
        rows = visible_stages(user, scope).annotate(workflow_created_at=F("workflow__created_at"))
        return rows.select_related("policy").defer("sealed_api_key")

    def answer_page(self, page: Sequence[Stage]) -> Answers:
        return answer_stages(map(row_of, page))

    @extend_schema(
        operation_id="stages_list",
        parameters=[SCOPE_PARAMETER],
        responses={200: StageListItemSerializer(many=True), **errors(403)},
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Stages, without their texts."""
        return super().list(request, *args, **kwargs)

    @extend_schema(operation_id="stages_retrieve", responses=StageResponseSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One stage, by its `uid`."""
        return Response(answer_stage(row_of(self.get_object())))


class ExecutionViewSet(RecordViewSet):
    queryset = Execution.objects.none()
    lookup_field = "id"
    lookup_value_converter = "uuid"
    filterset_class = ExecutionFilter
    serializer_class = ExecutionResponseSerializer
    list_serializer_class = ExecutionListItemSerializer

    def visible(self, user: User, scope: Scope) -> QuerySet[Execution]:
        return visible_executions(user, scope).select_related("stage__policy").defer("stage__sealed_api_key")

    @extend_schema(
        operation_id="executions_list",
        parameters=[SCOPE_PARAMETER],
        responses={200: ExecutionListItemSerializer(many=True), **errors(403)},
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Executions, newest first, without their output and tool calls."""
        return super().list(request, *args, **kwargs)

    @extend_schema(operation_id="executions_retrieve", responses=ExecutionResponseSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One execution: status, grant, every tool call with its decision, certificates, usage, cost and output."""
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(
        operation_id="executions_settle",
        request=SettleRequestSerializer,
        responses={
            200: ExecutionResponseSerializer,
            **errors(403, 409, status_409="It does not wait for a call to be settled, or does not any more."),
        },
    )
    @action(detail=True, methods=["post"])
    def settle(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Say what became of a tool call whose worker died: it happened, make it again, or give up.

        For approvers and admins, on an execution that waits with `outcome_unknown`.
        """
        execution = self.get_object()
        serializer = SettleRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields = {"result": None, **serializer.validated_data}
        with translated_refusals():
            settle_execution(
                execution_id=execution.id,
                actor=actor_of(request),
                address=client_address(request),
                call_sequence=fields.pop("call", None),
                **fields,
            )
        return Response(ExecutionResponseSerializer(self.get_object()).data)
