"""How coroutines of a stage reach the database: by functions that another thread runs."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")


class DatabaseCalls(Protocol):
    """Runs functions that use the database, each in a transaction of its own making, off the event loop."""

    async def call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Run the function and return its result; raise what it raises.

        After a lost connection it is run again, although the first run may have landed: it has to be safe to repeat.
        """
