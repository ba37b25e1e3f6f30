"""The way out: only where a person pointed, only https, never inwards, never onwards."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
from tests.desk.alerts.receivers import Web

from clewline.desk.alerts import sending
from clewline.desk.alerts.channels import mail, webhook
from clewline.errors import DataError, DeliveryError, UsageError


@pytest.mark.parametrize(
    "url",
    [
        "http://exchange.example/hook",
        "ftp://exchange.example/",
        "https://",
        "https://name:word@exchange.example/",
        "https://exchange.example/#part",
        "https://exchange.example:99999/",
        "file:///etc/passwd",
        "//exchange.example/",
        "",
    ],
)
def test_what_is_no_address_for_alerts(url: str) -> None:
    with pytest.raises(UsageError):
        sending.require_url(url)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "::1", "fd00::1"),
        *("0.0.0.0", "::ffff:10.0.0.1", "100.64.0.1", "224.0.0.1", "fe80::1%eth0"),  # noqa: S104
    ],
)
def test_no_channel_leads_inwards(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.delenv("CLEWLINE_ALERT_NETWORKS", raising=False)
    public = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))
    inside = (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))
    # One name with two addresses: one of them is enough to refuse it.
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [public, inside])
    with pytest.raises(DeliveryError, match="private network"):
        sending.resolve("exchange.example", 443)


def test_networks_that_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEWLINE_ALERT_NETWORKS", "10.1.0.0/16, 127.0.0.1")
    inside = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.1.2.3", 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [inside])
    assert sending.resolve("exchange.example", 443) == ("10.1.2.3", 443)
    monkeypatch.setenv("CLEWLINE_ALERT_NETWORKS", "the office")
    with pytest.raises(DataError, match="no list of networks"):
        sending.resolve("exchange.example", 443)


def test_a_redirect_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEWLINE_ALERT_NETWORKS", "127.0.0.1")
    web = Web(lambda path, before: (302, b""))
    with web.running():
        assert sending.post(f"{web.url}/hook", b"{}", {}).status == 302
    assert [path for path, _, _ in web.taken] == ["/hook"]


def test_a_receiver_that_drips_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEWLINE_ALERT_NETWORKS", "127.0.0.1")
    monkeypatch.setattr(sending, "PATIENCE", 0.3)

    cut_off = threading.Event()

    def slow(_path: str, _before: int) -> tuple[int, bytes]:
        assert cut_off.wait(30)
        return 200, b"{}"

    with Web(slow).running() as web:
        with pytest.raises(DeliveryError):
            sending.post(web.url, b"{}", {})
        cut_off.set()


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEWLINE_ALERT_NETWORKS", "127.0.0.1")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(DeliveryError, match="cannot be reached"):
        sending.post(f"http://127.0.0.1:{port}/", b"{}", {})


@pytest.mark.parametrize(
    "target", ["a@b.example\nBcc: c@d.example", "a b@c.example", "Name <a@b.example>", "a@b,c@d"]
)
def test_a_mail_address_is_one(target: str) -> None:
    with pytest.raises(UsageError, match="one mail address"):
        mail.check(target)


def signed(body: bytes = b"{}", at: str = "1760000000") -> dict[str, str]:
    """Return the headers of a signed message."""
    mark = webhook.signature("made up", "00ff", at, body)
    return {"Clewline-Delivery": "00ff", "Clewline-Timestamp": at, "Clewline-Signature": mark}


@pytest.mark.parametrize(
    ("change", "body"),
    [
        ({"Clewline-Delivery": "00fe"}, b"{}"),
        ({"Clewline-Timestamp": "1760000001"}, b"{}"),
        ({"Clewline-Signature": "v1=00"}, b"{}"),
        ({"Clewline-Signature": "v1=\u00e9"}, b"{}"),
        ({}, b"{ }"),
    ],
)
def test_a_changed_message_is_no_message(change: dict[str, str], body: bytes) -> None:
    with pytest.raises(DataError, match="signature"):
        webhook.verify("made up", {**signed(), **change}, body, now=1_760_000_000)


@pytest.mark.parametrize("later", [-301, 301])
def test_an_old_message_is_not_taken_again(later: int) -> None:
    with pytest.raises(DataError, match="too old"):
        webhook.verify("made up", signed(), b"{}", now=1_760_000_000 + later)
    assert webhook.verify("made up", signed(), b"{}", now=1_760_000_000 + 299) == "00ff"


def test_the_docs_example_runs() -> None:
    text = (Path(__file__).parents[3] / "docs" / "ALERTS.md").read_text(encoding="utf-8")
    code = text.partition("```python\n")[2].partition("```")[0]
    place: dict[str, object] = {}
    exec(code, place)  # noqa: S102 - the page of the docs, to see that it is right
    check = place["check"]
    assert callable(check)
    assert check("made up", signed(), b"{}", now=1_760_000_010) == "00ff"
    assert check("made up", signed(), b"{ }", now=1_760_000_010) is None
    assert check("made up", signed(), b"{}", now=1_760_000_999) is None
