"""Conditions that name the executions which a partial index holds (workflows.models.Execution), for `filter`.

They are text: SQLite takes a partial index only where it reads the index's own condition in the query, and of a
parameter it does not know the value. Not for queries that join another table with a `status`.
"""

from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

IS_QUEUED = RawSQL("status = 'queued'", (), output_field=BooleanField())
IS_LEASED = RawSQL("status IN ('planning', 'executing', 'verifying')", (), output_field=BooleanField())
IS_WAITING = RawSQL("status = 'waiting'", (), output_field=BooleanField())
