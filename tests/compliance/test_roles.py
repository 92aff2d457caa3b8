from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User

from compliance import roles

ANYTHING = (
    roles.may_read_everything,
    roles.may_create_workflow,
    roles.may_sign_off,
    roles.may_publish_policy,
    roles.may_draft_policy,
    roles.may_settle,
    roles.may_promote,
    roles.may_manage_accounts,
)


@pytest.mark.parametrize(
    ("predicate", "allowed"),
    [
        (roles.may_read_everything, {"admin", "approver", "auditor"}),
        (roles.may_create_workflow, {"admin", "operator"}),
        (roles.may_sign_off, {"approver"}),
        (roles.may_publish_policy, {"approver"}),
        (roles.may_draft_policy, {"policy_author"}),
        (roles.may_settle, {"admin", "approver"}),
        (roles.may_promote, {"admin", "approver"}),
        (roles.may_manage_accounts, {"admin"}),
    ],
)
def test_each_role_may_what_the_contract_says_and_nothing_else(
    make_account: Callable[..., User], predicate: Callable[[User], bool], allowed: set[str]
) -> None:
    assert {role for role in roles.ROLES if predicate(make_account(role))} == allowed


def test_the_owner_and_admins_cancel(make_account: Callable[..., User]) -> None:
    owner, other, admin = make_account("operator"), make_account("operator"), make_account("admin")
    assert roles.may_cancel(owner, owner.pk)
    assert not roles.may_cancel(other, owner.pk)
    assert roles.may_cancel(admin, owner.pk)


def test_a_superuser_counts_as_admin_and_an_inactive_one_as_nobody(make_account: Callable[..., User]) -> None:
    user = make_account()
    user.is_superuser = True
    assert roles.roles_of(user) == {"admin"}
    user.is_active = False
    assert roles.roles_of(user) == frozenset()
    assert not roles.may_cancel(user, user.pk)


def test_whoever_has_no_role_may_nothing(make_account: Callable[..., User]) -> None:
    assert not any(predicate(actor) for predicate in ANYTHING for actor in (make_account(), AnonymousUser()))
    assert not roles.may_cancel(AnonymousUser(), 1)


def test_other_groups_are_no_roles(make_account: Callable[..., User]) -> None:
    user = make_account()
    user.groups.add(Group.objects.create(name="superheroes"))
    assert roles.roles_of(user) == frozenset()


@pytest.mark.django_db
def test_every_role_has_its_group_after_migrate() -> None:
    assert set(roles.ROLES) <= set(Group.objects.values_list("name", flat=True))


def test_roles_of_the_desk_may_sign_in_to_the_admin(make_account: Callable[..., User]) -> None:
    staff = {role for role in roles.ROLES if make_account(role).is_staff}
    assert staff == {"admin", "approver", "auditor", "policy_author"}


def test_an_unknown_role_is_refused_by_name(make_account: Callable[..., User]) -> None:
    with pytest.raises(ValueError, match="'root'"):
        roles.grant_role(make_account(), "root")
