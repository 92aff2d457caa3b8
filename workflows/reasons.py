"""Every reason code that a workflow, a stage or an execution can carry."""

from django.db import models


class ReasonCode(models.TextChoices):
    # The gate refused to admit the stage.
    EVIDENCE_INVALID = "evidence_invalid", "The chain of certificates does not verify"
    REQUEST_DIFFERS = "request_differs", "The stage is not what the opening certificate says was asked for"
    WORKFLOW_CLOSED = "workflow_closed", "The workflow's evidence is closed"
    POLICY_UNKNOWN = "policy_unknown", "A policy of the lineage is not known"
    GRANT_EXCEEDS_CEILING = "grant_exceeds_ceiling", "The grant is more than the policy or role allows"
    UPSTREAM_EVIDENCE_MISSING = "upstream_evidence_missing", "A stage named upstream left no certificate"
    UPSTREAM_NOT_COMPLETED = "upstream_not_completed", "A stage named upstream did not complete"
    UPSTREAM_NOT_COMPLIANT = "upstream_not_compliant", "A stage named upstream is not compliant"
    AMBIGUOUS_SUBJECT = "ambiguous_subject", "There is more than one text to review"
    STAGE_ALREADY_ENDED = "stage_already_ended", "The stage has ended before and does not run again"
    EARLIER_STAGE_NOT_COMPLETED = "earlier_stage_not_completed", "A stage before it has not completed"
    NO_REVIEWER = "no_reviewer", "The release names no reviewer upstream"
    APPROVALS_DIFFER = "approvals_differ", "The reviewers approved different texts"
    CONTENT_NOT_INSPECTED = "content_not_inspected", "The artifact was not inspected under every policy of its lineage"
    CONTENT_BLOCKED = "content_blocked", "The artifact, or what would go into a model call, holds what a policy blocks"
    SIGN_OFF_REFUSED = "sign_off_refused", "A person refused to sign off"
    SIGN_OFF_REQUIRED = "sign_off_required", "It waits for a person's sign-off"
    RELEASE_HELD = "release_held", "The release stage's agent decided to hold"
    # The agent's run ended without an answer.
    PROVIDER_ERROR = "provider_error", "The model's provider answered with an error"
    PROVIDER_TIMEOUT = "provider_timeout", "The model's provider did not answer in time"
    PROVIDER_RATE_LIMITED = "provider_rate_limited", "The model's provider refused for its rate limit"
    PROVIDER_REFUSED = "provider_refused", "The model declined to answer"
    PROVIDER_AUTH_FAILED = "provider_auth_failed", "The model's provider refused the key"
    PROVIDER_NOT_CONFIGURED = "provider_not_configured", "There is no key for the model's provider"
    MALFORMED_ANSWER = "malformed_answer", "The agent's answer is not of the agreed form"
    NO_VERDICT = "no_verdict", "The reviewer gave no structured verdict"
    BUDGET_EXHAUSTED = "budget_exhausted", "The stage's budget is spent"
    MODEL_UNPRICED = "model_unpriced", "The model has no known price"
    STEP_LIMIT = "step_limit", "The agent took more steps than a run may"
    STAGE_TIMED_OUT = "stage_timed_out", "The stage ran longer than it may"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted", "The stage's worker died or failed too often"
    OUTCOME_UNKNOWN = "outcome_unknown", "Nobody knows whether a tool call happened: a person decides"
    CONTENT_ERASED = "content_erased", "The texts that the stage needs were erased"
    # Somebody or something else ended it.
    CANCELLED = "cancelled", "Cancelled by a person"
    EARLIER_STAGE_ENDED = "earlier_stage_ended", "A stage before it was blocked or failed"
