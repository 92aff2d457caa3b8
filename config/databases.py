"""The database of DATABASE_URL, with the options that each engine needs."""

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from environ import Env

# WAL lets readers go on beside the one writer. FULL makes a committed transaction survive a power cut, which
# evidence has to. secure_delete overwrites what is deleted: an erased key must not linger in a free page.
SQLITE_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA foreign_keys=ON;"
SQLITE_TIMEOUT_SECONDS = 20
# A statement that comes again is planned once for each connection. A server that has gone is noticed within seconds.
POSTGRESQL_OPTIONS: dict[str, Any] = {
    "server_side_binding": True,
    "prepare_threshold": 3,
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
POSTGRESQL_ENGINE = "django.db.backends.postgresql"
SQLITE_ENGINE = "django.db.backends.sqlite3"


def database_settings(url: str | None, var_dir: Path) -> dict[str, Any]:
    """The `default` entry of Django's DATABASES. `url` None or empty: an SQLite file below `var_dir`.

    Raises ImproperlyConfigured for an engine other than SQLite and PostgreSQL.
    """
    if not url:
        var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _sqlite({"ENGINE": SQLITE_ENGINE, "NAME": str(var_dir / "countersign.sqlite3")})
    parsed: dict[str, Any] = Env.db_url_config(url)
    engine = parsed.get("ENGINE", "")
    if engine == SQLITE_ENGINE:
        return _sqlite(parsed)
    if engine == POSTGRESQL_ENGINE:
        return parsed | {
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {**POSTGRESQL_OPTIONS, **parsed.get("OPTIONS", {})},
        }
    raise ImproperlyConfigured(
        "DATABASE_URL: the evidence store runs on SQLite and on PostgreSQL; start the URL with sqlite:/// or postgres://."
    )


def _sqlite(parsed: dict[str, Any]) -> dict[str, Any]:
    return parsed | {
        "OPTIONS": {
            "timeout": SQLITE_TIMEOUT_SECONDS,
            # A transaction takes the write lock when it begins: one that reads first and writes later could
            # otherwise meet "database is locked" at once, whatever its timeout.
            "transaction_mode": "IMMEDIATE",
            "init_command": SQLITE_PRAGMAS,
        }
    }
