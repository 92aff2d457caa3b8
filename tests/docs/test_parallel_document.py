"""The request in the how-to on parallel stages runs as it is written."""

import json
import re

import pytest
from rest_framework.test import APIClient

from config.settings import BASE_DIR
from tests.api_people import alice, alice_api
from tests.workflow_driver import run_ready_execution, run_to_rest
from workflows.models import Execution, Workflow

__all__ = ["alice", "alice_api"]

PAGE = BASE_DIR / "docs" / "how-to" / "run-stages-side-by-side.md"


@pytest.mark.django_db
def test_the_example_starts_what_it_says_and_completes(alice_api: APIClient) -> None:
    example = re.search(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert example is not None
    answer = alice_api.post("/api/v1/workflows", json.loads(example[1]), format="json")
    assert answer.status_code == 201, answer.content
    workflow = Workflow.objects.get(id=answer.json()["id"])
    only = Execution.objects.get(stage__workflow=workflow)
    assert only.stage.stage_id == "draft"
    run_ready_execution(only.id)
    queued = Execution.objects.filter(stage__workflow=workflow, status="queued")
    assert set(queued.values_list("stage__stage_id", flat=True)) == {"tone", "facts", "archive"}
    assert run_to_rest(workflow).status == "completed"
