"""Bearer keys. A key is found by its digest; a key that does not serve always gets the same answer."""

from datetime import timedelta

import structlog
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from compliance.api_keys import find_active_key
from compliance.models import ApiKey

CHALLENGE = "Bearer"
USE_RECORDED_EVERY = timedelta(minutes=1)
_LONGEST_KEY = 256


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>` gives `request.user` and, as `request.auth`, the ApiKey.

    Knox's own class deletes every expired key of the user on each request; here a key is evidence of who
    acted and stays, and the digest is the primary key, so that one indexed read decides.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        if len(words) != 2 or len(words[1]) > _LONGEST_KEY or not words[1].isascii():
            raise AuthenticationFailed()
        key = find_active_key(words[1].decode("ascii"))
        if key is None:
            raise AuthenticationFailed()
        _record_use(key)
        structlog.contextvars.bind_contextvars(actor_id=key.user_id, key_id=str(key.key_id))
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def _record_use(key: ApiKey) -> None:
    """Keep the time of last use, to the minute: a write for every request would serialise all readers on
    SQLite."""
    now = timezone.now()
    if key.last_used_at is None or key.last_used_at <= now - USE_RECORDED_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
