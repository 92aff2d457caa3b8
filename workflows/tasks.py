"""What django-q2 calls: read the id, then one call into the engine."""

from uuid import UUID

from workflows.engine import run_ready_execution


def run_execution(execution_id: str) -> None:
    """Run an execution if it is ready and nobody else has claimed it."""
    run_ready_execution(UUID(execution_id))


def answer_probe() -> None:
    """Do nothing: that it was called at all is the answer (see workflows.pulse)."""
