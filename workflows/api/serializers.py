"""What the API answers about workflows and their stages.

Lists carry no texts: `task`, `document` and `output_summary` are on the record of one workflow or stage. These classes
say what answers are; `workflows.api.answers` builds them, since fields that read a page of hundreds of stages take
several times as long as its queries.
"""

from typing import Any

from rest_framework import serializers

from workflows.api.fields import (
    EMBEDDED_NOTE,
    DenialSerializer,
    ErrorField,
    LanguageModelField,
    ReasonField,
    TextOrNullField,
    VerdictField,
)
from workflows.models import Mode, Role, StageStatus, WorkflowStatus


class WorkflowStageListItemSerializer(serializers.Serializer[Any]):
    """A stage without its texts."""

    id = serializers.CharField(help_text="The client's id, or the one made for it.")
    uid = serializers.UUIDField(help_text="The record's own id, for `/stages/{uid}`.")
    name = serializers.CharField()
    compliance_policy = serializers.CharField(help_text="The policy's own name, no alias.")
    policy_version = serializers.IntegerField()
    budget_cents = serializers.IntegerField()
    stage_role = serializers.ChoiceField(Role.choices)
    provider = serializers.CharField(help_text=EMBEDDED_NOTE)
    language_model = LanguageModelField()
    model = TextOrNullField()
    permissions = serializers.ListField(child=serializers.CharField(), allow_null=True, help_text="As asked for.")
    upstream_stage_ids = serializers.ListField(child=serializers.CharField())
    status = serializers.ChoiceField(StageStatus.choices)
    execution_id = serializers.UUIDField(allow_null=True, read_only=True)
    verdict = VerdictField(read_only=True)
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    error = ErrorField()
    reason = ReasonField()
    granted_permissions = serializers.ListField(child=serializers.CharField())
    denied_permissions = DenialSerializer(many=True)
    cost_cents = serializers.IntegerField(read_only=True, help_text="Spent so far, over all attempts.")


class WorkflowStageResponseSerializer(WorkflowStageListItemSerializer):
    """A stage with what was asked of it and what came of it. Its `api_key` is never returned."""

    task = serializers.CharField(
        allow_null=True, read_only=True, help_text="Null when the workflow's texts were erased."
    )
    document = serializers.CharField(
        allow_null=True, read_only=True, help_text="Null when there is none, or when it was erased."
    )
    output_summary = serializers.CharField(
        allow_null=True,
        read_only=True,
        help_text="The beginning of the output, redacted as the policy says; null before there is one.",
    )


class StageListItemSerializer(WorkflowStageListItemSerializer):
    """A stage on its own, without its texts."""

    workflow_id = serializers.UUIDField()
    position = serializers.IntegerField(help_text="Its place in the workflow, from 0.")


class StageResponseSerializer(WorkflowStageResponseSerializer):
    """A stage on its own."""

    workflow_id = serializers.UUIDField()
    position = serializers.IntegerField(help_text="Its place in the workflow, from 0.")


class WorkflowListItemSerializer(serializers.Serializer[Any]):
    """A workflow without the texts of its stages."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField()
    mode = serializers.ChoiceField(Mode.choices)
    status = serializers.ChoiceField(WorkflowStatus.choices)
    verdict = VerdictField(help_text="Compliant when every stage's is; null until the workflow has ended.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)
    current_stage_index = serializers.IntegerField(
        read_only=True,
        help_text="The first stage that has not ended; once all have, the last one that ran. From 0.",
    )
    stage_count = serializers.IntegerField()
    completed_stage_count = serializers.IntegerField(read_only=True)
    error = ErrorField()
    reason = ReasonField()
    stages = WorkflowStageListItemSerializer(many=True)


class WorkflowResponseSerializer(WorkflowListItemSerializer):
    """The workflow record."""

    stages = WorkflowStageResponseSerializer(many=True)


class WorkflowCancelResponseSerializer(serializers.Serializer[Any]):
    """The workflow's status after the request: `cancelled`, or how it had ended before."""

    workflow_id = serializers.UUIDField()
    status = serializers.ChoiceField(WorkflowStatus.choices)
