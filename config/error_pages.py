"""Errors outside the views: JSON in the API's shape below /api/ and at /health, Django's plain pages
elsewhere."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views import defaults

from compliance.api.errors import error_body


def speaks_json(request: HttpRequest) -> bool:
    """Whether the address belongs to the API."""
    return request.path_info.startswith("/api/") or request.path_info == "/health"


def error_response(request: HttpRequest, status: int, detail: str | None = None) -> HttpResponse:
    """An error in the form that the address speaks."""
    body = error_body(status, detail)
    if speaks_json(request):
        return JsonResponse(body, status=status)
    return HttpResponse(body["detail"], status=status, content_type="text/plain; charset=utf-8")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return error_response(request, 400) if speaks_json(request) else defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if speaks_json(request):
        return error_response(request, 403)
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return error_response(request, 404) if speaks_json(request) else defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    return error_response(request, 500) if speaks_json(request) else defaults.server_error(request)
