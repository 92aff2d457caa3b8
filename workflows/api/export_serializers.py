"""The shape of the audit package, for the schema; `workflows.export` builds it."""

from typing import Any

from rest_framework import serializers

from workflows.api.certificates import EnvelopeSerializer


class PackageCertificateSerializer(EnvelopeSerializer):
    """A DSSE envelope as stored, with the certificate's id."""

    id = serializers.UUIDField()


class PackageKeySerializer(serializers.Serializer[Any]):
    keyid = serializers.CharField()
    public_key_pem = serializers.CharField()


class PackageStageSerializer(serializers.Serializer[Any]):
    """A stage, its execution and the compliance package of that execution."""

    stage = serializers.DictField()
    execution = serializers.DictField(allow_null=True)
    compliance_package = serializers.DictField(allow_null=True)


class WorkflowExportResponseSerializer(serializers.Serializer[Any]):
    """The audit package of a workflow."""

    workflow = serializers.DictField()
    exported_at = serializers.DateTimeField()
    stages = PackageStageSerializer(many=True)
    lineage = serializers.ListField(
        child=serializers.DictField(), help_text="From each release back to the reviews that it rests on."
    )
    certificates = PackageCertificateSerializer(many=True)
    keys = PackageKeySerializer(many=True)
