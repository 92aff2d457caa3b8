"""Addresses below `/api/v1/` of what runs."""

from rest_framework.routers import SimpleRouter

from workflows.api.certificates import CertificateViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("certificates", CertificateViewSet, basename="certificate")

urlpatterns = router.urls
