"""Who acts by a command. A command has no session, and a name on its line proves nothing: an API key does."""

import os

from django.contrib.auth.models import User
from django.core.management.base import CommandError

from compliance.api_keys import find_active_key

KEY_VARIABLE = "COUNTERSIGN_API_KEY"


def read_acting_person() -> User:
    """Return whose key is in COUNTERSIGN_API_KEY. Raises CommandError where there is none that serves."""
    plaintext = os.environ.get(KEY_VARIABLE, "")
    if not plaintext:
        raise CommandError(f"{KEY_VARIABLE} is not set: this takes the API key of the person who does it")
    key = find_active_key(plaintext)
    if key is None:
        raise CommandError(f"{KEY_VARIABLE} holds no key that serves: it is unknown, expired or revoked")
    return key.user
