"""DRF permissions made from the predicates of compliance.roles, with a refusal that says what role it
takes."""

from collections.abc import Callable
from typing import ClassVar

from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from compliance import roles


def role_permission(predicate: Callable[[roles.Actor], bool], message: str) -> type[BasePermission]:
    """A permission class for `permission_classes`: signed in (else 401) and `predicate(user)` (else 403
    `message`)."""
    refusal = message

    class RolePermission(IsAuthenticated):
        message: ClassVar[str] = refusal

        def has_permission(self, request: Request, view: APIView) -> bool:
            # Whoever is not signed in fails here and is answered 401 by the view.
            return super().has_permission(request, view) and predicate(request.user)

    return RolePermission


MayCreateWorkflow = role_permission(roles.may_create_workflow, "Creating takes the role admin or operator.")
