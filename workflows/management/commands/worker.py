from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.content import MasterKeyMismatch, check_master_key
from compliance.services import UntrustedKey, check_signing_key
from workflows.supervisor import Supervisor, start_django_q_cluster


class Command(BaseCommand):
    help = "Run the stages of workflows: a supervised django-q2 cluster, and the sweep that recovers lost work."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            check_master_key()
            check_signing_key()
        except (MasterKeyMismatch, UntrustedKey) as error:
            raise CommandError(f"The worker does not start: {error}.") from error
        Supervisor(start_django_q_cluster).run()
