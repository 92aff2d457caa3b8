"""Keys, accounts and roles in the admin."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from compliance.api_keys import issue_api_key
from compliance.models import ApiKey, AuditEvent
from tests.admin_people import alice_desk, bob_desk, charlie_desk, desk_as, list_address, page_address, sign_in
from tests.people import make_alice, make_bob, make_charlie, make_person

__all__ = ["alice_desk", "bob_desk", "charlie_desk", "desk_as"]

KEYS = "/admin/compliance/apikey/"


def revoke(desk: Client, key: ApiKey) -> str:
    selected = {"action": "revoke_selected", "_selected_action": [key.pk]}
    return desk.post(KEYS, selected, follow=True).content.decode()


class TestApiKeys:
    def test_the_list_shows_names_and_times_and_nothing_that_serves_as_a_key(self, bob_desk: Client) -> None:
        key, plaintext = issue_api_key(make_alice(), "canary-name")
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=timezone.now())
        body = bob_desk.get(KEYS).content.decode()
        assert "canary-name" in body
        assert "alice" in body
        assert plaintext not in body
        assert plaintext[len("cs_") + 15 :] not in body

    def test_everybody_sees_their_own_and_officers_all(
        self, alice_desk: Client, bob_desk: Client, charlie_desk: Client
    ) -> None:
        issue_api_key(make_alice(), "one")
        issue_api_key(make_charlie(), "two")
        for desk, count in ((alice_desk, 1), (charlie_desk, 1), (bob_desk, 2)):
            assert desk.get(KEYS).context["cl"].result_count == count

    def test_a_key_is_revoked_by_its_owner_and_by_an_admin(
        self, alice_desk: Client, desk_as: Callable[[str], Client]
    ) -> None:
        for desk in (alice_desk, desk_as("admin")):
            key, _ = issue_api_key(make_alice(), "mine")
            assert "“mine” is revoked" in revoke(desk, key)
            key.refresh_from_db()
            assert key.revoked_at is not None
            assert "was revoked before" in revoke(desk, key)
            assert AuditEvent.objects.filter(action="api_key.revoked", target_id=str(key.key_id)).count() == 1

    def test_others_do_not_revoke_it(self, bob_desk: Client, charlie_desk: Client) -> None:
        key, _ = issue_api_key(make_alice(), "hers")
        assert "takes the role admin" in revoke(bob_desk, key)
        revoke(charlie_desk, key)
        key.refresh_from_db()
        assert key.revoked_at is None


class TestAccounts:
    @pytest.mark.parametrize("role", ["approver", "auditor", "operator", "viewer", "policy_author"])
    def test_they_are_for_admins_alone(self, desk_as: Callable[[str], Client], role: str) -> None:
        alice = make_alice()
        desk = desk_as(role)
        for page in (list_address(User), page_address(alice), reverse("admin:auth_user_add"), list_address(Group)):
            assert desk.get(page).status_code == 403, page
        assert desk.post(page_address(alice), {"is_superuser": "on"}).status_code == 403

    def change(self, desk: Client, account: User, **fields: object) -> int:
        sent = {"username": account.username, "email": account.email, "is_active": "on", **fields}
        return desk.post(page_address(account), sent).status_code

    def test_an_admin_gives_a_role_which_is_recorded_and_opens_the_admin(
        self, desk_as: Callable[[str], Client]
    ) -> None:
        alice, desk = make_alice(), desk_as("admin")
        groups = [Group.objects.get(name=name).pk for name in ("operator", "auditor")]
        assert self.change(desk, alice, groups=groups) == 302
        alice.refresh_from_db()
        assert set(alice.groups.values_list("name", flat=True)) == {"operator", "auditor"}
        assert alice.is_staff
        event = AuditEvent.objects.get(action="account.roles_changed")
        assert (event.actor and event.actor.username, event.target_id) == ("the-admin", str(alice.pk))
        assert event.detail == {"before": ["operator"], "after": ["auditor", "operator"]}

    def test_what_changes_of_an_account_is_recorded_with_old_and_new_values(self, db: None) -> None:
        root = User.objects.create_superuser("root", "root@example.test", "correct horse battery staple")
        alice, desk = make_alice(), sign_in(root)
        groups = list(alice.groups.values_list("pk", flat=True))
        before = {name: getattr(alice, name) for name in ("username", "email", "is_staff", "is_superuser")}
        after = {"username": "eve", "email": "eve@example.test", "is_staff": True, "is_superuser": True}
        sent = {"username": "eve", "email": "eve@example.test", "is_staff": "on", "is_superuser": "on"}
        assert self.change(desk, alice, groups=groups, first_name="Alice", **sent) == 302
        event = AuditEvent.objects.get(target_id=str(alice.pk), action__startswith="account.")
        assert (event.action, event.actor, event.address) == ("account.changed", root, "127.0.0.1")
        assert event.detail == {"before": before, "after": after}

    def test_a_deactivation_is_recorded_and_a_change_of_nothing_is_not(self, desk_as: Callable[[str], Client]) -> None:
        bob, desk = make_bob(), desk_as("admin")
        kept = {"groups": list(bob.groups.values_list("pk", flat=True)), "is_staff": "on"}
        bob.is_staff = True
        bob.save()
        assert self.change(desk, bob, **kept) == 302
        assert not AuditEvent.objects.filter(action="account.changed").exists()
        assert self.change(desk, bob, is_active="", **kept) == 302
        event = AuditEvent.objects.get(action="account.changed")
        assert event.detail == {"before": {"is_active": True}, "after": {"is_active": False}}

    def test_the_staff_status_that_a_role_brings_is_recorded(self, desk_as: Callable[[str], Client]) -> None:
        alice, desk = make_alice(), desk_as("admin")
        assert self.change(desk, alice, groups=[Group.objects.get(name="approver").pk]) == 302
        event = AuditEvent.objects.get(action="account.changed")
        assert event.detail == {"before": {"is_staff": False}, "after": {"is_staff": True}}

    def test_a_password_that_another_sets_or_takes_away_is_recorded_without_it(
        self, desk_as: Callable[[str], Client]
    ) -> None:
        alice, desk = make_alice(), desk_as("admin")
        address = reverse("admin:auth_user_password_change", args=[alice.pk])
        new = "another horse, another battery"
        assert desk.post(address, {"password1": new, "password2": "typo", "usable_password": "true"}).status_code == 200
        assert not AuditEvent.objects.filter(action="account.password_set").exists()
        sent = {"password1": new, "password2": new, "usable_password": "true"}
        assert desk.post(address, sent).status_code == 302
        assert desk.post(address, {"usable_password": "false", "unset-password": "x"}).status_code == 302
        events = AuditEvent.objects.filter(action="account.password_set").order_by("id")
        assert [(event.target_id, event.detail) for event in events] == [
            (str(alice.pk), {"usable": True}),
            (str(alice.pk), {"usable": False}),
        ]
        assert {event.actor.username for event in events if event.actor} == {"the-admin"}

    def test_an_account_that_an_admin_makes_is_recorded(self, desk_as: Callable[[str], Client]) -> None:
        new = "another horse, another battery"
        sent = {"username": "dora", "password1": new, "password2": new, "usable_password": "true"}
        assert desk_as("admin").post(reverse("admin:auth_user_add"), sent).status_code == 302
        event = AuditEvent.objects.get(action="account.created")
        assert (event.actor and event.actor.username, event.target_id) == (
            "the-admin",
            str(User.objects.get(username="dora").pk),
        )
        flags = {"is_active": True, "is_staff": False, "is_superuser": False}
        assert event.detail == {"username": "dora", "email": "", **flags}

    def test_an_admin_makes_nobody_a_superuser_and_touches_none(self, desk_as: Callable[[str], Client]) -> None:
        alice, desk = make_alice(), desk_as("admin")
        assert self.change(desk, alice, is_superuser="on") == 302
        alice.refresh_from_db()
        assert not alice.is_superuser
        above = User.objects.create_superuser("root", "root@example.test", "correct horse battery staple")
        assert self.change(desk, above, first_name="Changed") == 403
        assert desk.get(reverse("admin:auth_user_password_change", args=[above.pk])).status_code == 403

    def test_a_superuser_works_here_too(self, db: None) -> None:
        root = User.objects.create_superuser("root", "root@example.test", "correct horse battery staple")
        bob, desk = make_bob(), sign_in(root)
        assert self.change(desk, bob, is_superuser="on", is_staff="on") == 302
        bob.refresh_from_db()
        assert bob.is_superuser

    def test_accounts_are_not_deleted(self, desk_as: Callable[[str], Client]) -> None:
        alice = make_person("alice")
        assert desk_as("admin").post(f"/admin/auth/user/{alice.pk}/delete/", {"post": "yes"}).status_code == 403
        assert User.objects.filter(pk=alice.pk).exists()

    def test_roles_are_neither_made_nor_renamed(self, desk_as: Callable[[str], Client]) -> None:
        desk, group = desk_as("admin"), Group.objects.get(name="viewer")
        assert desk.get(list_address(Group)).status_code == 200
        assert desk.post(page_address(group), {"name": "king"}).status_code == 403
        assert desk.post(reverse("admin:auth_group_add"), {"name": "king"}).status_code == 403


def test_the_admin_is_named_and_its_sign_in_works(client: Client, db: None) -> None:
    bob = make_bob()
    page = client.get("/admin/login/")
    assert b"Countersign" in page.content
    sent = {"username": bob.username, "password": "correct horse battery staple", "next": "/admin/"}
    assert client.post("/admin/login/", sent).status_code == 302
    assert client.get("/admin/").status_code == 200
