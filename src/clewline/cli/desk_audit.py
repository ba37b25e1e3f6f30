"""``clewline desk audit``: verify the audit log, sign its head, have it stamped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clewline.cli.desk import Home, open_desk
from clewline.cli.desk_files import PassphraseFile, content, passphrase, terminal, write_new
from clewline.cli.output import log
from clewline.errors import AuditBrokenError, UsageError

if TYPE_CHECKING:
    from clewline.desk.audit.chain import Verdict

app = typer.Typer(no_args_is_help=True, help="The audit log: verify it, sign its head.")

PublicKey = Annotated[
    Path | None, typer.Option("--public-key", help="PEM file of the auditor's public key.")
]
Roots = Annotated[
    Path | None,
    typer.Option("--tsa-certificate", help="PEM file of the time authority's root certificate."),
]


@app.command()
def verify(
    home: Home = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Export of a whole log; needs no desk.")
    ] = None,
    anchors: Annotated[
        Path | None, typer.Option("--anchors", help="Directory of anchors that lie outside.")
    ] = None,
    public_key: PublicKey = None,
) -> None:
    """Read the whole log and say up to where it is whole; ends with 1 where it is broken.

    Without --anchors, a log that somebody made anew as a whole, or cut at its end, may pass: the
    desk's own copies of anchors can be taken away with it.
    """
    for given in (file, public_key):
        if given:
            content(given)
    if file:
        from clewline.desk.audit.offline import verify_export

        _tell(verify_export(file, directory=anchors, public_key=public_key))
        return
    open_desk(home)
    from django.db import connection

    from clewline.desk.audit import services, triggers

    verdict = services.check(terminal(), directory=anchors, public_key=public_key)
    if missing := triggers.missing(connection):
        log.print(f"{missing} triggers that protect the log were taken down", style="red")
    _tell(verdict)


def _tell(verdict: Verdict) -> None:
    """Print what came of reading a log; raise where it is broken."""
    if verdict.fault:
        fault = verdict.fault
        raise AuditBrokenError(
            f"{fault.kind}: {fault.text}",
            where=f"event {fault.seq}",
            hint=f"whole up to event {verdict.seq}",
        )
    typer.echo(f"whole: {verdict.seq} events, last hash {verdict.hash}")
    typer.echo(f"anchors: {verdict.anchors} agree, up to event {verdict.anchored}")


@app.command()
def key(
    home: Home = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Make a key: the private half goes here, FILE.pub beside it."),
    ] = None,
    public_key: PublicKey = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Make a key for signing the log's head, or register one that the auditor made elsewhere.

    The private half is encrypted with a passphrase and belongs to the auditor, away from this
    machine and its administrators. The desk keeps the public half alone, in the log.
    """
    if (out is None) == (public_key is None):
        raise UsageError("give --out to make a key, or --public-key to register one")
    open_desk(home)
    from clewline.desk.audit import anchors, services

    if public_key:
        pem = content(public_key)
    elif out:
        secret, pem = anchors.make_key(passphrase(passphrase_file, new=True))
        write_new(out, secret)
        write_new(out.with_name(out.name + ".pub"), pem)
    public = anchors.public_key(pem, str(public_key or out))
    services.register_key(public, terminal())
    typer.echo(public)


@app.command()
def sign(
    key: Annotated[Path, typer.Option("--key", help="The auditor's private key (PEM).")],
    home: Home = None,
    drop: Annotated[
        Path | None, typer.Option("--drop", help="Directory outside that gets the anchor.")
    ] = None,
    tsa_url: Annotated[
        str | None, typer.Option("--tsa-url", help="Time authority to ask (RFC 3161).")
    ] = None,
    tsa_request: Annotated[
        Path | None,
        typer.Option("--tsa-request", help="Write the query for a time authority here."),
    ] = None,
    tsa_certificate: Roots = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Verify the log and sign its last event; what was signed is kept here and dropped outside."""
    if tsa_url and not tsa_certificate:
        raise UsageError("an answer is checked against a root", where="--tsa-certificate")
    if drop and not drop.is_dir():
        raise UsageError("is no directory", where=str(drop))
    pem, roots = content(key), content(tsa_certificate) if tsa_certificate else b""
    open_desk(home)
    from clewline.desk.audit import anchors, services, time_authority, timestamps

    private = anchors.private_key(pem, passphrase(passphrase_file), str(key))
    plain = services.sign_head(private, terminal()).plain
    typer.echo(plain.to_bytes().decode())
    query = timestamps.request_for(plain)
    if drop:
        write_new(drop / plain.file_name, plain.to_bytes())
    if tsa_request:
        write_new(tsa_request, query)
    if tsa_url:
        _take(time_authority.ask(tsa_url, query), roots, tsa_url, drop)


@app.command()
def stamp(
    response: Annotated[Path, typer.Argument(help="What the time authority answered (DER).")],
    tsa_certificate: Annotated[
        Path, typer.Option("--tsa-certificate", help="PEM file of the authority's root.")
    ],
    home: Home = None,
    drop: Annotated[
        Path | None, typer.Option("--drop", help="Directory outside that gets the answer.")
    ] = None,
) -> None:
    """Take the answer of a time authority to a query that `sign --tsa-request` wrote."""
    answer, roots = content(response), content(tsa_certificate)
    open_desk(home)
    _take(answer, roots, str(response), drop)


def _take(answer: bytes, roots: bytes, where: str, drop: Path | None) -> None:
    """Check and keep what a time authority answered."""
    from clewline.desk.audit import services

    stamped = services.take_timestamp(answer, roots, where, terminal())
    if drop:
        name = stamped.anchor.plain.file_name.removesuffix(".json") + ".tsr"
        write_new(drop / name, answer)
    typer.echo(f"event {stamped.anchor.seq} was there at {stamped.says.isoformat()}")
