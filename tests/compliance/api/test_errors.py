from typing import Any

import pytest
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import OperationalError
from django.http import Http404
from rest_framework import exceptions, serializers
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from compliance.api.error_handler import handle_exception
from compliance.api.errors import CapabilitiesRefused, Conflict
from compliance.api.serializers import StrictSerializer, StringField, WholeNumberField


def answer(error: Exception) -> Response:
    response = handle_exception(error, {})
    assert response is not None
    return response


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (exceptions.ParseError(), 400, "malformed_request"),
        (SuspiciousOperation("x"), 400, "malformed_request"),
        (DjangoValidationError("wrong"), 400, "validation_failed"),
        (exceptions.NotAuthenticated(), 401, "not_authenticated"),
        (exceptions.AuthenticationFailed("expired"), 401, "not_authenticated"),
        (exceptions.PermissionDenied(), 403, "forbidden"),
        (DjangoPermissionDenied(), 403, "forbidden"),
        (Http404("secret"), 404, "not_found"),
        (exceptions.NotFound(), 404, "not_found"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (exceptions.NotAcceptable(), 406, "not_acceptable"),
        (Conflict(), 409, "conflict"),
        (Conflict("Another digest.", "digest_stale"), 409, "digest_stale"),
        (RequestDataTooBig(), 413, "body_too_large"),
        (exceptions.UnsupportedMediaType("text/plain"), 415, "unsupported_media_type"),
        (exceptions.Throttled(), 429, "throttled"),
        (OperationalError("database is locked"), 503, "temporarily_unavailable"),
    ],
)
def test_every_error_has_the_one_shape(error: Exception, status: int, code: str) -> None:
    response = answer(error)
    assert response.status_code == status
    assert response.data["code"] == code
    assert isinstance(response.data["detail"], str)
    assert response.data["detail"]
    assert set(response.data) <= {"detail", "code", "errors"}


def test_a_bug_is_left_to_the_server_error_page() -> None:
    assert handle_exception(ZeroDivisionError(), {}) is None


def test_all_failures_of_a_key_answer_alike() -> None:
    bodies = [answer(error).data for error in (exceptions.NotAuthenticated(), exceptions.AuthenticationFailed("old"))]
    assert bodies[0] == bodies[1]
    assert "Bearer" in bodies[0]["detail"]


def test_a_field_is_named_by_its_whole_path() -> None:
    error = exceptions.ValidationError(
        {
            "name": ["Required."],
            "stages": [{}, {"task": ["Empty."], "upstream_stage_ids": {1: ["Unknown stage."]}}],
            "webhook_url": "Not yet.",
        }
    )
    assert answer(error).data["errors"] == {
        "name": ["Required."],
        "stages.1.task": ["Empty."],
        "stages.1.upstream_stage_ids.1": ["Unknown stage."],
        "webhook_url": ["Not yet."],
    }


def test_the_detail_of_a_validation_error_is_readable_by_itself() -> None:
    assert answer(exceptions.ValidationError({"name": ["Required."]})).data["detail"] == "name: Required."
    many = answer(exceptions.ValidationError({f"f{n}": ["Required."] for n in range(5)})).data["detail"]
    assert many.endswith("And 2 more.")


def test_refused_capabilities_are_listed_under_detail() -> None:
    denied = [{"permission": "network:smtp", "reason": "outside_ceiling", "detail": "hipaa does not allow it"}]
    response = answer(CapabilitiesRefused("Nothing is left.", denied))
    assert response.status_code == 403
    assert response.data["detail"] == {"message": "Nothing is left.", "denied": denied}


def test_a_throttled_client_learns_how_long_to_wait() -> None:
    assert answer(exceptions.Throttled(wait=7.2)).headers["Retry-After"] == "8"


class StageSerializer(StrictSerializer):
    task = StringField()
    budget_cents = WholeNumberField(required=False)


class BodySerializer(StrictSerializer):
    name = StringField()
    stages = StageSerializer(many=True)


class BodyView(APIView):
    authentication_classes = ()
    permission_classes = ()

    def post(self, request: Any) -> Response:
        serializer = BodySerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(serializer.validated_data)


def post(body: Any) -> Response:
    response = BodyView.as_view()(APIRequestFactory().post("/", body, format="json"))
    assert isinstance(response, Response)
    return response


def test_an_unknown_field_is_refused_at_its_place_with_a_guess() -> None:
    response = post({"nmae": "x", "name": "x", "stages": [{"task": "t", "tsak": "u"}]})
    assert response.status_code == 400
    assert response.data["errors"] == {
        "nmae": ["Unknown field. Did you mean `name`?"],
        "stages.0.tsak": ["Unknown field. Did you mean `task`?"],
    }


@pytest.mark.parametrize("body", [[], "text", 5, None, True])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    response = post(body)
    assert response.status_code == 400
    assert response.data["code"] in {"validation_failed", "malformed_request"}


@pytest.mark.parametrize(
    ("stage", "path"),
    [
        ({"task": 5}, "stages.0.task"),
        ({"task": True}, "stages.0.task"),
        ({"task": "t", "budget_cents": "100"}, "stages.0.budget_cents"),
        ({"task": "t", "budget_cents": True}, "stages.0.budget_cents"),
        ({"task": "t", "budget_cents": 1.5}, "stages.0.budget_cents"),
    ],
)
def test_a_value_of_another_json_type_is_not_converted(stage: dict[str, Any], path: str) -> None:
    response = post({"name": "x", "stages": [stage]})
    assert response.status_code == 400
    assert list(response.data["errors"]) == [path]


def test_a_sound_body_passes() -> None:
    body = {"name": "x", "stages": [{"task": "t", "budget_cents": 100}]}
    assert post(body).data == body


def test_a_serializer_without_a_mapping_says_so() -> None:
    with pytest.raises(serializers.ValidationError, match="Invalid data"):
        StageSerializer(data=["task"]).is_valid(raise_exception=True)
