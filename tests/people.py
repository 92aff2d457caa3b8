"""Alice owns, Bob is an officer, Charlie is an outsider who may create workflows of his own."""

from django.contrib.auth.models import User

from compliance.roles import grant_role

PASSWORD = "correct horse battery staple"


def make_person(name: str, *roles: str) -> User:
    """Return the user of that name with those roles, made where needed."""
    user, created = User.objects.get_or_create(username=name, defaults={"email": f"{name}@example.test"})
    if created:
        user.set_password(PASSWORD)
        user.save()
    for role in roles:
        grant_role(user, role)
    return user


def make_alice() -> User:
    return make_person("alice", "operator")


def make_bob() -> User:
    return make_person("bob", "approver")


def make_charlie() -> User:
    return make_person("charlie", "operator")
