"""The base of request serializers, and the bodies of errors."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from compliance.api.filters import unknown_message


class StrictSerializer(serializers.Serializer[Any]):
    """A request body: a member that no writable field takes is an error that names it."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = {}
        if isinstance(data, Mapping):
            known = {name for name, field in self.fields.items() if not field.read_only}
            unknown = {name: [unknown_message(name, known)] for name in data if name not in known}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if unknown and isinstance(error.detail, Mapping):
                raise serializers.ValidationError({**error.detail, **unknown}) from None
            raise
        if unknown:
            raise serializers.ValidationError(unknown)
        return value


class StringField(serializers.CharField):
    """A JSON string; a number or a boolean is not taken for one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class WholeNumberField(serializers.IntegerField):
    """A JSON integer; a string of digits, a boolean or a fraction is not taken for one."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class ErrorResponseSerializer(serializers.Serializer[Any]):
    """Every error of the API."""

    detail = serializers.CharField(help_text="What was wrong, where, and what to do.")
    code = serializers.CharField(help_text="The same for programs: `validation_failed`, `not_found`, ...")
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="Messages by field path, such as `stages.0.task`; present when `code` is `validation_failed`.",
    )


class CapabilityDenialSerializer(serializers.Serializer[Any]):
    permission = serializers.CharField()
    reason = serializers.CharField()
    detail = serializers.CharField()


class CapabilitiesRefusedSerializer(serializers.Serializer[Any]):
    message = serializers.CharField()
    denied = CapabilityDenialSerializer(many=True)


class CapabilitiesRefusedResponseSerializer(serializers.Serializer[Any]):
    """403 when every permission that was asked for lies outside the policy's ceiling."""

    detail = CapabilitiesRefusedSerializer()
    code = serializers.ChoiceField(choices=["capabilities_refused"])
