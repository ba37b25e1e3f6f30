"""Walls: nothing is visited, nothing is taken as a file, a browser may do little with a page."""

from __future__ import annotations

import ast
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django import forms
from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.test import Client, override_settings
from django.urls import reverse
from tests.desk import planted
from tests.desk.conftest import World
from tests.desk.test_matrix import PAGES, Asking, body_of

from clewline.desk import settings as desk_settings

DESK: Final = Path(settings.HERE)
TEMPLATES: Final = sorted((DESK / "web" / "templates").rglob("*.html"))

# --- Nothing is visited -----------------------------------------------------------------------

CLIENTS: Final = {
    "django.core.mail",
    "django.core.cache.backends.memcached",
    "django.core.cache.backends.redis",
    "django.core.files.uploadedfile",
    "django.core.files.uploadhandler",
    "django.contrib.sitemaps",
    "django.contrib.staticfiles.handlers",
    "allauth.socialaccount",
    "allauth.account.utils.send",
    "allauth.core.internal.httpkit",
    "axes.handlers.proxy",
    "asyncio",
    "socketserver",
    "imaplib",
    "nntplib",
    "multiprocessing",
}
"""What of our own dependencies opens a way out or takes files; the standard library's ways are in
tests/test_layers.py, which walks every module."""


BESIDE: Final = "running.py: multiprocessing.get_context"
"""Starts a second process of the desk on this machine; it goes nowhere."""


def _imports(path: Path) -> Iterator[str]:
    """Yield the full name of everything that a module imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_the_desk_imports_no_way_out() -> None:
    found = [
        f"{path.relative_to(DESK)}: {name}"
        for path in sorted(DESK.rglob("*.py"))
        for name in _imports(path)
        if any(name == way or name.startswith(f"{way}.") for way in CLIENTS)
    ]
    assert found == [BESIDE]


def test_no_app_of_ours_sends_mail_or_asks_others() -> None:
    assert not {"allauth.socialaccount", "django.contrib.sites"} & set(settings.INSTALLED_APPS)
    assert desk_settings.EMAIL_BACKEND == "django.core.mail.backends.dummy.EmailBackend"


@pytest.fixture
def no_way_out(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Refuse every connection but to this machine's database, and every look-up of a name."""
    tried: list[Any] = []

    def refuse(_socket: socket.socket, address: Any, *_: Any) -> Any:
        tried.append(address)
        raise OSError("there is no network")

    def refuse_name(host: Any, *_: Any, **__: Any) -> Any:
        tried.append(host)
        raise OSError("there is no network")

    connect = socket.socket.connect

    def guarded(own: socket.socket, address: Any) -> Any:
        local = own.family == socket.AF_UNIX or address[0] in ("127.0.0.1", "::1")
        return connect(own, address) if local else refuse(own, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded)
    monkeypatch.setattr(socket.socket, "sendto", refuse)
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
        monkeypatch.setattr(socket, name, refuse_name)
    return tried


FULL_OF_URLS: Final = (
    "Made up. See https://one.example/a, http://192.0.2.7:8080/x and hxxp://two[.]example. "
    '<a href="https://three.example/pay">pay</a> <img src="//four.example/b.png"> '
    "<link rel=icon href=https://five.example/favicon.ico> bitcoin:"
    f"{planted.ADDRESS}?amount=0.1&r=https://six.example/bip70 ftp://seven.example "
    "\\\\\\\\eight.example\\share someone@nine.example http://expyuzz4wqqyqhjn.onion/"
)


def test_pages_over_records_full_of_urls_visit_nothing(world: World, no_way_out: list[Any]) -> None:
    analyst = world.person("analyst")
    client = world.client(analyst)
    paste = FULL_OF_URLS
    read = client.post(reverse("record"), {**_record_form(world), "paste": paste, "action": "read"})
    assert read.status_code == 200
    assert planted.ADDRESS in read.content.decode()
    for line in (*FULL_OF_URLS.split(), "https://one.example/a", "one.example"):
        assert client.post(reverse("search"), {"q": line}).status_code == 200
    many = "\n".join(FULL_OF_URLS.split())
    assert client.post(reverse("search"), {"lines": many}).status_code == 200
    saved = client.post(
        reverse("record"), {**_record_form(world), "url": "https://one.example/a", "paste": paste}
    )
    assert saved.status_code in (302, 422)
    for (name, method), row in PAGES.items():
        person = world.person("investigator" if name.startswith("case") else "analyst")
        # Each page has records of its own, as in the matrix.
        with transaction.atomic():
            asking = Asking(world, person, person)
            asker, url = world.client(person), row.path(asking)
            if method == "GET":
                asker.get(url)
            else:
                asker.post(url, body_of(row, asking))
            transaction.set_rollback(True)
    assert no_way_out == []


def _record_form(world: World) -> dict[str, Any]:
    """Return an empty form of a page, with URLs where text may stand."""
    person = world.person("analyst")
    form = body_of(PAGES["record", "POST"], Asking(world, person, person))
    return {**form, "neutral_summary": "see https://one.example/a", "without_options": "on"}


def test_the_wall_of_the_test_holds(no_way_out: list[Any]) -> None:
    with pytest.raises(OSError, match="no network"):
        socket.create_connection(("192.0.2.1", 80))
    assert no_way_out == ["192.0.2.1"]


# --- What a browser may do with a page ----------------------------------------------------------

POLICY: Final = (
    *("default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'"),
    *("font-src 'self'", "connect-src 'self'", "form-action 'self'", "frame-ancestors 'none'"),
    *("base-uri 'none'", "object-src 'none'"),
)


