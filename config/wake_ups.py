"""What carries wake-ups: django-q2's settings, by the database and REDIS_URL."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from config.databases import POSTGRESQL_ENGINE

# A task only signals the loop of its process: one that takes this long hangs.
_TASK_SECONDS = 60
_REDIS_SCHEMES = ("redis://", "rediss://", "unix://")


def queue_settings(*, engine: str, redis_url: str, processes: int) -> dict[str, Any]:
    """The value of Q_CLUSTER, for `processes` worker processes on a database of that engine.

    Raises ImproperlyConfigured for a REDIS_URL that is none.
    """
    return {
        "name": "countersign",
        "label": "Wake-ups",
        "cache": "queue",
        "workers": processes,
        "bulk": processes,
        "timeout": _TASK_SECONDS,
        "retry": 2 * _TASK_SECONDS,
        "recycle": 1_000_000_000,  # a recycled process would take the stages of its event loop along
        "save_limit": -1,  # results are in our own tables
        "ack_failures": True,
        "poll": 0.2,
        "catch_up": False,
        "scheduler": False,
        **_broker_settings(engine, redis_url),
    }


def _broker_settings(engine: str, redis_url: str) -> dict[str, Any]:
    if redis_url:
        if not redis_url.startswith(_REDIS_SCHEMES):
            raise ImproperlyConfigured("REDIS_URL: start it with redis://, rediss:// (TLS) or unix:// (a socket).")
        return {"redis": redis_url, "broker_class": "workflows.redis_broker.RedisBroker"}
    if engine == POSTGRESQL_ENGINE:
        return {"orm": "default", "broker_class": "workflows.postgresql_broker.PostgreSQLBroker"}
    return {"orm": "default"}
