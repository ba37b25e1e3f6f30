"""Django's settings, made from the desk's directory and from Clewline's settings table."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from clewline.desk.home import DeskHome
from clewline.errors import UsageError
from clewline.settings import value_of

HOME: Final = DeskHome.default()
HERE: Final = Path(__file__).parent


def _database(url: str | None) -> dict[str, Any]:
    """Turn the database setting into Django's form."""
    if url is None:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": HOME.database,
            "OPTIONS": {
                # A transaction that will write says so at once, so two of them never deadlock.
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                "PRAGMA cache_size=-65536; PRAGMA secure_delete=ON;",
            },
        }
    parts = urlsplit(url)
    if parts.scheme != "postgresql" or not parts.path.strip("/"):
        raise UsageError("must be postgresql://name@host/database", where="CLEWLINE_DESK_DATABASE")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        # One connection a thread of the server, kept between requests; tested before it is used.
        "CONN_MAX_AGE": 300,
        "CONN_HEALTH_CHECKS": True,
    }


ORIGIN: Final = value_of("desk_origin") or "http://localhost:8000"
_host = urlsplit(ORIGIN).hostname or "localhost"
_tls = ORIGIN.startswith("https://")

SECRET_KEY = HOME.key("session").hex()
DEBUG = False
ALLOWED_HOSTS = [_host] if _tls else [_host, "127.0.0.1", "[::1]"]
ROOT_URLCONF = "clewline.desk.urls"
WSGI_APPLICATION = "clewline.desk.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": _database(value_of("desk_database"))}

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "csp",
    "django_htmx",
    "clewline.desk.accounts",
    "clewline.desk.audit",
    "clewline.desk.records",
    "clewline.desk.cases",
    "clewline.desk.alerts",
    "clewline.desk.money",
    "clewline.desk.deconfliction",
    "clewline.desk.exports",
    "clewline.desk.retention",
    "clewline.desk.names",
    "clewline.desk.ours",
    "clewline.desk.watch",
    "clewline.desk.queue",
    "clewline.desk.welfare",
    "clewline.desk.figures",
    "clewline.desk.bulk",
    "clewline.desk.partners",
    "clewline.desk.received",
    "clewline.desk.routing",
    "clewline.desk.lookups",
    "clewline.desk.disputes",
    "clewline.desk.web",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "clewline.desk.accounts.middleware.SessionLimits",
    "clewline.desk.accounts.middleware.SecondFactor",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "clewline.desk.web.errors.Errors",
    "axes.middleware.AxesMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [HERE / "web" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "clewline.desk.web.context.desk",
            ],
            "builtins": ["clewline.desk.web.templatetags.desk"],
        },
    }
]

# Accounts
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "clewline.desk.accounts.adapter.ClosedDoors"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_PREVENT_ENUMERATION = True
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "Clewline"
MFA_TOTP_TOLERANCE = 1  # clocks of telephones differ by half a minute
MFA_PASSKEY_LOGIN_ENABLED = False
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not _tls
MFA_ADAPTER = "clewline.desk.accounts.adapter.SealedSecrets"
AXES_FAILURE_LIMIT = 5  # as many as allauth lets through in five minutes
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = ["username"]
SILENCED_SYSTEM_CHECKS = ["axes.W006"]  # whoever changes their IP address gains nothing
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_LOCKOUT_CALLABLE = "clewline.desk.accounts.views.locked_out"

# Sessions and cookies
SESSION_COOKIE_AGE = int(float(value_of("desk_session_hours") or "10") * 3600)
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_NAME = "clewline_session"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _tls
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
IDLE_SECONDS: Final = int(float(value_of("desk_idle_minutes") or "30") * 60)

# What a browser may do with a page
CSRF_TRUSTED_ORIGINS = [ORIGIN]
SECURE_HSTS_SECONDS = 31_536_000 if _tls else 0
SECURE_REFERRER_POLICY = "same-origin"  # none at all would make forms anonymous
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _tls else None
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}

# Text and no files: nothing is taken as an upload.
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024
FILE_UPLOAD_HANDLERS: list[str] = []

# No mail either: nobody is written to, whatever a library would like to say.
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

# Figures
SMALLEST_COUNT: Final = int(value_of("desk_smallest_count") or "5")

# Disputes
DISPUTE_DAYS: Final = int(value_of("desk_dispute_days") or "30")
DISPUTE_FORM: Final = value_of("desk_dispute_form") or ""

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [HERE / "locale"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    # A log names what failed, never what somebody typed.
    "filters": {"no_text": {"()": "clewline.desk.web.errors.NoPastedText"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "filters": ["no_text"]}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
