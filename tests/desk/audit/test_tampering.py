"""What somebody with all rights on the database does to the log is found, and named."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from clewline.desk.audit import anchors, offline, services, triggers
from clewline.desk.audit.chain import Kind, hash_of, line_of
from clewline.desk.audit.models import Anchor, Event
from clewline.errors import DataError, SealError, UsageError

pytestmark = pytest.mark.django_db(transaction=True)
EVENTS = 12
PASSPHRASE = "made up for this test"  # noqa: S105

Execute = Callable[..., Any]


@contextmanager
def superuser() -> Iterator[Execute]:
    """Rights to do anything: the triggers are taken down, constraints are not looked at."""
    triggers.drop(connection)
    if connection.vendor == "sqlite":
        raw = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
        yield raw.execute
        raw.close()
    else:
        with connection.cursor() as cursor:

            def execute(statement: str, values: tuple[Any, ...] = ()) -> Any:
                cursor.execute(statement.replace("?", "%s"), values)
                return cursor

            yield execute
    triggers.create(connection)


@pytest.fixture
def log() -> None:
    for number in range(1, EVENTS + 1):
        services.write(actor="A-1", action="home.read", object=f"thing {number}")


@pytest.fixture
def key(tmp_path: Path) -> Any:
    """An auditor's key, known to the desk, and its public half as a file."""
    secret, public = anchors.make_key(PASSPHRASE)
    (tmp_path / "key.pem.pub").write_bytes(public)
    private = anchors.private_key(secret, PASSPHRASE, "key.pem")
    services.register_key(anchors.public_hex(private.public_key()), "A-9")
    return private


def move(execute: Execute, old: int, new: int) -> None:
    execute("UPDATE audit_event SET seq = ? WHERE seq = ?", (new, old))


def edit(execute: Execute) -> None:
    execute("UPDATE audit_event SET object = 'another' WHERE seq = 5")


def edit_time(execute: Execute) -> None:
    execute("UPDATE audit_event SET at = '2020-01-01 00:00:00+00:00' WHERE seq = 5")


def edit_the_hash(execute: Execute) -> None:
    execute("UPDATE audit_event SET hash = ? WHERE seq = 5", ("0" * 64,))


def edit_the_link(execute: Execute) -> None:
    execute("UPDATE audit_event SET prev_hash = ? WHERE seq = 5", ("0" * 64,))


def rehash(execute: Execute, seq: int) -> None:
    """Make the hash of one event anew, as somebody would who knows how."""
    digest = hash_of(services.row_of(Event.objects.get(seq=seq)))
    execute("UPDATE audit_event SET hash = ? WHERE seq = ?", (digest, seq))


def edit_and_rehash(execute: Execute) -> None:
    edit(execute)
    rehash(execute, 5)


def delete(execute: Execute) -> None:
    execute("DELETE FROM audit_event WHERE seq = 5")


def delete_the_first(execute: Execute) -> None:
    execute("DELETE FROM audit_event WHERE seq = 1")


def delete_and_close_the_gap(execute: Execute) -> None:
    execute("DELETE FROM audit_event WHERE seq IN (5, 6)")
    for seq in range(7, EVENTS + 1):
        move(execute, seq, seq - 2)


def swap(execute: Execute) -> None:
    for old, new in ((5, 0), (6, 5), (0, 6)):
        move(execute, old, new)


def swap_far(execute: Execute) -> None:
    for old, new in ((5, 0), (9, 5), (0, 9)):
        move(execute, old, new)


def make_room(execute: Execute, first: int, number: int) -> None:
    for seq in range(EVENTS, first - 1, -1):
        move(execute, seq, seq + number)


def copy_in(execute: Execute, seq: int) -> None:
    execute(
        "INSERT INTO audit_event (seq, at, actor, on_behalf, action, object, purpose, result, "
        "client, details, prev_hash, hash) SELECT ?, at, actor, on_behalf, action, 'made later', "
        "purpose, result, client, details, hash, hash FROM audit_event WHERE seq = ?",
        (seq, seq - 1),
    )


def insert(execute: Execute) -> None:
    make_room(execute, 5, 1)
    copy_in(execute, 5)


def insert_and_rehash(execute: Execute) -> None:
    insert(execute)
    rehash(execute, 5)


def insert_two_and_rehash(execute: Execute) -> None:
    make_room(execute, 5, 2)
    for seq in (5, 6):
        copy_in(execute, seq)
        rehash(execute, seq)


def renumber_the_last(execute: Execute) -> None:
    move(execute, EVENTS, EVENTS + 9)


