"""How many statements and commits each measured request takes, and a browser's session for the admin. Prints JSON.

Run in an environment with a migrated database: `python -m benchmarks.request_cost EMAIL [WORKFLOW_ID]`. The requests go
through the whole of Django, in this process; each has been made once before it is counted.
"""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from benchmarks.requests import ADMIN_LIST, workflow_body  # noqa: E402
from compliance.api_keys import issue_api_key  # noqa: E402
from compliance.roles import APPROVER, grant_role  # noqa: E402

API = "/api/v1"
_WRITES = ("INSERT", "UPDATE", "DELETE")


def count(client: Client, method: str, path: str, body: Mapping[str, Any] | None, key: str) -> dict[str, int]:
    """Return the request's statements, transactions' ends apart, and its commits."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            answer = client.generic(method, path, json.dumps(body) if body else "", "application/json", headers=headers)
    if answer.status_code >= 300:
        raise SystemExit(f"{method} {path} was answered {answer.status_code}: {answer.content[:300]!r}")
    commits = statements = 0
    inside = False
    for query in captured.captured_queries:
        word = query["sql"].split(None, 1)[0].upper()
        if word in ("BEGIN", "COMMIT", "ROLLBACK"):
            inside, commits = word == "BEGIN", commits + (word == "COMMIT")
            continue
        statements += 1
        commits += not inside and word in _WRITES
    return {"statements": statements, "commits": commits}


def main() -> None:
    email, *workflow_ids = sys.argv[1:]
    owner = User.objects.get(username=email)
    _, key = issue_api_key(owner, "benchmark")
    approver, _ = User.objects.get_or_create(username="approver@countersign.example")
    grant_role(approver, APPROVER)
    api, desk = Client(SERVER_NAME="localhost"), Client(SERVER_NAME="localhost")
    desk.force_login(approver)
    found: dict[str, Any] = {
        "POST": count(api, "POST", f"{API}/workflows", workflow_body("embedded"), key),
        "list": count(api, "GET", f"{API}/workflows", None, key),
        "admin": count(desk, "GET", ADMIN_LIST, None, ""),
        "session": desk.cookies["sessionid"].value,
    }
    for workflow_id in workflow_ids:
        found["export"] = count(api, "GET", f"{API}/workflows/{workflow_id}/export", None, key)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
