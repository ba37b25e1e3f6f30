"""The same session over HTTPS, and through the command line."""

from __future__ import annotations

from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from ipaddress import ip_address
from pathlib import Path
from socket import create_connection

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.matching.test_session import START, Pair, address
from tests.served import served
from typer.testing import CliRunner

from clewline.cli import app
from clewline.errors import NodeAnswerError, NodeError, StorageError, UsageError
from clewline.journal import Journal
from clewline.matching import service
from clewline.matching.carriers import ask_server
from clewline.matching.hotline import Hotline
from clewline.matching.identity import make_identity
from clewline.matching.items import item_of
from clewline.matching.partners import Partner, put_partner
from clewline.serving import Place, check


def certificate(directory: Path) -> tuple[Path, Path]:
    """Make a certificate for this machine that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "made up")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = directory / "cert.pem", directory / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


def test_a_session_over_https(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    files = certificate(tmp_path)
    with served(service.application(pair.hotline([2, 3, 9])), files) as port:
        session = pair.begin(pair.file([1, 2, 3, 4, 5]), 2)
        url = f"https://127.0.0.1:{port}"
        # A certificate that nobody vouches for is not believed.
        with pytest.raises(NodeError, match="CERTIFICATE_VERIFY_FAILED"):
            ask_server(session, url, pair.clock, tell=True, patience=0)
        ask_server(session, url, pair.clock, tell=True, authority=files[0])
    assert session.matched() == {item_of(address(number), "BTC") for number in (2, 3)}
    last = list(Journal(pair.hotline_home / "journal.jsonl").read())[-1]
    assert (last["event"], last["matched"]) == ("done", 2)


def test_strangers_and_floods_get_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair(tmp_path)
    with served(service.application(pair.hotline([1]))) as port:

        def post(body: bytes) -> tuple[int, bytes]:
            with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
                connection.request("POST", "/messages", body)
                answer = connection.getresponse()
                return answer.status, answer.read()

        assert post(b"hello") == post(b"\x00" * 5_000) == (404, b"not found\n")
        stranger = Pair(tmp_path / "stranger")
        put_partner(
            stranger.exchange_home,
            Partner("this", make_identity(tmp_path / "else").public),
        )
        other = stranger.begin(stranger.file([1]))
        assert post(other.sign(next(other.messages())))[0] == 404
        with pytest.raises(NodeAnswerError, match="answers 404"):
            ask_server(other, f"http://127.0.0.1:{port}", pair.clock, tell=True, patience=0)
        monkeypatch.setattr(service, "MOST_WAITING", 0)
        assert post(b"hello")[0] == 503
        session = pair.begin(pair.file([1]))
        with pytest.raises(NodeError, match="busy"):
            ask_server(session, f"http://127.0.0.1:{port}", pair.clock, tell=True, patience=0)


def test_slow_senders_keep_nobody_out(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    begun = b"POST /messages HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nx"
    with served(service.application(pair.hotline([1, 2]))) as port, ExitStack() as slow:
        for _ in range(service.MOST_WAITING + 1):
            sender = slow.enter_context(create_connection(("127.0.0.1", port)))
            sender.sendall(begun)
        session = pair.begin(pair.file([1, 3]))
        ask_server(session, f"http://127.0.0.1:{port}", pair.clock, tell=True, patience=0)
    assert session.matched() == {item_of(address(1), "BTC")}


def test_plain_http_stays_on_this_machine(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    session = pair.begin(pair.file([1]))
    with pytest.raises(UsageError, match="needs https"):
        ask_server(session, "http://hotline.example:8443", pair.clock, tell=True)
    with pytest.raises(UsageError, match="only with a certificate"):
        check(Place("0.0.0.0", 1))  # noqa: S104 - refused
    with pytest.raises(UsageError, match="go together"):
        check(Place("127.0.0.1", 1, tmp_path / "c"))


def test_the_command_line_runs_a_session_through_a_folder(tmp_path: Path) -> None:
    run = CliRunner()

    def clewline(*words: object, code: int = 0) -> str:
        result = run.invoke(app, ["match", *map(str, words)])
        assert result.exit_code == code, (result.output, result.exception)
        return result.stdout

    hotline, exchange, folder = tmp_path / "h", tmp_path / "e", tmp_path / "shared"
    keys = clewline("init", hotline).strip(), clewline("init", exchange).strip()
    clewline("partner", hotline, "exchange", keys[1], "--most-items", 10)
    clewline("partner", exchange, "hotline", keys[0])
    listed, customers = tmp_path / "list.csv", tmp_path / "customers.csv"
    listed.write_text(
        f"chain,address,status\nBTC,{address(1)},\nBTC,{address(2)},active\nBTC,broken,\n"
        f"BTC,{address(7)},Withdrawn\n"
    )
    customers.write_text(f"chain,address,customer\nBTC,{address(2)},=1+1\nBTC,{address(7)},b\n")
    out = tmp_path / "matches.csv"
    ask = ("ask", exchange, customers, "--partner", "hotline", "--folder", folder, "--out", out)
    clewline(*ask)
    (session,) = (path.name for path in (exchange / "sessions").iterdir())
    clewline("answer", hotline, folder, "--list", listed)
    clewline(*ask, "--session", session)
    clewline("answer", hotline, folder, "--list", listed)
    nowhere = (*ask[:-1], tmp_path / "no" / "matches.csv", "--session", session)
    result = run.invoke(app, ["match", *map(str, nowhere)])
    assert isinstance(result.exception, StorageError)
    clewline(*ask, "--session", session, code=3)
    lines = out.read_text().splitlines()
    assert lines == [
        "line,customer,address,item",
        f"2,'=1+1,{address(2)},{item_of(address(2), 'BTC')}",
    ]
    clewline("answer", hotline, folder, "--list", listed)
    assert '"matched":1' in clewline("journal", hotline)
    clewline("commitment", exchange, customers, "--session", session)
    customers.write_text(f"chain,address,customer\nBTC,{address(2)},a\n")
    result = run.invoke(
        app, ["match", "commitment", str(exchange), str(customers), "--session", session]
    )
    assert isinstance(result.exception, UsageError)
    assert "other items than this file has" in str(result.exception)


def test_a_list_has_items(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    with pytest.raises(UsageError, match="1 to 1,800,000 items, not 0"):
        Hotline(pair.hotline_home, [], now=lambda: START)
