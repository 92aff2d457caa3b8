"""Queues workflows in an installation whose worker does not run: `python -m benchmarks.fill 200 openai --stages 3`.

They are created by the service that the API calls, in this process, so that what drains them is measured alone.
"""

import argparse
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.contrib.auth.models import User  # noqa: E402

from benchmarks.requests import PROVIDERS, to_request, two_stage_body, workflow_body  # noqa: E402
from compliance.roles import OPERATOR, grant_role  # noqa: E402
from workflows.services import create_workflow  # noqa: E402


def fill(count: int, provider: str, stages: int, owners: int) -> None:
    """Queue `count` workflows of two or three stages, for each owner in turn."""
    people = []
    for number in range(owners):
        owner, _ = User.objects.get_or_create(username=f"bench{number}@countersign.example")
        grant_role(owner, OPERATOR)
        people.append(owner)
    request = to_request(workflow_body(provider) if stages == 3 else two_stage_body(provider))
    for number in range(count):
        create_workflow(owner=people[number % owners], request=request, idempotency_key=None, address=None)


def main() -> None:
    parser = argparse.ArgumentParser(description="Queue workflows in this environment's installation.")
    parser.add_argument("count", type=int)
    parser.add_argument("provider", choices=PROVIDERS)
    parser.add_argument("--stages", type=int, choices=(2, 3), default=3)
    parser.add_argument("--owners", type=int, default=1)
    options = parser.parse_args()
    fill(options.count, options.provider, options.stages, options.owners)


if __name__ == "__main__":
    main()
