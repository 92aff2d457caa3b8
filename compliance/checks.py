"""System checks: configuration that would weaken the evidence is named before anything runs."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from compliance.append_only import missing_triggers


@register(Tags.database)
def check_append_only_triggers(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Fail when an evidence table has lost a trigger that keeps it append-only."""
    messages: list[CheckMessage] = []
    for alias in databases or []:
        missing = missing_triggers(connections[alias])
        if missing:
            messages.append(
                Error(
                    f"Evidence in database '{alias}' is not append-only; missing triggers: {', '.join(missing)}.",
                    hint="Run `manage.py migrate`: it installs them again.",
                    id="compliance.E001",
                )
            )
    return messages
