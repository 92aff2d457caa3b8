"""A replay as lines of text, for a terminal, and as plain values, for JSON."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from workflows.replay_records import ChangedExecution, Outcome, PolicyReplay, PolicyVersion, UnevaluableExecution


def format_replay(replay: PolicyReplay) -> Iterator[str]:
    """Yield what was looked at, every execution that would change with its reasons, and what cannot be said."""
    counts = replay.counts
    yield _printable(
        f"{replay.draft} in place of {replay.in_place_of}, over executions that ended from "
        f"{_format_time(replay.since)} on:"
    )
    yield (
        f"{counts.looked_at} looked at, {counts.unchanged} unchanged, {counts.changed} changed "
        f"({counts.unknown} of them unknown from some point on), {counts.not_evaluable} not evaluable."
    )
    if counts.grants_changed:
        yield f"{counts.grants_changed} of the unchanged would be granted other capabilities, and used none of those."
    if replay.truncated:
        yield "There are more: these are the newest."
    for change in replay.changes:
        yield from map(_printable, _format_change(change))
    for obstacle, count in sorted(Counter(each.why for each in replay.not_evaluable).items()):
        yield f"not evaluable, {obstacle}: {count}"
    for missing in replay.not_evaluable:
        yield _printable(f"  {missing.execution_id} ({missing.stage_id}): {missing.detail}")


def describe_replay(replay: PolicyReplay) -> dict[str, Any]:
    """Return a replay as JSON takes it. Times are ISO 8601 in UTC; what is empty in an outcome is null."""
    counts = replay.counts
    return {
        "draft": _describe_version(replay.draft),
        "in_place_of": replay.in_place_of,
        "since": _format_time(replay.since),
        "looked_at": counts.looked_at,
        "unchanged": counts.unchanged,
        "changed": counts.changed,
        "unknown": counts.unknown,
        "not_evaluable": counts.not_evaluable,
        "grants_changed": counts.grants_changed,
        "truncated": replay.truncated,
        "changes": [_describe_change(change) for change in replay.changes],
        "not_evaluable_executions": [_describe_unevaluable(each) for each in replay.not_evaluable],
    }


def describe_outcome(outcome: Outcome) -> str:
    """Put an outcome into words: status, verdict and reason code, as far as there are any."""
    verdict = f", {outcome.verdict}" if outcome.verdict else ""
    return f"{outcome.status}{verdict}{f' ({outcome.code})' if outcome.code else ''}"


def _format_change(change: ChangedExecution) -> Iterator[str]:
    yield ""
    yield f"{change.execution_id}  stage {change.stage_id} of workflow {change.workflow_id}"
    yield f"  ended {_format_time(change.ended_at)} under {change.policy}"
    yield f"  was       {describe_outcome(change.was)}"
    yield f"  would be  {describe_outcome(change.would_be)}"
    for reason in change.reasons:
        yield f"  - {reason}"


def _describe_change(change: ChangedExecution) -> dict[str, Any]:
    return {
        "workflow_id": str(change.workflow_id),
        "stage_id": change.stage_id,
        "execution_id": str(change.execution_id),
        "ended_at": _format_time(change.ended_at),
        "policy": _describe_version(change.policy),
        "was": _describe_outcome(change.was),
        "would_be": _describe_outcome(change.would_be),
        "reasons": list(change.reasons),
    }


def _describe_unevaluable(missing: UnevaluableExecution) -> dict[str, Any]:
    return {
        "workflow_id": str(missing.workflow_id),
        "stage_id": missing.stage_id,
        "execution_id": str(missing.execution_id),
        "ended_at": _format_time(missing.ended_at),
        "why": missing.why,
        "detail": missing.detail,
    }


def _describe_outcome(outcome: Outcome) -> dict[str, str | None]:
    return {"status": outcome.status, "verdict": outcome.verdict or None, "code": outcome.code or None}


def _describe_version(version: PolicyVersion) -> dict[str, Any]:
    return {"name": version.name, "version": version.version, "digest": version.digest}


def _format_time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _printable(line: str) -> str:
    """Escape what could act on a terminal: the names of stages are their requesters' own."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)
