from typing import Any

from django.core.management.base import BaseCommand

from workflows.supervisor import Supervisor, start_django_q_cluster


class Command(BaseCommand):
    help = "Run the stages of workflows: a supervised django-q2 cluster, and the sweep that recovers lost work."

    def handle(self, *args: Any, **options: Any) -> None:
        Supervisor(start_django_q_cluster).run()
