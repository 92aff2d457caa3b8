from datetime import timedelta

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone
from rest_framework.test import APIClient

from workflows.models import WorkerHeartbeat

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
    assert body["worker"] == {"available": False, "last_seen_at": None}
    assert body["database"] == {"engine": connection.vendor, "available": True}


def test_a_worker_counts_while_its_sign_of_life_is_recent(anonymous: APIClient) -> None:
    beat(timedelta(seconds=settings.SWEEP_SECONDS))
    assert anonymous.get("/health").json()["status"] == "ok"
    WorkerHeartbeat.objects.all().delete()
    beat(timedelta(seconds=10 * settings.SWEEP_SECONDS))
    body = anonymous.get("/health").json()
    assert body["status"] == "degraded"
    assert body["worker"]["last_seen_at"] is not None


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

    monkeypatch.setattr(WorkerHeartbeat.objects, "order_by", fail)
    response = anonymous.get("/health")
    assert response.status_code == 503
    assert response.json()["status"] == "unavailable"
    assert response.json()["database"]["available"] is False
