"""Parts that the response serializers share."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from workflows.models import Verdict
from workflows.reasons import ReasonCode
from workflows.records import describe_error

EMBEDDED_NOTE = "`embedded` is a rule-based agent with no language model."


class TextOrNullField(serializers.CharField):
    """A string that is null in the answer where the record has none."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_null=True, **options)

    def to_representation(self, value: Any) -> Any:
        return value or None


class VerdictField(serializers.ChoiceField):
    """A verdict, or null before there is one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(Verdict.choices, allow_null=True, **options)

    def to_representation(self, value: Any) -> Any:
        return value or None


class ReasonSerializer(serializers.Serializer[Any]):
    """Why a record stands, or ended, as it did."""

    code = serializers.ChoiceField(choices=ReasonCode.choices)
    detail = serializers.CharField()


@extend_schema_serializer(component_name="Reason")
class ReasonField(ReasonSerializer):
    """`{code, detail}` of the record itself, or null. Give it `source="*"`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(source="*", allow_null=True, read_only=True, **options)

    def to_representation(self, instance: Any) -> Any:
        if not instance.reason_code:
            return None
        return {"code": instance.reason_code, "detail": instance.reason_detail}


class ErrorField(serializers.CharField):
    """What went wrong with the record itself, when it ended blocked or failed; else null."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            source="*",
            allow_null=True,
            read_only=True,
            help_text="What went wrong, when it ended blocked or failed.",
            **options,
        )

    def to_representation(self, value: Any) -> Any:
        return describe_error(value)


class LanguageModelField(serializers.BooleanField):
    """Whether a language model does the work; the embedded agent is rules alone."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("source", "provider")
        super().__init__(read_only=True, help_text="False for the embedded agent: rules alone.", **options)

    def to_representation(self, value: Any) -> bool:
        return bool(value != "embedded")


class DenialSerializer(serializers.Serializer[Any]):
    """A requested capability that was not granted."""

    permission = serializers.CharField()
    reason = serializers.CharField()
    detail = serializers.CharField()


class PolicyReferenceSerializer(serializers.Serializer[Any]):
    """The version of a policy that something is bound to."""

    name = serializers.CharField()
    version = serializers.IntegerField()
    digest = serializers.CharField(help_text="SHA-256 of the policy's canonical document.")
