"""An operator's own price of a model: who may set it, what is refused, and that it counts without a restart."""

from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from compliance.api_keys import issue_api_key
from compliance.models import AuditEvent
from tests.admin_people import desk_as
from tests.api_people import api_as
from tests.people import make_alice, make_bob, make_person
from tests.stub_models import Answer, OpenAIStub, ToolCall
from tests.workflow_driver import find_execution, run_to_rest, submit
from workflows.agents.types import TokenPrice
from workflows.model_prices import load_own_prices, set_model_price
from workflows.models import ModelPrice
from workflows.requests import NotAllowed, RequestRefused, StageRequest, WorkflowRequest

__all__ = ["api_as", "desk_as"]

pytestmark = pytest.mark.django_db

APPROVAL = ToolCall("answer", {"decision": "approved", "reason": "fine", "findings": []})


def set_price(model: str = "house-model", input_price: str = "3.00", output_price: str = "15.00") -> ModelPrice:
    return set_model_price(
        actor=make_alice(),
        provider="openai",
        model=model,
        input_price=input_price,
        output_price=output_price,
        address="127.0.0.1",
    )


def request_review(model: str) -> WorkflowRequest:
    stage = StageRequest(
        id="review",
        name="Review",
        task="Review it.",
        stage_role="reviewer",
        document="The notice.",
        provider="openai",
        model=model,
        api_key="sk-test-key",
    )
    return WorkflowRequest(name="Notice", stages=(stage,))


def test_the_newest_price_of_a_model_counts_and_every_one_is_kept_and_audited() -> None:
    first, second = set_price(), set_price(input_price="2.5", output_price="10")
    set_price("other", "0.000001", "1000")
    assert load_own_prices("openai") == {
        "house-model": TokenPrice(Decimal("2.5"), Decimal(10)),
        "other": TokenPrice(Decimal("0.000001"), Decimal(1000)),
    }
    assert load_own_prices("anthropic") == {}
    event = AuditEvent.objects.get(action="model_price.set", target_id=str(second.pk))
    assert (event.actor, event.detail["input_price"]) == (make_alice(), "2.5")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        ModelPrice.objects.filter(pk=first.pk).update(input_price="0.01")


@pytest.mark.parametrize(
    "price",
    ["0", "0.0", "-1", "", "free", "NaN", "Infinity", "1e3", "1000.01", "3.0000001", "٣", " 3", "3\n", "9" * 400],
)
def test_what_is_no_price_is_refused_with_the_field(price: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        set_price(input_price=price)
    assert list(refused.value.errors) == ["input_price"]
    assert not ModelPrice.objects.exists()


@pytest.mark.parametrize(("provider", "model", "field"), [("embedded", "m", "provider"), ("openai", "a b", "model")])
def test_what_has_no_price_is_refused_with_the_field(provider: str, model: str, field: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        set_model_price(
            actor=make_alice(), provider=provider, model=model, input_price="1", output_price="1", address=None
        )
    assert list(refused.value.errors) == [field]


def test_setting_a_price_takes_the_role_operator_or_admin() -> None:
    for person in (make_bob(), make_person("vera", "viewer", "auditor", "policy_author")):
        with pytest.raises(NotAllowed, match="operator or admin"):
            set_model_price(actor=person, provider="openai", model="m", input_price="1", output_price="1", address=None)


def call(*arguments: str) -> str:
    out = StringIO()
    call_command("set_model_price", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_acts_for_the_person_whose_key_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    price = ("openai", "house-model", "--input", "3.00", "--output", "15.00")
    monkeypatch.delenv("COUNTERSIGN_API_KEY", raising=False)
    with pytest.raises(CommandError, match="COUNTERSIGN_API_KEY is not set"):
        call(*price)
    monkeypatch.setenv("COUNTERSIGN_API_KEY", issue_api_key(make_bob(), "desk")[1])
    with pytest.raises(CommandError, match="operator or admin"):
        call(*price)
    monkeypatch.setenv("COUNTERSIGN_API_KEY", issue_api_key(make_alice(), "desk")[1])
    with pytest.raises(CommandError, match="--input: 'cheap' is no price"):
        call("openai", "house-model", "--input", "cheap", "--output", "15.00")
    assert not ModelPrice.objects.exists()
    assert "house-model: 3.00 in, 15.00 out" in call(*price)
    assert ModelPrice.objects.get().added_by == make_alice()


def test_the_admin_adds_a_price_and_changes_none(desk_as: Callable[[str], Client]) -> None:
    address = reverse("admin:workflows_modelprice_add")
    form = {"provider": "openai", "model": "house-model", "input_price": "3.00", "output_price": "15.00"}
    assert desk_as("approver").post(address, form).status_code == 403
    desk = desk_as("admin")
    assert desk.get(address).status_code == 200
    refused = desk.post(address, {**form, "input_price": "cheap"})
    assert "is no price" in refused.text
    assert not ModelPrice.objects.exists()
    assert desk.post(address, form).status_code == 302
    row = ModelPrice.objects.get()
    assert row.added_by.username == "the-admin"
    page = reverse("admin:workflows_modelprice_change", args=[row.pk])
    assert "house-model" in desk.get(page).text
    assert desk.post(page, {**form, "input_price": "1"}).status_code == 403
    assert ModelPrice.objects.get().input_price == "3.00"


def post(client: APIClient, **stage: Any) -> Any:
    body = {"name": "Notice", "stages": [{"name": "Write", "task": "Write it.", "api_key": "sk-test-key", **stage}]}
    return client.post("/api/v1/workflows", body, format="json")


def test_a_model_without_a_price_is_refused_where_it_is_named(api_as: Callable[[str], APIClient]) -> None:
    client = api_as("operator")
    refused = post(client, provider="openai", model="house-model")
    assert refused.status_code == 400, refused.content
    [message] = refused.json()["errors"]["stages.0.model"]
    assert "model_unpriced" in message
    assert "set_model_price openai house-model" in message
    assert post(client, provider="openai", model="gpt-4o-mini").status_code == 201
    set_price()
    assert post(client, provider="openai", model="house-model").status_code == 201
    assert post(client, provider="anthropic", model="house-model").status_code == 400


def test_a_price_counts_from_the_next_run_on_without_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Answer(tool_calls=(APPROVAL,), input_tokens=100_000, output_tokens=10_000)
    set_price()
    with OpenAIStub([answer, answer]) as server:
        monkeypatch.setenv(server.environment_variable, server.base_url)
        first = run_to_rest(submit(request_review("house-model")))
        set_price(input_price="300", output_price="1")
        second = run_to_rest(submit(request_review("house-model")))
    assert find_execution(first, "review").cost_cents == 45
    review = find_execution(second, "review")
    assert (review.reason_code, review.cost_cents) == ("budget_exhausted", 3001)
    [charged] = review.events.filter(kind="model_response")
    assert charged.facts["price"] == "own"
