"""`manage.py set_model_price PROVIDER MODEL --input USD --output USD`: what a model costs here, per million tokens."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.management.acting_person import read_acting_person
from workflows.model_prices import set_model_price
from workflows.requests import NotAllowed, RequestRefused

_OPTIONS = {"provider": "PROVIDER", "model": "MODEL", "input_price": "--input", "output_price": "--output"}


class Command(BaseCommand):
    help = (
        "Set what a model costs, in US dollars per million tokens: it goes before the published price from the next "
        "run on. Takes the API key of an operator or admin in COUNTERSIGN_API_KEY."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("provider")
        parser.add_argument("model")
        parser.add_argument("--input", required=True, metavar="USD", help="a million tokens of input, such as 3.00")
        parser.add_argument("--output", required=True, metavar="USD", help="a million tokens of output, such as 15.00")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            price = set_model_price(
                actor=read_acting_person(),
                provider=options["provider"],
                model=options["model"],
                input_price=options["input"],
                output_price=options["output"],
                address=None,
            )
        except NotAllowed as error:
            raise CommandError(f"{error}.") from None
        except RequestRefused as error:
            problems = (f"{_OPTIONS[name]}: {' '.join(words)}" for name, words in error.errors.items())
            raise CommandError("\n".join(problems)) from None
        self.stdout.write(str(price))
