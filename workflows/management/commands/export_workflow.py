"""`manage.py export_workflow ID --format json --output PATH`: write a workflow's audit package to a file."""

import uuid
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workflows.export import EvidenceDamaged, build_workflow_package, encode_package
from workflows.models import Workflow

FORMATS = ("json",)


class Command(BaseCommand):
    help = "Write the audit package of a workflow to a file; `verify_package` checks it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("workflow_id", metavar="ID", help="the workflow's id")
        parser.add_argument("--format", default="json", help=f"one of: {', '.join(FORMATS)}")
        parser.add_argument("--output", type=Path, required=True, metavar="PATH", help="the file to write")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["format"] not in FORMATS:
            raise CommandError(f"there is no format {options['format']!r}; there is {', '.join(FORMATS)}")
        output: Path = options["output"]
        try:
            package = build_workflow_package(_find_workflow(options["workflow_id"]))
        except EvidenceDamaged as error:
            raise CommandError(f"the stored evidence does not hold together and was not exported: {error}") from error
        try:
            output.write_bytes(encode_package(package))
        except OSError as error:
            raise CommandError(f"{output}: cannot be written: {error.strerror}") from error
        self.stdout.write(f"{output}: {len(package['stages'])} stages, {len(package['certificates'])} certificates")


def _find_workflow(identifier: str) -> Workflow:
    try:
        return Workflow.objects.get(id=uuid.UUID(identifier))
    except ValueError as error:
        raise CommandError(f"{identifier!r} is no workflow id: it must be a UUID") from error
    except Workflow.DoesNotExist as error:
        raise CommandError(f"there is no workflow {identifier}") from error
