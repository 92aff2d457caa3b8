"""`/compliance/presets` and `/compliance/policies`. Rules live in `compliance.policy_versions`."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404
from django.urls import reverse
from django_filters.filters import CharFilter, ChoiceFilter
from django_filters.rest_framework import FilterSet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from compliance.api.errors import Conflict, as_sentence
from compliance.api.policy_serializers import (
    PolicyDiffResponseSerializer,
    PolicyDraftRequestSerializer,
    PolicyListItemSerializer,
    PolicyPresetResponseSerializer,
    PolicyResponseSerializer,
    PolicyRetireRequestSerializer,
    PolicyValidResponseSerializer,
)
from compliance.api.schema import errors
from compliance.api.throttles import client_address
from compliance.models import Policy, PolicyStatus
from compliance.policies_in_force import UnknownPolicy, find_alias, list_policies_in_force, read_policy_document
from compliance.policy import PolicyDocument
from compliance.policy_schema import build_policy_schema
from compliance.policy_text import compare_policies
from compliance.policy_versions import (
    STATUS_CONDITIONS,
    PolicyConflict,
    PolicyNotAllowed,
    draft_policy,
    list_policy_versions,
    publish_policy,
    retire_policy,
)

_DIGEST = re.compile(r"[0-9a-f]{64}")
_CONFLICT = errors(409, status_409="What is stored stands in the way: its state, a name, or a version number.")


def describe_policy(policy: PolicyDocument) -> dict[str, Any]:
    """The body of one preset."""
    return {
        "name": policy.title,
        "key": policy.name,
        "aliases": list(policy.aliases),
        "version": policy.version,
        "digest": policy.digest,
        "description": policy.description,
        "permissions": list(policy.capabilities.default),
        "max_permissions": list(policy.capabilities.ceiling),
        "forbidden_permissions": list(policy.capabilities.forbidden),
        "required_proofs": list(policy.required_proofs),
        "human_approvals": policy.sign_offs.required,
        "retention_days": policy.retention_days,
    }


@contextmanager
def translated_policy_refusals() -> Iterator[None]:
    """Turn what a service refuses into the API's errors: 403 or 409."""
    try:
        yield
    except PolicyNotAllowed as error:
        raise PermissionDenied(as_sentence(error)) from None
    except PolicyConflict as error:
        raise Conflict(as_sentence(error), "policy_conflict") from None


