"""What would this policy have done? Past executions, evaluated again from their recorded facts under a draft.

It reads and changes nothing: certificates as they were signed, journals that these certificates cover, texts where
they are still readable. Where the draft blocks the same as the policies in its place, the recorded result counts, so
that a detector that has learnt since is not taken for a change of policy. An agent is taken to have answered as it
did; where the draft would have led it elsewhere, the outcome is `unknown` and not made up.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from django.db.models import Exists, OuterRef, QuerySet

from compliance.policies_in_force import (
    UnknownPolicy,
    find_alias,
    load_policy_documents,
    load_policy_terms,
    published_policies,
)
from compliance.policy import PolicyDocument
from compliance.policy_terms import PolicyTerms, read_policy_terms
from workflows.models import Execution, Stage
from workflows.replay_content import NotEvaluable, Substitution
from workflows.replay_evidence import Chains, load_chains, load_journals, load_texts_in_groups
from workflows.replay_records import (
    UNKNOWN,
    ChangedExecution,
    PolicyReplay,
    PolicyVersion,
    ReplayCounts,
    UnevaluableExecution,
)
from workflows.replay_simulation import SimulatedExecution, simulate_workflow
from workflows.transitions import EXECUTION_ENDS

_CHUNK = 200

_Findings = dict[uuid.UUID, SimulatedExecution]
_Obstacles = dict[uuid.UUID, NotEvaluable]


@dataclass
class _Tally:
    counts: Counter[str] = field(default_factory=Counter)
    changes: list[ChangedExecution] = field(default_factory=list)
    not_evaluable: list[UnevaluableExecution] = field(default_factory=list)


def replay_policy(
    draft: PolicyDocument,
    *,
    since: datetime,
    limit: int | None = None,
    in_place_of: str | None = None,
) -> PolicyReplay:
    """Evaluate the executions that ended from `since` on, as if the draft had been in force.

    It stands in the place of every published version of the policy of its own name, or of `in_place_of` (a name or
    an alias); the other policies of a lineage stay as they are. Looked at are the executions that such a version
    governed, itself or by their lineage, and those that come after them in their workflow where the draft would have
    kept them from it; newest first, at most `limit`. Raises UnknownPolicy where no version of that name was ever
    published.
    """
    name = _find_replaced_name(in_place_of or draft.name)
    replaced = frozenset(published_policies().filter(name=name).values_list("digest", flat=True))
    rows = _select_executions(name, since)
    if limit is not None:
        rows = rows[: limit + 1]
    shelf = _Shelf(draft, replaced)
    tally, looked_up = _Tally(), 0
    # One sorted query, read as a stream: nothing indexes the end of an execution, so pages of it would each sort anew.
    for chunk in _split(rows.iterator(chunk_size=_CHUNK), limit):
        findings, obstacles = _evaluate({row.stage.workflow_id for row in chunk}, shelf)
        looked_up += len(chunk)
        for row in chunk:
            _count_execution(tally, row, findings.get(row.id), obstacles.get(row.stage.workflow_id), replaced)
    return PolicyReplay(
        draft=PolicyVersion(draft.name, draft.version, draft.digest),
        in_place_of=name,
        since=since,
        counts=ReplayCounts(**tally.counts),
        changes=tuple(tally.changes),
        not_evaluable=tuple(tally.not_evaluable),
        truncated=limit is not None and looked_up == limit and rows.count() > limit,
    )


class _Shelf:
    """The policies met so far, each loaded once, with the draft in its place."""

    def __init__(self, draft: PolicyDocument, replaced: frozenset[str]) -> None:
        self._draft_terms = read_policy_terms(draft.canonical_bytes())
        self._documents: dict[str, PolicyDocument] = {}
        self._terms: dict[str, PolicyTerms] = {}
        self.substitution = Substitution(draft, replaced, self._documents, self._terms)

    def add(self, digests: set[str]) -> None:
        """Load what is not there yet, in two queries."""
        missing = digests - self._documents.keys()
        if not missing:
            return
        self._documents |= load_policy_documents(missing)
        for digest, terms in load_policy_terms(missing).items():
            drafted = digest in self.substitution.replaced
            self._terms[digest] = replace(self._draft_terms, digest=digest) if drafted else terms

    def find_unknown(self, digests: Iterable[str]) -> str | None:
        return next((digest for digest in digests if digest not in self._documents), None)


def _find_replaced_name(name: str) -> str:
    versions = published_policies()
    for candidate in (name, find_alias(name)):
        if candidate is not None and versions.filter(name=candidate).exists():
            return candidate
    raise UnknownPolicy(
        f"no version of a policy named {name} was ever published, so nothing ran under one: name the policy in whose "
        "place this one would stand"
    )


def _select_executions(name: str, since: datetime) -> QuerySet[Execution]:
    """Return what ended in workflows of which a stage is bound to a version of that policy, newest first."""
    bound = Stage.objects.filter(workflow_id=OuterRef("stage__workflow_id"), policy__name=name)
    rows = Execution.objects.filter(Exists(bound), status__in=EXECUTION_ENDS, completed_at__gte=since)
    return (
        rows.order_by("-completed_at", "-id")
        .select_related("stage__policy")
        .only(
            "completed_at",
            "lineage_policies",
            "stage__workflow_id",
            "stage__stage_id",
            "stage__policy__digest",
        )
    )


def _split(rows: Iterator[Execution], limit: int | None) -> Iterator[list[Execution]]:
    kept = islice(rows, limit)
    while chunk := list(islice(kept, _CHUNK)):
        yield chunk


def _evaluate(workflow_ids: set[uuid.UUID], shelf: _Shelf) -> tuple[_Findings, _Obstacles]:
    """Simulate whole workflows, in a number of queries that does not depend on how many they are."""
    chains, obstacles = load_chains(workflow_ids)
    shelf.add({stage["policy"]["digest"] for chain in chains.values() for stage in chain[0].stages})
    obstacles |= _find_unknown_policies(chains, shelf)
    journals, differing = load_journals(_without(chains, obstacles))
    obstacles |= differing
    findings: _Findings = {}
    for recorded in load_texts_in_groups(_without(chains, obstacles), journals, shelf.substitution):
        for execution in simulate_workflow(recorded, shelf.substitution):
            findings[uuid.UUID(execution.end.execution_id)] = execution
    return findings, obstacles


def _find_unknown_policies(chains: Chains, shelf: _Shelf) -> _Obstacles:
    found: _Obstacles = {}
    for workflow_id, chain in chains.items():
        unknown = shelf.find_unknown(stage["policy"]["digest"] for stage in chain[0].stages)
        if unknown is not None:
            detail = f"the document of policy {unknown[:12]}, which its workflow is bound to, is not known"
            found[workflow_id] = NotEvaluable("policy_unknown", detail)
    return found


def _without(chains: Chains, obstacles: _Obstacles) -> Chains:
    return {workflow_id: chain for workflow_id, chain in chains.items() if workflow_id not in obstacles}


def _count_execution(
    tally: _Tally,
    row: Execution,
    found: SimulatedExecution | None,
    obstacle: NotEvaluable | None,
    replaced: frozenset[str],
) -> None:
    if found is None and obstacle is None:
        obstacle = NotEvaluable("evidence_missing", "it ended, and there is no certificate of its end")
    obstacle = obstacle or (found.obstacle if found else None)
    concerned = found.concerned if found else not replaced.isdisjoint({row.stage.policy.digest, *row.lineage_policies})
    if obstacle is not None:
        if concerned:
            tally.counts.update(looked_at=1, not_evaluable=1)
            tally.not_evaluable.append(_describe_obstacle(row, obstacle))
        return
    assert found is not None  # noqa: S101 - narrows a type: else there is an obstacle
    changed = found.was != found.would_be
    if not changed and not concerned:
        return
    tally.counts.update(looked_at=1, changed=int(changed), unchanged=int(not changed))
    if changed:
        tally.counts.update(unknown=int(found.would_be.status == UNKNOWN))
        tally.changes.append(_describe_change(row, found))
    else:
        tally.counts.update(grants_changed=int(found.grant_changed))


def _describe_change(row: Execution, found: SimulatedExecution) -> ChangedExecution:
    predicate = found.end.predicate
    return ChangedExecution(
        workflow_id=row.stage.workflow_id,
        stage_id=found.end.stage_id,
        execution_id=row.id,
        ended_at=datetime.fromisoformat(predicate["issued_at"]),
        policy=PolicyVersion(**predicate["policy"]),
        was=found.was,
        would_be=found.would_be,
        reasons=found.reasons,
    )


def _describe_obstacle(row: Execution, obstacle: NotEvaluable) -> UnevaluableExecution:
    assert row.completed_at is not None  # noqa: S101 - narrows a type: they were selected by it
    return UnevaluableExecution(
        workflow_id=row.stage.workflow_id,
        stage_id=row.stage.stage_id,
        execution_id=row.id,
        ended_at=row.completed_at,
        why=obstacle.why,
        detail=obstacle.detail,
    )
