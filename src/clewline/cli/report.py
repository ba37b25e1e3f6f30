"""``clewline report``: one request pack for each exchange that a trace reached."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clewline.cli.options import Format, LabelSets, Output, Store
from clewline.cli.output import emit
from clewline.cli.trace import Cluster, TraceMethod


def report(
    addresses: Annotated[
        list[str], typer.Argument(metavar="ADDRESS…", help="Addresses of the case.")
    ],
    store: Store,
    out: Annotated[Path, typer.Option("--out", help="Directory to write; must be new or empty.")],
    cluster: Cluster = False,
    method: Annotated[
        TraceMethod, typer.Option("--method", help="Rule inside a transaction.")
    ] = TraceMethod.FIFO,
    reference: Annotated[str, typer.Option("--case", help="Your own case reference.")] = "",
    note: Annotated[str, typer.Option("--note", help="Shown at the head of every page.")] = "",
    sets: LabelSets = None,
    style: Output = Format.TABLE,
) -> None:
    """Write request packs: what to ask each exchange, with the evidence and its limits."""
    from clewline.workspace import Workspace

    workspace = Workspace.open(store, sets)
    subjects = workspace.with_clusters(addresses) if cluster else addresses
    emit(workspace.report(subjects, out, method.value, reference, note), style)
