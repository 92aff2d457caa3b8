"""What the pages of the admin share: who may look, how texts and digests are shown. Nobody edits a record there.

Roles decide, not Django's own permissions: `compliance.roles` is the one place that says what a role may do.
"""

import re
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from rest_framework.request import Request

from compliance import roles
from compliance.api.throttles import client_address
from compliance.desk_lists import AheadPaginator

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
else:
    ModelAdmin, TabularInline = admin.ModelAdmin, admin.TabularInline

# What shows nothing, or makes a text read in another order than its bytes: controls but for tab and line ends,
# zero-width characters, bidirectional controls, tags, the byte order mark.
_INVISIBLE = re.compile(
    "([\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e0fff])"
)
# What a form sends back is left as it is: marked, it would come back changed.
_FIELD_OR_INVISIBLE = re.compile(r"<textarea\b.*?</textarea>|\bvalue=\"[^\"]*\"|" + _INVISIBLE.pattern, re.DOTALL)


class ReadOnlyAdmin(ModelAdmin):
    """Records that the admin shows and never writes. By default, only those who read everything see them."""

    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 200
    show_facets = admin.ShowFacets.NEVER  # each would count the table once more
    actions: Any = ()

    def get_paginator(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        per_page: int,
        orphans: int = 0,
        allow_empty_first_page: bool = True,
    ) -> AheadPaginator:
        page = request.GET.get(PAGE_VAR, "1")
        number = int(page) if page.isascii() and page.isdigit() and len(page) < 9 else 1
        return AheadPaginator(
            queryset, per_page, number, orphans=orphans, allow_empty_first_page=allow_empty_first_page
        )

    def may_look(self, user: User | AnonymousUser) -> bool:
        """Say whether the person sees such records at all; which ones is `get_queryset`'s to say."""
        return roles.may_read_everything(user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may_look(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may_look(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find a record by its whole id, else by words."""
        identifier = read_uuid(search_term)
        if identifier is not None and (names := self.uuid_fields(queryset)):
            found = queryset.none()
            for name in names:
                found |= queryset.filter(**{name: identifier})
            return found, False
        if search_term.strip() and (narrowed := self.find_by_words(request, queryset, search_term.strip())) is not None:
            return narrowed, False
        return super().get_search_results(request, queryset, search_term)

    def find_by_words(self, request: HttpRequest, queryset: QuerySet[Any], words: str) -> QuerySet[Any] | None:
        """Return what the words find; None to look for each of them in every one of `search_fields`."""
        return None

    def uuid_fields(self, queryset: QuerySet[Any]) -> tuple[str, ...]:
        """Return the lookups that a UUID typed into the search is compared with."""
        return ("pk",)


class OwnRecordsAdmin(ReadOnlyAdmin):
    """Records of workflows: whoever may sign in here sees their own, those who read everything see all."""

    def may_look(self, user: User | AnonymousUser) -> bool:
        return bool(user.is_active and user.is_staff)


def reading_scope(request: HttpRequest) -> Any:
    """Return the scope of what the person may see: `all` or `own`."""
    return "all" if roles.may_read_everything(request.user) else "own"


def person_of(request: HttpRequest) -> User:
    """Return who is signed in; the admin lets nobody else in."""
    assert isinstance(request.user, User)  # noqa: S101 - narrows a type, decides nothing
    return request.user


def address_of(request: HttpRequest) -> str | None:
    """Return the address that the request came from, as the API would."""
    return client_address(Request(request))


def read_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text.strip())
    except ValueError:
        return None


def short_digest(digest: str) -> SafeString | str:
    """Show the first 12 characters of a digest, the whole of it on hover."""
    return format_html('<code title="{}">{}</code>', digest, digest[:12]) if digest else "–"


def plain_text(text: str | None, absent: str = "–") -> SafeString:
    """Show a text as it is, never as HTML; characters that cannot be seen are marked by their code points."""
    if text is None:
        return format_html("<em>{}</em>", absent)
    parts = _INVISIBLE.split(text)
    shown = format_html_join(
        "",
        "{}{}",
        (
            (part, "") if number % 2 == 0 else ("", format_html("<mark>U+{}</mark>", f"{ord(part):04X}"))
            for number, part in enumerate(parts)
        ),
    )
    return format_html('<pre class="countersign-text">{}</pre>', shown)


def mark_invisible(page: str) -> str:
    """Return an HTML page with every character that cannot be seen replaced by its code point, as `[U+202E]`.

    In titles and attributes as well, where `plain_text` cannot put its marks, and wherever Django itself shows a name.
    """
    return _FIELD_OR_INVISIBLE.sub(lambda found: f"[U+{ord(found[1]):04X}]" if found[1] else found[0], page)


def record_link(record: Model | None, words: object = None) -> SafeString | str:
    """Link to a record's page in the admin."""
    if record is None:
        return "–"
    meta = record._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[record.pk])
    return format_html('<a href="{}">{}</a>', address, words or str(record))


def list_link(model: type[Model], words: str, **lookups: object) -> SafeString:
    """Link to the list of a model, narrowed by lookups."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return format_html('<a href="{}?{}">{}</a>', address, urlencode(lookups), words)


def bullet_list(rows: Iterable[object]) -> SafeString | str:
    """Show short facts one below the other."""
    items = format_html_join("", "<li>{}</li>", ((row,) for row in rows))
    return format_html('<ul class="countersign-list">{}</ul>', items) if items else "–"


def describe_agent(provider: str, model: str) -> str:
    """Name what does the work; of the embedded agent, say that it is no language model."""
    if provider == "embedded":
        return "embedded rules, no language model"
    return f"{provider} {model}".strip() or "–"
