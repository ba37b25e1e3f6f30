"""``clewline desk export``: from which copy rows come."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clewline.cli.desk import Home, open_desk
from clewline.cli.desk_files import content, terminal

app = typer.Typer(no_args_is_help=True, help="Bulk exports that were given away.")


@app.command()
def trace(
    file: Annotated[Path, typer.Argument(help="Zip, CSV, JSON lines or any text with rows.")],
    home: Home = None,
) -> None:
    """Name the copies from which rows come, a line each: export, recipient, time, rows."""
    data = content(file)
    open_desk(home)
    from clewline.desk.audit import services as audit
    from clewline.desk.exports import services

    found = services.trace(services.text_of(data))
    refs = [one.copy.export.ref for one in found]
    audit.write(actor=terminal(), action="export.trace", details={"copies": refs})
    for one in found:
        cells = (one.copy.export.ref, one.copy.export.recipient, one.copy.at.isoformat(), one.rows)
        typer.echo("\t".join(map(str, cells)))
    if not found:
        typer.echo("no copy has such rows")
