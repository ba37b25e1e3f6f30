"""Our TAXII 2.1 client, against a server on this machine that does as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.sharing.lists import full, item, shared
from typer.testing import CliRunner

from clewline.cli import app
from clewline.errors import NodeAnswerError, NodeError, SharedFileError, UsageError
from clewline.pulling import taxii
from clewline.sharing import stix
from clewline.sharing.formats import read

ONE, OTHER = "91a7b528-80eb-42ed-a74d-c6fbd5a26116", "52892447-4d7e-4f70-b94d-d7f22742ff63"
LIST = shared(full(), item(id="R-CARD0001", rail="card"))
LOGIN = "Token made-up-key"
Answer = tuple[int, Any, dict[str, str]]


class Taxii:
    """A server with two collections; `change` may answer otherwise, `asked` is what was asked.

    A page has `limit` objects at most, as section 3.5 allows; object n was added at minute n.
    """

    def __init__(self, objects: list[dict[str, Any]], limit: int = 3) -> None:
        self.objects = objects
        self.limit = limit
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.change: Callable[[str, Answer], Answer] = lambda _path, answer: answer
        self.url = ""

    def answer(self, path: str, asked: dict[str, str], login: str) -> Answer:
        if login != LOGIN:
            return 401, {"title": "no"}, {}
        tables = {
            "/taxii2/": {"title": "made up", "api_roots": ["/api/", f"{self.url}/old/"]},
            "/api/": {"title": "made up", "versions": [taxii.MEDIA], "max_content_length": 9},
            "/old/": {"title": "made up", "versions": ["application/taxii+json;version=2.0"]},
            "/api/collections/": {
                "collections": [
                    {"id": ONE, "title": "a", "can_read": True, "can_write": False},
                    {"id": OTHER, "title": "b", "can_read": False, "can_write": False},
                ]
            },
        }
        if path in tables:
            return 200, tables[path], {}
        if path != f"/api/collections/{ONE}/objects/":
            return 404, {"title": "nothing"}, {}
        after, start = asked.get("added_after", ""), int(asked.get("next", "0"))
        places = [n for n in range(len(self.objects)) if n >= start and _minute(n) > after]
        page, more = places[: self.limit], len(places) > self.limit
        if not page:
            return 200, {}, {}
        body: dict[str, Any] = {"objects": [self.objects[n] for n in page]}
        if more:
            body |= {"more": True, "next": str(page[-1] + 1)}
        return 200, body, {"X-TAXII-Date-Added-Last": _minute(page[-1])}


def _minute(place: int) -> str:
    return f"2026-01-01T00:{place:02}:00.000000Z"


@pytest.fixture
def server() -> Iterator[Taxii]:
    """A running server."""
    made = Taxii(stix.bundle(LIST)["objects"])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            asked = dict(parse_qsl(url.query))
            made.asked.append((url.path, asked))
            login = self.headers.get("Authorization", "")
            assert self.headers["Accept"] == taxii.MEDIA
            status, body, headers = made.change(url.path, made.answer(url.path, asked, login))
            sent = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Type": taxii.MEDIA, **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    made.url = f"http://127.0.0.1:{running.server_port}"
    threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    running.shutdown()
    running.server_close()


def _pull(server: Taxii, state: taxii.State | None = None, **of: Any) -> taxii.State:
    return taxii.pull(f"{server.url}/taxii2/", LOGIN, state=state, **of)


def test_every_page_is_read_and_the_bundle_is_what_was_shared(server: Taxii) -> None:
    done = _pull(server)
    assert len(done.objects) == len(server.objects)
    assert read("stix", done.bundle()) == LIST
    assert (done.next, done.added_after) == ("", _minute(len(server.objects) - 1))
    pages = [asked for path, asked in server.asked if path.endswith("/objects/")]
    assert pages[0] == {"limit": "500"}
    assert [one["next"] for one in pages[1:]] == [str(n) for n in range(3, len(server.objects), 3)]


def test_the_next_run_asks_for_what_was_added_since(server: Taxii) -> None:
    server.objects, later = server.objects[:5], server.objects[5:]
    first = _pull(server)
    changed = {**server.objects[0], "modified": "2030-01-01T00:00:00.000Z", "name": "made up"}
    server.objects = [*server.objects, *later, changed]
    second = _pull(server, taxii.read_state(first.as_bytes(), "x"))
    assert len(second.objects) == len(first.objects) + len(later)
    assert second.objects[changed["id"]] == changed
    at = next(n for n, (_, asked) in enumerate(server.asked) if "added_after" in asked)
    assert server.asked[at][1]["added_after"] == _minute(4)
    assert _pull(server, second) == second
    older = {**changed, "modified": "2001-01-01T00:00:00.000Z"}
    server.objects.append(older)
    assert _pull(server, second).objects[changed["id"]] == changed


def test_a_run_that_broke_goes_on_where_it_stopped(server: Taxii) -> None:
    kept: list[taxii.State] = []

    def break_off(state: taxii.State) -> None:
        kept.append(state)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _pull(server, keep=break_off)
    server.asked.clear()
    done = _pull(server, taxii.read_state(kept[0].as_bytes(), "x"))
    assert next(asked for path, asked in server.asked if path.endswith("/objects/"))["next"] == "3"
    assert read("stix", done.bundle()) == LIST


def test_a_server_that_gives_no_next_is_asked_by_time(server: Taxii) -> None:
    def without(path: str, answer: Answer) -> Answer:
        answer[1].pop("next", None)
        return answer

    server.change = without
    assert read("stix", _pull(server).bundle()) == LIST
    server.change = lambda path, answer: (200, {"more": True}, {}) if "objects" in path else answer
    with pytest.raises(NodeAnswerError, match="not where"):
        _pull(server)


def test_a_busy_server_is_asked_again(server: Taxii) -> None:
    busy = [503, 429]
    server.change = lambda _path, answer: (busy.pop(), {}, {}) if busy else answer
    told: list[str] = []
    assert read("stix", _pull(server, patience=60.0, report=told.append).bundle()) == LIST
    assert len(told) == 2
    server.change = lambda _path, _answer: (503, {}, {"Retry-After": "3600"})
    with pytest.raises(NodeError, match="503"):
        _pull(server, patience=60.0)


def test_no_other_server_is_asked_and_no_login_told(server: Taxii) -> None:
    for root in ("https://elsewhere.example/api/", "//elsewhere.example/", "http://127.0.0.1:1/"):
        server.change = lambda path, answer, root=root: (  # type: ignore[misc]
            (200, {"title": "x", "api_roots": [root]}, {}) if path == "/taxii2/" else answer
        )
        with pytest.raises(NodeAnswerError, match=r"another server|URL"):
            _pull(server)
    server.change = lambda _path, _answer: (302, b"", {"Location": "http://127.0.0.1:1/"})
    with pytest.raises(NodeAnswerError, match="302"):
        _pull(server)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{", {}),
        (b"[]", {}),
        ({"objects": {}}, {}),
        ({"objects": [{"type": "indicator"}]}, {}),
        ({"objects": []}, {"Content-Type": "text/html"}),
        ({"objects": []}, {"Content-Type": "application/taxii+json; version=2.0"}),
        (b'{"more":true,"next":"1","more":true}', {}),
    ],
)
def test_what_is_no_taxii_is_refused(server: Taxii, body: Any, headers: dict[str, str]) -> None:
    server.change = lambda path, answer: (200, body, headers) if "objects" in path else answer
    with pytest.raises(NodeAnswerError):
        _pull(server)


def test_too_much_is_refused(server: Taxii, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, least in (("MOST_OBJECTS", 2), ("MOST_BYTES", 100), ("MOST_PAGES", 1)):
        with monkeypatch.context() as small:
            small.setattr(taxii, name, least)
            with pytest.raises(NodeAnswerError, match="more than"):
                _pull(server)
    monkeypatch.setattr(taxii, "_PAGE_BYTES", 50)
    with pytest.raises(NodeAnswerError, match="longer"):
        _pull(server)


def test_a_run_ends_when_its_time_is_over(server: Taxii, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taxii, "MOST_SECONDS", -1.0)
    with pytest.raises(NodeError, match="run again"):
        _pull(server)


@pytest.mark.parametrize(
    "url",
    [
        "http://taxii.example/taxii2/",
        "https://ann:secret@taxii.example/",
        "ftp://taxii.example/",
        "https://taxii.example/?x=1",
    ],
)
def test_only_https_without_a_login_in_it(url: str) -> None:
    with pytest.raises(UsageError) as error:
        taxii.pull(url, "")
    assert "secret" not in str(error.value)


def test_the_command(server: Taxii, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state, out, login = (tmp_path / name for name in ("state.json", "a.json", "login"))
    login.write_text("token made-up-key\n")

    def run(out: Path, *more: str) -> Any:
        start = ["share", "pull", f"{server.url}/taxii2/", "--out", str(out), "--state", str(state)]
        return CliRunner().invoke(app, [*start, *more])

    done = run(out, "--login-file", str(login))
    assert done.stdout.startswith(f"{len(server.objects)} objects"), done.exception
    for file in (out, state):
        assert file.stat().st_mode & 0o077 == 0
        assert b"made-up-key" not in file.read_bytes()
    valid = CliRunner().invoke(app, ["share", "validate", str(out), "--format", "stix"])
    assert "valid: list 7" in valid.stdout
    assert isinstance(run(out, "--login-file", str(login)).exception, UsageError)
    assert isinstance(run(tmp_path / "b.json").exception, NodeError)
    monkeypatch.setenv("CLEWLINE_TAXII_LOGIN", "token made-up-key")
    assert "0 of them new" in run(tmp_path / "c.json").stdout
    assert (tmp_path / "c.json").read_bytes() == out.read_bytes()
    for wrong in (OTHER, "x"):
        assert isinstance(run(tmp_path / "d.json", "--collection", wrong).exception, UsageError)
    monkeypatch.setenv("CLEWLINE_TAXII_LOGIN", "made-up-key")
    said = run(tmp_path / "d.json").exception
    assert isinstance(said, UsageError)
    assert "made-up-key" not in str(said)
    monkeypatch.setenv("CLEWLINE_TAXII_LOGIN", "token made-up-key")
    for broken in (b"{}", b"[]", state.read_bytes().replace(b'"objects":{', b'"objekts":{')):
        state.write_bytes(broken)
        assert isinstance(run(tmp_path / "d.json").exception, SharedFileError)
    assert not (tmp_path / "d.json").exists()
