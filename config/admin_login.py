"""The admin's sign-in, held to the same throttles and the same audit trail as the API's."""

import math
from typing import Any

from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase
from rest_framework.request import Request

from compliance.accounts import record_failed_login
from compliance.api.throttles import LoginAccountThrottle, LoginAddressThrottle, client_address
from config.error_pages import error_response


class AdminLoginThrottle(LoginAccountThrottle):
    """Counts in one with the API's, by the name that the admin's form reads."""

    def identifier_of(self, request: Request | HttpRequest) -> str | None:
        try:
            name: str = AdminAuthenticationForm().fields["username"].clean(request.POST.get("username"))
        except ValidationError:
            return None
        return name


def admin_login(request: HttpRequest, **options: Any) -> HttpResponseBase:
    """Django's own page; 429 once an address or an account has seen too many attempts."""
    if request.method != "POST":
        return admin.site.login(request, **options)
    for throttle in (LoginAddressThrottle(), AdminLoginThrottle()):
        if not throttle.allow_request(request, None):  # type: ignore[arg-type]
            response = error_response(request, 429)
            response.headers["Retry-After"] = str(math.ceil(throttle.wait() or 1))
            return response
    response = admin.site.login(request, **options)
    if request.user.is_authenticated:
        AdminLoginThrottle().forget(request)
    else:
        record_failed_login(AdminLoginThrottle().identifier_of(request) or "", client_address(request))
    return response
