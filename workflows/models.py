"""What runs: a workflow, its stages, each stage's executions and the journal of what happened in them.

Texts (tasks, documents, artifacts, journal payloads) are held by digest; the texts themselves live in the
content store, encrypted under the workflow's key. Status columns change only through `workflows.transitions`.
"""

import json
import uuid
from typing import Any

from django.conf import settings
from django.db import models

from compliance.append_only import append_only
from compliance.models import Policy


class Role(models.TextChoices):
    INTAKE = "intake", "Intake"
    REVIEWER = "reviewer", "Reviewer"
    RELEASE = "release", "Release"
    WORKER = "worker", "Worker"


class Mode(models.TextChoices):
    SEQUENTIAL = "sequential", "Sequential"
    PARALLEL = "parallel", "Parallel"


class WorkflowStatus(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    AWAITING_SIGN_OFF = "awaiting_sign_off", "Awaiting sign-off"
    AWAITING_DECISION = "awaiting_decision", "Awaiting decision"
    COMPLETED = "completed", "Completed"
    BLOCKED = "blocked", "Blocked"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class StageStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    RUNNING = "running", "Running"
    AWAITING_SIGN_OFF = "awaiting_sign_off", "Awaiting sign-off"
    AWAITING_DECISION = "awaiting_decision", "Awaiting decision"
    COMPLETED = "completed", "Completed"
    BLOCKED = "blocked", "Blocked"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class ExecutionStatus(models.TextChoices):
    QUEUED = "queued", "Queued"
    PLANNING = "planning", "Planning"
    EXECUTING = "executing", "Executing"
    VERIFYING = "verifying", "Verifying"
    WAITING = "waiting", "Waiting"
    COMPLETED = "completed", "Completed"
    BLOCKED = "blocked", "Blocked"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class Verdict(models.TextChoices):
    COMPLIANT = "compliant", "Compliant"
    NON_COMPLIANT = "non_compliant", "Non-compliant"


class Workflow(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="workflows")
    name = models.CharField(max_length=160)
    description = models.CharField(max_length=400, blank=True)
    mode = models.CharField(max_length=12, choices=Mode, default=Mode.SEQUENTIAL)
    status = models.CharField(max_length=20, choices=WorkflowStatus, default=WorkflowStatus.QUEUED)
    verdict = models.CharField(max_length=14, choices=Verdict, blank=True)
    reason_code = models.CharField(max_length=40, blank=True)
    reason_detail = models.TextField(blank=True)
    stage_count = models.PositiveSmallIntegerField()
    idempotency_key = models.CharField(max_length=200, null=True)
    request_digest = models.CharField(max_length=64, blank=True, help_text="Keyed digest of the creating request.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    completed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "idempotency_key"], name="one_workflow_per_idempotency_key")
        ]
        indexes = [
            models.Index(fields=["owner", "-created_at", "-id"], name="workflow_owner_newest"),
            models.Index(fields=["-created_at", "-id"], name="workflow_newest"),
            models.Index(fields=["status", "-created_at"], name="workflow_status_newest"),
        ]

    def __str__(self) -> str:
        return self.name


class Stage(models.Model):
    uid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workflow = models.ForeignKey(Workflow, on_delete=models.PROTECT, related_name="stages")
    position = models.PositiveSmallIntegerField()
    stage_id = models.CharField(max_length=120, help_text="The client's name for it, unique in the workflow.")
    name = models.CharField(max_length=120)
    role = models.CharField(max_length=12, choices=Role, default=Role.WORKER)
    task_digest = models.CharField(max_length=64)
    document_digest = models.CharField(max_length=64, blank=True)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    budget_cents = models.PositiveIntegerField(default=1500)
    provider = models.CharField(max_length=20)
    model = models.CharField(max_length=120, blank=True)
    requested_permissions: "models.JSONField[list[str] | None, list[str] | None]" = models.JSONField(null=True)
    granted_permissions: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)
    denied_permissions: "models.JSONField[list[dict[str, str]], list[dict[str, str]]]" = models.JSONField(default=list)
    upstream_stage_ids: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)
    sealed_api_key = models.BinaryField(null=True, help_text="Encrypted; destroyed when the stage ends.")
    status = models.CharField(max_length=20, choices=StageStatus, default=StageStatus.PENDING)
    reason_code = models.CharField(max_length=40, blank=True)
    reason_detail = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["workflow", "position"]
        constraints = [
            models.UniqueConstraint(fields=["workflow", "stage_id"], name="one_stage_per_stage_id"),
            models.UniqueConstraint(fields=["workflow", "position"], name="one_stage_per_position"),
        ]

    def __str__(self) -> str:
        return f"{self.stage_id} ({self.role})"


