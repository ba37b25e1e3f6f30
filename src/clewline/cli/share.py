"""``clewline share``: lists for partners, in the formats that they use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clewline.cli.desk_files import content, write_new
from clewline.cli.output import log
from clewline.errors import SharedFileError

app = typer.Typer(no_args_is_help=True, help="Lists for partners: check, convert; docs/SHARING.md.")
_NAMES = "json, csv, stix, misp, tagpack or ftm"
File = Annotated[Path, typer.Argument(help="A file of one of the formats.")]
_SHOWN = 20


@app.command()
def validate(
    file: File,
    style: Annotated[str, typer.Option("--format", help=f"Its format: {_NAMES}.")],
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
