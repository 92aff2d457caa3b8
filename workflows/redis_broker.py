"""Wake-ups through Redis, for where REDIS_URL is set. Imported there only.

Redis being away costs wake-ups, not stages: those are in the database, and every worker process looks there too.
"""

import time

import redis
import structlog
from django_q.brokers import Broker
from django_q.brokers.redis_broker import Redis
from django_q.conf import Conf
from redis.backoff import NoBackoff
from redis.retry import Retry

_CONNECT_SECONDS = 1.0
# Longer than the second for which django-q2 waits for a task.
_ANSWER_SECONDS = 3.0
_PAUSE_SECONDS = 0.5

log = structlog.get_logger(__name__)


class RedisBroker(Redis):  # type: ignore[misc]
    """django-q2's own broker, which gives up soon when Redis does not answer, and looks again soon after."""

    _is_away = False

    # A cluster's figures about itself are read by nobody else, and are kept without Redis.
    set_stat = Broker.set_stat
    get_stat = Broker.get_stat
    get_stats = Broker.get_stats

    @staticmethod
    def get_connection(list_key: str | None = None) -> redis.Redis:
        """Return a client that tries once more on a new connection: Redis may have been restarted since the last."""
        return redis.Redis.from_url(
            Conf.REDIS,
            socket_connect_timeout=_CONNECT_SECONDS,
            socket_timeout=_ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 1),
        )

    def enqueue(self, task: str) -> int:
        """Add a task. Raises ConnectionError when Redis does not take it."""
        try:
            return int(super().enqueue(task))
        except redis.RedisError as error:
            raise ConnectionError("Redis does not take the wake-up") from error

    def dequeue(self) -> list[tuple[None, bytes]] | None:
        """Take a task, waiting a second for one. django-q2 would stop for ten seconds at an error."""
        try:
            found: list[tuple[None, bytes]] | None = super().dequeue()
        except redis.RedisError as error:
            if not self._is_away:
                log.warning("wake_ups_interrupted", error=type(error).__name__)
            self._is_away = True
            time.sleep(_PAUSE_SECONDS)
            return None
        self._is_away = False
        return found

    def ping(self) -> bool:
        """Say whether Redis answers; django-q2 would not start its processes while it does not."""
        try:
            return bool(self.connection.ping())
        except redis.RedisError as error:
            log.warning("redis_away", error=type(error).__name__)
            return False
