"""What the benchmark asks for, and the stub models' answers."""

import json
from collections.abc import Mapping
from typing import Any

from tests.stub_models import Answer, Received, ToolCall
from workflows.requests import StageRequest, WorkflowRequest

ADMIN_LIST = "/admin/workflows/workflow/"
PROVIDERS = ("embedded", "anthropic", "openai")

# About 1.4 kB, a page of plain prose in which nothing is found.
TEXT = (
    "The workshop has places for forty apprentices a year. It was built in the former paint hall and is open to "
    "the apprentices of neighbouring firms as well. Visitors are welcome when the gates stand open.\n"
) * 7


def workflow_body(provider: str) -> dict[str, Any]:
    """Return a workflow of three stages over one text: drafted, reviewed, released."""
    shared = {"provider": provider, "permissions": []}
    return {
        "name": f"Benchmark, {provider}",
        "stages": [
            {"id": "draft", "name": "Draft", "task": "Write the notice.", "document": TEXT, **shared},
            {
                "id": "review",
                "name": "Review",
                "task": "Review the notice.",
                "stage_role": "reviewer",
                "upstream_stage_ids": ["draft"],
                **shared,
            },
            {
                "id": "release",
                "name": "Release",
                "task": "Release the notice.",
                "stage_role": "release",
                "upstream_stage_ids": ["review"],
                **shared,
            },
        ],
    }


def two_stage_body(provider: str) -> dict[str, Any]:
    """Return a workflow of two stages: a text reviewed, and released."""
    body = workflow_body(provider)
    _, review, release = body["stages"]
    del review["upstream_stage_ids"]
    return {**body, "stages": [{**review, "document": TEXT}, release]}


def one_stage_body(provider: str) -> dict[str, Any]:
    """Return a workflow of one stage: a text is drafted."""
    body = workflow_body(provider)
    return {**body, "stages": body["stages"][:1]}


def twelve_stage_body(provider: str) -> dict[str, Any]:
    """Return a workflow of twelve stages: ten texts drafted, one of them reviewed and released."""
    body = workflow_body(provider)
    draft, review, release = body["stages"]
    drafts = [{**draft, "id": f"draft-{number}"} for number in range(10)]
    return {**body, "stages": [*drafts, {**review, "upstream_stage_ids": ["draft-9"]}, release]}


def to_request(body: Mapping[str, Any]) -> WorkflowRequest:
    """Return the body as the service that creates workflows takes it."""
    stages = tuple(
        StageRequest(**{name: tuple(value) if isinstance(value, list) else value for name, value in stage.items()})
        for stage in body["stages"]
    )
    return WorkflowRequest(name=body["name"], stages=stages)


def answer_at_once(request: Received) -> Answer:
    """Answer as a model would in each role: the text, an approval, a release."""
    asked = json.dumps(request.body)
    if "You are a reviewer." in asked:
        return Answer(tool_calls=(ToolCall("answer", {"decision": "approved", "reason": "It says nothing amiss."}),))
    if "You are a release agent." in asked:
        return Answer(tool_calls=(ToolCall("answer", {"decision": "release", "reason": "It is approved."}),))
    return Answer(text=TEXT)
