"""The admin page of the operator's own prices of models: a list and a form that adds one; none is changed."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model
from django.http import HttpRequest

from compliance import roles
from compliance.desk import ReadOnlyAdmin, address_of, person_of
from workflows.agents.runner import language_model_providers
from workflows.model_prices import find_price_problems, set_model_price
from workflows.models import ModelPrice

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[ModelPrice]
else:
    ModelForm = forms.ModelForm


class ModelPriceForm(ModelForm):
    provider = forms.ChoiceField(choices=lambda: [(name, name) for name in language_model_providers()])

    class Meta:
        model = ModelPrice
        fields = ("provider", "model", "input_price", "output_price")

    def clean(self) -> dict[str, Any]:
        given = {name: self.cleaned_data.get(name, "") for name in self.fields}
        for name, problems in find_price_problems(**given).items():
            # What is already refused by its field needs no second reason.
            if name not in self.errors:
                self.add_error(name, problems)
        return self.cleaned_data


@admin.register(ModelPrice)
class ModelPriceAdmin(ReadOnlyAdmin):
    form = ModelPriceForm
    list_display = ("provider", "model", "input_price", "output_price", "added_by", "created_at")
    list_filter = ("provider",)
    list_select_related = ("added_by",)
    search_fields = ("model",)
    readonly_fields = ("added_by", "created_at")

    def may_look(self, user: User | AnonymousUser) -> bool:
        return roles.may_read_everything(user) or roles.may_set_model_price(user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return roles.may_set_model_price(request.user)

    def uuid_fields(self, queryset: Any) -> tuple[str, ...]:
        return ()

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ModelPriceForm.Meta.fields if obj is None else (*ModelPriceForm.Meta.fields, *self.readonly_fields)

    def save_model(self, request: HttpRequest, obj: ModelPrice, form: Any, change: bool) -> None:
        """Add it by the same function as the command does; it is written down there who did it."""
        added = set_model_price(
            actor=person_of(request),
            provider=obj.provider,
            model=obj.model,
            input_price=obj.input_price,
            output_price=obj.output_price,
            address=address_of(request),
        )
        obj.pk = added.pk
