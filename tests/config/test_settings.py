import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from config.databases import database_settings
from config.wake_ups import queue_settings

ROOT = Path(__file__).resolve().parents[2]
SHOW = """
import json
from django.conf import settings
print(json.dumps({name: getattr(settings, name) for name in %r}, default=str))
"""


def read_settings(var_dir: Path, *names: str, **environment: str) -> dict[str, Any]:
    """The named settings as a fresh process reads them, from nothing but `environment`."""
    values: dict[str, Any] = json.loads(run_python(var_dir, SHOW % (list(names),), **environment))
    return values


def run_python(var_dir: Path, code: str, **environment: str) -> str:
    """What a fresh process prints that knows nothing but `environment`."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    finished = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=inherited | {"DJANGO_SETTINGS_MODULE": "config.settings", "VAR_DIR": str(var_dir)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return finished.stdout


def test_without_any_environment_the_defaults_are_safe(tmp_path: Path) -> None:
    values = read_settings(
        tmp_path, "DEBUG", "ALLOWED_HOSTS", "SECRET_KEY", "DATABASES", "REGISTRATION_OPEN", "SESSION_COOKIE_SECURE"
    )
    assert values["DEBUG"] is False
    assert values["REGISTRATION_OPEN"] is False
    assert values["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert len(values["SECRET_KEY"]) >= 50
    assert values["DATABASES"]["default"]["NAME"] == str(tmp_path / "countersign.sqlite3")


def test_the_secret_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first, second = (read_settings(tmp_path, "SECRET_KEY") for _ in range(2))
    assert first == second
    assert (tmp_path / "keys" / "secret_key").stat().st_mode & 0o777 == 0o600


def test_the_environment_decides(tmp_path: Path) -> None:
    values = read_settings(
        tmp_path,
        "SECRET_KEY",
        "ALLOWED_HOSTS",
        "WORKER_PROCESSES",
        "SESSION_COOKIE_SECURE",
        "SECURE_HSTS_SECONDS",
        "SIGNING_KEY_PATH",
        "Q_CLUSTER",
        SECRET_KEY="of the environment",
        ALLOWED_HOSTS="a.example,b.example",
        WORKER_PROCESSES="3",
        SECURE_COOKIES="true",
        SIGNING_KEY_PATH="/run/secrets/signing.pem",
    )
    assert values["SECRET_KEY"] == "of the environment"
    assert not (tmp_path / "keys").exists(), "a key that the environment brings is not stored"
    assert values["ALLOWED_HOSTS"] == ["a.example", "b.example"]
    assert values["SESSION_COOKIE_SECURE"] is True
    assert values["SECURE_HSTS_SECONDS"] > 0
    assert values["SIGNING_KEY_PATH"] == "/run/secrets/signing.pem"
    queue = values["Q_CLUSTER"]
    assert queue["workers"] == 3
    assert 0 < queue["timeout"] < queue["retry"]


def test_sqlite_gets_its_safety_options_by_url_as_well(tmp_path: Path) -> None:
    for parsed in (database_settings("", tmp_path), database_settings("sqlite:////srv/evidence.sqlite3", tmp_path)):
        assert parsed["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
        assert parsed["OPTIONS"]["timeout"] == 20
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON"):
            assert pragma in parsed["OPTIONS"]["init_command"]


def test_postgresql_keeps_its_connections_and_checks_them(tmp_path: Path) -> None:
    parsed = database_settings("postgres://app:pw@db.internal:5433/countersign", tmp_path)
    assert (parsed["HOST"], parsed["PORT"], parsed["NAME"]) == ("db.internal", 5433, "countersign")
    assert parsed["CONN_MAX_AGE"] > 0
    assert parsed["CONN_HEALTH_CHECKS"] is True


def test_another_database_is_refused_without_repeating_the_address(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="PostgreSQL") as refusal:
        database_settings("mysql://app:hunter2@db.internal/countersign", tmp_path)
    assert "hunter2" not in str(refusal.value)


def test_one_worker_process_for_each_core_unless_told(tmp_path: Path) -> None:
    assert read_settings(tmp_path, "WORKER_PROCESSES")["WORKER_PROCESSES"] == os.cpu_count()


@pytest.mark.parametrize(
    ("environment", "broker"),
    [
        ({}, "ORM"),
        ({"DATABASE_URL": "sqlite:////srv/evidence.sqlite3"}, "ORM"),
        ({"DATABASE_URL": "postgres://app:pw@db.internal/countersign"}, "PostgreSQLBroker"),
        ({"REDIS_URL": "redis://cache.internal/1"}, "RedisBroker"),
        ({"DATABASE_URL": "postgres://a@b/c", "REDIS_URL": "rediss://cache.internal/1"}, "RedisBroker"),
    ],
)
def test_the_database_carries_wake_ups_unless_redis_is_named(
    tmp_path: Path, environment: dict[str, str], broker: str
) -> None:
    code = "import django; django.setup(); from workflows.queue import _broker; print(type(_broker()).__name__)"
    assert run_python(tmp_path, code, **environment).strip() == broker


def test_another_kind_of_queue_is_refused_without_repeating_the_address() -> None:
    with pytest.raises(ImproperlyConfigured, match="REDIS_URL") as refusal:
        queue_settings(engine="any", redis_url="amqp://app:hunter2@queue.internal", processes=2)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.django_db
def test_the_pragmas_are_in_force() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("pragmas are SQLite's")
    with connection.cursor() as cursor:
        values = {}
        for pragma in ("journal_mode", "secure_delete", "foreign_keys"):
            cursor.execute(f"PRAGMA {pragma}")
            values[pragma] = cursor.fetchone()[0]
    assert values == {"journal_mode": "wal", "secure_delete": 1, "foreign_keys": 1}


def test_no_requirement_names_where_it_comes_from() -> None:
    for path in ROOT.glob("requirements*"):
        for line in path.read_text().splitlines():
            assert "://" not in line, f"{path.name}: {line}"
            assert not line.startswith(("--index", "--extra-index", "-i ", "--find-links", "--trusted")), line


def test_every_requirement_is_pinned_and_hashed() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        requirements = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
        assert requirements
        for requirement in requirements:
            assert "==" in requirement, f"{name}: {requirement}"
            assert "--hash=sha256:" in requirement, f"{name}: {requirement}"


def test_throttles_count_over_all_processes() -> None:
    """The suite itself counts in memory; the product must not."""
    from config import settings as product

    assert product.CACHES["default"]["BACKEND"].endswith("DatabaseCache")
    assert settings.CACHES["default"]["BACKEND"].endswith("LocMemCache")
