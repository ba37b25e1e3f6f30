"""What the pages of a case's money show. Rows are listed here and nowhere else."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clewline.desk.cases.moments import Moment
from clewline.desk.ledger import Referenced, new_reference
from clewline.desk.money import working
from clewline.desk.money.models import (
    ENDS,
    STEPS,
    TABLES,
    CaseRow,
    CaseRun,
    RequestRow,
    RequestStep,
    RowAnswer,
    RowReview,
    RunPack,
    VaspRequest,
)
from clewline.desk.ours.queries import hidden_of_team, hidden_outpoints
from clewline.reports.limits import ALTERNATIVES
from clewline.workspace.cases import CASHOUT_COLUMNS, PAYER_COLUMNS

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User
    from clewline.desk.cases.models import Case

AT_WORK: Final = ("waiting", "at work")
OUTSTANDING: Final = ("sent", "partly answered")


def runs(case: Case) -> list[CaseRun]:
    """Return the runs of a case, newest first."""
    found = case.runs.select_related("by", "end", "progress")
    return list(found.order_by("-at", "-id"))


def state_of(run: CaseRun) -> str:
    """Return waiting, at work, done, failed, cancelled or interrupted."""
    if (end := getattr(run, "end", None)) is not None:
        return str(end.state)
    progress = getattr(run, "progress", None)
    if progress is None or timezone.now() - progress.beat > working.LOST:
        return "interrupted"
    return "at work" if progress.step else "waiting"


def rows(user: User, run: CaseRun, table: str) -> QuerySet[CaseRow]:
    """Return the rows of a run's table that a person sees; every list of rows comes from here.

    Payments that their team marked as its own are left out.
    """
    latest = RowReview.objects.filter(row=OuterRef("pk")).order_by("-id")
    found = run.rows.filter(table=table).annotate(review=Subquery(latest.values("state")[:1]))
    if ours := list(hidden_outpoints(user)):
        named = Q(outpoint__in=ours) | Q(address__in=ours) | Q(facts__payout__in=ours)
        found = found.exclude(pk__in=run.rows.filter(named).values("pk"))
    return found.order_by("position")


def counts(user: User, run: CaseRun) -> dict[str, int]:
    """Return how many rows each table of a run has for a person."""
    there = set(run.rows.values_list("table", flat=True).distinct())
    return {table: rows(user, run, table).count() for table in TABLES if table in there}


def requests(case: Case) -> QuerySet[VaspRequest]:
    """Return the requests of a case, newest first, each with how many rows it has."""
    found: QuerySet[VaspRequest] = _with_counts(VaspRequest.objects.filter(case=case))
    return found.order_by("-at", "-id")


def _with_counts(found: QuerySet[VaspRequest]) -> QuerySet[VaspRequest]:
    """Add what the state of a request follows from."""
    steps = RequestStep.objects.filter(request=OuterRef("pk")).order_by("-id")
    asked = RequestRow.objects.filter(request=OuterRef("pk")).order_by().values("request")
    answers = RequestRow.objects.filter(request=OuterRef("pk"), answers__isnull=False)
    answered = answers.order_by().values("request")
    return found.select_related("by", "pack", "cites", "case").annotate(
        last_step=Subquery(steps.values("step")[:1]),
        due=Subquery(steps.filter(step="sent").values("due")[:1]),
        asked=Subquery(asked.annotate(n=Count("id")).values("n")),
        answered=Subquery(answered.annotate(n=Count("id", distinct=True)).values("n")),
    )


def request_state(asked: VaspRequest) -> str:
    """Return drafted, approved, refused, sent, partly answered, answered or closed."""
    row: Any = (
        asked
        if hasattr(asked, "last_step")
        else _with_counts(VaspRequest.objects.filter(pk=asked.pk)).get()
    )
    if row.last_step != "sent":
        return row.last_step or "drafted"
    if not row.answered:
        return "sent"
    return "answered" if row.answered == row.asked else "partly answered"


def due_of(asked: VaspRequest) -> date | None:
    """Return until when an answer is due, once a request went out."""
    sent = asked.steps.filter(step="sent").first()
    return sent.due if sent else None


def outstanding(user: User, today: date) -> list[VaspRequest]:
    """Return the requests in cases of `user` whose answers are late."""
    mine: Any = _with_counts(VaspRequest.objects.visible_to(user))
    late = mine.filter(due__lt=today, case__closed_at__isnull=True)
    return [one for one in late.order_by("id") if request_state(one) in OUTSTANDING]


@dataclass(frozen=True)
class AskedRow:
    """A row of a request and its latest answer, without what is sealed of it."""

    row: RequestRow
    answer: RowAnswer | None


def asked_rows(asked: VaspRequest) -> list[AskedRow]:
    """Return the rows of a request with their latest answers."""
    answers: dict[int, RowAnswer] = {}
    for answer in RowAnswer.objects.filter(row__request=asked).order_by("id"):
        answers[answer.row_id] = answer
    return [AskedRow(row, answers.get(row.pk)) for row in asked.rows.order_by("position")]


def opened_answers(asked: VaspRequest) -> list[dict[str, Any]]:
    """Open what an exchange answered. Who calls this has been through the door of a reveal."""
    return [
        {"row": one.row, "answer": one.answer, "said": json.loads(one.answer.unseal("answer"))}
        for one in asked_rows(asked)
        if one.answer is not None
    ]


def moments(case: Case) -> list[Moment]:
    """Return what happened with a case's money, for its timeline."""
    found = []
    for run in runs(case):
        found.append(Moment(run.at, run.by, _("tables asked for"), run.ref))
        if (end := getattr(run, "end", None)) is not None:
            found.append(Moment(end.at, run.by, _("tables"), run.ref, str(ENDS[end.state])))
    for asked in case.requests.select_related("by", "pack"):
        found.append(Moment(asked.at, asked.by, _("request drafted"), asked.ref, asked.why))
    for step in RequestStep.objects.filter(request__case=case).select_related("by", "request"):
        words = " ".join(filter(None, (step.route, step.why)))
        found.append(
            Moment(step.at, step.by, _("request"), step.request.ref, f"{STEPS[step.step]} {words}")
        )
    answers = RowAnswer.objects.filter(row__request__case=case).select_related("by", "row__request")
    batches: dict[tuple[str, str], list[RowAnswer]] = {}
    for answer in answers.order_by("id"):
        minute = answer.at.strftime("%Y-%m-%dT%H:%M")
        batches.setdefault((answer.row.request.ref, minute), []).append(answer)
    for (ref, _minute), batch in batches.items():
        words = ngettext("%(n)d answer", "%(n)d answers", len(batch)) % {"n": len(batch)}
        found.append(Moment(batch[0].at, batch[0].by, _("reply"), ref, words))
    for made in case.imported_lists.select_related("by"):
        found.append(Moment(made.at, made.by, _("list imported"), made.ref, made.tool))
    return found


