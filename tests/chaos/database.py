"""How the suite itself reaches a database that may be restarting: it asks again."""

import time
from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection

Result = TypeVar("Result")

_PATIENCE_SECONDS = 90.0


def insist(function: Callable[[], Result]) -> Result:
    """Call a function until its connection holds. It must be safe to repeat."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return function()
        except (OperationalError, InterfaceError, DatabaseError) as error:
            lost = isinstance(error, OperationalError | InterfaceError) or connection.connection is None
            connection.close()
            if not lost or time.monotonic() > deadline:
                raise
            time.sleep(0.3)
