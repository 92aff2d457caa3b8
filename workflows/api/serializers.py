"""What the API answers about workflows and their stages.

Lists carry no texts: `task`, `document` and `output_summary` are on the record of one workflow or stage. There they
come from the serializer's context (`texts`; see workflows.api.texts), read for all stages at once.
"""

from typing import Any

from drf_spectacular.utils import extend_schema_field
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
from workflows.api.texts import StageTexts
from workflows.models import Execution, Mode, Role, Stage, StageStatus, Workflow, WorkflowStatus
from workflows.records import find_current_stage


def latest_execution(stage: Stage) -> Execution | None:
    """Return a stage's newest execution out of the prefetched ones, or None before it has any."""
    executions = stage.executions.all()
    return max(executions, key=lambda execution: (execution.created_at, execution.id), default=None)


class WorkflowStageListItemSerializer(serializers.Serializer[Stage]):
    """A stage without its texts. Prefetch `executions` and select `policy`."""

    id = serializers.CharField(source="stage_id", help_text="The client's id, or the one made for it.")
    uid = serializers.UUIDField(help_text="The record's own id, for `/stages/{uid}`.")
    name = serializers.CharField()
    compliance_policy = serializers.CharField(source="policy.name", help_text="The policy's own name, no alias.")
    policy_version = serializers.IntegerField(source="policy.version")
    budget_cents = serializers.IntegerField()
    stage_role = serializers.ChoiceField(Role.choices, source="role")
    provider = serializers.CharField(help_text=EMBEDDED_NOTE)
    language_model = LanguageModelField()
    model = TextOrNullField()
    permissions = serializers.ListField(
        child=serializers.CharField(), source="requested_permissions", allow_null=True, help_text="As asked for."
    )
    upstream_stage_ids = serializers.ListField(child=serializers.CharField())
    status = serializers.ChoiceField(StageStatus.choices)
    execution_id = serializers.SerializerMethodField()
    verdict = serializers.SerializerMethodField()
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    error = ErrorField()
    reason = ReasonField()
    granted_permissions = serializers.ListField(child=serializers.CharField())
    denied_permissions = DenialSerializer(many=True)
    cost_cents = serializers.SerializerMethodField(help_text="Spent so far, over all attempts.")

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_execution_id(self, stage: Stage) -> str | None:
        execution = latest_execution(stage)
        return str(execution.id) if execution else None

    @extend_schema_field(VerdictField())
    def get_verdict(self, stage: Stage) -> str | None:
        execution = latest_execution(stage)
        return (execution.verdict or None) if execution else None

    def get_cost_cents(self, stage: Stage) -> int:
        return sum(execution.cost_cents for execution in stage.executions.all())


class WorkflowStageResponseSerializer(WorkflowStageListItemSerializer):
    """A stage with what was asked of it and what came of it. Its `api_key` is never returned."""

    task = serializers.SerializerMethodField(help_text="Null when the workflow's texts were erased.")
    document = serializers.SerializerMethodField(help_text="Null when there is none, or when it was erased.")
    output_summary = serializers.SerializerMethodField(
        help_text="The beginning of the output, redacted as the policy says; null before there is one."
    )

    def get_task(self, stage: Stage) -> str | None:
        return self._texts.task(stage)

    def get_document(self, stage: Stage) -> str | None:
        return self._texts.document(stage)

    def get_output_summary(self, stage: Stage) -> str | None:
        execution = latest_execution(stage)
        return self._texts.summary(execution) if execution else None

    @property
    def _texts(self) -> StageTexts:
        texts: StageTexts = self.context["texts"]
        return texts


class StageListItemSerializer(WorkflowStageListItemSerializer):
    """A stage on its own, without its texts."""

    workflow_id = serializers.UUIDField()
    position = serializers.IntegerField(help_text="Its place in the workflow, from 0.")


class StageResponseSerializer(WorkflowStageResponseSerializer):
    """A stage on its own."""

    workflow_id = serializers.UUIDField()
    position = serializers.IntegerField(help_text="Its place in the workflow, from 0.")


class WorkflowListItemSerializer(serializers.Serializer[Workflow]):
    """A workflow without the texts of its stages. Prefetch `stages` with what they need."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField()
    mode = serializers.ChoiceField(Mode.choices)
    status = serializers.ChoiceField(WorkflowStatus.choices)
    verdict = VerdictField(help_text="Compliant when every stage's is; null until the workflow has ended.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)
    current_stage_index = serializers.SerializerMethodField(
        help_text="The first stage that has not ended; once all have, the last one that ran. From 0."
    )
    stage_count = serializers.IntegerField()
    completed_stage_count = serializers.SerializerMethodField()
    error = ErrorField()
    reason = ReasonField()
    stages = WorkflowStageListItemSerializer(many=True)

    def get_current_stage_index(self, workflow: Workflow) -> int:
        return find_current_stage(list(workflow.stages.all()))

    def get_completed_stage_count(self, workflow: Workflow) -> int:
        return sum(stage.status == StageStatus.COMPLETED for stage in workflow.stages.all())


class WorkflowResponseSerializer(WorkflowListItemSerializer):
    """The workflow record."""

    stages = WorkflowStageResponseSerializer(many=True)


class WorkflowCancelResponseSerializer(serializers.Serializer[Any]):
    """The workflow's status after the request: `cancelled`, or how it had ended before."""

    workflow_id = serializers.UUIDField()
    status = serializers.ChoiceField(WorkflowStatus.choices)
