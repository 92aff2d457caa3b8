"""What a caller asks for when a workflow is created, and the ways in which it is refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class StageRequest:
    """One stage as asked for. `permissions` of None asks for the policy's defaults; an empty tuple asks for nothing."""

    name: str
    task: str
    id: str | None = None
    compliance_policy: str = "default"
    budget_cents: int = 1500
    stage_role: str = "worker"
    provider: str | None = None
    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    permissions: tuple[str, ...] | None = None
    upstream_stage_ids: tuple[str, ...] = ()
    document: str | None = None


@dataclass(frozen=True)
class WorkflowRequest:
    name: str
    stages: tuple[StageRequest, ...]
    description: str = ""
    mode: str = "sequential"
    webhook_url: str | None = None


class RequestRefused(ValueError):
    """The request is invalid; `errors` maps field paths such as `stages.1.upstream_stage_ids` to messages."""

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__("; ".join(f"{path}: {' '.join(messages)}" for path, messages in errors.items()))
        self.errors = {path: list(messages) for path, messages in errors.items()}


class PermissionsRefused(PermissionError):
    """All permissions that a stage asked for fall outside its policy's ceiling.

    `denied` is a list of `{"permission", "reason", "detail"}`.
    """

    def __init__(self, message: str, denied: Sequence[Mapping[str, str]]) -> None:
        super().__init__(message)
        self.message = message
        self.denied = [dict(entry) for entry in denied]


class IdempotencyConflict(ValueError):
    """The same Idempotency-Key came before with another body."""


class NotAllowed(PermissionError):
    """The actor may see this but not do it; the message says what role it takes."""


class Conflict(ValueError):
    """The record's state has moved on, so that the action no longer fits; the message says what it is now."""
