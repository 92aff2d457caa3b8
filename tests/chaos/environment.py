"""What a run's processes read from their environment. Imports nothing of Django: it comes before the settings."""

import os
from pathlib import Path

from tests.chaos.tickets import DIRECTORY_VARIABLE

LEASE_SECONDS, SWEEP_SECONDS, DRAIN_SECONDS = 4, 1, 6
# Set where a process is to come to harm; its value is a path that tells this run's processes from all others.
ARMED_VARIABLE = "CHAOS_ARMED"
CLOCK_VARIABLE = "CHAOS_CLOCK_SECONDS"


def prepare(server_url: str, directory: Path, processes: int, slots: int) -> None:
    """Set the environment that the product's settings and the workers read, before any of them is imported."""
    for name in ("SECRET_KEY", "SIGNING_KEY", "CONTENT_MASTER_KEY", "TRUSTED_PUBLIC_KEYS", "DEBUG", "REDIS_URL"):
        os.environ.pop(name, None)
    os.environ.update(
        {
            "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
            "VAR_DIR": str(directory / "var"),
            "DATABASE_URL": server_url,
            DIRECTORY_VARIABLE: str(directory),
            "WORKER_PROCESSES": str(processes),
            "SLOTS_PER_PROCESS": str(slots),
            "LEASE_SECONDS": str(LEASE_SECONDS),
            "SWEEP_SECONDS": str(SWEEP_SECONDS),
            "DRAIN_SECONDS": str(DRAIN_SECONDS),
            "MAX_ATTEMPTS": "12",
            "ANTHROPIC_API_KEY": "sk-chaos-environment-key",
            "OPENAI_API_KEY": "sk-chaos-environment-key",
            "NO_PROXY": "127.0.0.1",
            "LOG_LEVEL": "WARNING",
            "PYTHONUNBUFFERED": "1",
        }
    )
