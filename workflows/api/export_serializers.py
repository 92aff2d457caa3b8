"""The shape of the audit package, for the schema; `workflows.export` builds it."""

from typing import Any

from rest_framework import serializers

from workflows.api.certificates import EnvelopeSerializer


class PackageCertificateSerializer(EnvelopeSerializer):
    """A DSSE envelope as stored, with the certificate's id."""

    id = serializers.UUIDField()


class PackageKeySerializer(serializers.Serializer[Any]):
    keyid = serializers.CharField(help_text="SHA-256 of the public key in DER.")
    public_key = serializers.CharField(help_text="In PEM.")


class PackagePolicySerializer(serializers.Serializer[Any]):
    digest = serializers.CharField()
    document = serializers.CharField(help_text="In its canonical form (RFC 8785), exactly as digested.")


class PackageExecutionSerializer(serializers.Serializer[Any]):
    execution = serializers.DictField(allow_null=True)
    compliance_package = serializers.DictField(allow_null=True)


class PackageStageSerializer(PackageExecutionSerializer):
    """A stage, its newest execution and the compliance package of that execution."""

    stage = serializers.DictField()
    earlier_executions = PackageExecutionSerializer(many=True)


class WorkflowExportResponseSerializer(serializers.Serializer[Any]):
    """The audit package of a workflow."""

    format = serializers.CharField(help_text="Name and version of this layout.")
    workflow = serializers.DictField()
    exported_at = serializers.DateTimeField()
    stages = PackageStageSerializer(many=True)
    lineage = serializers.ListField(
        child=serializers.DictField(), help_text="From each release back to the reviews that it rests on."
    )
    certificates = PackageCertificateSerializer(many=True)
    keys = PackageKeySerializer(many=True)
    policies = PackagePolicySerializer(many=True)
