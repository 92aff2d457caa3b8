"""What the API takes and answers about sign-offs."""

from typing import Any

from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from compliance.api.serializers import StrictSerializer, StringField
from releases.models import SignOff, SignOffDecision
from releases.services import MAX_MEANING_CHARACTERS, MAX_REASON_CHARACTERS
from workflows.api.certificates import CertificateResponseSerializer
from workflows.api.fields import PolicyReferenceSerializer
from workflows.api.requests import ChoiceStringField, TextField
from workflows.models import Execution

MAX_PASSWORD_CHARACTERS = 4096


class DigestField(StringField):
    """A SHA-256 as 64 hexadecimal digits in lower case."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)
        self.validators.append(RegexValidator(r"\A[0-9a-f]{64}\Z", "Give 64 hexadecimal digits in lower case."))


class SignOffRequestSerializer(StrictSerializer):
    """A person's decision about exactly one artifact. The signer is whose key it is, never a field."""

    decision = ChoiceStringField(SignOffDecision.choices)
    artifact_sha256 = DigestField(help_text="Of the artifact that the signer has read; 409 when another one waits.")
    meaning = TextField(max_length=MAX_MEANING_CHARACTERS, help_text="What the signature means, such as `Approval`.")
    reason = TextField(max_length=MAX_REASON_CHARACTERS)
    password = StringField(
        max_length=MAX_PASSWORD_CHARACTERS,
        trim_whitespace=False,
        write_only=True,
        help_text="The signer's own, once more.",
    )


class SignOffResponseSerializer(serializers.Serializer[SignOff]):
    """A sign-off, with the certificate that is its evidence."""

    id = serializers.UUIDField()
    execution_id = serializers.UUIDField()
    decision = serializers.ChoiceField(SignOffDecision.choices)
    artifact_sha256 = serializers.CharField(source="artifact_digest")
    signer = serializers.CharField(source="signer.username")
    signed_at = serializers.DateTimeField(source="certificate.issued_at")
    certificate = CertificateResponseSerializer()


class SignOffCountSerializer(serializers.Serializer[Any]):
    required = serializers.IntegerField(  # type: ignore[assignment]  # a field named like an option of fields
        help_text="The most that any policy of the lineage asks for."
    )
    present = serializers.IntegerField()


class PendingReleaseSerializer(serializers.Serializer[Execution]):
    """An execution that waits for a sign-off. The context holds `required_sign_offs` by execution id."""

    execution_id = serializers.UUIDField(source="id")
    workflow_id = serializers.UUIDField(source="stage.workflow_id")
    workflow_name = serializers.CharField(source="stage.workflow.name")
    stage_id = serializers.CharField(source="stage.stage_id")
    stage_name = serializers.CharField(source="stage.name")
    policy = PolicyReferenceSerializer(source="stage.policy")
    requested_by = serializers.CharField(source="stage.workflow.owner.username")
    artifact_sha256 = serializers.CharField(source="subject_digest", help_text="What is to be signed.")
    waiting_since = serializers.DateTimeField(source="created_at")
    sign_offs = serializers.SerializerMethodField()

    @extend_schema_field(SignOffCountSerializer)
    def get_sign_offs(self, execution: Any) -> dict[str, int]:
        required = self.context["required_sign_offs"].get(execution.id, 0)
        return {"required": required, "present": execution.approval_count}
