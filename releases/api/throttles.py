"""A password is asked for at every sign-off, so wrong ones are counted per person, for the API and the admin alike."""

from typing import Any

from rest_framework.throttling import SimpleRateThrottle


class SignOffThrottle(SimpleRateThrottle):
    """Attempts of one person to sign, forgotten after a success."""

    scope = "sign_off_account"

    def get_cache_key(self, request: Any, view: Any) -> str | None:
        return f"throttle:{self.scope}:{request.user.pk}" if request.user.pk else None

    def forget(self, request: Any) -> None:
        """Forget the attempts of whoever has just signed."""
        if key := self.get_cache_key(request, None):
            self.cache.delete(key)
