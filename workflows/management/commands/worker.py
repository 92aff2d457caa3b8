import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from compliance.content import MasterKeyMismatch, check_master_key
from compliance.services import UntrustedKey, check_signing_key
from workflows.cluster import start_alone, start_cluster
from workflows.supervisor import Supervisor
from workflows.worker_status import describe_status, read_worker_status


class Command(BaseCommand):
    help = "Run the stages of workflows: a supervised django-q2 cluster, and the sweep that recovers lost work."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--disown-former-key",
            action="store_true",
            help="Start although the newest certificate is by a signing key that is not trusted any more, because it "
            "was stolen; workflows that it signed for are then refused.",
        )
        parser.add_argument(
            "--status",
            action="store_true",
            help="Start none: print how many workers live, what runs and what waits. Exit status 1 when none lives.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["status"]:
            self._print_status()
            return
        try:
            check_master_key()
            if not options["disown_former_key"]:
                check_signing_key()
        except (MasterKeyMismatch, UntrustedKey) as error:
            raise CommandError(f"The worker does not start: {error}.") from error
        Supervisor(start_cluster, start_alone).run()

    def _print_status(self) -> None:
        try:
            status = read_worker_status()
        except DatabaseError as error:
            raise CommandError("The database of DATABASE_URL does not answer.") from error
        self.stdout.write("\n".join(describe_status(status)))
        if not status.workers:
            sys.exit(1)
