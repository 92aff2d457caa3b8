"""Roles are Django groups; what each may do is written here and nowhere else.

A superuser counts as admin, an inactive user as nobody. An agent is never a user.
"""

from typing import Any

from django.contrib.auth.models import AnonymousUser, Group, User
from django.db.models import prefetch_related_objects

ADMIN = "admin"
OPERATOR = "operator"
APPROVER = "approver"
AUDITOR = "auditor"
VIEWER = "viewer"
POLICY_AUTHOR = "policy_author"
ROLES = (ADMIN, OPERATOR, APPROVER, AUDITOR, VIEWER, POLICY_AUTHOR)

# Those whose work is in the admin pages.
DESK_ROLES = frozenset({ADMIN, APPROVER, AUDITOR, POLICY_AUTHOR})

Actor = User | AnonymousUser


def roles_of(user: Actor) -> frozenset[str]:
    """The roles that `user` has; empty for anonymous and inactive users."""
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    # Kept with the user: a page of the admin asks some thirty times.
    prefetch_related_objects([user], "groups")
    names = {group.name for group in user.groups.all()} & set(ROLES)
    return frozenset(names | {ADMIN} if user.is_superuser else names)


def may_read_everything(user: Actor) -> bool:
    """Read workflows, evidence and keys of others."""
    return bool(roles_of(user) & {ADMIN, APPROVER, AUDITOR})


def may_create_workflow(user: Actor) -> bool:
    return bool(roles_of(user) & {ADMIN, OPERATOR})


def may_cancel(user: Actor, owner_id: int) -> bool:
    """Cancel a workflow or an execution of `owner_id`: the owner and admins."""
    return isinstance(user, User) and user.is_active and (user.pk == owner_id or ADMIN in roles_of(user))


def may_sign_off(user: Actor) -> bool:
    """Give a sign-off at all; whether this person may give this one is decided in releases."""
    return APPROVER in roles_of(user)


def may_publish_policy(user: Actor) -> bool:
    return APPROVER in roles_of(user)


def may_draft_policy(user: Actor) -> bool:
    return POLICY_AUTHOR in roles_of(user)


def may_see_drafts(user: Actor) -> bool:
    """Read policies that are not published, and what they would have done to past executions."""
    return may_read_everything(user) or may_draft_policy(user)


def may_settle(user: Actor) -> bool:
    """Settle a call whose outcome is unknown."""
    return bool(roles_of(user) & {ADMIN, APPROVER})


def may_set_model_price(user: Actor) -> bool:
    """Say what a model costs here, which every budget is kept by."""
    return bool(roles_of(user) & {ADMIN, OPERATOR})


def may_promote(user: Actor) -> bool:
    """Record that a release was attested, rejected or revoked."""
    return bool(roles_of(user) & {ADMIN, APPROVER})


def may_manage_accounts(user: Actor) -> bool:
    """Give roles, and revoke the keys of others."""
    return ADMIN in roles_of(user)


def grant_role(user: User, role: str) -> None:
    """Put `user` into the group of `role`; roles that work in the admin let the user sign in there.

    Raises ValueError for an unknown role.
    """
    if role not in ROLES:
        raise ValueError(f"Unknown role {role!r}; the roles are {', '.join(ROLES)}.")
    group, _ = Group.objects.get_or_create(name=role)
    user.groups.add(group)
    if role in DESK_ROLES and not user.is_staff:
        user.is_staff = True
        user.save(update_fields=["is_staff"])


def make_groups_after_migrate(using: str, **_: Any) -> None:
    """Receiver of post_migrate (sender: the auth app): every role has its group."""
    for role in ROLES:
        Group.objects.using(using).get_or_create(name=role)