def _guarded(answer: Any) -> None:
    """Hold an answer's headers against what each page must say."""
    assert set(answer["Content-Security-Policy"].split("; ")) == set(POLICY)
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    for cookie in answer.cookies.values():
        # One that is being taken away needs no guard.
        if cookie.value:
            assert cookie["httponly"], cookie.key
            assert cookie["samesite"] == "Strict", cookie.key


@pytest.mark.parametrize("key", PAGES, ids=" ".join)
def test_every_page_is_guarded(world: World, key: tuple[str, str]) -> None:
    person = world.person("investigator" if key[0].startswith(("case", "open")) else "analyst")
    asking = Asking(world, person, person)
    url = PAGES[key].path(asking)
    client = world.client(person)
    answer = client.get(url) if key[1] == "GET" else client.post(url, body_of(PAGES[key], asking))
    _guarded(answer)


@pytest.mark.parametrize(
    "path", ["/accounts/login/", "/no-such-page/", "/api/me", "/setup/x/", "/accounts/2fa/", "/"]
)
def test_pages_of_strangers_are_guarded(db: None, path: str) -> None:
    _guarded(Client().get(path))


@override_settings(SESSION_COOKIE_SECURE=True, CSRF_COOKIE_SECURE=True)
def test_cookies_stay_on_tls(world: World) -> None:
    client = Client()
    client.get("/accounts/login/")
    answer = client.post(
        "/accounts/login/", {"login": "north-analyst", "password": "made-up-password"}
    )
    assert answer.cookies
    assert all(cookie["secure"] for cookie in answer.cookies.values() if cookie.value)


def test_one_setting_turns_tls_on() -> None:
    """An origin of https makes cookies secure and asks browsers to stay on TLS."""
    source = (DESK / "settings.py").read_text(encoding="utf-8")
    assert "SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _tls" in source
    assert "SECURE_HSTS_SECONDS = 31_536_000 if _tls else 0" in source


DRAWN_HERE: Final = "{{ totp_svg|safe }}"
"""The code for an authenticator app, which the desk draws itself."""
INLINE: Final = {
    "a style": re.compile(r"<style|\sstyle\s*=", re.I),
    "a script": re.compile(r"<script(?![^>]*\ssrc=\"\{% static)[^>]*>", re.I),
    "a handler": re.compile(r"\son[a-z]{3,}\s*=\s*[\"']", re.I),
    "code of htmx": re.compile(r"\shx-(?:on|vals|vars)[:=-]?[^=]*=\s*[\"']?js:|\shx-on", re.I),
    "a data URI": re.compile(r"data:[a-z]+/|javascript:", re.I),
    "something of elsewhere": re.compile(
        r"(?:src|href|action|hx-[a-z]+)=[\"']?(?:https?:)?//", re.I
    ),
    "a picture": re.compile(r"<(?:img|picture|video|audio|iframe|object|embed|svg|canvas)\b", re.I),
    "a form of files": re.compile(r"type=[\"']?file|multipart/form-data", re.I),
    "text that is not escaped": re.compile(r"\|\s*safe\b|autoescape\s+off|mark_safe"),
}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_nothing_inline(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace(DRAWN_HERE, "")
    found = {what for what, form in INLINE.items() if form.search(text)}
    assert not found, f"{path.relative_to(DESK)} has {found}"


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a style", '<p style="x">'),
        ("a script", "<script>1</script>"),
        ("a handler", '<a onclick="x">'),
        ("something of elsewhere", '<a href="https://x.example">'),
        ("a data URI", '<link href="data:image/png;base64,x">'),
        ("a form of files", '<input type="file">'),
        ("text that is not escaped", "{{ x|safe }}"),
    ],
)
def test_a_breach_is_found(what: str, text: str) -> None:
    assert INLINE[what].search(text)


# --- Nothing is taken as a file -----------------------------------------------------------------


def _subclasses(kind: type) -> Iterator[type]:
    """Walk all classes below one."""
    for below in kind.__subclasses__():
        yield below
        yield from _subclasses(below)


def test_no_form_has_a_field_for_files() -> None:
    ours = [one for one in _subclasses(forms.BaseForm) if one.__module__.startswith("clewline.")]
    assert len(ours) > 15
    fields = [
        f"{form.__name__}.{name}"
        for form in ours
        for name, field in getattr(form, "base_fields", {}).items()
        if isinstance(field, forms.FileField) or isinstance(field.widget, forms.FileInput)
    ]
    assert not fields


def test_no_table_has_a_column_for_files() -> None:
    columns = [
        f"{model.__name__}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.FileField | models.FilePathField)
    ]
    assert not columns


def test_nothing_handles_uploads(world: World) -> None:
    assert settings.FILE_UPLOAD_HANDLERS == []
    source = "\n".join(path.read_text(encoding="utf-8") for path in DESK.rglob("*.py"))
    assert "request.FILES" not in source
    assert "UploadedFile" not in source


def test_what_is_sent_as_a_file_is_refused_or_gone(world: World) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    client = world.client(world.person("analyst"))
    client.raise_request_exception = False
    canary = b"\x89PNG\r\n\x1a\n-made-up-canary"
    answer = client.post(
        reverse("record"), {"paste": SimpleUploadedFile("a.png", canary, "image/png")}
    )
    assert answer.status_code in (200, 400, 422)
    assert b"made-up-canary" not in answer.content
    home = Path(settings.HOME.path)
    held = [path for path in home.rglob("*") if path.is_file()]
    assert not any(b"made-up-canary" in path.read_bytes() for path in held)
