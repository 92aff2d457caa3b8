"""Addresses below `/api/v1/` of what runs."""

from rest_framework.routers import SimpleRouter

from workflows.api.certificates import CertificateViewSet
from workflows.api.record_views import ExecutionViewSet, StageViewSet
from workflows.api.views import WorkflowViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("workflows", WorkflowViewSet, basename="workflow")
router.register("stages", StageViewSet, basename="stage")
router.register("executions", ExecutionViewSet, basename="execution")
router.register("certificates", CertificateViewSet, basename="certificate")

urlpatterns = router.urls
