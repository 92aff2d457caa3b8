"""Wake-ups through PostgreSQL: a row of django-q2's table and a notification, both in the transaction of the caller.

django-q2 asks for tasks in a process of its own, the pusher. What waits there is told at once by `LISTEN`, instead of
looking several times a second. Times are the database's, so that a worker's clock does not matter.
"""

import os
import time
from typing import Any

import psycopg
import structlog
from django.db import connections
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ

CHANNEL = "countersign_wake_ups"
# As long as a pusher may take to notice that it is to stop, or that a lock has run out.
WAIT_SECONDS = 1.0
_FIRST_BACK_OFF_SECONDS = 0.05
_LONGEST_BACK_OFF_SECONDS = 0.5

_ENQUEUE = """
WITH queued AS (INSERT INTO django_q_ormq (key, payload, lock) VALUES (%s, %s, now()) RETURNING id)
SELECT id, pg_notify(%s, '') FROM queued
"""

# One statement: what two pushers ask for at the same time goes to one of them, and the other takes the next.
_TAKE = """
WITH due AS MATERIALIZED (
    SELECT id FROM django_q_ormq WHERE key = %s AND lock <= statement_timestamp()
    ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
)
UPDATE django_q_ormq SET lock = statement_timestamp() + make_interval(secs => %s)
FROM due WHERE django_q_ormq.id = due.id
RETURNING django_q_ormq.id, django_q_ormq.payload
"""

# A peer that has gone without a word is noticed in seconds; libpq's own defaults are hours.
_NOTICE_A_LOST_PEER = {
    "connect_timeout": 2,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}

log = structlog.get_logger(__name__)


class PostgreSQLBroker(ORM):  # type: ignore[misc]
    """A broker of django-q2. Tasks are enqueued on Django's connection; taken and acknowledged on one of their own.

    A task that was taken and not acknowledged, because its process died, is due again after django-q2's `retry`.
    """

    _own: psycopg.Connection[Any] | None = None
    _own_pid = 0
    _is_listening = False
    _back_off = _FIRST_BACK_OFF_SECONDS

    @staticmethod
    def get_connection(list_key: str | None = None) -> Any:
        """Return the rows of the queue. Reaches for no database, so that a cluster starts while there is none."""
        return OrmQ.objects.using(Conf.ORM)

    def enqueue(self, task: str) -> int:
        """Add a task in the transaction of the caller: it appears when that commits, or never."""
        with connections[Conf.ORM].cursor() as cursor:
            cursor.execute(_ENQUEUE, [self.list_key, task, CHANNEL])
            return int(cursor.fetchone()[0])

    def dequeue(self) -> list[tuple[int, str]] | None:
        """Take up to `bulk` tasks; where none is due, wait for one, but no longer than WAIT_SECONDS.

        A lost connection is made anew at the next call, after a short pause: django-q2 would stop for ten seconds.
        """
        try:
            connection = self._listen()
            found = self._take(connection)
            if not found and list(connection.notifies(timeout=WAIT_SECONDS, stop_after=1)):
                found = self._take(connection)
        except psycopg.Error as error:
            if self._back_off == _FIRST_BACK_OFF_SECONDS:
                log.warning("wake_ups_interrupted", error=type(error).__name__)
            self._disconnect()
            time.sleep(self._back_off)
            self._back_off = min(_LONGEST_BACK_OFF_SECONDS, self._back_off * 2)
            return None
        self._back_off = _FIRST_BACK_OFF_SECONDS
        return found

    def delete(self, task_id: int) -> None:
        """Remove a task that was delivered. One that cannot be removed is delivered once more, which costs nothing."""
        try:
            self._connect().execute("DELETE FROM django_q_ormq WHERE id = %s", [task_id])
        except psycopg.Error as error:
            log.warning("wake_up_not_acknowledged", error=type(error).__name__)
            self._disconnect()

    def _take(self, connection: psycopg.Connection[Any]) -> list[tuple[int, str]]:
        rows = connection.execute(_TAKE, [self.list_key, Conf.BULK, Conf.RETRY]).fetchall()
        return sorted(rows)

    def _listen(self) -> psycopg.Connection[Any]:
        connection = self._connect()
        if not self._is_listening:
            # Before the first look, so that nothing can be committed unheard between the two.
            connection.execute(f"LISTEN {CHANNEL}")
            self._is_listening = True
        return connection

    def _connect(self) -> psycopg.Connection[Any]:
        """Return this process's own connection: django-q2 forks, and a socket must not be shared."""
        if self._own is None or self._own_pid != os.getpid():
            self._own, self._own_pid, self._is_listening = None, os.getpid(), False
            parameters = connections[Conf.ORM].get_connection_params()
            self._own = psycopg.connect(**(_NOTICE_A_LOST_PEER | parameters), autocommit=True)
            # What a crash of the server could undo here is a delivery, which would be repeated.
            self._own.execute("SET synchronous_commit = off")
        return self._own

    def _disconnect(self) -> None:
        own, self._own, self._is_listening = self._own, None, False
        if own is not None and self._own_pid == os.getpid():
            own.close()
