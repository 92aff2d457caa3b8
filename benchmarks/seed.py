"""Fills a migrated database with workflows, so that lists and lookups are measured over many rows.

Run in an environment with a database of its own: `python -m benchmarks.seed 1000000`

Two kinds of workflows. A few hundred are real and the newest: created by the service and, most of them, run to their
end by the embedded agent, with texts that open and chains that verify. All others are synthetic: rows as such workflows
leave them, written in bulk. A synthetic workflow's content key is destroyed and its texts are absent, as after an
erasure. Its chain holds two certificates, an opening and that of one execution, which are well formed but signed by
nobody, so they do not verify. It has no journal, no charges and no audit events.

Half of all workflows belong to the first owner, the rest to the others in turn.
"""

import argparse
import base64
import json
import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from benchmarks.bulk_rows import BulkTable, without_indexes  # noqa: E402
from benchmarks.requests import workflow_body  # noqa: E402
from compliance.envelope import PAYLOAD_TYPE  # noqa: E402
from compliance.models import Certificate, ContentKey, EvidenceChain, SigningKey  # noqa: E402
from compliance.policies_in_force import find_policy  # noqa: E402
from compliance.roles import OPERATOR, grant_role  # noqa: E402
from compliance.signing import public_identity  # noqa: E402
from tests.workflow_driver import run_to_rest  # noqa: E402
from workflows.models import Execution, Stage, Workflow  # noqa: E402
from workflows.requests import StageRequest, WorkflowRequest  # noqa: E402
from workflows.services import cancel_workflow, create_workflow  # noqa: E402

REAL = 200
OWNERS = 20
_BATCH = 5_000
_SPAN = timedelta(days=365)
_POLICIES = ("default", "hipaa", "sox", "legal_privilege")
_ROLES = ("worker", "reviewer", "release")
_SUBJECTS = ("Discharge letter", "Quarterly notice", "Press notice", "Patient leaflet", "Supplier contract", "Reply")
_DESCRIPTION = "Drafted, reviewed and released for the regional office."
_MODELS = {"anthropic": "claude-sonnet-4-5", "openai": "gpt-5-mini", "embedded": ""}


@dataclass(frozen=True)
class _End:
    """How a workflow, and the stage at which it stopped, stands. `weight` of 100 stand so."""

    status: str
    weight: int
    execution_status: str
    reason_code: str = ""
    ended: bool = True


_ENDS = (
    _End("completed", 78, "completed"),
    _End("blocked", 7, "blocked", "content_blocked"),
    _End("failed", 6, "failed", "provider_error"),
    _End("cancelled", 6, "cancelled", "cancelled"),
    _End("awaiting_sign_off", 2, "waiting", "sign_off_required", ended=False),
    _End("awaiting_decision", 1, "waiting", "outcome_unknown", ended=False),
)


def seed(count: int, *, real: int = REAL, owners: int = OWNERS) -> list[User]:
    """Add `count` workflows of two or three stages, `real` of them real, and return their owners.

    Takes some twelve minutes for a million on PostgreSQL. Append-only tables only get rows added.
    """
    people = make_owners(owners)
    real = min(real, count)
    rows = _SyntheticRows(people, count - real)
    with without_indexes([table.model for table in rows.tables]):
        for start in range(0, count - real, _BATCH):
            with transaction.atomic():
                for number in range(start, min(start + _BATCH, count - real)):
                    rows.add_workflow(number)
                rows.flush()
    for number in range(real):
        _make_real(_owner_of(people, number), number)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    return people


def make_owners(count: int) -> list[User]:
    """Return `count` operators, made where they are missing."""
    people = []
    for number in range(count):
        name = f"owner{number}@countersign.example"
        person, _ = User.objects.get_or_create(username=name, defaults={"email": name})
        grant_role(person, OPERATOR)
        people.append(person)
    return people