class Execution(models.Model):
    """One run of one stage. `fence` rises with every claim; a worker whose fence is old can write nothing.

    `owner` and `provider` repeat what its workflow and stage say: claims are shared out by them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="executions")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    status = models.CharField(max_length=12, choices=ExecutionStatus, default=ExecutionStatus.QUEUED)
    verdict = models.CharField(max_length=14, choices=Verdict, blank=True)
    reason_code = models.CharField(max_length=40, blank=True)
    reason_detail = models.TextField(blank=True)
    artifact_digest = models.CharField(max_length=64, blank=True, db_index=True)
    subject_digest = models.CharField(max_length=64, blank=True, help_text="What was reviewed or released.")
    agent_decision = models.CharField(max_length=12, blank=True, help_text="approved, rejected, release, hold, ...")
    answer_digest = models.CharField(max_length=64, blank=True, help_text="The agent's whole structured answer.")
    lineage_policies: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)
    checks: "models.JSONField[list[dict[str, Any]], list[dict[str, Any]]]" = models.JSONField(default=list)
    provider = models.CharField(max_length=20, blank=True)
    model = models.CharField(max_length=120, blank=True)
    request_count = models.PositiveIntegerField(default=0)
    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    cost_cents = models.PositiveBigIntegerField(default=0)
    charged_nanocents = models.BigIntegerField(
        default=0, help_text="Charges and open reservations, in 1e-9 cent; changed by workflows.budgets alone."
    )
    fence = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0, help_text="How often it was claimed.")
    lost_attempts = models.PositiveIntegerField(
        default=0, help_text="How many of them ended with their worker, or with an error that nobody foresaw."
    )
    attempt_log: "models.JSONField[list[dict[str, Any]], list[dict[str, Any]]]" = models.JSONField(
        default=list, help_text="How each attempt ended that did not end the execution: attempt, end, detail, at."
    )
    lease_owner = models.CharField(max_length=64, blank=True, help_text="The worker process that holds it.")
    lease_expires_at = models.DateTimeField(null=True)
    available_at = models.DateTimeField(null=True, help_text="Not to be claimed before; set when handed back.")
    event_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="execution_newest"),
            models.Index(
                fields=["owner", "created_at", "id"], name="execution_queued", condition=models.Q(status="queued")
            ),
            models.Index(
                fields=["lease_owner", "lease_expires_at"],
                name="execution_leased",
                condition=models.Q(status__in=["planning", "executing", "verifying"]),
            ),
            models.Index(fields=["created_at"], name="execution_waiting", condition=models.Q(status="waiting")),
            models.Index(
                fields=["completed_at"], name="execution_ended", condition=models.Q(completed_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({self.status})"


@append_only
class ExecutionEvent(models.Model):
    """One event of an execution's journal: `entry` is what the certificate covers, byte for byte, by `digest`.

    The entry is canonical JSON of sequence, kind, at, facts and payload_sha256. The payload, with a salt, is in the
    content store under `payload_digest`, so that erasing it leaves the entry and all that it proves.
    """

    execution = models.ForeignKey(Execution, on_delete=models.PROTECT, related_name="events")
    sequence = models.PositiveIntegerField()
    kind = models.CharField(max_length=24)
    entry = models.TextField(help_text="The entry in its canonical form (RFC 8785), exactly as digested.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the entry: its leaf in the Merkle tree.")
    payload_digest = models.CharField(max_length=64, help_text="SHA-256 of the payload's text, which is salted.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["execution", "sequence"]
        constraints = [models.UniqueConstraint(fields=["execution", "sequence"], name="one_event_per_sequence")]

    def __str__(self) -> str:
        return f"{self.sequence} {self.kind}"

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of the event without its payload: short, and no text that anybody wrote."""
        facts: dict[str, Any] = json.loads(self.entry)["facts"]
        return facts


@append_only
class StageDocument(models.Model):
    """A named document that an execution wrote with a tool; stages that name its stage upstream may read it."""

    execution = models.ForeignKey(Execution, on_delete=models.PROTECT, related_name="documents")
    name = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["execution", "id"]

    def __str__(self) -> str:
        return self.name


@append_only
class ModelPrice(models.Model):
    """What the operator pays for a model, in US dollars per million tokens. The newest row of a model counts."""

    provider = models.CharField(max_length=20)
    model = models.CharField(max_length=120)
    input_price = models.CharField(max_length=20, help_text="US dollars per million tokens of input, in decimals.")
    output_price = models.CharField(max_length=20, help_text="US dollars per million tokens of output, in decimals.")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["provider", "model", "-id"], name="model_price_newest")]

    def __str__(self) -> str:
        return f"{self.provider} {self.model}: {self.input_price} in, {self.output_price} out"


class WorkerHeartbeat(models.Model):
    """The last sign of life of one `manage.py worker`."""

    name = models.CharField(max_length=120, primary_key=True)
    process_count = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name
