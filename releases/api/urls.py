"""Addresses below `/api/v1/` of what goes out."""

from django.urls import path

from releases.api.views import PendingReleasesView, SignOffView

urlpatterns = [
    path("releases/pending", PendingReleasesView.as_view(), name="releases-pending"),
    path("releases/<uuid:execution_id>/sign-off", SignOffView.as_view(), name="releases-sign-off"),
]
