"""The body of `POST /workflows`: shapes and ranges. What needs the policies or the other stages is the service's."""

import re
from typing import Any

from rest_framework import serializers

from compliance.api.serializers import StrictSerializer, StringField, WholeNumberField
from workflows.agents.runner import provider_names
from workflows.creation import MAX_STAGES
from workflows.models import Mode, Role
from workflows.requests import StageRequest, WorkflowRequest

MAX_TASK_CHARACTERS = 100_000
MAX_DOCUMENT_CHARACTERS = 1_000_000
MAX_PERMISSIONS = 100
PROVIDERS = provider_names()
_API_KEY = re.compile(r"[!-~]*")


class TextField(StringField):
    """A string that is kept as it was given, white space included, and that holds more than white space."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, min_length=1, **options)
        self.validators.append(_refuse_white_space)


class ChoiceStringField(serializers.ChoiceField):
    """One of a few strings. The message names the choices and does not repeat what was sent."""

    def __init__(self, choices: Any, **options: Any) -> None:
        super().__init__(choices, **options)
        self.error_messages["invalid_choice"] = f"Give one of: {', '.join(map(str, self.choices))}."

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid_choice", input="")
        return super().to_internal_value(data)


class ProviderKeyField(StringField):
    """A provider's key. It ends in an HTTP header, so it is visible ASCII; no message repeats it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, min_length=8, max_length=400, **options)
        self.validators.append(_refuse_unsendable_key)


def _refuse_white_space(value: str) -> None:
    if not value.strip():
        raise serializers.ValidationError("This field may not be blank.", code="blank")


def _refuse_unsendable_key(value: str) -> None:
    if not _API_KEY.fullmatch(value):
        raise serializers.ValidationError("A provider key holds visible ASCII characters only.", code="invalid")


class WorkflowStageRequestSerializer(StrictSerializer):
    """One stage, as asked for."""

    id = TextField(
        required=False,
        allow_null=True,
        max_length=120,
        help_text="Stable id that later stages refer to; unique in the workflow; made when absent.",
    )
    name = TextField(max_length=120)
    task = TextField(max_length=MAX_TASK_CHARACTERS, help_text="What the agent is to do, in natural language.")
    compliance_policy = TextField(
        required=False,
        max_length=60,
        default="default",
        help_text="`default`, `hipaa`, `sox`, `legal_privilege` (alias `legal`), or a published policy's name.",
    )
    budget_cents = WholeNumberField(required=False, default=1500, min_value=100, max_value=1_000_000)
    stage_role = ChoiceStringField(Role.choices, required=False, default=Role.WORKER.value)
    provider = ChoiceStringField(
        PROVIDERS,
        required=False,
        allow_null=True,
        help_text="`embedded` is a rule-based agent with no language model. Absent: what the server has a key for.",
    )
    model = TextField(required=False, allow_null=True, max_length=120)
    api_key = ProviderKeyField(
        required=False,
        allow_null=True,
        write_only=True,
        help_text="The provider's key for this stage alone: encrypted, never returned, destroyed when the stage ends.",
    )
    permissions = serializers.ListField(
        child=TextField(max_length=200),
        required=False,
        allow_null=True,
        max_length=MAX_PERMISSIONS,
        help_text="Requested capabilities, cut down to the policy's ceiling. Null: the policy's defaults; []: none.",
    )
    upstream_stage_ids = serializers.ListField(
        child=TextField(max_length=120),
        required=False,
        default=list,
        max_length=MAX_STAGES,
        help_text="Earlier stages that this one requires; it sees their data and no other's.",
    )
    document = TextField(
        required=False,
        allow_null=True,
        max_length=MAX_DOCUMENT_CHARACTERS,
        help_text="What the agent works on. Not on a release, nor on a reviewer that names upstreams.",
    )


class WorkflowRequestSerializer(StrictSerializer):
    """A workflow, as asked for."""

    name = TextField(max_length=160)
    description = StringField(required=False, allow_blank=True, allow_null=True, trim_whitespace=False, max_length=400)
    stages = serializers.ListField(
        child=WorkflowStageRequestSerializer(), min_length=1, max_length=MAX_STAGES, help_text="In order."
    )
    mode = ChoiceStringField(
        Mode.choices,
        required=False,
        default=Mode.SEQUENTIAL.value,
        help_text="`sequential`: one stage after the other. `parallel`: each as soon as those that it names allow.",
    )
    webhook_url = StringField(
        required=False, allow_null=True, help_text="Not available yet: anything but null is refused."
    )

    def validate_webhook_url(self, value: str | None) -> None:
        if value is not None:
            raise serializers.ValidationError("Webhooks are not available yet: leave the field out.")


# One instance for all requests: it holds nothing of any, and to make its fields anew takes longer than to validate.
_workflow_request = WorkflowRequestSerializer()


def parse_workflow_request(body: Any) -> WorkflowRequest:
    """Return a request body as the service takes it. Raises ValidationError, by field."""
    if body is None:
        raise serializers.ValidationError({"non_field_errors": ["No data provided."]})
    values: dict[str, Any] = _workflow_request.run_validation(body)
    return WorkflowRequest(
        name=values["name"],
        description=values.get("description") or "",
        mode=values["mode"],
        stages=tuple(_to_stage_request(stage) for stage in values["stages"]),
    )


def _to_stage_request(values: dict[str, Any]) -> StageRequest:
    permissions = values.get("permissions")
    lists = {
        "permissions": None if permissions is None else tuple(permissions),
        "upstream_stage_ids": tuple(values["upstream_stage_ids"]),
    }
    return StageRequest(**{**values, **lists})
