from collections.abc import Callable
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from compliance import roles
from compliance.models import ApiKey

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("create_api_key", *arguments, stdout=output, stderr=StringIO())
    return output.getvalue()


def test_the_key_alone_is_on_standard_output_and_it_serves() -> None:
    output = run("--email", "new@countersign.example", "--role", "operator", "--name", "pipeline")
    key = output.removesuffix("\n")
    assert key.startswith("cs_")
    assert key == key.strip()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    me = client.get("/api/v1/auth/me").json()
    assert (me["email"], me["roles"], me["key"]["name"]) == ("new@countersign.example", ["operator"], "pipeline")


def test_a_new_account_has_no_usable_password() -> None:
    run("--email", "New@Countersign.example", "--role", "auditor")
    user = User.objects.get(username="new@countersign.example")
    assert not user.has_usable_password()
    assert roles.roles_of(user) == {"auditor"}


def test_an_account_that_exists_gets_the_role_and_a_further_key(make_account: Callable[..., User]) -> None:
    user = make_account("operator")
    run("--email", user.email, "--role", "approver")
    run("--email", user.email.upper(), "--role", "approver")
    assert roles.roles_of(User.objects.get(pk=user.pk)) == {"operator", "approver"}
    assert ApiKey.objects.filter(user=user).count() == 2
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--email", "nobody", "--role", "operator"], "no e-mail address"),
        (["--email", "a@countersign.example", "--role", "root"], "invalid choice"),
        (["--email", "a@countersign.example", "--role", "operator", "--name", ""], "--name"),
        (["--email", "a@countersign.example", "--role", "operator", "--days", "0"], "--days"),
        (["--email", "a" * 64 + "@" + "b" * 60 + "." + "c" * 60 + ".example", "--role", "operator"], "--email"),
    ],
)
def test_what_cannot_be_is_refused_and_makes_nothing(arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(*arguments)
    assert not User.objects.exists()


def test_a_deactivated_account_gets_no_key(make_account: Callable[..., User]) -> None:
    user = make_account()
    user.is_active = False
    user.save()
    with pytest.raises(CommandError, match="deactivated"):
        run("--email", user.email, "--role", "operator")
    assert not ApiKey.objects.exists()
