"""The business actions of workflows, one function each, for the API, the admin and the commands alike."""

from workflows.cancellation import cancel_workflow, resume_execution
from workflows.creation import create_workflow
from workflows.queries import (
    readable_workflows,
    visible_certificates,
    visible_executions,
    visible_stages,
    visible_workflows,
)
from workflows.settlement import settle_execution

__all__ = [
    "cancel_workflow",
    "create_workflow",
    "readable_workflows",
    "resume_execution",
    "settle_execution",
    "visible_certificates",
    "visible_executions",
    "visible_stages",
    "visible_workflows",
]
