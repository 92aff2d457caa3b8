"""`/certificates`: the signed statements, read-only. They lie in compliance, and whose they are only
workflows knows."""

import json
from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django_filters import filters
from django_filters.rest_framework import FilterSet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.viewsets import ReadOnlyModelViewSet

from compliance import roles
from compliance.api.filters import wants_everything
from compliance.api.pagination import NewestFirst
from compliance.api.schema import errors
from compliance.models import Certificate, CertificateKind
from workflows.api.filters import digest_filter, policy_filter
from workflows.models import Role, Verdict, Workflow

OUTCOMES = ("allowed", "refused", "completed", "blocked", "failed", "cancelled", "approve", "reject")


class SignatureSerializer(serializers.Serializer[Any]):
    keyid = serializers.CharField()
    sig = serializers.CharField(help_text="Ed25519 over the DSSE pre-authentication encoding, base64.")


class EnvelopeSerializer(serializers.Serializer[Any]):
    """A DSSE envelope (secure-systems-lab/dsse v1)."""

    payload = serializers.CharField(help_text="The signed statement, base64.")
    payloadType = serializers.CharField()  # noqa: N815  (the envelope's own spelling)
    signatures = SignatureSerializer(many=True)


class CertificateResponseSerializer(serializers.ModelSerializer[Certificate]):
    workflow_id = serializers.UUIDField(source="chain_id", read_only=True)
    policy = serializers.CharField(source="policy_name", read_only=True)
    artifact_sha256 = serializers.CharField(
        source="subject_digest",
        read_only=True,
        help_text="The subject: an artifact, or an execution without one.",
    )
    key_id = serializers.CharField(read_only=True)
    digest = serializers.CharField(read_only=True, help_text="SHA-256 of the signed statement.")
    envelope = serializers.SerializerMethodField()

    class Meta:
        model = Certificate
        fields = [
            "id",
            "workflow_id",
            "execution_id",
            "stage_id",
            "sequence",
            "kind",
            "role",
            "policy",
            "outcome",
            "verdict",
            "artifact_sha256",
            "issued_at",
            "digest",
            "key_id",
            "envelope",
        ]
        read_only_fields = fields

    @extend_schema_field(EnvelopeSerializer)
    def get_envelope(self, certificate: Certificate) -> dict[str, Any]:
        envelope: dict[str, Any] = json.loads(bytes(certificate.envelope))
        return envelope


class CertificateFilters(FilterSet):
    workflow = filters.UUIDFilter(field_name="chain_id")
    execution = filters.UUIDFilter(field_name="execution_id")
    kind = filters.ChoiceFilter(choices=CertificateKind.choices)
    status = filters.ChoiceFilter(
        field_name="outcome", choices=[(outcome, outcome) for outcome in OUTCOMES], help_text="What it attests."
    )
    verdict = filters.ChoiceFilter(choices=Verdict.choices)
    role = filters.ChoiceFilter(choices=Role.choices)
    policy = policy_filter("policy_name")
    artifact_sha256 = digest_filter("subject_digest")


class _NewestCertificateFirst(NewestFirst):
    ordering = ("-issued_at", "-sequence", "-id")


@extend_schema_view(
    list=extend_schema(
        operation_id="certificates_list",
        responses={200: CertificateResponseSerializer(many=True), **errors(403)},
        parameters=[OpenApiParameter("scope", enum=["own", "all"], description="`all`: admins, approvers, auditors.")],
    ),
    retrieve=extend_schema(operation_id="certificates_retrieve"),
)
class CertificateViewSet(ReadOnlyModelViewSet[Certificate]):
    """Certificates of the caller's workflows; admins, approvers and auditors read all of them."""

    serializer_class = CertificateResponseSerializer
    pagination_class = _NewestCertificateFirst
    filterset_class = CertificateFilters
    query_parameters = ("scope",)
    lookup_field = "id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Certificate]:
        user = self.request.user
        everything = wants_everything(self.request) if self.action == "list" else roles.may_read_everything(user)
        if everything:
            return Certificate.objects.all()
        if not isinstance(user, User):
            return Certificate.objects.none()
        return Certificate.objects.filter(chain_id__in=Workflow.objects.filter(owner=user).values("id"))
