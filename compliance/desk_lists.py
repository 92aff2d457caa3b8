"""Lists of the admin over millions of rows: nothing is counted whole, and no filter reads a whole column."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest

# How many records beyond the page that is shown are counted.
COUNTED_AHEAD = 2_000
# Among how many of the newest records a filter looks for the values that it offers.
_NEWEST = 2_000

if TYPE_CHECKING:
    _Paginator = Paginator[Model]
else:
    _Paginator = Paginator


class AheadPaginator(_Paginator):
    """Pages whose number is known for a stretch ahead only: `has_more` says that there are further records."""

    def __init__(self, rows: QuerySet[Any], per_page: int, page: int, **options: Any) -> None:
        super().__init__(rows, per_page, **options)
        self._rows, self._most = rows, page * per_page + COUNTED_AHEAD
        self.has_more = False

    @cached_property
    def count(self) -> int:
        counted = self._rows.order_by()[: self._most + 1].count()
        self.has_more = counted > self._most
        if not counted:
            self.object_list = self._rows.none()  # what nobody found is not looked for again
        return min(counted, self._most)


class _OfferedValues(admin.SimpleListFilter):
    """A filter of a column by values that are known without reading the column."""

    values: Callable[[], Iterable[str]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, value) for value in type(self).values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset if value is None else queryset.filter(**{str(self.parameter_name): value})


def offer_values(column: str, values: Callable[[], Iterable[str]]) -> type[admin.SimpleListFilter]:
    """Return a filter of the admin by that column, with these values to choose from."""
    members = {"title": column.replace("_", " "), "parameter_name": column, "values": staticmethod(values)}
    return type(f"{column.title()}Filter", (_OfferedValues,), members)


def offer_recent_values(rows: Callable[[], QuerySet[Any]], column: str) -> type[admin.SimpleListFilter]:
    """Return a filter by the values that the newest records have; `rows` has these first."""
    return offer_values(column, lambda: sorted(set(rows().values_list(column, flat=True)[:_NEWEST])))
