"""`GET /health`: whether this instance can serve, without a key."""

from typing import Any

from django.db import DatabaseError, connection
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from workflows.agents.runner import resolve_provider
from workflows.worker_status import COUNT_LIMIT, WorkerStatus, read_worker_status


class DatabaseHealthSerializer(serializers.Serializer[Any]):
    engine = serializers.ChoiceField(choices=["sqlite", "postgresql"])
    available = serializers.BooleanField()


class WorkerHealthSerializer(serializers.Serializer[Any]):
    available = serializers.BooleanField(help_text="A worker has given a sign of life within three sweeps.")
    last_seen_at = serializers.DateTimeField(allow_null=True)
    count = serializers.IntegerField(allow_null=True, help_text="Workers (`manage.py worker`) that have.")
    processes = serializers.IntegerField(allow_null=True, help_text="Their processes.")
    running = serializers.IntegerField(allow_null=True, help_text="Executions that they run.")
    expired_leases = serializers.IntegerField(
        allow_null=True, help_text="Executions whose worker fell silent; the next sweep queues them again."
    )


class QueueHealthSerializer(serializers.Serializer[Any]):
    waiting = serializers.IntegerField(
        allow_null=True, help_text=f"Executions that are due and that no worker has; {COUNT_LIMIT} or more are so told."
    )
    oldest_waiting_seconds = serializers.FloatField(
        allow_null=True, help_text="For how long the first of them has been due. Null: none waits."
    )
    awaiting_person = serializers.IntegerField(
        allow_null=True, help_text=f"Executions that wait for a person; {COUNT_LIMIT} or more are so told."
    )


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
    queue = QueueHealthSerializer(help_text="All are null when the database does not answer, as the worker's are.")


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
        try:
            status = read_worker_status()
        except DatabaseError:
            status = None
        body = {
            "status": _say_status(status),
            "mode": resolve_provider(None),
            "database": {"engine": connection.vendor, "available": status is not None},
            "worker": {
                "available": bool(status and status.workers),
                "last_seen_at": status and status.last_seen_at,
                "count": status and status.workers,
                "processes": status and status.processes,
                "running": status and status.running,
                "expired_leases": status and status.expired_leases,
            },
            "queue": {
                "waiting": status and status.waiting,
                "oldest_waiting_seconds": status and status.oldest_waiting_seconds,
                "awaiting_person": status and status.awaiting_person,
            },
        }
        return Response(
            HealthResponseSerializer(body).data,
            status=200 if status else 503,
            headers={"Cache-Control": "no-store"},
        )


def _say_status(status: WorkerStatus | None) -> str:
    if status is None:
        return "unavailable"
    return "ok" if status.workers else "degraded"
