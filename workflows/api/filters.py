"""Filters of the lists. A value that cannot be meant is refused with 400."""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db.models import Exists, OuterRef, Q, QuerySet
from django_filters.filters import CharFilter, ChoiceFilter, IsoDateTimeFilter, UUIDFilter
from django_filters.rest_framework import FilterSet

from compliance.desk import read_uuid
from compliance.models import Policy
from compliance.policies_in_force import find_alias
from workflows.models import Execution, ExecutionStatus, Role, Stage, StageStatus, Verdict, Workflow, WorkflowStatus

_is_digest = RegexValidator(r"\A[0-9a-f]{64}\Z", "Give a SHA-256 as 64 hexadecimal digits in lower case.")


def _check_year(value: datetime) -> None:
    # Beyond these, a time with an offset may have no equivalent in UTC.
    if not 1970 <= value.year <= 9998:
        raise ValidationError("Give a time between the years 1970 and 9998.")


def _time_filter(lookup: str, words: str) -> IsoDateTimeFilter:
    return IsoDateTimeFilter(
        field_name="created_at", lookup_expr=lookup, validators=[_check_year], help_text=f"{words}, in ISO 8601."
    )


def digest_filter(field_name: str) -> CharFilter:
    """Filter by a SHA-256; anything else is refused."""
    return CharFilter(field_name=field_name, validators=[_is_digest], help_text="SHA-256 in hexadecimal.")


def policy_filter(field_name: str) -> CharFilter:
    """Filter by a policy's name or alias, in any version; an unknown one matches nothing.

    The field is a reference to a policy, or holds the name itself.
    """
    return CharFilter(field_name=field_name, method=_match_policy, max_length=60, help_text="A policy's name or alias.")


def _match_policy(queryset: QuerySet[Any], field_name: str, value: str) -> QuerySet[Any]:
    name = find_alias(value) or value
    # Asked of the few policies first: a database that joins them to millions of rows finds out too late.
    versions = list(Policy.objects.filter(name=name).values_list("pk", flat=True))
    if not versions:
        return queryset.none()
    return queryset.filter(**({field_name: name} if field_name == "policy_name" else {f"{field_name}__in": versions}))


class WorkflowFilter(FilterSet):
    status = ChoiceFilter(choices=WorkflowStatus.choices)
    created_after = _time_filter("gte", "Created at this time or later")
    created_before = _time_filter("lt", "Created before this time")
    search = CharFilter(method="find", max_length=200, help_text="In the name or description; or a workflow's id.")

    class Meta:
        model = Workflow
        fields: tuple[str, ...] = ()

    def find(self, queryset: QuerySet[Workflow], _name: str, value: str) -> QuerySet[Workflow]:
        if (identifier := read_uuid(value)) is not None and (found := queryset.filter(id=identifier)).exists():
            return found  # without reading every name for one that might hold the id
        return queryset.filter(Q(name__icontains=value) | Q(description__icontains=value))


class StageFilter(FilterSet):
    workflow = UUIDFilter(field_name="workflow_id")
    status = ChoiceFilter(choices=StageStatus.choices)
    role = ChoiceFilter(choices=Role.choices)
    policy = policy_filter("policy")
    artifact_sha256 = CharFilter(
        method="made", validators=[_is_digest], help_text="Stages that made the artifact of this SHA-256."
    )

    class Meta:
        model = Stage
        fields: tuple[str, ...] = ()

    def made(self, queryset: QuerySet[Stage], _name: str, value: str) -> QuerySet[Stage]:
        return queryset.filter(Exists(Execution.objects.filter(stage=OuterRef("pk"), artifact_digest=value)))


class ExecutionFilter(FilterSet):
    workflow = UUIDFilter(field_name="stage__workflow_id")
    status = ChoiceFilter(choices=ExecutionStatus.choices)
    verdict = ChoiceFilter(choices=Verdict.choices)
    role = ChoiceFilter(field_name="stage__role", choices=Role.choices)
    policy = policy_filter("stage__policy")
    artifact_sha256 = digest_filter("artifact_digest")

    class Meta:
        model = Execution
        fields: tuple[str, ...] = ()
