"""What a replay says: which past executions would have ended otherwise under another policy, and why."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

# What would have become of an execution beyond the statuses that there are: its workflow would have been refused at
# the request, or it would have gone on in a way that nothing recorded tells.
NOT_ADMITTED = "not_admitted"
UNKNOWN = "unknown"

PERMISSIONS_REFUSED = "permissions_refused"
UNKNOWN_BEYOND_ADMISSION = "unknown_beyond_admission"
UNKNOWN_BEYOND_MODEL_CALL = "unknown_beyond_model_call"
UNKNOWN_BEYOND_TOOL_CALL = "unknown_beyond_tool_call"
UNKNOWN_BEYOND_EARLIER_STAGE = "unknown_beyond_earlier_stage"

Obstacle = Literal["evidence_invalid", "evidence_missing", "journal_differs", "policy_unknown", "texts_unreadable"]


@dataclass(frozen=True)
class Outcome:
    """An end of an execution: status, verdict and reason code, the latter two empty where there is none.

    Of what would be, `status` may also be `waiting` or `pending` (it would not have ended), `not_admitted` or
    `unknown`.
    """

    status: str
    verdict: str
    code: str


@dataclass(frozen=True)
class PolicyVersion:
    name: str
    version: int
    digest: str

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


@dataclass(frozen=True)
class ChangedExecution:
    """One execution that would have ended otherwise. `policy` is the version that its stage was bound to; each of
    `reasons` is a sentence that names the rule and the fact, never what a text holds."""

    workflow_id: uuid.UUID
    stage_id: str
    execution_id: uuid.UUID
    ended_at: datetime
    policy: PolicyVersion
    was: Outcome
    would_be: Outcome
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class UnevaluableExecution:
    """One execution of which nothing can be said; `detail` tells what stands in the way."""

    workflow_id: uuid.UUID
    stage_id: str
    execution_id: uuid.UUID
    ended_at: datetime
    why: Obstacle
    detail: str


@dataclass(frozen=True)
class ReplayCounts:
    """`looked_at` is the sum of `unchanged`, `changed` and `not_evaluable`.

    `unknown` are those of `changed` whose course beyond some point nothing recorded tells; `grants_changed` those
    of `unchanged` that would have been granted other capabilities, and made no call that needs them.
    """

    looked_at: int = 0
    unchanged: int = 0
    changed: int = 0
    not_evaluable: int = 0
    unknown: int = 0
    grants_changed: int = 0


@dataclass(frozen=True)
class PolicyReplay:
    """A draft held against the executions that ended from `since` on, newest first.

    `truncated`: there were more than the limit.
    """

    draft: PolicyVersion
    in_place_of: str
    since: datetime
    counts: ReplayCounts
    changes: tuple[ChangedExecution, ...]
    not_evaluable: tuple[UnevaluableExecution, ...]
    truncated: bool
