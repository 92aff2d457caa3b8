"""`/compliance/presets`: the policies in force."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from compliance.policies_in_force import list_policies_in_force
from compliance.policy import PolicyDocument


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


class PresetsView(APIView):
    @extend_schema(operation_id="compliance_presets", responses=PolicyPresetResponseSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The policies in force: what each grants, allows at most, forbids and asks for."""
        return Response([describe_policy(policy) for policy in list_policies_in_force()])
