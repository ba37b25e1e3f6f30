"""``clewline policy``: read a policy, say what it decides and why, compare two."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from clewline.cli.desk import Home, open_desk
from clewline.cli.options import Format, Output
from clewline.cli.output import emit_rows, log
from clewline.errors import PolicyFileError, UsageError

app = typer.Typer(no_args_is_help=True, help="Who may be told what, and why: docs/POLICY.md.")

File = Annotated[Path, typer.Argument(metavar="FILE", help="A policy (YAML).")]
Maybe = Annotated[
    Path | None, typer.Argument(metavar="[FILE]", help="A policy; without one, what is shipped.")
]


@app.command()
def lint(file: File) -> None:
    """Name every fault of a policy file with its line and what is allowed; ends with 1 if any."""
    from clewline.policy.files import lint as read_all
    from clewline.policy.files import text_of

    problems = read_all(text_of(file), str(file))
    for one in problems:
        typer.echo(str(one))
    if problems:
        raise PolicyFileError(f"{len(problems)} faults", where=str(file))
    log.print(f"{file}: no fault")


@app.command()
def table(file: Maybe = None, style: Output = Format.TABLE) -> None:
    """Print the rules by precedence: the first that matches and covers a field decides."""
    from clewline.policy import load
    from clewline.policy.table import HEADINGS, rows

    emit_rows((dict(zip(HEADINGS, row, strict=True)) for row in rows(load(file))), style)


def _word(help_text: str) -> Any:
    """Return an option that takes one word."""
    return typer.Option(help=help_text)


@app.command()
def explain(
    file: Maybe = None,
    kind: Annotated[str, _word("Kind of partner.")] = "agency",
    country: Annotated[str, _word("Its country.")] = "GB",
    clearance: Annotated[str, _word("The strictest TLP that it may be told.")] = "amber",
    honours: Annotated[str, _word("The strictest PAP that it honours.")] = "amber",
    accepts: Annotated[
        list[str] | None, typer.Option("--accepts", help="A code of handling that it honours.")
    ] = None,
    purpose: Annotated[str, _word("Purpose, taken as agreed.")] = "investigation",
    basis: Annotated[str, _word("Legal basis.")] = "statute",
    record: Annotated[str, _word("Kind of record.")] = "address",
    tlp: Annotated[str, _word("TLP of the record.")] = "amber",
    pap: Annotated[str, _word("PAP of the record.")] = "amber",
    source_grade: Annotated[str, _word("Grade of the source: 1 to 3.")] = "",
    info_grade: Annotated[str, _word("Grade of the information: A to E.")] = "",
    handling: Annotated[
        list[str] | None, typer.Option("--handling", help="A code of handling of the record.")
    ] = None,
    status: Annotated[str, _word("active, disputed or withdrawn.")] = "active",
    standing: Annotated[str, _word("mention or control.")] = "mention",
    field: Annotated[
        list[str] | None, typer.Option("--field", help="A field; without one, all.")
    ] = None,
    every_rule: Annotated[
        bool, typer.Option("--every-rule", help="Also rules that do not apply, and why.")
    ] = False,
    style: Output = Format.TABLE,
) -> None:
    """Say what becomes of the fields of one record, by which rule and why."""
    from clewline.policy import FIELDS, KINDS, Asker, Purpose, Record, load
    from clewline.policy import explain as decide
    from clewline.policy.files import words_of

    _require("--field", field or [], FIELDS)
    _require("--record", [record], KINDS)
    for option, words, condition in (
        ("--kind", [kind], "kind"),
        ("--clearance", [clearance], "tlp"),
        ("--honours", [honours], "pap"),
        ("--accepts", accepts or [], "handling"),
        ("--purpose", [purpose], "purpose"),
        ("--basis", [basis], "basis"),
        ("--tlp", [tlp], "tlp"),
        ("--pap", [pap], "pap"),
        ("--source-grade", [source_grade] if source_grade else [], "source_grade"),
        ("--info-grade", [info_grade] if info_grade else [], "info_grade"),
        ("--handling", handling or [], "handling"),
        ("--status", [status], "status"),
        ("--standing", [standing], "standing"),
    ):
        _require(option, words, words_of(condition))
    asker = Asker(
        kind,
        country,
        clearance=clearance,
        pap=honours,
        handling=frozenset(accepts or ()),
        purposes=frozenset({purpose}),
    )
    known = Record(
        record,
        frozenset(field or FIELDS),
        tlp=tlp,
        pap=pap,
        source_grade=source_grade,
        info_grade=info_grade,
        handling=frozenset(handling or ()),
        status=status,
        standing=standing,
    )
    told = decide(load(file), asker, Purpose(purpose, basis), known)
    if every_rule:
        emit_rows(
            (
                {
                    "field": step.field,
                    "rule": step.rule,
                    "says": str(step.verdict),
                    "applies": "decides" if step.decides else step.failed or "yes",
                }
                for step in told.steps
            ),
            style,
        )
        return
    emit_rows(
        (
            {"field": one.field, "becomes": str(one.verdict), "rule": one.rule, "why": one.reason}
            for one in told.decision.fields.values()
        ),
        style,
    )


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A policy, or `default`.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="A policy, or `default`.")],
    home: Home = None,
    style: Output = Format.TABLE,
) -> None:
    """Show what past look-ups and recipients of alerts would be told differently, by field.

    Asked again of the records and terms as they are now.
    """
    from clewline.policy import differences, load

    first, second = (load(None if str(one) == "default" else one) for one in (old, new))
    open_desk(home)
    from clewline.desk.partners.replaying import past

    found = differences(first, second, past())
    emit_rows(
        (
            {
                "asked": one.name,
                "field": one.field,
                "before": str(one.before.verdict),
                "after": str(one.after.verdict),
                "rule_before": one.before.rule,
                "rule_after": one.after.rule,
            }
            for one in found
        ),
        style,
    )
    more = sum(one.tells_more for one in found)
    log.print(f"{len(found)} differences, {more} of them tell more")


def _require(option: str, words: list[str], allowed: Any) -> None:
    """Refuse a word that is none of those allowed."""
    for word in words:
        if word not in allowed:
            raise UsageError(f"{word!r} is not allowed", where=option, hint=", ".join(allowed))