LAYERS: Final = {
    "observed": (
        *("payment", "deposit", "time", "address", "payment_value", "deposit_value"),
        *("payout", "service_address", "receiver", "addresses", "payments", "shared_payers"),
    ),
    "inferred": ("amount", "link", "hops", "rule", "alternatives", "signs"),
    "attributed": (
        *("entity", "category", "label_set", "basis", "confidence", "confidence_words"),
        *("conflicts", "address_standing", "known_as"),
    ),
    "lead": ("counts_as", "reason", "reasons", "rank"),
}
"""Which layer each column of a row is of; what is in none of them says what an amount was worth."""


def layers(row: CaseRow) -> list[dict[str, Any]]:
    """Return the columns of a row, layer by layer, each with what it means."""
    help_of = {**CASHOUT_COLUMNS, **PAYER_COLUMNS}
    facts = {name: value for name, value in row.facts.items() if value not in (None, [], "")}
    if keys := facts.get("alternatives"):
        facts["alternatives"] = [
            f"{ALTERNATIVES[one].name}: {ALTERNATIVES[one].text}" for one in keys
        ]
    help_of["alternatives"] = _("What else could explain it.")
    named = {name for names in LAYERS.values() for name in names}
    groups = {**LAYERS, "worth": tuple(name for name in facts if name not in named)}
    return [
        {
            "layer": layer,
            "facts": [
                (name, _shown(facts[name]), help_of.get(name, "").replace("`", ""))
                for name in names
                if name in facts
            ],
        }
        for layer, names in groups.items()
    ]


def _shown(value: object) -> str:
    """Return a value as text; of a list, its parts."""
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def contents_of(pack: RunPack) -> set[str]:
    """Return every output, transaction and address that stands in a pack."""
    places = [step for one in pack.movements for step in (one, *one.get("path", ()))]
    outputs = {f"{one['txid']}:{one['vout']}" for one in places}
    return outputs | {one[name] for one in places for name in ("txid", "address") if one[name]}


def holds_own(pack: RunPack) -> bool:
    """Tell whether a pack asks about a payment that the case's own team made, marked since."""
    own = hidden_of_team(pack.run.case.team_id)
    return any(
        one["direction"] == "withdrawal"
        and any(
            place["address"] in own or f"{place['txid']}:{place['vout']}" in own
            for place in (one, *one.get("path", ()))
        )
        for one in pack.movements
        if own
    )


def fresh_reference(model: type[Referenced]) -> str:
    """Return a reference for a row that is sealed before it is written."""
    return new_reference(model.LETTER)


def sha256_of(text: str) -> str:
    """Return SHA-256 (hex) of a text."""
    return hashlib.sha256(text.encode()).hexdigest()
