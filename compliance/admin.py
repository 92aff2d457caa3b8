"""Admin pages of keys, contents, the audit trail, API keys and accounts."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse

from compliance import policy_admin, roles
from compliance.api_keys import KeyAlreadyRevoked, revoke_api_key
from compliance.desk import OwnRecordsAdmin, ReadOnlyAdmin, address_of, person_of, plain_text, short_digest
from compliance.desk_lists import offer_recent_values
from compliance.models import ApiKey, AuditEvent, Content, ContentKey, SigningKey
from compliance.services import record_audit_event

if TYPE_CHECKING:
    _UserAdmin = UserAdmin[User]
else:
    _UserAdmin = UserAdmin

__all__ = ["policy_admin"]  # imported for the pages that it registers

# What an account can do and who can get into it. Its first and last name are the holder's own matter.
AUDITED_FIELDS = ("username", "email", "is_active", "is_staff", "is_superuser")

admin.site.site_header = admin.site.site_title = "Countersign"
admin.site.index_title = "Workflows, releases and their evidence"
admin.site.unregister([User, Group])


@admin.register(SigningKey)
class SigningKeyAdmin(OwnRecordsAdmin):
    list_display = ("key_id", "created_at")
    search_fields = ("key_id",)
    fields = ("key_id", "created_at", "public_key_shown")
    readonly_fields = ("public_key_shown",)

    @admin.display(description="public key")
    def public_key_shown(self, key: SigningKey) -> str:
        return plain_text(key.public_key_pem)


@admin.register(ContentKey)
class ContentKeyAdmin(ReadOnlyAdmin):
    """Whether a workflow's texts can still be read. The wrapped key itself is shown nowhere."""

    list_display = ("scope", "created_at", "destroyed_at")
    list_filter = (("destroyed_at", admin.EmptyFieldListFilter),)
    search_fields = ("scope",)
    fields = readonly_fields = ("scope", "created_at", "destroyed_at")


@admin.register(Content)
class ContentAdmin(ReadOnlyAdmin):
    """Which texts are stored, by digest and size. Neither plain nor encrypted texts are shown."""

    list_display = ("digest_shown", "scope", "size", "created_at")
    search_fields = ("digest",)
    fields = readonly_fields = ("digest", "scope", "size", "created_at")
    ordering = ("-id",)

    def uuid_fields(self, queryset: QuerySet[Any]) -> tuple[str, ...]:
        return ("scope",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Content]:
        return super().get_queryset(request).defer("nonce", "ciphertext")

    @admin.display(description="digest")
    def digest_shown(self, content: Content) -> str:
        return short_digest(content.digest)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "action", "target_type", "target_id", "address")
    list_filter = tuple(offer_recent_values(AuditEvent.objects.all, column) for column in ("action", "target_type"))
    list_select_related = ("actor",)
    search_fields = ("action", "target_id", "actor__username")
    fields = readonly_fields = ("at", "actor_shown", "action", "target_type", "target_id", "address", "detail")

    def uuid_fields(self, queryset: QuerySet[Any]) -> tuple[str, ...]:
        return ()

    @admin.display(description="actor")
    def actor_shown(self, event: AuditEvent) -> str:
        return event.actor.get_username() if event.actor else "–"


