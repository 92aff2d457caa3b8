"""`/releases`: what waits for a person, and a person's sign-off. The rules are in `releases.services`."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Count, Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from compliance.api.pagination import NewestFirst
from compliance.api.schema import errors
from compliance.api.throttles import client_address
from releases.api.serializers import (
    PendingReleaseSerializer,
    SignOffRequestSerializer,
    SignOffResponseSerializer,
)
from releases.api.throttles import SignOffThrottle
from releases.models import SignOffDecision
from releases.queries import count_required_sign_offs
from releases.services import pending_sign_offs, sign_off
from workflows.api.records import actor_of, translated_refusals
from workflows.models import Execution


class _OldestFirst(NewestFirst):
    ordering = ("created_at", "pk")


class PendingReleasesView(ListAPIView[Execution]):
    queryset = Execution.objects.none()
    serializer_class = PendingReleaseSerializer
    pagination_class = _OldestFirst

    def get_queryset(self) -> QuerySet[Execution]:
        if not isinstance(self.request.user, User):  # the schema generator asks for the model only
            return Execution.objects.none()
        approvals = Count("sign_offs", filter=Q(sign_offs__decision=SignOffDecision.APPROVE))
        waiting = pending_sign_offs(self.request.user).annotate(approval_count=approvals)
        return waiting.select_related("stage__policy", "stage__workflow__owner").defer("stage__sealed_api_key")

    @extend_schema(operation_id="releases_pending")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What waits for a sign-off, longest first: one's own, and for approvers everybody's."""
        page: Any = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        context = {**self.get_serializer_context(), "required_sign_offs": count_required_sign_offs(page)}
        return self.get_paginated_response(PendingReleaseSerializer(page, many=True, context=context).data)


class SignOffView(APIView):
    throttle_classes = (SignOffThrottle,)

    @extend_schema(
        operation_id="releases_sign_off",
        request=SignOffRequestSerializer,
        responses={
            201: SignOffResponseSerializer,
            **errors(
                403,
                409,
                status_403="Not an approver, the requester, a second signature by one person, or a wrong password.",
                status_409="The digest or the state is stale.",
            ),
        },
    )
    def post(self, request: Request, execution_id: UUID) -> Response:
        """Approve or reject one artifact by one's signature."""
        serializer = SignOffRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            with translated_refusals():
                record = sign_off(
                    execution_id=execution_id,
                    actor=actor_of(request),
                    address=client_address(request),
                    **serializer.validated_data,
                )
        except Execution.DoesNotExist:
            raise NotFound() from None
        SignOffThrottle().forget(request)
        return Response(SignOffResponseSerializer(record).data, status=201)
