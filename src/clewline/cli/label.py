"""``clewline label``: attribution from files, in named sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clewline.cli.options import Address, Format, LabelSets, Output, Store
from clewline.cli.output import emit, log

app = typer.Typer(help="Labels: who is said to own an address.", no_args_is_help=True)


@app.command("import")
def import_(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="TagPack YAML, or CSV with a header.")
    ],
    store: Store,
    name: Annotated[
        str, typer.Option("--set", help="Label set; made if there is none.")
    ] = "public",
    style: Output = Format.TABLE,
) -> None:
    """Load labels into a set; say what was refused and why."""
    from clewline.workspace import import_labels

    report = import_labels(store, files, name)
    for refusal in report.refusals:
        log.print(f"refused: {refusal}")
    for note in report.notes:
        log.print(f"note: {note}")
    for file in report.files:
        if file.known:
            log.print(f"note: {file.file}: the set holds this file already")
        elif file.error and file.error is not report.error:
            log.print(f"refused: {file.error}", style="red")
    if any(file.error is None for file in report.files):
        emit(
            {
                "set": report.name,
                "files": len(report.files),
                "loaded": report.loaded,
                "added": report.added,
                "refused": report.refused,
                "sha256": report.digest,
            },
            style,
        )
    if report.error:
        raise report.error


@app.command("list")
def list_(
    address: Address, store: Store, sets: LabelSets = None, style: Output = Format.TABLE
) -> None:
    """List what is said about an address: child protection first, conflicts shown."""
    from clewline.workspace import Workspace

    emit(Workspace.open(store, sets).labels(address), style, "labels")
