"""Bodies of `/compliance/presets` and `/compliance/policies`."""

import json
from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from compliance.api.errors import as_sentence
from compliance.api.serializers import StrictSerializer, StringField
from compliance.models import Policy, PolicyStatus
from compliance.policy import PolicyDocument, PolicyError, load_policy_yaml, parse_policy
from compliance.policy_versions import MAX_REASON_LENGTH
from compliance.strict_yaml import MAX_BYTES


class PolicyPresetResponseSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="The title, for people.")
    key = serializers.CharField(help_text="What `compliance_policy` takes.")
    aliases = serializers.ListField(child=serializers.CharField(), help_text="Other names that it takes.")
    version = serializers.IntegerField()
    digest = serializers.CharField(help_text="SHA-256 of the canonical document.")
    description = serializers.CharField()
    permissions = serializers.ListField(
        child=serializers.CharField(), help_text="Granted to a stage that asks for none in particular."
    )
    max_permissions = serializers.ListField(child=serializers.CharField(), help_text="The ceiling.")
    forbidden_permissions = serializers.ListField(
        child=serializers.CharField(), help_text="Never granted, with everything below them."
    )
    required_proofs = serializers.ListField(child=serializers.CharField())
    human_approvals = serializers.IntegerField(help_text="Sign-offs before a release.")
    retention_days = serializers.IntegerField()


class PolicyDraftRequestSerializer(StrictSerializer):
    """A policy document, as an object or as YAML; `/compliance/policies/schema` describes it."""

    document = serializers.DictField(required=False, help_text="The document. This or `yaml`.")
    yaml = StringField(required=False, max_length=MAX_BYTES, trim_whitespace=False, help_text="The document as YAML.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError("Give either `document` or `yaml`.")
        return attrs

    def read_document(self) -> PolicyDocument:
        """Return the policy of a valid body. Raises ValidationError with the path of each problem, in YAML its line."""
        body: dict[str, Any] = self.validated_data
        [member] = body
        try:
            return load_policy_yaml(body["yaml"]) if member == "yaml" else parse_policy(body["document"])
        except PolicyError as error:
            problems: dict[str, list[str]] = {}
            for problem in error.problems:
                path = f"{member}.{problem.path}" if problem.path else member
                line = f"line {problem.line}: " if problem.line is not None else ""
                problems.setdefault(path, []).append(as_sentence(f"{line}{problem.message}"))
            raise serializers.ValidationError(problems) from error


class PolicyRetireRequestSerializer(StrictSerializer):
    reason = StringField(max_length=MAX_REASON_LENGTH, help_text="Why; it is kept for good.")


class PolicyValidResponseSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    version = serializers.IntegerField()
    digest = serializers.CharField(help_text="SHA-256 of the canonical document.")


class PolicyChangeSerializer(serializers.Serializer[Any]):
    path = serializers.CharField()
    before = serializers.JSONField(allow_null=True, help_text="Null for what was added.")
    after = serializers.JSONField(allow_null=True, help_text="Null for what was removed.")
    effect = serializers.ChoiceField(choices=["stricter", "looser", ""], help_text="Of this change alone.")


class PolicyDiffResponseSerializer(serializers.Serializer[Any]):
    before = serializers.CharField(help_text="The digest of the version compared with.")
    after = serializers.CharField(help_text="The digest of this version.")
    changes = PolicyChangeSerializer(many=True)


class PolicyListItemSerializer(serializers.ModelSerializer[Policy]):
    status = serializers.ChoiceField(choices=PolicyStatus.choices, read_only=True)
    in_force = serializers.BooleanField(read_only=True, help_text="Whether new workflows come under it.")
    drafted_by = serializers.SerializerMethodField(help_text="Null for what comes with the product.")
    published_by = serializers.SerializerMethodField(help_text="Null for what comes with the product.")
    published_at = serializers.SerializerMethodField()
    retired_by = serializers.SerializerMethodField(help_text="Whoever retired it, or withdrew the draft.")
    retired_at = serializers.SerializerMethodField()
    retirement_reason = serializers.SerializerMethodField()

    class Meta:
        model = Policy
        fields = [
            "digest",
            "name",
            "version",
            "status",
            "in_force",
            "created_at",
            "drafted_by",
            "published_by",
            "published_at",
            "retired_by",
            "retired_at",
            "retirement_reason",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_drafted_by(self, policy: Policy) -> str | None:
        return _name(policy.drafted_by)

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_published_by(self, policy: Policy) -> str | None:
        return _name(policy.publication.published_by) if hasattr(policy, "publication") else None

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_published_at(self, policy: Policy) -> Any:
        return policy.publication.published_at if hasattr(policy, "publication") else None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_retired_by(self, policy: Policy) -> str | None:
        return _name(policy.retirement.retired_by) if hasattr(policy, "retirement") else None

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_retired_at(self, policy: Policy) -> Any:
        return policy.retirement.retired_at if hasattr(policy, "retirement") else None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_retirement_reason(self, policy: Policy) -> str | None:
        return policy.retirement.reason if hasattr(policy, "retirement") else None


class PolicyResponseSerializer(PolicyListItemSerializer):
    """One version, with its document."""

    document = serializers.SerializerMethodField()

    class Meta(PolicyListItemSerializer.Meta):
        fields = [*PolicyListItemSerializer.Meta.fields, "document"]
        read_only_fields = fields

    @extend_schema_field(serializers.DictField())
    def get_document(self, policy: Policy) -> Any:
        return json.loads(policy.document)


def _name(person: User | None) -> str | None:
    return person.get_username() if person else None
