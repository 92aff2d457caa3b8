"""The table of the shared cache, made together with the other tables so that no deployment step can be
forgotten."""

from typing import Any

from django.core.management import call_command


def make_table_after_migrate(using: str, **_: Any) -> None:
    """Receiver of post_migrate: the table exists where CACHES names one in the database; made once."""
    call_command("createcachetable", database=using, verbosity=0)
