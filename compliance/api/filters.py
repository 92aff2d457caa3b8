"""Filters of lists, which refuse what they do not know, and the `scope` of a list."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django_filters.filters import CharFilter, Filter
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from compliance import roles

_PAGE_PARAMETERS = frozenset({"cursor", "page_size"})


class StrictFilterBackend(DjangoFilterBackend):
    """django-filter, with 400 for a query parameter that neither the filter set, the pages nor the view
    knows.

    A view that reads further parameters names them in `query_parameters`.
    """

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        filters: type[FilterSet] | None = self.get_filterset_class(view, queryset)  # type: ignore[no-untyped-call]
        known = {*_PAGE_PARAMETERS, *getattr(view, "query_parameters", ())}
        if filters is not None:
            known |= set(filters.base_filters)  # type: ignore[attr-defined]
        if view.kwargs:  # one object, not a list: nothing to page or filter
            known -= _PAGE_PARAMETERS
        refuse_unknown(request.query_params, known)
        own: Mapping[str, Filter] = filters.base_filters if filters else {}  # type: ignore[attr-defined]
        _refuse_ambiguous(request.query_params, own)
        if not own.keys() & request.query_params.keys():
            return queryset  # to build the form of a filter set takes longer than the query of a page
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)  # type: ignore[no-untyped-call]
        return filtered


def _refuse_ambiguous(given: QueryDict, filters: Mapping[str, Filter]) -> None:
    """Raise a ValidationError for a parameter given twice, of which one would be ignored, and for an empty filter.

    django-filter passes over an empty value, and would answer `?workflow=` with every workflow's records.
    """
    errors = {}
    for name, values in given.lists():
        if len(values) > 1:
            errors[name] = ["Give it once."]
        elif values == [""] and name in filters and type(filters[name]) is not CharFilter:
            errors[name] = ["Give a value, or leave it out."]
    if errors:
        raise ValidationError(errors)


def refuse_unknown(given: Any, known: set[str] | frozenset[str]) -> None:
    """Raise a ValidationError that names each member of `given` outside `known`, and what it may have
    meant."""
    errors = {name: [unknown_message(name, known)] for name in given if name not in known}
    if errors:
        raise ValidationError(errors)


def unknown_message(name: object, known: set[str] | frozenset[str]) -> str:
    near = get_close_matches(str(name), known, n=1)
    return "Unknown field." + (f" Did you mean `{near[0]}`?" if near else "")


def wants_everything(request: Request) -> bool:
    """Whether `?scope=all` asks for what others own too. 403 where the role may not read everything.

    Name `scope` in the view's `query_parameters`.
    """
    scope = request.query_params.get("scope", "own")
    if scope not in ("own", "all"):
        raise ValidationError({"scope": ["Give `own` or `all`."]})
    if scope == "all" and not roles.may_read_everything(request.user):
        raise PermissionDenied("Only admins, approvers and auditors read what others own; leave `scope` out.")
    return scope == "all"
