"""The operator's own prices of models, which go before those of genai-prices."""

import re
from collections.abc import Mapping
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction

from compliance.roles import may_set_model_price
from compliance.services import record_audit_event
from workflows.agents.runner import language_model_providers
from workflows.agents.types import TokenPrice
from workflows.models import ModelPrice
from workflows.requests import NotAllowed, RequestRefused

# At most six decimals: a nano-cent a token is 0.00001 dollars a million, and a price is not rounded to it unseen.
_PRICE = re.compile(r"[0-9]{1,4}(\.[0-9]{1,6})?", re.ASCII)
_HIGHEST_PRICE = 1000
_MODEL = re.compile(r"[!-~]{1,120}", re.ASCII)


def set_model_price(
    *, actor: User, provider: str, model: str, input_price: str, output_price: str, address: str | None
) -> ModelPrice:
    """Add a price, in US dollars per million tokens, that counts from the next run of that model on.

    Runs under way keep the price that they started with. Raises NotAllowed or RequestRefused.
    """
    if not may_set_model_price(actor):
        raise NotAllowed("setting a model's price takes the role operator or admin")
    errors = find_price_problems(provider, model, input_price, output_price)
    if errors:
        raise RequestRefused(errors)
    with transaction.atomic():
        row = ModelPrice.objects.create(
            provider=provider, model=model, input_price=input_price, output_price=output_price, added_by=actor
        )
        record_audit_event(
            actor=actor,
            action="model_price.set",
            target_type="model_price",
            target_id=str(row.pk),
            address=address,
            detail={"provider": provider, "model": model, "input_price": input_price, "output_price": output_price},
        )
    return row


def find_price_problems(provider: str, model: str, input_price: str, output_price: str) -> dict[str, list[str]]:
    """Return what is wrong with a price that somebody gives, by the name of the argument."""
    errors: dict[str, list[str]] = {}
    providers = language_model_providers()
    if provider not in providers:
        errors["provider"] = [f"'{provider}' has no language models; choose one of {', '.join(providers)}."]
    if not _MODEL.fullmatch(model):
        errors["model"] = ["A model's name is 1 to 120 printable ASCII characters, without spaces."]
    for name, price in (("input_price", input_price), ("output_price", output_price)):
        if not _PRICE.fullmatch(price) or not 0 < Decimal(price) <= _HIGHEST_PRICE:
            errors[name] = [
                f"{price[:40]!r} is no price: give US dollars per million tokens, above 0, at most {_HIGHEST_PRICE}, "
                "with at most six decimals, such as 3.00."
            ]
    return errors


def load_own_prices(provider: str) -> Mapping[str, TokenPrice]:
    """Return the newest own price of each model of a provider, by the model's name."""
    rows = ModelPrice.objects.filter(provider=provider).order_by("id")
    return {row.model: TokenPrice(Decimal(row.input_price), Decimal(row.output_price)) for row in rows}
