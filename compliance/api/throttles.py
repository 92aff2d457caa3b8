"""Throttles of the endpoints that take a password. They count in the shared cache, so over all processes."""

import hashlib
import ipaddress

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from compliance.accounts import find_account
from compliance.api.account_serializers import LoginRequestSerializer


def client_address(request: Request | HttpRequest) -> str | None:
    """The address that a request came from, or None when the server does not know one.

    A forwarded address counts only when TRUSTED_PROXIES says how many proxies stand in front.
    """
    address = _AddressThrottle().get_ident(request)  # type: ignore[arg-type]
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return None


class _AddressThrottle(SimpleRateThrottle):
    rate = "1/day"  # never counted: the class only lends get_ident


class LoginAddressThrottle(SimpleRateThrottle):
    """Attempts from one address; of IPv6 the /64, which one customer holds."""

    scope = "login_address"

    def get_cache_key(self, request: Request | HttpRequest, view: object) -> str:
        address = client_address(request) or "unknown"
        if ":" in address:
            address = str(ipaddress.ip_network(f"{address}/64", strict=False))
        return f"throttle:{self.scope}:{address}"


class RegisterAddressThrottle(LoginAddressThrottle):
    scope = "register_address"


class LoginAccountThrottle(SimpleRateThrottle):
    """Failed attempts at one account, from wherever. Counted before the password is checked, so that a burst
    of guesses in parallel is counted too, and forgotten after a success."""

    scope = "login_account"

    def get_cache_key(self, request: Request | HttpRequest, view: object) -> str | None:
        identifier = self.identifier_of(request)
        if identifier is None:
            return None
        account = find_account(identifier)
        name = str(account.pk) if account else identifier.strip().lower()
        return f"throttle:{self.scope}:{hashlib.sha256(name.encode()).hexdigest()}"

    def identifier_of(self, request: Request | HttpRequest) -> str | None:
        """The account as the login itself will read it, of however many spellings; None when it refuses the body."""
        assert isinstance(request, Request)  # noqa: S101
        body = LoginRequestSerializer(data=request.data)
        return body.identifier if body.is_valid() else None

    def forget(self, request: Request | HttpRequest) -> None:
        if key := self.get_cache_key(request, None):
            self.cache.delete(key)
