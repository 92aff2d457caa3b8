"""System checks: configuration that would weaken the evidence is named before anything runs."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from compliance.append_only import missing_triggers
from compliance.signing import read_pinned_keys


@register(Tags.security)
def check_pinned_keys(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Fail when the keys that the operator has pinned cannot be read: no evidence could be believed."""
    try:
        read_pinned_keys()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="compliance.E002")]
    return []


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
