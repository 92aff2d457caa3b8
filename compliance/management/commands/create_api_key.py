"""`manage.py create_api_key --email E --role R [--name N] [--days D]`: the key alone on standard output."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction

from compliance import roles
from compliance.accounts import LONGEST_EMAIL, create_account, find_account, normal_email
from compliance.api_keys import MAX_DAYS, issue_api_key


class Command(BaseCommand):
    help = "Issue an API key; makes the account where needed. The key alone is printed on standard output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--role", required=True, choices=roles.ROLES)
        parser.add_argument("--name", default="command line", help="what the key is for")
        parser.add_argument("--days", type=int, default=None, help="how long it lives (default: API_KEY_DAYS)")

    def handle(self, *_args: Any, **options: Any) -> None:
        email, days = normal_email(options["email"]), options["days"]
        try:
            validate_email(email)
        except ValidationError:
            raise CommandError(f"--email: {options['email']!r} is no e-mail address.") from None
        if len(email) > LONGEST_EMAIL:
            raise CommandError(f"--email: at most {LONGEST_EMAIL} characters.")
        if not 1 <= len(options["name"]) <= 80:
            raise CommandError("--name: 1 to 80 characters.")
        if days is not None and not 1 <= days <= MAX_DAYS:
            raise CommandError(f"--days: 1 to {MAX_DAYS}.")
        with transaction.atomic():
            user = find_account(email) or create_account(email, None)
            if not user.is_active:
                raise CommandError(f"--email: the account {email} is deactivated; a key of it would not serve.")
            roles.grant_role(user, options["role"])
            _, plaintext = issue_api_key(user, options["name"], timedelta(days=days) if days else None)
        self.stdout.write(plaintext)
        self.stderr.write(f"Key of {email} ({options['role']}). It is not shown again.")
