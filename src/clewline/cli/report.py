"""``clewline report``: one request pack for each exchange that a trace reached."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clewline.cli.options import (
    DEFAULT_MAX_NODES,
    DEFAULT_MAX_TRANSACTIONS,
    Cluster,
    Format,
    LabelSets,
    MaxHops,
    MaxNodes,
    MaxTransactions,
    MinValue,
    Output,
    ReportMethod,
    Seeds,
    Since,
    Store,
    ThroughCoinJoin,
    Until,
)
from clewline.cli.output import emit


def report(
    subjects: Seeds,
    store: Store,
    out: Annotated[
        Path,
        typer.Option("--out", help="Directory to make; an unchanged earlier report is replaced."),
    ],
    cluster: Cluster = False,
    method: Annotated[
        ReportMethod, typer.Option("--method", help="Rule inside a transaction.")
    ] = ReportMethod.FIFO,
    max_hops: MaxHops = None,
    min_value: MinValue = 0,
    since: Since = None,
    until: Until = None,
    max_transactions: MaxTransactions = DEFAULT_MAX_TRANSACTIONS,
    max_nodes: MaxNodes = DEFAULT_MAX_NODES,
    through_coinjoin: ThroughCoinJoin = False,
    reference: Annotated[str, typer.Option("--case", help="Your own case reference.")] = "",
    note: Annotated[str, typer.Option("--note", help="Shown at the head of every page.")] = "",
    sets: LabelSets = None,
    style: Output = Format.TABLE,
) -> None:
    """Write request packs: what to ask each exchange, with the evidence and its limits."""
    from clewline.workspace import Limits, Workspace

    limits = Limits(
        max_hops, min_value, since, until, max_transactions, through_coinjoin, max_nodes
    )
    workspace = Workspace.open(store, sets)
    chosen = workspace.with_clusters(subjects) if cluster else subjects
    written = workspace.report(chosen, out, method.value, reference, note, limits)
    emit(written, style, "packs")