@admin.register(ApiKey)
class ApiKeyAdmin(OwnRecordsAdmin):
    """Keys by name. Nothing that could serve as a key is stored, so none is shown."""

    list_display = ("name", "user", "prefix", "created", "expiry", "last_used_at", "revoked_at")
    list_display_links = None
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), ("last_used_at", admin.EmptyFieldListFilter))
    list_select_related = ("user",)
    search_fields = ("name", "user__username", "user__email")
    fields = readonly_fields = (
        "key_id",
        "name",
        "owner_shown",
        "prefix",
        "maker_shown",
        "created",
        "expiry",
        "last_used_at",
        "revoked_at",
    )
    actions = ("revoke_selected",)

    def uuid_fields(self, queryset: QuerySet[Any]) -> tuple[str, ...]:
        return ("key_id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        rows = super().get_queryset(request)
        return rows if roles.may_read_everything(request.user) else rows.filter(user_id=request.user.pk)

    @admin.display(description="begins with", ordering="token_key")
    def prefix(self, key: ApiKey) -> str:
        return f"{key.token_key}…"

    @admin.display(description="user")
    def owner_shown(self, key: ApiKey) -> str:
        return str(key.user.get_username())

    @admin.display(description="created by")
    def maker_shown(self, key: ApiKey) -> str:
        return str(key.created_by.get_username()) if key.created_by else "–"

    @admin.action(description="Revoke selected keys")
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        person = person_of(request)
        for key in queryset:
            if key.user_id != person.pk and not roles.may_manage_accounts(person):
                self.message_user(
                    request, f"Key “{key.name}”: revoking another person's key takes the role admin.", messages.ERROR
                )
                continue
            try:
                revoke_api_key(key, person, address=address_of(request))
                self.message_user(request, f"Key “{key.name}” is revoked.", messages.SUCCESS)
            except KeyAlreadyRevoked:
                self.message_user(request, f"Key “{key.name}” was revoked before.", messages.WARNING)


@admin.register(Group)
class RoleAdmin(ReadOnlyAdmin):
    """The roles. What each may do is written in the code, so none is made, renamed or removed here."""

    fields = ("name",)
    search_fields = ("name",)

    def may_look(self, user: User | AnonymousUser) -> bool:
        return roles.may_manage_accounts(user)

    def uuid_fields(self, queryset: QuerySet[Any]) -> tuple[str, ...]:
        return ()


@admin.register(User)
class AccountAdmin(_UserAdmin):
    """Accounts and their roles, for admins. An account that has acted stays: it is deactivated, not deleted."""

    show_full_result_count = False
    list_display = ("username", "email", "role_names", "is_active", "is_staff", "last_login")
    list_filter = ("groups", "is_active", "is_staff")
    filter_horizontal = ("groups",)
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password", "email", "first_name", "last_name")}),
        ("Roles", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return roles.may_manage_accounts(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return roles.may_manage_accounts(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return roles.may_manage_accounts(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # Whoever could set a superuser's password would be one.
        above = isinstance(obj, User) and obj.is_superuser and not person_of(request).is_superuser
        return roles.may_manage_accounts(request.user) and not above

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = super().get_readonly_fields(request, obj)
        return fixed if person_of(request).is_superuser else (*fixed, "is_superuser")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="roles")
    def role_names(self, user: User) -> str:
        return ", ".join(sorted(roles.roles_of(user))) or "–"

    def save_related(self, request: HttpRequest, form: "ModelForm[User]", formsets: Any, change: bool) -> None:
        """Record who made the account, or changed what of it; a role that works in the admin lets its holder sign in
        there."""
        account = form.instance
        roles_before = sorted(account.groups.values_list("name", flat=True))
        super().save_related(request, form, formsets, change)
        roles_after = sorted(Group.objects.filter(user=account).values_list("name", flat=True))
        for role in set(roles_after) - set(roles_before):
            roles.grant_role(account, role)
        after = {name: getattr(account, name) for name in AUDITED_FIELDS}
        if not change:
            self._record(request, account, "account.created", after)
        # What the form did not show, it cannot have changed.
        before = {name: form.initial.get(name, value) for name, value in after.items()} if change else after
        if before != after:
            changed = [name for name in AUDITED_FIELDS if before[name] != after[name]]
            self._record(request, account, "account.changed", _before_and_after(before, after, changed))
        if roles_before != roles_after:
            self._record(request, account, "account.roles_changed", {"before": roles_before, "after": roles_after})

    @transaction.atomic
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Record who set or took away a password; neither the old nor the new one, nor its hash."""
        before = self.get_object(request, unquote(id))
        response: HttpResponse = super().user_change_password(request, id, form_url)
        after = self.get_object(request, unquote(id))
        if before is not None and after is not None and before.password != after.password:
            self._record(request, after, "account.password_set", {"usable": after.has_usable_password()})
        return response

    def _record(self, request: HttpRequest, account: User, action: str, detail: dict[str, Any]) -> None:
        record_audit_event(
            actor=person_of(request),
            action=action,
            target_type="user",
            target_id=str(account.pk),
            address=address_of(request),
            detail=detail,
        )


def _before_and_after(before: dict[str, Any], after: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {"before": {name: before[name] for name in names}, "after": {name: after[name] for name in names}}
