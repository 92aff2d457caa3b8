"""`GET /health`: whether this instance can serve, without a key."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from workflows.agents.runner import resolve_provider
from workflows.models import WorkerHeartbeat


class DatabaseHealthSerializer(serializers.Serializer[Any]):
    engine = serializers.ChoiceField(choices=["sqlite", "postgresql"])
    available = serializers.BooleanField()


class WorkerHealthSerializer(serializers.Serializer[Any]):
    available = serializers.BooleanField(help_text="A worker has given a sign of life within three sweeps.")
    last_seen_at = serializers.DateTimeField(allow_null=True)


class HealthResponseSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(
        choices=["ok", "degraded", "unavailable"],
        help_text="`degraded`: requests are answered, but no worker is running stages.",
    )
    mode = serializers.ChoiceField(
        choices=["embedded", "anthropic", "openai"],
        help_text="Who runs a stage that names no provider. `embedded` is rule-based: no language model takes part.",
    )
    database = DatabaseHealthSerializer()
    worker = WorkerHealthSerializer()


class HealthView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="health",
        responses={
            200: HealthResponseSerializer,
            503: OpenApiResponse(HealthResponseSerializer, description="The database does not answer."),
        },
    )
    def get(self, request: Request) -> Response:
        """Whether the service can serve, and whether an embedded agent or a provider does."""
        last_seen_at, database_available = None, True
        try:
            last_seen_at = WorkerHeartbeat.objects.order_by("-seen_at").values_list("seen_at", flat=True).first()
        except DatabaseError:
            database_available = False
        recent = timezone.now() - timedelta(seconds=3 * settings.SWEEP_SECONDS)
        worker_available = last_seen_at is not None and last_seen_at >= recent
        body = {
            "status": "unavailable" if not database_available else "ok" if worker_available else "degraded",
            "mode": resolve_provider(None),
            "database": {"engine": connection.vendor, "available": database_available},
            "worker": {"available": worker_available, "last_seen_at": last_seen_at},
        }
        return Response(
            HealthResponseSerializer(body).data,
            status=200 if database_available else 503,
            headers={"Cache-Control": "no-store"},
        )