def _owner_of(people: Sequence[User], number: int) -> User:
    if number % 2 == 0 or len(people) == 1:
        return people[0]
    return people[1 + number // 2 % (len(people) - 1)]


def _make_real(owner: User, number: int) -> None:
    """Create a workflow as its owner would. Of ten, eight are run to their end, one is cancelled, one stays queued."""
    body = workflow_body("embedded")
    stages = tuple(
        StageRequest(**{name: tuple(value) if isinstance(value, list) else value for name, value in stage.items()})
        for stage in body["stages"]
    )
    name = f"{_SUBJECTS[number % len(_SUBJECTS)]}, run {number}"
    request = WorkflowRequest(name=name, stages=stages, description=_DESCRIPTION)
    workflow, _ = create_workflow(owner=owner, request=request, idempotency_key=None, address=None)
    if number % 10 == 8:
        cancel_workflow(workflow_id=workflow.id, actor=owner, address=None)
    elif number % 10 != 9:
        run_to_rest(workflow)


class _SyntheticRows:
    """Makes the rows of synthetic workflows, evenly spread over the last year, the same for the same count."""

    def __init__(self, people: Sequence[User], count: int) -> None:
        identity = public_identity()
        SigningKey.objects.get_or_create(key_id=identity.key_id, defaults={"public_key_pem": identity.public_key_pem})
        self._key_id = identity.key_id
        self._people, self._count = people, count
        self._policies = [find_policy(name) for name in _POLICIES]
        self._random = random.Random(f"{count} {Workflow.objects.count()}")  # noqa: S311 - no secret
        self._start = datetime.now(UTC).replace(tzinfo=None) - _SPAN
        self._workflows, self._stages, self._executions = map(BulkTable, (Workflow, Stage, Execution))
        self._keys, self._chains, self._certificates = map(BulkTable, (ContentKey, EvidenceChain, Certificate))
        # In the order in which rows refer to one another.
        self.tables = (
            self._workflows, self._stages, self._executions, self._keys, self._chains, self._certificates,
        )  # fmt: skip

    def flush(self) -> None:
        for table in self.tables:
            table.flush()

    def add_workflow(self, number: int) -> None:
        end = self._random.choices(_ENDS, [end.weight for end in _ENDS])[0]
        workflow, owner = self._id(), _owner_of(self._people, number).pk
        stage_count = 2 if number % 3 == 0 else 3
        stopped_at = stage_count - 1 if end.status == "completed" else self._random.randrange(stage_count)
        created = self._start + _SPAN * (number / self._count)
        ended = (created + timedelta(seconds=30 * (stopped_at + 1))).isoformat(" ")
        self._workflows.add(
            id=workflow,
            owner_id=owner,
            name=f"{_SUBJECTS[number % len(_SUBJECTS)]} {number}",
            description=_DESCRIPTION,
            status=end.status,
            verdict=_verdict_of(end),
            reason_code=end.reason_code,
            reason_detail=end.reason_code.replace("_", " "),
            stage_count=stage_count,
            created_at=created.isoformat(" "),
            updated_at=ended,
            completed_at=ended if end.ended else None,
        )
        self._keys.add(scope=workflow, created_at=created.isoformat(" "), destroyed_at=ended)
        self._add_stages(number, workflow, owner, created, end, stage_count, stopped_at)

    def _add_stages(
        self, number: int, workflow: str, owner: int, created: datetime, end: _End, stage_count: int, stopped_at: int
    ) -> None:
        policy = self._policies[number % len(self._policies)]
        provider = tuple(_MODELS)[number % len(_MODELS)]
        roles = _ROLES[-stage_count:]
        first_execution = ""
        for position in range(stage_count):
            started = created + timedelta(seconds=30 * position)
            finished = (started + timedelta(seconds=25)).isoformat(" ")
            reached, is_last = position <= stopped_at, position == stopped_at
            stage, status = self._id(), end.status if is_last else "completed" if reached else "cancelled"
            over = not reached or not is_last or end.ended
            self._stages.add(
                uid=stage,
                workflow_id=workflow,
                position=position,
                stage_id=f"stage-{position + 1}",
                name=roles[position].capitalize(),
                role=roles[position],
                task_digest=self._digest(),
                policy_id=policy.pk,
                provider=provider,
                model=_MODELS[provider],
                requested_permissions="[]",
                upstream_stage_ids=json.dumps([f"stage-{position}"] if position else []),
                status=status if reached or not end.ended else "cancelled",
                reason_code=end.reason_code if is_last else "" if reached else "earlier_stage_ended",
                started_at=started.isoformat(" ") if reached else None,
                completed_at=finished if over else None,
            )
            if reached:
                execution = self._id()
                first_execution = first_execution or execution
                self._add_execution(execution, stage, owner, started, finished, policy.digest, end if is_last else None)
        self._add_chain(workflow, first_execution, created, roles[0], policy.name)

    def _add_execution(
        self, execution: str, stage: str, owner: int, started: datetime, finished: str, policy: str, end: _End | None
    ) -> None:
        good = end is None or end.status == "completed"
        waits = end is not None and not end.ended
        self._executions.add(
            id=execution,
            stage_id=stage,
            owner_id=owner,
            status="completed" if end is None else end.execution_status,
            verdict="" if waits else "compliant" if good else "non_compliant",
            reason_code="" if end is None else end.reason_code,
            artifact_digest=self._digest() if good else "",
            lineage_policies=json.dumps([policy]),
            checks='[{"name": "content_scan", "passed": true, "detail": "nothing was found"}]',
            provider="embedded",
            request_count=2,
            input_tokens=900,
            output_tokens=210,
            cost_cents=1,
            fence=1,
            attempts=1,
            event_count=5,
            created_at=started.isoformat(" "),
            started_at=started.isoformat(" "),
            completed_at=None if waits else finished,
        )

    def _add_chain(self, workflow: str, execution: str, created: datetime, role: str, policy: str) -> None:
        digests = (self._digest(), self._digest())
        self._chains.add(id=workflow, length=2, head_digest=digests[1], closed_at=None)
        for sequence, (kind, outcome) in enumerate((("opening", "allowed"), ("execution", "completed"))):
            self._certificates.add(
                id=self._id(),
                chain_id=workflow,
                sequence=sequence,
                kind=kind,
                digest=digests[sequence],
                envelope=self._make_envelope(kind, workflow),
                key_id=self._key_id,
                execution_id=execution if sequence else None,
                stage_id="stage-1" if sequence else "",
                role=role if sequence else "",
                policy_name=policy if sequence else "",
                outcome=outcome,
                verdict="compliant" if sequence else "",
                subject_digest=self._digest(),
                issued_at=(created + timedelta(seconds=25 * sequence)).isoformat(" "),
            )

    def _make_envelope(self, kind: str, workflow: str) -> bytes:
        """Return an envelope whose statement says that it is synthetic; its signature is 64 zero bytes."""
        statement = base64.b64encode(f'{{"synthetic":"{kind}","workflow":"{workflow}"}}'.encode()).decode()
        signature = base64.b64encode(bytes(64)).decode()
        return (
            f'{{"payload":"{statement}","payloadType":"{PAYLOAD_TYPE}",'
            f'"signatures":[{{"keyid":"{self._key_id}","sig":"{signature}"}}]}}'
        ).encode()

    def _id(self) -> str:
        """Return a random UUID (version 4) as 32 hexadecimal digits."""
        bits = self._random.getrandbits(128)
        return f"{bits & ~(0xF000 << 64) & ~(0xC000 << 48) | (0x4000 << 64) | (0x8000 << 48):032x}"

    def _digest(self) -> str:
        return f"{self._random.getrandbits(256):064x}"


def _verdict_of(end: _End) -> str:
    if not end.ended:
        return ""
    return "compliant" if end.status == "completed" else "non_compliant"


def main() -> None:
    parser = argparse.ArgumentParser(description="Fill this installation's database with workflows.")
    parser.add_argument("count", type=int, help="how many workflows to add")
    parser.add_argument("--real", type=int, default=REAL, help="how many of them the engine runs")
    parser.add_argument("--owners", type=int, default=OWNERS)
    options = parser.parse_args()
    started = time.monotonic()
    people = seed(options.count, real=options.real, owners=options.owners)
    print(f"{options.count} workflows of {len(people)} owners in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
