"""The command line: one module a group of commands, all of them thin over `clewline.workspace`.

Answers go to standard output, everything else to standard error. Exit codes: 0 done, 1 failed,
2 wrong use, 3 screening found something.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import Annotated, Final

import typer

from clewline import __version__
from clewline.cli import (
    address,
    case,
    chain,
    checks,
    cluster,
    demo,
    desk,
    desk_answer,
    desk_audit,
    desk_export,
    desk_keeping,
    evaluate,
    exposure,
    extract,
    filing,
    label,
    match,
    play,
    policy,
    report,
    screen,
    share,
    sql,
    trace,
    tx,
)
from clewline.cli.output import log
from clewline.errors import ClewlineError
from clewline.reports.sheet import visible

app = typer.Typer(
    name="clewline",
    help="Follow payments from a reported payment page to the exchange that can name the account. "
    "Text, metadata and blockchain data only.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(chain.app, name="chain")
app.add_typer(tx.app, name="tx")
app.add_typer(address.app, name="address")
app.add_typer(cluster.app, name="cluster")
app.add_typer(label.app, name="label")
app.add_typer(trace.app, name="trace")
app.add_typer(exposure.app, name="exposure")
app.add_typer(case.app, name="case")
app.add_typer(screen.app, name="screen")
app.add_typer(match.app, name="match")
app.add_typer(filing.app, name="filing")
app.add_typer(checks.app, name="checks")
app.add_typer(share.app, name="share")
app.command("report")(report.report)
app.command("sql")(sql.sql)
app.command("extract")(extract.extract)
app.command("evaluate")(evaluate.evaluate)
desk.app.add_typer(desk_audit.app, name="audit")
desk.app.add_typer(desk_export.app, name="export")
desk.app.command("backup")(desk_keeping.backup)
desk.app.command("expire")(desk_keeping.expire)
desk.app.command("restore")(desk_keeping.restore)
desk.app.add_typer(desk_keeping.keys_app, name="keys")
desk.app.command("answer")(desk_answer.answer)
app.add_typer(desk.app, name="desk")
app.add_typer(policy.app, name="policy")
app.add_typer(play.app, name="play")
app.command("demo")(demo.demo)


_GARBAGE_THRESHOLD: Final = 500_000
"""Objects made between two looks for cycles: more than imports and kernels of a command make."""


def _version(wanted: bool) -> None:  # noqa: FBT001 - the form that typer calls
    """Print the version and stop."""
    if wanted:
        sys.stdout.write(f"clewline {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Take the options before the command."""


def main() -> None:
    """Run a command; print an error of ours as one line and end with its exit code."""
    # What a command loads stays until it ends: looking through it for cycles is a fifth of a second
    # of each start and end.
    gc.set_threshold(_GARBAGE_THRESHOLD)
    try:
        try:
            app()
        finally:
            gc.freeze()
            # What was not written yet must fail here, where it can be told, and not at exit.
            sys.stdout.flush()
    except ClewlineError as error:
        # What was asked for may hold control characters; a terminal must not obey them.
        log.print(visible(f"clewline: {error} [{error.code}]"), style="red")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Whoever read the answer has seen enough.
        _drop_output()
        sys.exit(1)
    except OSError as error:
        if error.filename is not None:
            why = f"{error.filename}: cannot be read or written: {error.strerror}"
            log.print(visible(f"clewline: {why}"), style="red")
            sys.exit(1)
        # No file of ours: standard output itself, redirected to a disk that is full.
        _drop_output()
        log.print(f"clewline: standard output: cannot be written: {error.strerror}", style="red")
        sys.exit(1)


def _drop_output() -> None:
    """Throw away what is still buffered, which the interpreter would try to write at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
