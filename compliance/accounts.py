"""Accounts: found by e-mail address or user name, made by a command or, where it is open, by registration."""

from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from compliance.services import record_audit_event

LONGEST_EMAIL = 150  # it serves as the user name too


class AccountExists(Exception):
    """There is an account with this e-mail address already."""


def find_account(identifier: str) -> User | None:
    """The account whose user name is `identifier`, or else the only one with that e-mail address."""
    by_name = User.objects.filter(username=identifier).first()
    if by_name is not None:
        return by_name
    matches = list(User.objects.filter(email__iexact=identifier)[:2]) if "@" in identifier else []
    return matches[0] if len(matches) == 1 else None


def check_password(request: HttpRequest | None, identifier: str, password: str) -> User | None:
    """The active account that has this password. An unknown one takes as long: its password is hashed as
    well."""
    account = find_account(identifier)
    user = authenticate(request, username=account.username if account else identifier, password=password)
    return user if isinstance(user, User) else None


@transaction.atomic
def create_account(email: str, password: str | None, *, address: str | None = None) -> User:
    """A new account without any role; `password` None: nobody can sign in with one.

    Raises AccountExists.
    """
    email = normal_email(email)
    if User.objects.filter(email__iexact=email).exists():
        raise AccountExists(email)
    try:
        with transaction.atomic():
            user = User.objects.create_user(username=email, email=email, password=password)
    except IntegrityError:
        raise AccountExists(email) from None
    record_audit_event(
        action="account.created", target_type="user", target_id=str(user.pk), actor=user, address=address
    )
    return user


def record_failed_login(identifier: str, address: str | None) -> None:
    """Add a failed sign-in to the audit trail: of the account, when `identifier` names one.

    What was typed is not kept otherwise: people type passwords into the wrong field.
    """
    account = find_account(identifier)
    record_audit_event(
        actor=None,
        action="login.failed",
        target_type="user",
        target_id=str(account.pk) if account else "",
        address=address,
    )


def normal_email(email: str) -> str:
    """The form in which an address is stored: lower case, without white space around it."""
    return email.strip().lower()
