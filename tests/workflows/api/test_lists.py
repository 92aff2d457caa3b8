"""Lists: pages, filters, order, and queries that do not grow with what is listed."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from tests.workflow_driver import (
    CLEAN_TEXT,
    find_execution,
    find_stage,
    request_review_and_release,
    run_to_rest,
    submit,
)
from workflows.models import Workflow
from workflows.requests import StageRequest, WorkflowRequest

KINDS = ("workflows", "stages", "executions", "certificates")
UNKNOWN = "0" * 64


def results(client: APIClient, kind: str, **parameters: Any) -> list[dict[str, Any]]:
    response = client.get(f"/api/v1/{kind}", parameters)
    assert response.status_code == 200, response.content
    found: list[dict[str, Any]] = response.json()["results"]
    return found


def ids(client: APIClient, kind: str, **parameters: Any) -> set[str]:
    key = "uid" if kind == "stages" else "id"
    return {record[key] for record in results(client, kind, **parameters)}


def submit_named(name: str, owner: User, description: str = "") -> Workflow:
    stages = (StageRequest(name="Draft", task="Do it.", provider="embedded"),)
    return submit(WorkflowRequest(name=name, description=description, stages=stages), owner)


@pytest.mark.parametrize("kind", KINDS)
def test_pages_follow_one_another_newest_first_and_miss_nothing(alice: User, alice_api: APIClient, kind: str) -> None:
    for _ in range(3):
        run_to_rest(submit(request_review_and_release(), alice))
    everything = results(alice_api, kind)

    address: str | None = f"/api/v1/{kind}?page_size=2"
    paged: list[dict[str, Any]] = []
    while address:
        page = alice_api.get(address).json()
        assert set(page) == {"next", "previous", "results"}
        paged += page["results"]
        address = page["next"]
    assert paged == everything
    assert len(everything) >= 3
    times = [record[key] for key in ("created_at", "issued_at") for record in everything if key in record]
    assert times == sorted(times, reverse=True)


def test_a_previous_page_is_the_one_before(alice: User, alice_api: APIClient) -> None:
    for number in range(4):
        submit_named(f"w{number}", alice)
    first = alice_api.get("/api/v1/workflows?page_size=2").json()
    second = alice_api.get(first["next"]).json()
    assert alice_api.get(second["previous"]).json()["results"] == first["results"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "query",
    [
        "cursor=garbage",
        "cursor=cD1nYXJiYWdl",  # p=garbage
        "cursor=cD0lMDA%3D",
        "cursor=bz0tMQ%3D%3D",
        "cursor=%FF%FE",
        "page_size=0",
        "page_size=-1",
        "page_size=201",
        "page_size=many",
        "page_size=%D9%A1",
        "status=bar",
        "status=%00",
        "role=king",
        "workflow=1",
        "scope=everything",
        "artifact_sha256=ABC",
        "unknown=1",
        "search%00=x",
        "format=json",
        "format=api",
    ],
)
def test_a_parameter_that_cannot_be_meant_is_refused(alice: User, alice_api: APIClient, kind: str, query: str) -> None:
    submit_named("one", alice)
    response = alice_api.get(f"/api/v1/{kind}?{query}")
    if kind == "workflows" and query.split("=")[0] in {"role", "workflow", "artifact_sha256"}:
        assert "Unknown" in response.json()["detail"]
    assert response.status_code == 400, response.content


@pytest.mark.parametrize("field", ["created_after", "created_before"])
@pytest.mark.parametrize(
    "value", ["foo", "2025-13-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1e9", "\u0661"]
)
def test_a_time_that_is_none_is_refused(alice_api: APIClient, field: str, value: str) -> None:
    response = alice_api.get("/api/v1/workflows", {field: value})
    assert response.status_code == 400, response.content
    assert field in response.json()["errors"]


def test_workflows_are_filtered_by_time(alice: User, alice_api: APIClient) -> None:
    old, new = submit_named("old", alice), submit_named("new", alice)
    yesterday = timezone.now() - timedelta(days=1)
    Workflow.objects.filter(id=old.id).update(created_at=yesterday)

    moment = (yesterday + timedelta(hours=1)).isoformat()
    assert ids(alice_api, "workflows", created_after=moment) == {str(new.id)}
    assert ids(alice_api, "workflows", created_before=moment) == {str(old.id)}
    assert ids(alice_api, "workflows", created_after=yesterday.isoformat()) == {str(old.id), str(new.id)}
    assert ids(alice_api, "workflows", created_before=yesterday.isoformat()) == set()


def test_workflows_are_searched_by_name_description_and_id(alice: User, alice_api: APIClient) -> None:
    letter = submit_named("Quarterly LETTER", alice)
    memo = submit_named("Memo", alice, description="about the letter")
    other = submit_named("100% other_", alice)

    assert ids(alice_api, "workflows", search="letter") == {str(letter.id), str(memo.id)}
    assert ids(alice_api, "workflows", search=str(other.id)) == {str(other.id)}
    assert ids(alice_api, "workflows", search="100% other_") == {str(other.id)}
    assert ids(alice_api, "workflows", search="%") == {str(other.id)}
    assert ids(alice_api, "workflows", search="'; drop table --") == set()


def test_workflows_are_filtered_by_status(alice: User, alice_api: APIClient) -> None:
    done, waiting = run_to_rest(submit(request_review_and_release(), alice)), submit_named("queued", alice)
    assert ids(alice_api, "workflows", status="completed") == {str(done.id)}
    assert ids(alice_api, "workflows", status="queued") == {str(waiting.id)}


def test_stages_executions_and_certificates_are_filtered(alice: User, alice_api: APIClient) -> None:
    one = run_to_rest(submit(request_review_and_release(compliance_policy="hipaa"), alice))
    run_to_rest(submit(request_review_and_release(text="Another text."), alice))
    digest = find_execution(one, "release").artifact_digest
    review, release = (find_execution(one, name) for name in ("review", "release"))
    stages = {str(find_stage(one, name).uid) for name in ("review", "release")}

    assert ids(alice_api, "stages", workflow=one.id) == stages
    assert ids(alice_api, "stages", policy="hipaa") == stages
    assert ids(alice_api, "stages", artifact_sha256=digest) == stages
    assert ids(alice_api, "stages", workflow=one.id, role="release") == {str(release.stage_id)}
    assert ids(alice_api, "stages", workflow=one.id, status="blocked") == set()
    assert ids(alice_api, "executions", workflow=one.id) == {str(review.id), str(release.id)}
    assert ids(alice_api, "executions", policy="hipaa", role="reviewer") == {str(review.id)}
    assert ids(alice_api, "executions", artifact_sha256=digest) == {str(review.id), str(release.id)}
    assert ids(alice_api, "executions", status="completed", workflow=one.id) == {str(review.id), str(release.id)}
    assert len(results(alice_api, "certificates", workflow=one.id)) == 6
    assert len(results(alice_api, "certificates", workflow=one.id, role="release")) == 2
    for kind in ("stages", "executions", "certificates"):
        assert ids(alice_api, kind, artifact_sha256=UNKNOWN) == set()
        assert ids(alice_api, kind, policy="nowhere") == set()


def test_the_alias_of_a_policy_filters_too(alice: User, alice_api: APIClient) -> None:
    workflow = submit(request_review_and_release(compliance_policy="legal"), alice)
    assert len(results(alice_api, "stages", policy="legal")) == 2
    assert len(results(alice_api, "executions", policy="legal", workflow=workflow.id)) == 1


def test_lists_carry_no_texts(alice: User, alice_api: APIClient) -> None:
    run_to_rest(submit(request_review_and_release(), alice))
    for kind in KINDS:
        assert CLEAN_TEXT not in alice_api.get(f"/api/v1/{kind}").content.decode()


def test_queries_do_not_grow_with_the_list(alice: User, alice_api: APIClient) -> None:
    def list_queries() -> dict[str, list[str]]:
        found = {}
        for kind in KINDS:
            with CaptureQueriesContext(connection) as captured:
                assert results(alice_api, kind)
            found[kind] = [query["sql"] for query in captured]
        return found

    run_to_rest(submit(request_review_and_release(), alice))
    alice_api.get("/api/v1/workflows")  # the key's time of last use is written once a minute
    for_one = list_queries()
    for _ in range(6):
        run_to_rest(submit(request_review_and_release(), alice))
    for_many = list_queries()
    for kind in KINDS:
        assert len(for_many[kind]) == len(for_one[kind]) <= 6, (kind, for_many[kind])


def test_queries_do_not_grow_with_the_stages_of_one_workflow(alice: User, alice_api: APIClient) -> None:
    def with_stages(count: int) -> Workflow:
        stages = tuple(StageRequest(name=f"s{n}", task=f"task {n}", provider="embedded") for n in range(count))
        return run_to_rest(submit(WorkflowRequest(name="w", stages=stages), alice))

    counts = []
    for workflow in (with_stages(1), with_stages(1), with_stages(12)):
        with CaptureQueriesContext(connection) as queries:
            record = alice_api.get(f"/api/v1/workflows/{workflow.id}").json()
        assert all(stage["output_summary"] for stage in record["stages"])
        counts.append(len(queries))
    assert counts[1] == counts[2]
    assert counts[2] <= 10
