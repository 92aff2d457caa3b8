"""What is asked again and again reads an index of the few executions that it is about, however many have ended."""

import pytest
from django.db import connection
from django.db.models import QuerySet

from workflows.claims import _ready
from workflows.leases import _held_by
from workflows.models import Execution
from workflows.partial_indexes import IS_LEASED, IS_QUEUED, IS_WAITING

pytestmark = pytest.mark.django_db

EXECUTIONS = Execution.objects


@pytest.mark.parametrize(
    ("rows", "index"),
    [
        (EXECUTIONS.filter(IS_QUEUED).order_by("owner_id", "created_at", "id"), "execution_queued"),
        (EXECUTIONS.filter(IS_LEASED).order_by(), "execution_leased"),
        (EXECUTIONS.filter(IS_LEASED).order_by("lease_expires_at"), "execution_leased"),
        (EXECUTIONS.filter(IS_WAITING).order_by("created_at"), "execution_waiting"),
        (_ready(alone=False).filter(owner_id=1).order_by("created_at", "id"), "execution_queued"),
        (_held_by("a process").order_by(), "execution_leased"),
    ],
    ids=["queued", "leased", "leased, by expiry", "waiting", "to claim", "held"],
)
def test_it_is_read_from_an_index(rows: QuerySet[Execution], index: str) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL plans by the size of the table, and reads one this small as it is")
    assert f"USING INDEX {index}" in rows.explain() or f"USING COVERING INDEX {index}" in rows.explain()
