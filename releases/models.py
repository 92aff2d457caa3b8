"""What goes out: the sign-offs that people gave or refused."""

import uuid

from django.conf import settings
from django.db import models

from compliance.append_only import append_only
from compliance.models import Certificate
from workflows.models import Execution


class SignOffDecision(models.TextChoices):
    APPROVE = "approve", "Approve"
    REJECT = "reject", "Reject"


@append_only
class SignOff(models.Model):
    """One person's signed decision about one artifact. The certificate is the evidence; this row finds it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    execution = models.ForeignKey(Execution, on_delete=models.PROTECT, related_name="sign_offs")
    signer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="sign_offs")
    decision = models.CharField(max_length=8, choices=SignOffDecision)
    artifact_digest = models.CharField(max_length=64, db_index=True)
    certificate = models.OneToOneField(Certificate, on_delete=models.PROTECT, related_name="sign_off")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["execution", "signer"], name="one_sign_off_per_person_and_execution")
        ]

    def __str__(self) -> str:
        return f"{self.decision} by {self.signer}"
