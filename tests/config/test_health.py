from datetime import timedelta

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone
from rest_framework.test import APIClient

from tests.workflow_driver import claim_execution, request_review_and_release, submit
from workflows.models import Execution, WorkerHeartbeat

pytestmark = pytest.mark.django_db


def beat(age: timedelta) -> None:
    now = timezone.now()
    WorkerHeartbeat.objects.create(name="w1", process_count=2, started_at=now - age, seen_at=now - age)


@pytest.mark.parametrize("path", ["/health", "/api/v1/health"])
def test_it_answers_without_a_key_and_ignores_a_wrong_one(anonymous: APIClient, path: str) -> None:
    assert anonymous.get(path).status_code == 200
    assert anonymous.get(path, HTTP_AUTHORIZATION="Bearer wrong").status_code == 200


def test_without_a_worker_it_is_degraded(anonymous: APIClient) -> None:
    body = anonymous.get("/health").json()
    assert body["status"] == "degraded"
    assert body["worker"] == {
        "available": False,
        "last_seen_at": None,
        "count": 0,
        "processes": 0,
        "running": 0,
        "expired_leases": 0,
    }
    assert body["queue"] == {"waiting": 0, "oldest_waiting_seconds": None, "awaiting_person": 0}
    assert body["database"] == {"engine": connection.vendor, "available": True}


def test_a_worker_counts_while_its_sign_of_life_is_recent(anonymous: APIClient) -> None:
    beat(timedelta(seconds=settings.SWEEP_SECONDS))
    assert anonymous.get("/health").json()["status"] == "ok"
    WorkerHeartbeat.objects.all().delete()
    beat(timedelta(seconds=10 * settings.SWEEP_SECONDS))
    body = anonymous.get("/health").json()
    assert body["status"] == "degraded"
    assert body["worker"]["last_seen_at"] is not None


def test_it_says_how_many_live_and_what_waits(anonymous: APIClient) -> None:
    beat(timedelta(0))
    submit(request_review_and_release())
    claim_execution(Execution.objects.get().id)
    submit(request_review_and_release())
    body = anonymous.get("/health").json()
    assert (body["worker"]["count"], body["worker"]["processes"], body["worker"]["running"]) == (1, 2, 1)
    assert (body["queue"]["waiting"], body["queue"]["awaiting_person"]) == (1, 0)
    assert body["queue"]["oldest_waiting_seconds"] >= 0


def test_it_counts_and_names_nothing(anonymous: APIClient) -> None:
    """Anybody may read it."""
    beat(timedelta(0))
    workflow = submit(request_review_and_release())
    text = anonymous.get("/health").content.decode()
    for private in ("w1", workflow.name, str(workflow.id), str(Execution.objects.get().id), workflow.owner.username):
        assert private not in text


def test_the_mode_says_who_runs_a_stage(anonymous: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert anonymous.get("/health").json()["mode"] == "embedded"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-something")
    assert anonymous.get("/health").json()["mode"] == "openai"
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-something")
    response = anonymous.get("/health")
    assert response.json()["mode"] == "anthropic"
    assert "sk-something" not in response.text


def test_a_database_that_is_away_is_503_and_said_so(anonymous: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(WorkerHeartbeat.objects, "aggregate", fail)
    response = anonymous.get("/health")
    assert response.status_code == 503
    assert response.json()["status"] == "unavailable"
    assert response.json()["database"]["available"] is False
    assert set(response.json()["queue"].values()) == {None}
