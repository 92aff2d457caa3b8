"""Bodies of the `/auth` endpoints."""

from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import validate_email
from rest_framework import serializers

from compliance import roles
from compliance.accounts import LONGEST_EMAIL, normal_email
from compliance.api.serializers import StrictSerializer, StringField, WholeNumberField
from compliance.api_keys import MAX_DAYS
from compliance.models import ApiKey


class ApiKeyRequestSerializer(StrictSerializer):
    name = StringField(max_length=80, help_text="What the key is for.")
    expires_in_days = WholeNumberField(
        min_value=1,
        max_value=MAX_DAYS,
        required=False,
        help_text="Absent: as the server is set up. The key ends with the calling one at the latest.",
    )


class LoginRequestSerializer(StrictSerializer):
    email = StringField(max_length=254, required=False, help_text="This or `username`.")
    username = StringField(max_length=150, required=False, help_text="This or `email`.")
    password = StringField(max_length=1024, trim_whitespace=False, write_only=True)
    name = StringField(max_length=80, default="login", help_text="What the key is for.")
    expires_in_days = WholeNumberField(
        min_value=1, max_value=MAX_DAYS, required=False, help_text="Absent: as the server is set up."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("email" in attrs) == ("username" in attrs):
            raise serializers.ValidationError("Give either `email` or `username`.")
        return attrs

    @property
    def identifier(self) -> str:
        """Of a valid body: the e-mail address or user name that it gives."""
        body: dict[str, str] = self.validated_data
        return body["email"] if "email" in body else body["username"]


class RegisterRequestSerializer(StrictSerializer):
    email = StringField(max_length=LONGEST_EMAIL)
    password = StringField(max_length=1024, trim_whitespace=False, write_only=True)

    def validate_email(self, email: str) -> str:
        try:
            validate_email(email)
        except DjangoValidationError as error:
            raise serializers.ValidationError(error.messages) from None
        return normal_email(email)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            validate_password(attrs["password"], User(username=attrs["email"], email=attrs["email"]))
        except DjangoValidationError as error:
            raise serializers.ValidationError({"password": error.messages}) from None
        return attrs


class ApiKeyResponseSerializer(serializers.ModelSerializer[ApiKey]):
    """A key, without the key: `prefix` is its beginning, to tell it by."""

    id = serializers.UUIDField(source="key_id", read_only=True)
    prefix = serializers.CharField(source="token_key", read_only=True)
    created_at = serializers.DateTimeField(source="created", read_only=True)
    expires_at = serializers.DateTimeField(source="expiry", read_only=True, allow_null=True)

    class Meta:
        model = ApiKey
        fields = ["id", "name", "prefix", "created_at", "expires_at", "last_used_at", "revoked_at"]
        read_only_fields = fields


class ApiKeyCreatedResponseSerializer(ApiKeyResponseSerializer):
    """A key with its plain text, which is shown this once."""

    api_key = serializers.SerializerMethodField(help_text="Send it as `Authorization: Bearer <api_key>`.")

    class Meta(ApiKeyResponseSerializer.Meta):
        fields = ["api_key", *ApiKeyResponseSerializer.Meta.fields]
        read_only_fields = fields

    def get_api_key(self, _key: ApiKey) -> str:
        return str(self.context["plaintext"])


class AccountResponseSerializer(serializers.ModelSerializer[User]):
    roles = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = ["id", "username", "email", "roles"]
        read_only_fields = fields

    def get_roles(self, user: User) -> list[str]:
        return sorted(roles.roles_of(user))


class MeResponseSerializer(AccountResponseSerializer):
    """Who the key acts for, and the key itself."""

    key = serializers.SerializerMethodField()

    class Meta(AccountResponseSerializer.Meta):
        fields = [*AccountResponseSerializer.Meta.fields, "key"]
        read_only_fields = fields

    def get_key(self, _user: User) -> ApiKeyResponseSerializer:
        key: ApiKeyResponseSerializer = ApiKeyResponseSerializer(self.context["key"]).data  # type: ignore[assignment]
        return key
