"""All addresses. The API's live below /api/v1/; each app brings its own."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from config.admin_login import admin_login
from config.docs import RedocView, SchemaView, SwaggerView
from config.health import HealthView

api_urlpatterns: list[URLPattern | URLResolver] = [
    path("health", HealthView.as_view(), name="health"),
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", SwaggerView.as_view(), name="swagger"),
    path("redoc/", RedocView.as_view(), name="redoc"),
    path("", include("compliance.api.urls")),
    path("", include("workflows.api.urls")),
    path("", include("releases.api.urls")),
]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/login/", admin_login),  # before the one that the site brings
    path("admin/", admin.site.urls),
    path("health", HealthView.as_view(schema=None)),  # the same, where load balancers look
    path("api/v1/", include(api_urlpatterns)),
]

handler400 = "config.error_pages.bad_request"
handler403 = "config.error_pages.permission_denied"
handler404 = "config.error_pages.page_not_found"
handler500 = "config.error_pages.server_error"
