"""Django's settings, derived from `Options`. Importing this module has no side effects on disk."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from psycopg.conninfo import conninfo_to_dict

from dojang.config.options import load_options
from dojang.config.postgres import PrivatePostgres

DOJANG_OPTIONS = load_options()
_home = DOJANG_OPTIONS.folder


def _kept(name: str) -> str:
    """Return a secret of the data folder, or a passing one where none was made (checks, type checker)."""
    with suppress(OSError):
        return (_home.secrets / name).read_text("ascii").strip()
    return secrets.token_hex(32)


def _database(url: str) -> dict[str, Any]:
    """Translate a connection address into Django's terms, with limits on how long anything may hang."""
    parts = conninfo_to_dict(url)
    timeouts = "-c statement_timeout=15000 -c lock_timeout=8000 -c idle_in_transaction_session_timeout=30000"
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": str(parts.pop("dbname", "") or "dojang"),
        "USER": str(parts.pop("user", "") or ""),
        "PASSWORD": str(parts.pop("password", "") or ""),
        "HOST": str(parts.pop("host", "") or ""),
        "PORT": str(parts.pop("port", "") or ""),
        # One connection for each server thread, kept open; checked before a request uses it.
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 10,
            "application_name": "dojang",
            # A statement used for the third time by a connection is planned for good: most of a step's time
            # in the server was planning. Needs sessions of our own, as the advisory locks do anyway.
            "server_side_binding": True,
            "prepare_threshold": 3,
            **{key: value for key, value in parts.items() if key != "options"},
            "options": f"{parts.get('options') or ''} {timeouts}".strip(),
        },
    }


def _private_url() -> str:
    with suppress(OSError):
        if (_home.secrets / "db.pass").is_file():
            return PrivatePostgres(_home).url()
    return "postgresql:///dojang"


DOJANG_DATABASE_URL = DOJANG_OPTIONS.database_url or _private_url()
DATABASES = {"default": _database(DOJANG_DATABASE_URL)}

SECRET_KEY = _kept("django.key")
#: Key of sealed columns and of the numbers shown on screens, as bytes (32).
DOJANG_FIELD_KEY = bytes.fromhex(_kept("field.key"))
DOJANG_NUMBERS_KEY = bytes.fromhex(_kept("numbers.key"))
DOJANG_POLICY = DOJANG_OPTIONS.build_policy()

DEBUG = False
ALLOWED_HOSTS = [
    *DOJANG_OPTIONS.allowed_hosts,
    *{urlsplit(DOJANG_OPTIONS.base_url).hostname or "localhost", "localhost", "127.0.0.1", "[::1]"},
]
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.staticfiles",
    "procrastinate.contrib.django",
    "ninja",
    "csp",
    "dojang.guard",
    "dojang.audit",
    "dojang.ca",
    "dojang.wallet",
    "dojang.issuing",
    "dojang.ra",
    "dojang.notices",
    "dojang.account",
    "dojang.web",
    "dojang.api",
    *(["dojang.sandbox"] if DOJANG_OPTIONS.sandbox else []),
]
#: A process for the JSON interface alone has no pages to show an error on.
_WITH_PAGES = DOJANG_OPTIONS.serve in {"all", "web"}
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "dojang.config.middleware.HeadMiddleware",
    "dojang.config.middleware.RequestIdMiddleware",
    "dojang.config.middleware.SourceMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "dojang.config.middleware.NulMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "dojang.config.middleware.WorldMiddleware",
    "dojang.edge.middleware.RefusalMiddleware",
    *(["dojang.web.middleware.WebMiddleware"] if _WITH_PAGES else []),
]
ROOT_URLCONF = "dojang.config.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "csp.context_processors.nonce",
            ],
        },
    },
]

LANGUAGE_CODE = "ko"
LANGUAGES = [("ko", "한국어"), ("en", "English")]
LANGUAGE_COOKIE_NAME = "dojang_language"
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = DOJANG_OPTIONS.is_secure
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATICFILES_DIRS: list[str] = []
STATIC_ROOT = str(_home.run / "static")

CSRF_COOKIE_NAME = "__Host-dojang_csrf" if DOJANG_OPTIONS.is_secure else "dojang_csrf"
CSRF_COOKIE_SECURE = DOJANG_OPTIONS.is_secure
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Strict"
if _WITH_PAGES:
    CSRF_FAILURE_VIEW = "dojang.web.errors.csrf_failed"
CSRF_TRUSTED_ORIGINS = [DOJANG_OPTIONS.base_url]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if DOJANG_OPTIONS.is_secure else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if DOJANG_OPTIONS.is_secure else None
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 262_144
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "flood": {"()": "dojang.config.logs.FloodFilter"},
        "mask": {"()": "dojang.config.logs.MaskingFilter"},
    },
    "formatters": {"json": {"()": "dojang.config.logs.JsonFormatter"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["flood", "mask"]},
    },
    "root": {"handlers": ["stderr"], "level": DOJANG_OPTIONS.log_level},
    "loggers": {
        "django": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        "procrastinate": {"level": "WARNING"},
        "granian": {"level": "WARNING"},
    },
}

#: Where the front-end bundle lands; made by the build, absent in a bare checkout.
DOJANG_BUNDLE = Path(__file__).resolve().parent.parent / "web" / "static" / "dist"