@pytest.mark.parametrize(
    ("deed", "seq", "kind"),
    [
        (edit, 5, Kind.EDITED),
        (edit_time, 5, Kind.EDITED),
        (edit_the_hash, 5, Kind.EDITED),
        (edit_the_link, 5, Kind.EDITED),
        (edit_and_rehash, 5, Kind.EDITED),
        (delete, 5, Kind.DELETED),
        (delete_the_first, 1, Kind.DELETED),
        (delete_and_close_the_gap, 5, Kind.DELETED),
        (swap, 5, Kind.REORDERED),
        (swap_far, 5, Kind.REORDERED),
        (insert, 5, Kind.INSERTED),
        (insert_and_rehash, 5, Kind.INSERTED),
        (insert_two_and_rehash, 5, Kind.INSERTED),
        (renumber_the_last, EVENTS, Kind.EDITED),
    ],
)
def test_what_breaks_the_chain(
    log: None, deed: Callable[[Execute], None], seq: int, kind: Kind, tmp_path: Path
) -> None:
    assert services.verify_log().fault is None
    with superuser() as execute:
        deed(execute)
    fault = services.verify_log().fault
    assert fault is not None
    assert (fault.seq, fault.kind) == (seq, kind)
    # An export says the same without a database.
    export = tmp_path / "export.jsonl"
    export.write_text("".join(line_of(row) + "\n" for row in services.rows(0)))
    assert offline.verify_export(export).fault == fault


def drop_anchor(key: Any, directory: Path) -> anchors.Anchor:
    directory.mkdir(exist_ok=True)
    plain = services.sign_head(key, "A-9").plain
    (directory / plain.file_name).write_bytes(plain.to_bytes())
    return plain


def rewrite_from(execute: Execute, first: int) -> None:
    """Change an event and make every hash from there to the end anew."""
    execute("UPDATE audit_event SET object = 'another' WHERE seq = ?", (first,))
    last = Event.objects.filter(seq__lt=first).order_by("-seq").first()
    link = last.hash if last else "0" * 64
    for event in Event.objects.filter(seq__gte=first).order_by("seq"):
        event.prev_hash = link
        link = hash_of(services.row_of(event))
        execute(
            "UPDATE audit_event SET prev_hash = ?, hash = ? WHERE seq = ?",
            (event.prev_hash, link, event.seq),
        )


@pytest.mark.parametrize("first", [1, 5, EVENTS])
def test_a_tail_made_anew_is_found_by_the_anchor_alone(
    log: None, key: Any, tmp_path: Path, first: int
) -> None:
    public, outside = tmp_path / "key.pem.pub", tmp_path / "outside"
    plain = drop_anchor(key, outside)
    services.write(actor="A-1", action="home.read")
    assert services.verify_log(directory=outside, public_key=public).anchors == 2
    with superuser() as execute:
        rewrite_from(execute, first)
        execute("DELETE FROM audit_anchor")  # the database forgets; the file outside does not
    assert services.verify_log().fault is None
    fault = services.verify_log(directory=outside, public_key=public).fault
    assert fault is not None
    assert (fault.seq, fault.kind) == (plain.seq, Kind.CONTRADICTED)


def test_a_log_cut_short_is_found_by_the_anchor_alone(log: None, key: Any, tmp_path: Path) -> None:
    public, outside = tmp_path / "key.pem.pub", tmp_path / "outside"
    drop_anchor(key, outside)
    with superuser() as execute:
        execute("DELETE FROM audit_event WHERE seq > 7")
    fault = services.verify_log(directory=outside, public_key=public).fault
    assert fault is not None
    assert (fault.seq, fault.kind) == (8, Kind.TRUNCATED)
    # The desk's own copy of the anchor tells, too, until somebody takes that away.
    assert services.verify_log().fault == fault
    with superuser() as execute:
        execute("DELETE FROM audit_anchor")
    assert services.verify_log().fault is None


def test_an_anchor_of_another_desk_contradicts(log: None, key: Any, tmp_path: Path) -> None:
    verdict = services.verify_log()
    forged = anchors.sign(key, "1" * 64, verdict.seq, verdict.hash)
    (tmp_path / forged.file_name).write_bytes(forged.to_bytes())
    fault = services.verify_log(directory=tmp_path).fault
    assert fault is not None
    assert fault.kind == Kind.CONTRADICTED


