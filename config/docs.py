"""The OpenAPI description and its two readers, which load with no network and run no inline script."""

from functools import lru_cache
from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiJsonRenderer2, OpenApiYamlRenderer
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

# Both readers write style elements as they go; neither is given more than that, and never a script.
_SWAGGER_RELAXATION = {"style-src": [SELF, UNSAFE_INLINE], "img-src": [SELF, "data:"]}
_REDOC_RELAXATION = {**_SWAGGER_RELAXATION, "worker-src": [SELF, "blob:"]}


@lru_cache(maxsize=1)
def openapi_schema() -> dict[str, Any]:
    """The OpenAPI document of the whole API. It does not depend on who asks, so it is made once a process."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return schema


class SchemaView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = (OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        """JSON; YAML for `Accept: application/vnd.oai.openapi`."""
        return Response(openapi_schema())


@method_decorator(csp_update(_SWAGGER_RELAXATION), name="dispatch")
class SwaggerView(SpectacularSwaggerSplitView):
    url_name = "schema"
    template_name = "api/swagger.html"


@method_decorator(csp_update(_REDOC_RELAXATION), name="dispatch")
class RedocView(SpectacularRedocView):
    url_name = "schema"
    template_name = "api/redoc.html"
