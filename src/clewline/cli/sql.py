"""``clewline sql``: free questions."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from clewline.cli.options import Format, Output, Store
from clewline.cli.output import emit_rows, log


def sql(
    query: Annotated[
        str, typer.Argument(metavar="QUERY|-", help="One SELECT; - reads it from standard input.")
    ],
    store: Store,
    style: Output = Format.TABLE,
) -> None:
    """Answer a question in SQL over the store, with DuckDB; TABLES.md lists the views."""
    from clewline.workspace import Workspace

    text = sys.stdin.read() if query == "-" else query
    workspace = Workspace.open(store)
    if workspace.partial is not None:
        log.print(f"note: a part of a chain, {workspace.partial}; null is not loaded, not nothing")
    emit_rows(workspace.sql(text), style)
