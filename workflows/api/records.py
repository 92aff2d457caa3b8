"""What the viewsets of workflows, stages, executions and certificates share."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from compliance import roles
from compliance.api.errors import CapabilitiesRefused
from compliance.api.errors import Conflict as ConflictResponse
from compliance.api.filters import wants_everything
from workflows.queries import Scope
from workflows.requests import Conflict, IdempotencyConflict, NotAllowed, PermissionsRefused, RequestRefused

Answers = Sequence[Mapping[str, Any]]
SCOPE_PARAMETER = OpenApiParameter(
    "scope",
    str,
    enum=["own", "all"],
    default="own",
    description="`all`: what others own too. Admins, approvers and auditors only; others get 403.",
)


def actor_of(request: Request) -> User:
    """Return the person whose key it is; authentication let nobody else in."""
    assert isinstance(request.user, User)  # noqa: S101 - narrows a type, decides nothing
    return request.user


def readable_scope(request: Request) -> Scope:
    """Return the scope of what the caller may read one by one: `all` or `own`."""
    return "all" if roles.may_read_everything(request.user) else "own"


@contextmanager
def translated_refusals() -> Iterator[None]:
    """Turn what a service refuses into the API's errors: 400, 403 or 409."""
    try:
        yield
    except RequestRefused as error:
        raise ValidationError(error.errors) from None
    except PermissionsRefused as error:
        raise CapabilitiesRefused(error.message, error.denied) from None
    except IdempotencyConflict as error:
        raise ConflictResponse(str(error), "idempotency_key_reused") from None
    except Conflict as error:
        raise ConflictResponse(str(error), "stale") from None
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None


class RecordViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[Any]):
    """Read-only records: listed with a scope, and read one by one by whoever may see them."""

    query_parameters: tuple[str, ...] = ("scope",)
    list_serializer_class: type[BaseSerializer[Any]]

    def get_queryset(self) -> QuerySet[Any]:
        if not isinstance(self.request.user, User):  # the schema generator asks for the model only
            return super().get_queryset()
        if self.detail:
            return self.visible(self.request.user, readable_scope(self.request))
        return self.visible(self.request.user, "all" if wants_everything(self.request) else "own")

    def visible(self, user: User, scope: Scope) -> QuerySet[Any]:
        """Return the records that the person may see in that scope, with what their serializers need."""
        raise NotImplementedError

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response(self.answer_page(page))

    def answer_page(self, page: Sequence[Any]) -> Answers:
        """Return what the list says of the records of a page, in a fixed number of queries."""
        answers: Answers = self.get_serializer(page, many=True).data
        return answers

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return self.list_serializer_class if self.action == "list" else super().get_serializer_class()

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Answer 404 before 405, so that no method tells whether somebody else's record exists."""
        if self.kwargs:
            self.get_object()
        return super().http_method_not_allowed(request, *args, **kwargs)