class PresetsView(APIView):
    @extend_schema(operation_id="compliance_presets", responses=PolicyPresetResponseSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The policies in force: what each grants, allows at most, forbids and asks for."""
        return Response([describe_policy(policy) for policy in list_policies_in_force()])


class PolicySchemaView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(operation_id="compliance_policies_schema", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:
        """The JSON Schema of a policy document."""
        return Response(build_policy_schema())


class PolicyValidationView(APIView):
    @extend_schema(
        operation_id="compliance_policies_validate",
        request=PolicyDraftRequestSerializer,
        responses={200: PolicyValidResponseSerializer},
    )
    def post(self, request: Request) -> Response:
        """Check a document without storing it; 400 names every problem, in YAML with its line."""
        policy = _read_document(request)
        return Response({"name": policy.name, "version": policy.version, "digest": policy.digest})


class PolicyFilter(FilterSet):
    name = CharFilter(method="match_name", max_length=60, help_text="A policy's name or alias.")
    status = ChoiceFilter(choices=PolicyStatus.choices, method="match_status")

    class Meta:
        model = Policy
        fields: tuple[str, ...] = ()

    def match_name(self, queryset: QuerySet[Policy], _name: str, value: str) -> QuerySet[Policy]:
        return queryset.filter(name=find_alias(value) or value)

    def match_status(self, queryset: QuerySet[Policy], _name: str, value: str) -> QuerySet[Policy]:
        return queryset.filter(STATUS_CONDITIONS[value])


class PolicyViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[Policy]):
    """Every version of every policy by its digest. Drafts: for policy authors, approvers, admins and auditors."""

    queryset = Policy.objects.none()
    lookup_field = "digest"
    lookup_value_converter = "slug"
    filterset_class = PolicyFilter
    serializer_class = PolicyResponseSerializer

    @property
    def query_parameters(self) -> tuple[str, ...]:
        return ("against",) if self.action == "diff" else ()

    def get_queryset(self) -> QuerySet[Policy]:
        return list_policy_versions(self.request.user)

    def get_serializer_class(self) -> Any:
        return PolicyListItemSerializer if self.action == "list" else PolicyResponseSerializer

    @extend_schema(operation_id="compliance_policies_list", responses=PolicyListItemSerializer(many=True))
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Versions of policies, newest first, without their documents."""
        return super().list(request, *args, **kwargs)

    @extend_schema(operation_id="compliance_policies_retrieve", responses=PolicyResponseSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One version, by its digest, with its document."""
        return super().retrieve(request, *args, **kwargs)

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Answer 404 before 405, so that no method tells whether a draft exists."""
        if self.kwargs:
            self.get_object()
        return super().http_method_not_allowed(request, *args, **kwargs)

    @extend_schema(
        operation_id="compliance_policies_draft",
        request=PolicyDraftRequestSerializer,
        responses={
            201: OpenApiResponse(PolicyResponseSerializer, description="Stored as a draft."),
            **errors(403, status_403="Drafting takes the role policy_author."),
            **_CONFLICT,
        },
    )
    def create(self, request: Request) -> Response:
        """Draft a new version. It is in force once an approver, who is somebody else, publishes it."""
        with translated_policy_refusals():
            draft = draft_policy(
                author=_actor_of(request), document=_read_document(request), address=client_address(request)
            )
        location = reverse("policy-detail", kwargs={"digest": draft.digest})
        return Response(self._describe(draft.digest), status=201, headers={"Location": location})

    @extend_schema(
        operation_id="compliance_policies_publish",
        request=None,
        responses={
            200: PolicyResponseSerializer,
            **errors(403, status_403="Publishing takes the role approver, and somebody else than the author."),
            **_CONFLICT,
        },
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def publish(self, request: Request, digest: str) -> Response:
        """Put a draft in force: workflows that are created from now on run under it."""
        with translated_policy_refusals():
            publish_policy(approver=_actor_of(request), policy=self.get_object(), address=client_address(request))
        return Response(self._describe(digest))

    @extend_schema(
        operation_id="compliance_policies_retire",
        request=PolicyRetireRequestSerializer,
        responses={
            200: PolicyResponseSerializer,
            **errors(403, status_403="Retiring takes the role approver; a draft may be withdrawn by its author."),
            **_CONFLICT,
        },
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def retire(self, request: Request, digest: str) -> Response:
        """Retire a published version, or withdraw a draft. What runs under it ends under it."""
        policy = self.get_object()
        body = PolicyRetireRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with translated_policy_refusals():
            retire_policy(
                person=_actor_of(request),
                policy=policy,
                reason=body.validated_data["reason"],
                address=client_address(request),
            )
        return Response(self._describe(digest))

    @extend_schema(
        operation_id="compliance_policies_diff",
        parameters=[OpenApiParameter("against", str, required=True, description="The digest of another version.")],
        responses={200: PolicyDiffResponseSerializer, **_CONFLICT},
    )
    @action(detail=True, filterset_class=None)
    def diff(self, request: Request, digest: str) -> Response:
        """What this version changes against another, and which way."""
        against = request.query_params.get("against", "")
        other = self.get_queryset().filter(digest=against).first() if _DIGEST.fullmatch(against) else None
        if other is None:
            raise ValidationError({"against": ["Give the digest of a version that you may see."]})
        try:
            documents = read_policy_document(other), read_policy_document(self.get_object())
        except UnknownPolicy as error:
            raise Conflict(as_sentence(error), "policy_conflict") from None
        changes = [asdict(change) for change in compare_policies(*documents)]
        return Response({"before": against, "after": digest, "changes": changes})

    def _describe(self, digest: str) -> Any:
        return PolicyResponseSerializer(self.get_queryset().get(digest=digest)).data


def _read_document(request: Request) -> PolicyDocument:
    serializer = PolicyDraftRequestSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    return serializer.read_document()


def _actor_of(request: Request) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user
