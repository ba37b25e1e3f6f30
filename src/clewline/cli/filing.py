"""``clewline filing``: outcomes after a review, and drafts of reports. Nothing is ever sent."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from clewline.cli.options import Format, Output
from clewline.cli.output import emit_rows, log
from clewline.errors import UsageError

app = typer.Typer(
    help="After a review: what was done with accounts, and drafts of reports to authorities. "
    "Nothing is sent; a person reads, completes and files. docs/FILING.md.",
    no_args_is_help=True,
)
Ledger = Annotated[Path, typer.Argument(metavar="LEDGER", help="File of the ledger of outcomes.")]
Facts = Annotated[Path, typer.Argument(metavar="FACTS", help="JSON with the facts of one report.")]
Out = Annotated[Path, typer.Option(help="Directory to make; it must not exist.")]


@app.command("outcome")
def outcome(
    ledger: Ledger,
    outcome: Annotated[
        str,
        typer.Argument(help="reported, keep_open, restricted, closed, merchant_ended, no_action."),
    ],
    alert: Annotated[str, typer.Option(help="Reference of the alert.")],
    customer: Annotated[str, typer.Option(help="Reference of the customer; no name.")],
    by: Annotated[str, typer.Option(help="Who decided.")],
    reason: Annotated[str, typer.Option(help="Why, in words for an examiner.")],
    reference: Annotated[str, typer.Option(help="Number of the report or letter.")] = "",
    until: Annotated[str, typer.Option(help="keep_open: last day, YYYY-MM-DD.")] = "",
) -> None:
    """Write down what was done with an account; warns where that undoes an investigation."""
    from clewline.filing.outcomes import OUTCOMES, SAFEGUARDING, Entry, OutcomeLedger

    at = datetime.now(UTC).isoformat(timespec="seconds")
    entry = Entry(alert, customer, outcome, at, by, reason, reference, until)
    written = OutcomeLedger(ledger).record(entry)
    for warning in written.warnings:
        log.print(f"warning: {warning}")
    if OUTCOMES[outcome].ends:
        log.print(SAFEGUARDING)


@app.command("outcomes")
def outcomes(ledger: Ledger, style: Output = Format.TABLE) -> None:
    """List every outcome; fails where the ledger was changed."""
    from clewline.filing.outcomes import OutcomeLedger

    entries = OutcomeLedger(ledger).read()
    rows = ({**vars(entry), "warnings": "; ".join(entry.warnings)} for entry in entries)
    emit_rows(rows, style)


@app.command("closed")
def closed(ledger: Ledger) -> None:
    """Print closed alerts with every step and reason as CSV, for an examiner."""
    from clewline.filing.outcomes import OutcomeLedger, as_csv

    sys.stdout.write(as_csv(OutcomeLedger(ledger).closed_alerts()))


@app.command("fincen")
def fincen(
    facts: Facts,
    out: Out,
    term: Annotated[str, typer.Option(help="Key term: ocse or sextortion.")] = "ocse",
) -> None:
    """Draft a report to FinCEN: narrative with its key term, fields, tables."""
    from clewline.filing.facts import read_facts
    from clewline.filing.narrative import package
    from clewline.filing.terms import TERMS

    if term not in TERMS:
        raise UsageError(f"no key term {term!r}; there are: {', '.join(TERMS)}", where="--term")
    _write(out, package(read_facts(facts), TERMS[term]))
    log.print(
        f"{out}: a draft. Look whether the authority has a newer notice than "
        f"{TERMS[term].source}; read, complete, file."
    )


@app.command("goaml")
def goaml(
    facts: Facts,
    schema: Annotated[Path, typer.Option(help="The FIU's own XSD.")],
    profile: Annotated[Path, typer.Option(help="YAML with the FIU's codes; docs/FILING.md.")],
    out: Out,
) -> None:
    """Draft a goAML report, arranged and checked by the FIU's schema; exit code 1 if not valid.

    The directory gets the draft, the schema as it came and, where its patterns had to be repaired,
    as it is used.
    """
    from clewline.filing.facts import read_facts
    from clewline.filing.goaml import draft, read_profile
    from clewline.filing.schema import load

    loaded = load(schema)
    for repair in loaded.repairs:
        log.print(f"{schema}, line {repair.line}: pattern {repair.before} read as {repair.after}")
    day = datetime.now(UTC).date().isoformat()
    made = draft(read_facts(facts), read_profile(profile), loaded, day=day)
    files = {"report.xml": made.document, loaded.name: loaded.original}
    if loaded.repairs:
        files[f"repaired-{loaded.name}"] = loaded.repaired
    _write(out, files)
    for path in made.unplaced:
        log.print(f"the schema has no place for {path}: left out")
    for problem in made.problems:
        log.print(f"report.xml, {problem}")
    log.print(f"{out}: a draft; read, complete, file")
    if made.problems:
        raise typer.Exit(1)


def _write(out: Path, files: dict[str, bytes]) -> None:
    """Make a directory with these files."""
    try:
        out.mkdir(parents=True)
    except FileExistsError:
        raise UsageError("exists already", where=str(out)) from None
    for name, data in files.items():
        (out / name).write_bytes(data)
