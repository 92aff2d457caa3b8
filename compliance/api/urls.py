"""Addresses below `/api/v1/` that need no workflow."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from compliance.api.account_views import (
    ApiKeyListView,
    ApiKeyView,
    LoginView,
    MeView,
    RegisterView,
    RotateView,
)
from compliance.api.policy_views import PolicySchemaView, PolicyValidationView, PolicyViewSet, PresetsView

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("compliance/policies", PolicyViewSet, basename="policy")

urlpatterns = [
    path("auth/login", LoginView.as_view(), name="auth-login"),
    path("auth/rotate", RotateView.as_view(), name="auth-rotate"),
    path("auth/me", MeView.as_view(), name="auth-me"),
    path("auth/register", RegisterView.as_view(), name="auth-register"),
    path("auth/keys", ApiKeyListView.as_view(), name="auth-keys"),
    path("auth/keys/<uuid:key_id>", ApiKeyView.as_view(), name="auth-key"),
    path("compliance/presets", PresetsView.as_view(), name="compliance-presets"),
    path("compliance/policies/schema", PolicySchemaView.as_view(), name="policy-schema"),
    path("compliance/policies/validate", PolicyValidationView.as_view(), name="policy-validate"),
    *router.urls,
]
