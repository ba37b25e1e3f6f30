"""The commands of the audit log, on a desk of their own, in processes of their own."""

from __future__ import annotations

import http.server
import json
import sqlite3
import threading
from pathlib import Path

import pytest
from tests.desk.terminal import Run, terminal

from clewline.desk.audit.chain import Row, line_of

PASSPHRASE = "made up for this test"  # noqa: S105


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run ``clewline desk audit``."""
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
    return terminal(tmp_path, "desk", "audit")


def test_sign_cut_and_verify(tmp_path: Path, run: Run) -> None:
    from clewline.desk.home import DeskHome

    home, here = DeskHome(tmp_path / "desk").make(), ("--home", "desk")
    (tmp_path / "outside").mkdir()
    run("key", "--out", "key.pem", "--passphrase-file", "passphrase", *here)
    again = run("key", "--out", "key.pem", "--passphrase-file", "passphrase", *here, code=2)
    assert "not replaced" in again.stderr
    run("key", "--public-key", "key.pem.pub", *here)
    secret = ("--key", "key.pem", "--passphrase-file", "passphrase", *here)
    signed = run("sign", *secret, "--drop", "outside", "--tsa-request", "query.tsq")
    anchor = json.loads(signed.stdout)
    assert anchor["seq"] == 2
    assert [file.read_text() for file in (tmp_path / "outside").iterdir()] == [
        signed.stdout.rstrip("\n")
    ]
    assert (tmp_path / "query.tsq").read_bytes().startswith(b"\x30")
    against = ("--anchors", "outside", "--public-key", "key.pem.pub")
    assert "whole: 3 events" in run("verify", *against, *here).stdout
    # The export verifies where there is no desk.
    with sqlite3.connect(home.database) as raw:
        raw.row_factory = sqlite3.Row
        found = raw.execute("SELECT * FROM audit_event ORDER BY seq").fetchall()
    lines = []
    for row in found:
        at = row["at"].replace(" ", "T") + "+00:00"
        lines.append(line_of(Row(**{**dict(row), "at": at})))
    (tmp_path / "export.jsonl").write_text("\n".join(lines) + "\n")
    assert "anchors: 1 agree" in run("verify", "--file", "export.jsonl", *against).stdout
    (tmp_path / "export.jsonl").write_text("\n".join(lines[:1]) + "\n")
    cut = run("verify", "--file", "export.jsonl", *against, code=1)
    assert "event 2: truncated" in cut.stderr
    assert "[audit-broken]" in cut.stderr
    (tmp_path / "passphrase").write_text("another passphrase\n")
    assert "[bad-seal]" in run("sign", *secret, code=1).stderr


def test_no_desk_is_made_where_none_is(tmp_path: Path, run: Run) -> None:
    assert "[no-desk]" in run("verify", "--home", "nowhere", code=1).stderr
    assert not (tmp_path / "nowhere").exists()
    assert "[usage]" in run("verify", "--file", "nowhere.jsonl", code=2).stderr
    assert "[usage]" in run("key", code=2).stderr


def test_a_time_authority_is_asked_once_and_its_answer_is_bounded() -> None:
    from clewline.desk.audit.time_authority import ask
    from clewline.errors import UnavailableError, UsageError

    asked: list[tuple[str, bytes, str | None]] = []

    class Authority(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.path, body, self.headers["Content-Type"]))
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "/tsa")
            elif self.path == "/page":
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
            else:
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
            length = 2 << 20 if self.path == "/large" else 6
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(b"answer" if length == 6 else bytes(length))

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Authority)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        assert ask(f"{url}/tsa?x=1", b"query") == b"answer"
        assert asked == [("/tsa?x=1", b"query", "application/timestamp-query")]
        for path in ("/moved", "/page", "/large"):
            with pytest.raises(UnavailableError):
                ask(url + path, b"query")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    with pytest.raises(UnavailableError):
        ask(url, b"query")
    with pytest.raises(UsageError):
        ask("file:///etc/hostname", b"query")
