"""`manage.py verify_package PATH --key PUB`: check an audit package with public keys. No database, no secret."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.package.files import UnreadableFile, add_arguments, verify_files
from compliance.package.text_output import format_report


class Command(BaseCommand):
    help = "Verify an audit package with the public keys that you trust; exit status 0 only when everything holds."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = verify_files(options["path"], options["key"])
        except UnreadableFile as error:
            raise CommandError(str(error), returncode=2) from error
        lines = list(format_report(report))
        self.stdout.write("\n".join(lines[:-1] if lines else []))
        if not report.ok:
            raise CommandError(lines[-1])
        self.stdout.write(lines[-1])
