"""What the API answers about executions."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from compliance.api.serializers import StrictSerializer, WholeNumberField
from compliance.models import Certificate
from workflows.api.certificates import CertificateResponseSerializer
from workflows.api.fields import (
    EMBEDDED_NOTE,
    DenialSerializer,
    ErrorField,
    LanguageModelField,
    PolicyReferenceSerializer,
    ReasonField,
    TextOrNullField,
    VerdictField,
)
from workflows.api.requests import ChoiceStringField, TextField
from workflows.api.texts import read_last_text, read_output
from workflows.models import Execution, ExecutionEvent, ExecutionStatus, Role
from workflows.settlement import MAX_REASON_CHARACTERS, OUTCOMES


class GrantSerializer(serializers.Serializer[Any]):
    """What the execution may do, and what was asked for and denied."""

    effective = serializers.ListField(child=serializers.CharField(), source="granted_permissions")
    denied = DenialSerializer(many=True, source="denied_permissions")


class CheckSerializer(serializers.Serializer[Any]):
    """A named check that ran."""

    name = serializers.CharField()
    passed = serializers.BooleanField()
    detail = serializers.CharField()


class CheckWithInputsSerializer(CheckSerializer):
    """A named check that ran, and what it was given to decide on."""

    inputs = serializers.DictField(
        required=False,
        help_text="As its certificate states: digests, names, numbers, and findings without their values. Absent where "
        "the execution ended before inputs were recorded.",
    )


class UsageSerializer(serializers.Serializer[Any]):
    requests = serializers.IntegerField(source="request_count", help_text="The model's answers.")
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()


class ToolCallSerializer(serializers.Serializer[Any]):
    """One tool call as the gate decided it, out of the journal. Arguments and results are texts: not shown here."""

    sequence = serializers.IntegerField(help_text="Of its entry in the journal.")
    at = serializers.DateTimeField()
    tool = serializers.CharField(allow_null=True, help_text="Null for a tool that does not exist.")
    tool_call_id = serializers.CharField()
    capability = serializers.CharField(
        allow_null=True,
        help_text="What the call needed; null when it was unreadable, or an argument holds what no tool is handed.",
    )
    decision = serializers.ChoiceField(["allow", "refuse"])
    reason_code = serializers.CharField(allow_null=True)
    outcome = serializers.CharField(allow_null=True, help_text="How an allowed call ended; null when it did not.")
    duration_ms = serializers.IntegerField(allow_null=True)


class ExecutionListItemSerializer(serializers.Serializer[Execution]):
    """An execution without its output and journal. Select `stage__policy`."""

    id = serializers.UUIDField()
    workflow_id = serializers.UUIDField(source="stage.workflow_id")
    stage_id = serializers.CharField(source="stage.stage_id", help_text="The client's id of it.")
    stage_uid = serializers.UUIDField(source="stage_id")
    stage_role = serializers.ChoiceField(Role.choices, source="stage.role")
    policy = PolicyReferenceSerializer(source="stage.policy")
    status = serializers.ChoiceField(ExecutionStatus.choices)
    verdict = VerdictField()
    error = ErrorField()
    reason = ReasonField()
    grant = GrantSerializer(source="stage")
    checks = CheckSerializer(many=True)
    agent_decision = TextOrNullField(help_text="approved, modified, rejected, release or hold.")
    artifact_sha256 = TextOrNullField(source="artifact_digest", help_text="The output's SHA-256.")
    subject_sha256 = TextOrNullField(source="subject_digest", help_text="What was reviewed or is to be released.")
    provider = TextOrNullField(help_text=EMBEDDED_NOTE)
    language_model = LanguageModelField(source="stage.provider")
    model = TextOrNullField()
    usage = UsageSerializer(source="*")
    cost_cents = serializers.IntegerField()
    attempts = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)


class ExecutionResponseSerializer(ExecutionListItemSerializer):
    """An execution whole: one at a time, because output, tool calls and certificates are read for it alone."""

    checks = CheckWithInputsSerializer(many=True)
    output = serializers.SerializerMethodField(
        help_text="Redacted as the policies say; null when there is none, or when it was erased."
    )
    last_text = serializers.SerializerMethodField(
        help_text="What the model said last before its budget ended: no answer and no verdict. Redacted like output."
    )
    tool_calls = serializers.SerializerMethodField(help_text="In the order of the journal.")
    certificates = serializers.SerializerMethodField(help_text="In the order of the chain.")

    def get_output(self, execution: Execution) -> str | None:
        return read_output(execution)

    def get_last_text(self, execution: Execution) -> str | None:
        return read_last_text(execution)

    @extend_schema_field(ToolCallSerializer(many=True))
    def get_tool_calls(self, execution: Execution) -> list[dict[str, Any]]:
        return describe_tool_calls(execution)

    @extend_schema_field(CertificateResponseSerializer(many=True))
    def get_certificates(self, execution: Execution) -> Any:
        rows = Certificate.objects.filter(execution_id=execution.id).order_by("sequence")
        return CertificateResponseSerializer(rows, many=True).data


class SettleRequestSerializer(StrictSerializer):
    """A person's decision about a tool call of unknown outcome. Who decides is whose key it is, never a field."""

    outcome = ChoiceStringField(OUTCOMES)
    result = serializers.DictField(
        required=False,
        allow_null=True,
        help_text="With `happened`: what the agent is told as the call's result, a JSON object. Else leave it out.",
    )
    reason = TextField(max_length=MAX_REASON_CHARACTERS)
    call = WholeNumberField(
        required=False,
        min_value=0,
        help_text="The `sequence` of the call that is decided about: 409 where it waits for another one by then.",
    )


def describe_tool_calls(execution: Execution) -> list[dict[str, Any]]:
    """Return every tool call of the journal with its decision and, where it was carried out, its outcome."""
    # An id may come again: a result is that of the last call with its id before it.
    calls: list[tuple[ExecutionEvent, dict[str, Any]]] = []
    last: dict[Any, int] = {}
    kinds = ["tool_call", "tool_result", "tool_settlement"]
    for event in execution.events.filter(kind__in=kinds).order_by("sequence"):
        facts = event.facts
        call_id = facts.get("tool_call_id")
        if event.kind == "tool_call":
            last[call_id] = len(calls)
            calls.append((event, {}))
        elif call_id in last and facts.get("outcome") != "retry":
            calls[last[call_id]] = (calls[last[call_id]][0], facts)
    return [_describe_tool_call(event, result) for event, result in calls]


def _describe_tool_call(event: ExecutionEvent, result: dict[str, Any]) -> dict[str, Any]:
    return {
        "sequence": event.sequence,
        "at": event.created_at,
        "tool": event.facts.get("tool"),
        "tool_call_id": event.facts.get("tool_call_id"),
        "capability": event.facts.get("capability"),
        "decision": event.facts.get("decision"),
        "reason_code": event.facts.get("code"),
        "outcome": result.get("outcome"),
        "duration_ms": result.get("duration_ms"),
    }
