from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import serializers
from django.utils import timezone

from compliance.api_keys import (
    KeyAlreadyRevoked,
    api_keys_of,
    find_api_key,
    issue_api_key,
    revoke_api_key,
    rotate_api_key,
)
from compliance.models import ApiKey, AuditEvent


def test_a_key_is_told_by_its_prefix_and_stored_only_as_a_digest(make_account: Callable[..., User]) -> None:
    key, plaintext = issue_api_key(make_account(), "ci")
    assert plaintext.startswith("cs_")
    stored = serializers.serialize("json", [*ApiKey.objects.all(), *AuditEvent.objects.all()])
    assert plaintext not in stored
    assert plaintext[len(key.token_key) :] not in stored


def test_a_key_lives_as_long_as_asked_for_or_as_the_settings_say(make_account: Callable[..., User]) -> None:
    user = make_account()
    week, _ = issue_api_key(user, "week", timedelta(days=7))
    usual, _ = issue_api_key(user, "usual")
    assert week.expiry
    assert usual.expiry
    assert abs(week.expiry - timezone.now() - timedelta(days=7)) < timedelta(minutes=5)
    assert abs(usual.expiry - timezone.now() - timedelta(days=90)) < timedelta(minutes=5)


def test_rotation_revokes_the_old_key_and_keeps_name_and_expiry(make_account: Callable[..., User]) -> None:
    old, old_plaintext = issue_api_key(make_account(), "ci", timedelta(days=7))
    new, new_plaintext = rotate_api_key(old)
    old.refresh_from_db()
    assert old.revoked_at is not None
    assert new.revoked_at is None
    assert new.name == "ci"
    assert new.expiry
    assert old.expiry
    assert new.expiry == old.expiry
    assert new_plaintext != old_plaintext


def test_a_key_that_was_revoked_meanwhile_is_not_rotated(make_account: Callable[..., User]) -> None:
    user = make_account()
    key, _ = issue_api_key(user, "ci")
    revoke_api_key(ApiKey.objects.get(pk=key.pk), user)
    with pytest.raises(KeyAlreadyRevoked):
        rotate_api_key(key)
    assert ApiKey.objects.filter(user=user).count() == 1


def test_revoking_keeps_the_row_and_the_first_time(make_account: Callable[..., User]) -> None:
    user = make_account()
    key, _ = issue_api_key(user, "ci")
    first = revoke_api_key(key, user).revoked_at
    with pytest.raises(KeyAlreadyRevoked):
        revoke_api_key(key, user)
    found = find_api_key(key.key_id)
    assert found is not None
    assert found.revoked_at == first


def test_issuing_rotating_and_revoking_are_in_the_audit_trail(make_account: Callable[..., User]) -> None:
    owner, admin = make_account(), make_account("admin")
    key, _ = issue_api_key(owner, "ci", address="192.0.2.7")
    new, _ = rotate_api_key(key)
    revoke_api_key(new, admin)
    events = list(AuditEvent.objects.order_by("id").values_list("action", "actor_id", "target_id"))
    assert events == [
        ("api_key.issued", owner.pk, str(key.key_id)),
        ("api_key.rotated", owner.pk, str(key.key_id)),
        ("api_key.issued", owner.pk, str(new.key_id)),
        ("api_key.revoked", admin.pk, str(new.key_id)),
    ]
    assert AuditEvent.objects.order_by("id")[0].address == "192.0.2.7"


def test_one_sees_ones_own_keys_newest_first(make_account: Callable[..., User]) -> None:
    mine, other = make_account(), make_account()
    first, _ = issue_api_key(mine, "first")
    issue_api_key(other, "theirs")
    second, _ = issue_api_key(mine, "second")
    assert [key.pk for key in api_keys_of(mine)] == [second.pk, first.pk]
