"""What django-q2 calls: read the id, then one call into the engine."""

from uuid import UUID

from workflows.engine import run_ready_execution


def run_execution(execution_id: str) -> None:
    """Run an execution if it is ready and nobody else has claimed it."""
    run_ready_execution(UUID(execution_id))
