"""`/auth`: sign in for a key, rotate it, see whose it is, manage one's keys."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from compliance import roles
from compliance.accounts import AccountExists, check_password, create_account, record_failed_login
from compliance.api.account_serializers import (
    AccountResponseSerializer,
    ApiKeyCreatedResponseSerializer,
    ApiKeyRequestSerializer,
    ApiKeyResponseSerializer,
    LoginRequestSerializer,
    MeResponseSerializer,
    RegisterRequestSerializer,
)
from compliance.api.errors import Conflict, InvalidCredentials
from compliance.api.filters import StrictFilterBackend
from compliance.api.pagination import NewestFirst
from compliance.api.schema import errors
from compliance.api.throttles import (
    LoginAccountThrottle,
    LoginAddressThrottle,
    RegisterAddressThrottle,
    client_address,
)
from compliance.api_keys import (
    KeyAlreadyRevoked,
    api_keys_of,
    find_api_key,
    issue_api_key,
    revoke_api_key,
    rotate_api_key,
)
from compliance.models import ApiKey


def _shown_once(key: ApiKey, plaintext: str) -> Response:
    body = ApiKeyCreatedResponseSerializer(key, context={"plaintext": plaintext}).data
    return Response(body, status=201, headers={"Cache-Control": "no-store"})


def _lifetime(body: dict[str, Any]) -> timedelta | None:
    return timedelta(days=body["expires_in_days"]) if "expires_in_days" in body else None


class LoginView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (LoginAddressThrottle, LoginAccountThrottle)

    @extend_schema(
        operation_id="auth_login",
        request=LoginRequestSerializer,
        responses={201: ApiKeyCreatedResponseSerializer, **errors(401, status_401="Wrong name or password.")},
    )
    def post(self, request: Request) -> Response:
        """Exchange a password for an API key, which is shown this once."""
        serializer = LoginRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        body = serializer.validated_data
        identifier = serializer.identifier
        address = client_address(request)
        user = check_password(request, identifier, body["password"])
        if user is None:
            record_failed_login(identifier, address)
            raise InvalidCredentials()
        LoginAccountThrottle().forget(request)
        return _shown_once(*issue_api_key(user, body["name"], _lifetime(body), address=address))


class RotateView(APIView):
    @extend_schema(
        operation_id="auth_rotate",
        request=None,
        responses={
            201: ApiKeyCreatedResponseSerializer,
            **errors(409, status_409="The key was revoked in the meantime."),
        },
    )
    def post(self, request: Request) -> Response:
        """Replace the calling key by a new one with the same name and expiry; the old one stops serving.

        For a later expiry, log in again.
        """
        assert isinstance(request.auth, ApiKey)  # noqa: S101  (the one authentication class gives nothing else)
        try:
            return _shown_once(*rotate_api_key(request.auth, address=client_address(request)))
        except KeyAlreadyRevoked as error:
            raise Conflict(str(error), "key_revoked") from None


class MeView(APIView):
    @extend_schema(operation_id="auth_me", responses=MeResponseSerializer)
    def get(self, request: Request) -> Response:
        """Whose key this is, with which roles."""
        assert isinstance(request.user, User)  # noqa: S101
        return Response(MeResponseSerializer(request.user, context={"key": request.auth}).data)


class RegisterView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (RegisterAddressThrottle,)

    @extend_schema(
        operation_id="auth_register",
        request=RegisterRequestSerializer,
        responses={
            201: AccountResponseSerializer,
            **errors(403, 409, status_403="Registration is closed.", status_409="The address has an account."),
        },
    )
    def post(self, request: Request) -> Response:
        """Make an account without any role, where the operator has opened registration."""
        if not settings.REGISTRATION_OPEN:
            raise PermissionDenied("Registration is closed; ask an admin for an account.", "registration_closed")
        serializer = RegisterRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        body = serializer.validated_data
        try:
            user = create_account(body["email"], body["password"], address=client_address(request))
        except AccountExists:
            raise Conflict("There is an account with this e-mail address.", "account_exists") from None
        return Response(AccountResponseSerializer(user).data, status=201)


class _NewestKeyFirst(NewestFirst):
    ordering = ("-created", "-key_id")


class ApiKeyListView(ListAPIView[ApiKey]):
    serializer_class = ApiKeyResponseSerializer
    pagination_class = _NewestKeyFirst
    filter_backends = (StrictFilterBackend,)

    def get_queryset(self) -> Any:
        user = self.request.user
        return api_keys_of(user) if isinstance(user, User) else ApiKey.objects.none()

    @extend_schema(operation_id="auth_keys_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One's own keys, newest first, revoked and expired ones too."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="auth_keys_create",
        request=ApiKeyRequestSerializer,
        responses={201: ApiKeyCreatedResponseSerializer},
    )
    def post(self, request: Request) -> Response:
        """Issue a further key for oneself, which is shown this once.

        It expires with the calling key at the latest, whatever is asked for: `expires_at` says when. For a later
        expiry, log in.
        """
        serializer = ApiKeyRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        body = serializer.validated_data
        assert isinstance(request.user, User)  # noqa: S101
        assert isinstance(request.auth, ApiKey)  # noqa: S101
        return _shown_once(
            *issue_api_key(
                request.user,
                body["name"],
                _lifetime(body),
                not_after=request.auth.expiry,
                address=client_address(request),
            )
        )


class ApiKeyView(APIView):
    @extend_schema(operation_id="auth_keys_revoke", request=None, responses={200: ApiKeyResponseSerializer})
    def delete(self, request: Request, key_id: UUID) -> Response:
        """Revoke a key of one's own; an admin revokes anybody's. A revoked one stays as it is."""
        key = find_api_key(key_id)
        assert isinstance(request.user, User)  # noqa: S101
        if key is None or not (key.user_id == request.user.pk or roles.may_manage_accounts(request.user)):
            raise NotFound()
        try:
            revoke_api_key(key, request.user, address=client_address(request))
        except KeyAlreadyRevoked:
            key.refresh_from_db()
        return Response(ApiKeyResponseSerializer(key).data)
