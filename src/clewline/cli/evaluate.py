"""``clewline evaluate``: how right the heuristics are, on data whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from clewline.cli.options import Format, Output
from clewline.cli.output import emit_rows, log
from clewline.errors import StorageError
from clewline.settings import setting


def evaluate(
    fixtures: Annotated[
        Path | None,
        typer.Option("--fixtures", envvar=setting("fixtures").env, help=setting("fixtures").help),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write accuracy.json and ACCURACY.md into this directory."),
    ] = None,
    fit: Annotated[
        bool,
        typer.Option("--fit", help="Fit the weights of the signs of change instead of counting."),
    ] = False,
    style: Output = Format.TABLE,
) -> None:
    """Count what each heuristic gets right on every truth set at hand, with intervals.

    Sets that need public test data which is not at hand are named as such. With --fit, prints
    the weights of the signs of change as JSON, or writes them to change_weights.json in --out.
    """
    from clewline.evaluation.evaluate import evaluate as run
    from clewline.evaluation.evaluate import fit as run_fit
    from clewline.evaluation.page import render

    if fit:
        files = {"change_weights.json": run_fit(fixtures, log.print)}
    else:
        files = {"accuracy.json": run(fixtures, log.print)}
    texts = {name: json.dumps(held, indent=1) + "\n" for name, held in files.items()}
    if out is None:
        if fit:
            typer.echo(texts["change_weights.json"], nl=False)
        else:
            emit_rows(files["accuracy.json"]["shares"], style)
        return
    if not fit:
        texts["ACCURACY.md"] = render(files["accuracy.json"]) + "\n"
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (out / name).write_text(text, encoding="utf-8", newline="\n")
            log.print(f"wrote {out / name}")
    except OSError as error:
        raise StorageError(f"cannot be written: {error.strerror}", where=str(out)) from None
