"""What is allowed and what proves it: policies, keys, certificates, contents, the audit trail, API keys.

Nothing here knows a workflow: a workflow, its evidence chain and its content key share one UUID.
"""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from knox.models import AbstractAuthToken

from compliance.append_only import append_only


class PolicyStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    PUBLISHED = "published", "Published"
    RETIRED = "retired", "Retired"
    WITHDRAWN = "withdrawn", "Withdrawn"


@append_only
class Policy(models.Model):
    """One immutable version of a policy, named by the SHA-256 of its canonical document.

    A draft until it is published. What happens to it is told by rows of their own, never by a change of this one.
    """

    name = models.CharField(max_length=60)
    version = models.PositiveIntegerField()
    digest = models.CharField(max_length=64, unique=True)
    document = models.TextField(help_text="The document in its canonical form (RFC 8785), exactly as digested.")
    drafted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty for what comes with the product.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "policies"
        ordering = ["name", "-version", "-id"]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"

    @property
    def in_force(self) -> bool:
        """Whether new workflows come under this version. Known of those that `list_policy_versions` returns."""
        return bool(self.__dict__["found_in_force"])

    @property
    def status(self) -> PolicyStatus:
        """Where this version stands. Select `publication` and `retirement` along with a list of policies."""
        published, ended = hasattr(self, "publication"), hasattr(self, "retirement")
        if ended:
            return PolicyStatus.RETIRED if published else PolicyStatus.WITHDRAWN
        return PolicyStatus.PUBLISHED if published else PolicyStatus.DRAFT


@append_only
class PolicyPublication(models.Model):
    """A version was published: workflows may be created under it from here on, and the gate knows it for ever.

    Name and version are those of the policy, so that the database lets no second document take their place.
    """

    policy = models.OneToOneField(Policy, on_delete=models.PROTECT, related_name="publication")
    name = models.CharField(max_length=60)
    version = models.PositiveIntegerField()
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty for what comes with the product.",
    )
    published_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="one_publication_per_version")]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


@append_only
class PolicyRetirement(models.Model):
    """A published version was retired, or a draft withdrawn: no new workflow comes under it."""

    policy = models.OneToOneField(Policy, on_delete=models.PROTECT, related_name="retirement")
    retired_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    retired_at = models.DateTimeField(default=timezone.now)
    reason = models.CharField(max_length=400)

    def __str__(self) -> str:
        return str(self.policy)


@append_only
class SigningKey(models.Model):
    """The public half of a key that signed certificates here; the private half is never in the database.

    For packages to name. What is believed here is settled by the environment, not by a row.
    """

    key_id = models.CharField(max_length=64, primary_key=True)
    public_key_pem = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.key_id[:12]


class EvidenceChain(models.Model):
    """The head of one workflow's chain of certificates. The row is locked while a certificate is appended."""

    id = models.UUIDField(primary_key=True)
    length = models.PositiveIntegerField(default=0)
    head_digest = models.CharField(max_length=64, blank=True)
    closed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.id} ({self.length})"


class CertificateKind(models.TextChoices):
    OPENING = "opening", "Opening"
    ADMISSION = "admission", "Admission"
    EXECUTION = "execution", "Execution"
    SIGN_OFF = "sign_off", "Sign-off"
    CLOSING = "closing", "Closing"


@append_only
class Certificate(models.Model):
    """One signed statement. `envelope` is the evidence, byte for byte; the other columns are for finding it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    chain = models.ForeignKey(EvidenceChain, on_delete=models.PROTECT, related_name="certificates")
    sequence = models.PositiveIntegerField()
    kind = models.CharField(max_length=12, choices=CertificateKind)
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the signed statement.")
    envelope = models.BinaryField(help_text="The DSSE envelope as JSON, exactly as issued.")
    key = models.ForeignKey(SigningKey, on_delete=models.PROTECT)
    execution_id = models.UUIDField(null=True, db_index=True)
    stage_id = models.CharField(max_length=120, blank=True)
    role = models.CharField(max_length=12, blank=True)
    policy_name = models.CharField(max_length=60, blank=True)
    outcome = models.CharField(max_length=20, help_text="What it attests: allowed, refused, completed, approve, ...")
    verdict = models.CharField(max_length=14, blank=True)
    subject_digest = models.CharField(max_length=64, db_index=True)
    issued_at = models.DateTimeField()

    class Meta:
        ordering = ["-issued_at", "-sequence"]
        constraints = [models.UniqueConstraint(fields=["chain", "sequence"], name="one_certificate_per_sequence")]
        indexes = [models.Index(fields=["-issued_at", "id"], name="certificate_newest_first")]

    def __str__(self) -> str:
        return f"{self.kind} {self.digest[:12]}"


class ContentKey(models.Model):
    """One workflow's content key, wrapped by the master key.

    Rows of this table are the only way back to the texts of a workflow, so back it up apart from the rest:
    erasing a key, here and in its own backups, erases the workflow's texts and nothing else.
    """

    scope = models.UUIDField(primary_key=True)
    wrapped_key = models.BinaryField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    destroyed_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.scope)


@append_only
class Content(models.Model):
    """A text, encrypted under its workflow's key and named by the SHA-256 of the plain bytes."""

    scope = models.UUIDField()
    digest = models.CharField(max_length=64)
    nonce = models.BinaryField()
    ciphertext = models.BinaryField()
    size = models.PositiveIntegerField(help_text="Length of the plain text in bytes.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "digest"], name="one_content_per_scope")]

    def __str__(self) -> str:
        return self.digest[:12]


@append_only
class AuditEvent(models.Model):
    """Who did what, when and from where. `detail` holds identifiers and digests, never texts or secrets."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=60)
    target_type = models.CharField(max_length=40)
    target_id = models.CharField(max_length=64, db_index=True)
    address = models.GenericIPAddressField(null=True)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.action} {self.target_type} {self.target_id}"


class ApiKey(AbstractAuthToken):
    """A named key of a user. Only its SHA-512 is stored (`digest`, the primary key, from knox)."""

    key_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"{self.name} ({self.token_key}…)"
