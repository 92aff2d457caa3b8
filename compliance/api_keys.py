"""API keys of users: issued, rotated, revoked. The plain key is returned once and stored nowhere; rows stay
for audit."""

from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from knox.crypto import hash_token
from knox.settings import knox_settings

from compliance.known_relations import set_known_related
from compliance.models import ApiKey
from compliance.services import record_audit_event

MAX_DAYS = 3650


class KeyAlreadyRevoked(Exception):
    """The key was revoked, by its owner or by somebody else, before this could act on it."""


def default_lifetime() -> timedelta:
    lifetime: timedelta = knox_settings.TOKEN_TTL
    return lifetime


@transaction.atomic
def issue_api_key(
    user: User,
    name: str,
    expires_in: timedelta | None = None,
    *,
    not_after: datetime | None = None,
    created_by: User | None = None,
    address: str | None = None,
    action: str = "api_key.issued",
) -> tuple[ApiKey, str]:
    """A new key of `user` and its plain text, to be shown once. `expires_in` None: API_KEY_DAYS of the
    settings.

    The key ends at `not_after` at the latest: what was made with a key must not outlive it, or a stolen key would
    never end. `created_by` None: the user. `address` is where the request came from.
    """
    key: ApiKey
    key, plaintext = ApiKey.objects.create(
        user=user, expiry=expires_in or default_lifetime(), name=name, created_by=created_by or user
    )
    if not_after is not None and (key.expiry is None or key.expiry > not_after):
        key.expiry = not_after
        key.save(update_fields=["expiry"])
    record_audit_event(
        action=action,
        target_type="api_key",
        target_id=str(key.key_id),
        actor=key.created_by,
        address=address,
        detail={"user_id": user.pk},
    )
    return key, plaintext


@transaction.atomic
def rotate_api_key(key: ApiKey, *, address: str | None = None) -> tuple[ApiKey, str]:
    """A key with the same owner, name and expiry in the place of `key`, which is revoked at the same moment.

    Raises KeyAlreadyRevoked when somebody else got there first; then no key is issued.
    """
    revoke_api_key(key, key.user, address=address, action="api_key.rotated")
    lifetime = key.expiry - key.created if key.expiry else None
    return issue_api_key(key.user, key.name, lifetime, not_after=key.expiry, address=address)


@transaction.atomic
def revoke_api_key(key: ApiKey, by: User, *, address: str | None = None, action: str = "api_key.revoked") -> ApiKey:
    """Revoke `key` for good. Raises KeyAlreadyRevoked when it was not in force any more."""
    now = timezone.now()
    # Conditional, so that of two that revoke at once one learns that it came second.
    if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
        raise KeyAlreadyRevoked(f"The key {key.key_id} was revoked already.")
    key.revoked_at = now
    record_audit_event(
        action=action,
        target_type="api_key",
        target_id=str(key.key_id),
        actor=by,
        address=address,
        detail={"user_id": key.user_id},
    )
    return key


def api_keys_of(user: User) -> QuerySet[ApiKey]:
    """The user's keys, newest first, those in force and the others."""
    return ApiKey.objects.filter(user=user).order_by("-created", "-key_id")


def find_api_key(key_id: UUID) -> ApiKey | None:
    return ApiKey.objects.select_related("user").filter(key_id=key_id).first()


def find_active_key(plaintext: str) -> ApiKey | None:
    """The key with that plain text, with its user and the user's roles; None for one that does not serve.

    One query, since every request makes it: a row for each of the user's groups.
    """
    rows = list(
        ApiKey.objects.select_related("user")
        .filter(digest=hash_token(plaintext), user__is_active=True, revoked_at=None)
        .filter(Q(expiry=None) | Q(expiry__gt=timezone.now()))
        .annotate(group_id=F("user__groups"), group_name=F("user__groups__name"))
        .order_by()
    )
    if not rows:
        return None
    key: ApiKey = rows[0]
    groups = [Group(pk=row.group_id, name=row.group_name) for row in rows if row.group_id is not None]
    set_known_related(key.user, "groups", groups)
    return key
