"""The OpenAPI description: what every operation can answer is written here once, the rest by
`@extend_schema`."""

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework.permissions import AllowAny, IsAuthenticated

from compliance.api.serializers import ErrorResponseSerializer

_WORDS = {
    400: "The request is malformed or does not validate.",
    401: "The API key is missing, malformed, unknown, expired or revoked.",
    403: "The role does not allow it.",
    404: "Unknown, or not yours to see.",
    406: "Only JSON is answered.",
    408: "The body did not arrive in time.",
    409: "The state does not allow it.",
    413: "The body is larger than 1,000,000 bytes.",
    415: "Only application/json is read.",
    429: "Too many requests; see Retry-After.",
    503: "The database is busy or away; try again.",
}


def errors(*status_codes: int, **words: str) -> dict[int, OpenApiResponse]:
    """Error responses for `responses=` of `extend_schema`: `{201: X, **errors(409)}`; `status_409="..."`
    words one."""
    return {
        code: OpenApiResponse(ErrorResponseSerializer, description=words.get(f"status_{code}", _WORDS[code]))
        for code in status_codes
    }


class ApiSchema(AutoSchema):
    """Adds to every operation the errors that follow from its authentication, permissions, path, body and
    throttles.

    What a view refuses beyond that (409, say) it declares with `errors()`.
    """

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for code, response in errors(*self._implied_statuses()).items():
            if str(code) not in bodies:
                bodies[str(code)] = self._get_response_for_code(  # type: ignore[no-untyped-call]
                    response, str(code), None, direction
                )
        return dict(sorted(bodies.items()))

    def _implied_statuses(self) -> set[int]:
        implied = {400, 406, 408, 413, 503}  # 408, 413: a body where none is read is limited all the same
        if self.view.get_authenticators():
            implied.add(401)
        if any(type(permission) not in (AllowAny, IsAuthenticated) for permission in self.view.get_permissions()):
            implied.add(403)
        if "{" in self.path:
            implied.add(404)
        if self.method in ("POST", "PUT", "PATCH"):
            implied.add(415)
        if self.view.get_throttles():
            implied.add(429)
        return implied

    def get_tags(self) -> list[str]:
        words = [word for word in self.path.split("/") if word and word not in ("api", "v1")]
        return words[:1]


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = "compliance.api.authentication.ApiKeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A key from `POST /auth/login`."}


class StrictBodyExtension(OpenApiSerializerExtension):
    """Says of a request body that it takes no other members, so that a generated client finds a misspelt one."""

    target_class = "compliance.api.serializers.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Literal["request", "response"]) -> dict[str, Any]:
        body: dict[str, Any] = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**body, "additionalProperties": False}
