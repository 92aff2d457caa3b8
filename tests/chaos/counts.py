"""What may not happen, counted: workflows, stages, evidence, leases. Each count is a list of what was found."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from django.conf import settings

from compliance.models import CertificateKind
from compliance.package import verify_package
from tests.chaos.call_counts import CALL_COUNTS
from tests.chaos.evidence import Run
from workflows.export import EvidenceDamaged, build_workflow_package
from workflows.models import Execution, ExecutionStatus, Role, WorkflowStatus
from workflows.reasons import ReasonCode
from workflows.transitions import EXECUTION_ENDS, LEASED, WORKFLOW_ENDS

Count = Callable[[Run], Iterator[str]]


def find_lost(run: Run) -> Iterator[str]:
    """Workflows that were asked for and are not there, or have neither ended nor wait for a person who never comes."""
    rows = {row.name: row for row in run.workflows}
    doubled = Counter(row.name for row in run.workflows)
    for name, planned in run.planned.items():
        row = rows.get(name)
        if row is None:
            yield f"{name} was never written"
        elif doubled[name] > 1:
            yield f"{name} was written {doubled[name]} times"
        elif row.status in WORKFLOW_ENDS:
            continue
        elif row.status != WorkflowStatus.AWAITING_SIGN_OFF or planned.person != "never":
            yield f"{name} is {row.status}: {_describe_open(run, row.id)}"


def find_other_ends(run: Run) -> Iterator[str]:
    """Workflows that ended otherwise than the plan says, though nothing in it can go wrong."""
    for row in run.workflows:
        if row.status not in WORKFLOW_ENDS:
            continue
        expected = run.planned[row.name].end
        if row.status != expected and not _was_given_up(run, row.id):
            yield f"{row.name} ended {row.status}, not {expected}: {row.reason_code} {row.reason_detail[:300]}"


def find_run_twice(run: Run) -> Iterator[str]:
    """Stages with two executions, or with two certificates of an end."""
    for stage_uid, executions in run.executions.items():
        if len(executions) > 1:
            yield f"{run.key(executions[0])} has {len(executions)} executions"
        stage = run.stages[stage_uid]
        ends = [
            certificate
            for certificate in run.certificates[stage.workflow_id]
            if certificate.kind == CertificateKind.EXECUTION
            and certificate.execution_id in {execution.id for execution in executions}
        ]
        if len(ends) > 1:
            yield f"{run.key(executions[0])} has {len(ends)} certificates of its end"


def find_missing_certificates(run: Run) -> Iterator[str]:
    """Ends without a certificate, runs without one of their admission, workflows not opened or not closed."""
    for row in run.workflows:
        kinds = Counter(certificate.kind for certificate in run.certificates[row.id])
        if kinds[CertificateKind.OPENING] != 1:
            yield f"{row.name} has {kinds[CertificateKind.OPENING]} opening certificates"
        closings = 1 if row.status in WORKFLOW_ENDS else 0
        if kinds[CertificateKind.CLOSING] != closings:
            yield f"{row.name} is {row.status} and has {kinds[CertificateKind.CLOSING]} closing certificates"
    for execution in run.all_executions():
        certificates = run.certificates[run.stages[execution.stage_id].workflow_id]
        own = Counter(entry.kind for entry in certificates if entry.execution_id == execution.id)
        if execution.status in EXECUTION_ENDS and own[CertificateKind.EXECUTION] == 0:
            yield f"{run.key(execution)} is {execution.status} without a certificate of its end"
        if run.journals.get(execution.id) and own[CertificateKind.ADMISSION] == 0:
            yield f"{run.key(execution)} has a journal and no certificate of its admission"


def find_stuck_leases(run: Run) -> Iterator[str]:
    """Executions that somebody still holds, or that say so although they ended."""
    for execution in run.all_executions():
        if execution.status in LEASED:
            yield f"{run.key(execution)} is {execution.status}, held by {execution.lease_owner or 'nobody'}"
        elif execution.lease_owner or execution.lease_expires_at:
            yield f"{run.key(execution)} is {execution.status} and still held by {execution.lease_owner!r}"


def find_exhausted(run: Run) -> Iterator[str]:
    """Executions that failed for their attempts, although nothing but the suite ended them."""
    for execution in run.all_executions():
        if execution.reason_code == ReasonCode.ATTEMPTS_EXHAUSTED:
            yield f"{run.key(execution)}: {execution.reason_detail[:600]}"


def find_written_without_claim(run: Run) -> Iterator[str]:
    """Events and certificates of an execution that another process wrote than the one whose claim stood."""
    holders = {(claim.execution_id, claim.fence): claim.writer for claims in run.claims.values() for claim in claims}
    keys = {execution.id: run.key(execution) for execution in run.all_executions()}
    for write in run.writes:
        if write.execution_id is None or not write.writer.startswith("chaos:") or write.kind == "sign_off":
            continue
        holder = holders.get((write.execution_id, write.fence or 0))
        if holder != write.writer:
            yield f"{keys[write.execution_id]}: {write.kind} at {write.at:%X} by {write.writer}, claimed by {holder}"


def find_releases_without_evidence(run: Run, public_key: str) -> Iterator[str]:
    """Completed releases whose package does not verify offline, with the public key alone."""
    releases = {
        run.stages[execution.stage_id].workflow_id
        for execution in run.all_executions()
        if execution.status == ExecutionStatus.COMPLETED and run.stages[execution.stage_id].role == Role.RELEASE
    }
    yield from _verify(run, lambda workflow_id: workflow_id in releases, public_key)


def find_other_packages(run: Run, public_key: str) -> Iterator[str]:
    """Other workflows that ended and whose package does not verify."""
    ended = {row.id for row in run.workflows if row.status in WORKFLOW_ENDS}
    released = {
        run.stages[execution.stage_id].workflow_id
        for execution in run.all_executions()
        if execution.status == ExecutionStatus.COMPLETED and run.stages[execution.stage_id].role == Role.RELEASE
    }
    yield from _verify(run, lambda workflow_id: workflow_id in ended - released, public_key)


def export_public_key() -> str:
    """Return the public half of the run's signing key: out of the key's file, not out of the database."""
    private = serialization.load_pem_private_key(settings.SIGNING_KEY_PATH.read_bytes(), password=None)
    kind, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return private.public_key().public_bytes(kind, form).decode()


def count_all(run: Run, public_key: str) -> dict[str, list[str]]:
    """Return everything that was found, by what it is called."""
    found = {name: list(count(run)) for name, count in (*_COUNTS, *CALL_COUNTS)}
    found["releases without evidence"] = list(find_releases_without_evidence(run, public_key))
    found["other packages that do not verify"] = list(find_other_packages(run, public_key))
    return found


def count_verified(run: Run) -> int:
    """Return how many releases went out."""
    return sum(
        execution.status == ExecutionStatus.COMPLETED and run.stages[execution.stage_id].role == Role.RELEASE
        for execution in run.all_executions()
    )


_COUNTS: Sequence[tuple[str, Count]] = (
    ("workflows lost", find_lost),
    ("workflows ended otherwise than planned", find_other_ends),
    ("stages run twice", find_run_twice),
    ("certificates missing", find_missing_certificates),
    ("leases stuck", find_stuck_leases),
    ("attempts exhausted by the suite alone", find_exhausted),
    ("written without the claim", find_written_without_claim),
)


def _verify(run: Run, applies: Callable[[UUID], bool], public_key: str) -> Iterator[str]:
    for row in run.workflows:
        if not applies(row.id):
            continue
        try:
            report = verify_package(build_workflow_package(row), public_key)
        except EvidenceDamaged as error:
            yield f"{row.name}: {error}"
            continue
        if not report.ok:
            failures = "; ".join(f"{check.name} at {check.where}: {check.detail}" for check in report.failures[:3])
            yield f"{row.name}: {failures or 'not all checks were made'}"


def _was_given_up(run: Run, workflow_id: UUID) -> bool:
    """Say whether a person gave up a stage of the workflow: how it ends then is not the plan's."""
    given_up = {execution for execution, outcomes in run.settled.items() if any("give_up" in one for one in outcomes)}
    return any(
        str(execution.id) in given_up
        for execution in run.all_executions()
        if run.stages[execution.stage_id].workflow_id == workflow_id
    )


def _describe_open(run: Run, workflow_id: UUID) -> str:
    rows: list[Execution] = [
        execution
        for execution in run.all_executions()
        if run.stages[execution.stage_id].workflow_id == workflow_id and execution.status not in EXECUTION_ENDS
    ]
    described = [
        f"{run.key(row)} {row.status} (attempt {row.attempts}, fence {row.fence}, available {row.available_at}, "
        f"lease {row.lease_owner!r} to {row.lease_expires_at}, {row.reason_code})"
        for row in rows
    ]
    return "; ".join(described) or "no execution of it is open"