def test_an_anchor_with_a_strange_or_broken_signature_is_not_genuine(
    log: None, key: Any, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    plain = drop_anchor(key, outside)
    file = outside / plain.file_name
    secret, _ = anchors.make_key(PASSPHRASE)
    stranger = anchors.private_key(secret, PASSPHRASE, "")
    strange = anchors.sign(stranger, plain.desk, plain.seq, plain.hash)
    changed = plain.to_bytes().replace(b'"seq":13', b'"seq":12')
    assert changed != plain.to_bytes()
    for text in (strange.to_bytes(), changed):
        file.write_bytes(text)
        fault = services.verify_log(directory=outside, public_key=tmp_path / "key.pem.pub").fault
        assert fault is not None
        assert fault.kind == Kind.FORGED
    # The desk knows a key that the auditor did not name: only the named one counts.
    services.register_key(strange.key, "A-9")
    file.write_bytes(strange.to_bytes())
    fault = services.verify_log(directory=outside, public_key=tmp_path / "key.pem.pub").fault
    assert fault is not None
    assert fault.kind == Kind.FORGED


def test_a_directory_that_was_emptied_does_not_pass(log: None, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no anchor"):
        services.verify_log(directory=tmp_path)


def test_what_is_broken_is_not_signed(log: None, key: Any) -> None:
    with superuser() as execute:
        edit(execute)
    with pytest.raises(DataError, match="event 5: edited"):
        services.sign_head(key, "A-9")
    assert not Anchor.objects.exists()


def test_a_key_that_the_desk_does_not_know_does_not_sign(log: None) -> None:
    secret, _ = anchors.make_key(PASSPHRASE)
    with pytest.raises(UsageError):
        services.sign_head(anchors.private_key(secret, PASSPHRASE, ""), "A-9")


def test_the_private_half_needs_its_passphrase() -> None:
    secret, _ = anchors.make_key(PASSPHRASE)
    assert b"ENCRYPTED" in secret
    with pytest.raises(SealError, match="another passphrase"):
        anchors.private_key(secret, "another", "key.pem")
    with pytest.raises(DataError):
        anchors.public_key(b"-----BEGIN PUBLIC KEY-----\nmade up\n", "key.pem")


@pytest.mark.parametrize(
    "line",
    [
        b"no json",
        b"[]",
        b'{"seq": 1}',
        b"null",
        b"\xff",
        b'{"seq": "1", "at": "", "actor": "", "on_behalf": "", "action": "", "object": "", '
        b'"purpose": "", "result": "", "client": "", "details": "", "prev_hash": "", "hash": ""}',
        b"[" * 90_000,
    ],
)
def test_a_file_that_is_no_log_is_named(tmp_path: Path, line: bytes) -> None:
    file = tmp_path / "export.jsonl"
    file.write_bytes(line + b"\n")
    with pytest.raises(DataError, match=r"export.jsonl line 1"):
        offline.verify_export(file)


def test_anchors_for_a_file_need_a_key(log: None, key: Any, tmp_path: Path) -> None:
    drop_anchor(key, tmp_path)
    export = tmp_path / "export.jsonl"
    export.write_text("".join(line_of(row) + "\n" for row in services.rows(0)))
    with pytest.raises(UsageError):
        offline.verify_export(export, directory=tmp_path)
    verdict = offline.verify_export(export, directory=tmp_path, public_key=tmp_path / "key.pem.pub")
    assert (verdict.fault, verdict.anchors) == (None, 1)


@pytest.fixture
def authority(tmp_path: Path, needs: Callable[[str], str]) -> Callable[[bytes], bytes]:
    """A time authority made with openssl; its root is the file root.pem."""
    openssl = needs("openssl")
    here = tmp_path / "authority"
    here.mkdir()
    (here / "tsa.cnf").write_text(
        "[tsa]\ndefault_tsa=one\n[one]\nserial=./serial\ncrypto_device=builtin\n"
        "signer_cert=./tsa.pem\nsigner_key=./tsa.key\nsigner_digest=sha256\n"
        "default_policy=1.2.3.4.1\ndigests=sha256\naccuracy=secs:1\n"
        "[ext]\nextendedKeyUsage=critical,timeStamping\nbasicConstraints=CA:FALSE\n"
    )
    (here / "serial").write_text("01\n")

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], cwd=here, check=True, capture_output=True)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    run(
        "req", "-x509", *new, "-keyout", "root.key", "-out", "root.pem", "-subj", "/CN=Made-up root"
    )
    run("req", *new, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Made-up authority")
    signed = ("-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-out", "tsa.pem")
    run("x509", "-req", "-in", "tsa.csr", *signed, "-extfile", "tsa.cnf", "-extensions", "ext")
    shutil.copy(here / "root.pem", tmp_path / "root.pem")

    def answer(query: bytes) -> bytes:
        (here / "query.tsq").write_bytes(query)
        files = ("-queryfile", "query.tsq", "-out", "answer.tsr")
        run("ts", "-reply", "-config", "tsa.cnf", "-section", "one", *files)
        return (here / "answer.tsr").read_bytes()

    return answer


def test_a_time_authority_stamps_an_anchor(
    log: None, key: Any, tmp_path: Path, authority: Callable[[bytes], bytes]
) -> None:
    from clewline.desk.audit import timestamps

    first = services.sign_head(key, "A-9")
    second = services.sign_head(key, "A-9")
    roots = (tmp_path / "root.pem").read_bytes()
    response = authority(timestamps.request_for(first.plain))
    stamp = services.take_timestamp(response, roots, "answer.tsr", "A-9")
    assert stamp.anchor == first
    assert abs((stamp.says - stamp.at).total_seconds()) < 60
    assert not timestamps.is_of(response, second.plain, "")
    with pytest.raises(DataError, match="no time stamp of event"):
        timestamps.check(response, second.plain, roots, "answer.tsr")
    broken = bytearray(response)
    broken[-5] ^= 1
    with pytest.raises(DataError):
        timestamps.check(bytes(broken), first.plain, roots, "answer.tsr")
    with pytest.raises(DataError):
        timestamps.check(b"made up", first.plain, roots, "answer.tsr")
    # Nobody leads to another root.
    new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key"
    other = [*new.split(), "-out", "other.pem", "-subj", "/CN=Another"]
    subprocess.run(other, cwd=tmp_path, check=True, capture_output=True)
    with pytest.raises(DataError):
        timestamps.check(response, first.plain, (tmp_path / "other.pem").read_bytes(), "")
