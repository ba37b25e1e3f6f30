"""``clewline share``: lists for partners, in the formats that they use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clewline.cli.desk import Home, open_desk
from clewline.cli.desk_files import content, terminal, write_new
from clewline.cli.output import log
from clewline.errors import ClewlineError, SharedFileError, UsageError

app = typer.Typer(
    no_args_is_help=True, help="Lists for partners, in their formats; docs/SHARING.md."
)
_NAMES = "json, csv, stix, misp, tagpack or ftm"
_Style = Annotated[str, typer.Option("--format", help=f"Its format: {_NAMES}.")]
File = Annotated[Path, typer.Argument(help="A file of one of the formats.")]
_SHOWN = 20


@app.command()
def validate(
    file: File,
    style: _Style,
) -> None:
    """Ask our reader and the format's own validator what is wrong with a file.

    Nothing is stored and nothing is sent. stix and misp need the extra `share`.
    """
    from clewline.sharing import formats, validators

    data = content(file)
    found = validators.faults(style, data)
    if found:
        for fault in found[1:_SHOWN]:
            log.print(f"{file}: {fault}")
        raise SharedFileError(f"{found[0]} ({len(found)} in all)", where=str(file))
    shared = formats.read(style, data)
    kind = f"what changed since {shared.previous}" if shared.previous else "whole"
    typer.echo(f"valid: list {shared.version} ({kind}) of {shared.issuer}")
    typer.echo(f"{len(shared.items)} items, TLP {shared.tlp}")


@app.command()
def convert(
    file: File,
    source: Annotated[str, typer.Option("--from", help=f"Its format: {_NAMES}.")],
    target: Annotated[str, typer.Option("--to", help=f"Format to write: {_NAMES}.")],
    out: Annotated[Path, typer.Option("--out", help="File to write; never replaced.")],
) -> None:
    """Write a list in another format and say what that format loses."""
    from clewline.sharing import formats

    shared = formats.read(source, content(file))
    write_new(out, formats.write(target, shared))
    kept = formats.after_losses(target, shared)
    typer.echo(f"{len(kept.items)} of {len(shared.items)} items written")
    if losses := formats.format_named(target).losses:
        log.print(f"{target} does not carry: {', '.join(loss.what for loss in losses)}")


@app.command("import")
def take(
    file: File,
    style: _Style,
    partner: Annotated[str, typer.Option("--from", help="Reference of the partner, P-…")],
    home: Home = None,
) -> None:
    """Take a partner's file into the quarantine of the desk, for a person to review.

    No record is made of it. Wording and addresses of pages are not kept.
    """
    data = content(file)
    open_desk(home)
    from clewline.desk.audit import services as audit
    from clewline.desk.partners.models import Partner
    from clewline.desk.received import services

    found = Partner.objects.filter(ref=partner).first()
    if found is None:
        raise UsageError(f"no partner {partner[:20]!r}", where="--from")
    try:
        made = services.take(found, style, data, terminal())
    except ClewlineError:
        audit.write(actor=terminal(), action="received.take", object=found.ref, result="refused")
        raise
    number = made.items.count()
    details = {"file": made.ref, "format": style, "sha256": made.sha256, "items": number}
    audit.write(actor=terminal(), action="received.take", object=found.ref, details=details)
    typer.echo(f"{made.ref}: {number} items wait under Received")
