"""Limits and time of agent runs. Everything that waits, tells time or draws at random is injected here."""

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

_system_random = random.SystemRandom()


def _random_marker() -> str:
    return secrets.token_hex(12)


@dataclass(frozen=True)
class RetryPolicy:
    """How failed model requests are repeated. Delays are in seconds.

    A provider's `retry-after` is honoured as given, up to `longest_retry_after`; otherwise the delay doubles
    from `first_delay` up to `longest_delay`, less a random part of at most `jitter` of it. A wait beyond
    `longest_held` is not sat out by the run: it gives its place back, and goes on from the journal later.
    """

    attempts: int = 5
    first_delay: float = 1.0
    longest_delay: float = 30.0
    longest_retry_after: float = 3600.0
    longest_held: float = 10.0
    jitter: float = 0.5

    def delay(self, attempt: int, retry_after: float | None, draw: Callable[[], float]) -> float:
        """Return the seconds to wait after the given attempt (1 for the first); `draw` gives 0 to 1."""
        if retry_after is not None:
            return min(retry_after, self.longest_retry_after)
        full = min(self.longest_delay, self.first_delay * 2.0 ** (attempt - 1))
        return full * (1.0 - self.jitter * draw())


@dataclass(frozen=True)
class AgentSettings:
    """Limits of one run. Times in seconds, sizes in bytes of UTF-8.

    `silence_timeout` bounds the wait for the next byte of a streamed answer, `answer_timeout` the wait for an
    answer that comes in one piece, `request_timeout` a whole attempt whatever arrives.
    """

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    connect_timeout: float = 10.0
    silence_timeout: float = 90.0
    answer_timeout: float = 300.0
    request_timeout: float = 600.0
    max_output_tokens: int = 8192
    min_output_tokens: int = 64
    max_requests: int = 30
    max_tool_calls: int = 50
    max_write_bytes: int = 1_000_000
    max_connections: int = 1000
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    draw: Callable[[], float] = _system_random.random
    marker: Callable[[], str] = _random_marker
