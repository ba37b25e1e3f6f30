"""Every change: runs started, cancelled and started again; rows reviewed; requests and answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from clewline.desk import chain_store
from clewline.desk.accounts.models import User
from clewline.desk.cases.models import Case
from clewline.desk.cases.services import require_open
from clewline.desk.money import queries, working
from clewline.desk.money.answers import Parsed, Problem, read_answers
from clewline.desk.money.lists import ListRow, read_list
from clewline.desk.money.models import (
    REVIEWS,
    CaseRow,
    CaseRun,
    ImportedList,
    ImportedRow,
    RequestRow,
    RequestStep,
    RowAnswer,
    RowReview,
    RunEnd,
    RunPack,
    RunProgress,
    VaspRequest,
)
from clewline.desk.money.seeds import seeds_of
from clewline.desk.ours import checks
from clewline.desk.records.plain_text import require_text
from clewline.desk.roles import Role
from clewline.errors import UsageError

METHODS: Final = ("fifo", "lifo")
"""Rules that keep satoshi apart, so that each payment has payers of its own."""
MOST_HOPS: Final = 1_000


@transaction.atomic
def start_run(
    user: User,
    case: Case,
    seeds: Sequence[str],
    *,
    method: str = "fifo",
    cluster: bool = False,
    max_hops: int | None = None,
    since: date | None = None,
    until: date | None = None,
    sets: Sequence[str] = (),
    leads: bool = False,
) -> CaseRun:
    """Have the tables of a case computed, outside of this request.

    Parameters
    ----------
    user : User
        A member of the case.
    case : Case
        With a legal basis.
    seeds : sequence of str
        Addresses linked to the case that a source ties to a site.
    method : {"fifo", "lifo"}
        Rule inside a transaction.
    cluster : bool
        Take in the clusters of the seeds, but never that of a service that holds one.
    max_hops : int, optional
        Cap of the walks.
    since, until : date, optional
        Days, UTC, both included.
    sets : sequence of str
        Names of label sets; all if none is named.
    leads : bool
        Look for receivers that behave like the site among those that its payers paid, too.

    Raises
    ------
    UsageError
        If the case is closed or has no legal basis, a run of it is under way, or an address is no
        seed; says why.
    """
    require_open(case)
    if not case.legal_basis.strip():
        raise UsageError("a trace needs a legal basis, and this case has none", where="legal basis")
    if method not in METHODS:
        raise UsageError("no such rule", where="method", hint=f"one of: {', '.join(METHODS)}")
    if since and until and since > until:
        raise UsageError("the last day is before the first", where="until")
    if max_hops is not None and not 1 <= max_hops <= MOST_HOPS:
        raise UsageError(f"from 1 to {MOST_HOPS}", where="max_hops")
    there = chain_store.label_sets()
    if missing := set(sets) - set(there):
        raise UsageError("no such label set", where="sets", hint=", ".join(there) or min(missing))
    _require_seeds(user, case, seeds)
    Case.objects.select_for_update(no_key=True).get(pk=case.pk)
    if any(queries.state_of(run) in queries.AT_WORK for run in queries.runs(case)):
        raise UsageError("a run of this case is under way", where="case", hint="wait or cancel it")
    run = CaseRun.objects.create(
        case=case,
        seeds=sorted(set(seeds)),
        parameters={
            "method": method,
            "cluster": cluster,
            "max_hops": max_hops,
            "since": _seconds(since, end=False),
            "until": _seconds(until, end=True),
            "sets": sorted(set(sets)) or None,
            "leads": leads,
        },
        legal_basis=case.legal_basis,
        by=user,
    )
    return _begin(run)


def _require_seeds(user: User, case: Case, seeds: Sequence[str]) -> None:
    """Refuse addresses from which no table may start."""
    if not seeds:
        raise UsageError("choose an address of the case to start from", where="seeds")
    there = {seed.address.canonical: seed for seed in seeds_of(user, case)}
    for text in seeds:
        if text not in there:
            raise UsageError("not linked to this case", where="seeds", hint="add it first")
        if reason := there[text].refused:
            raise UsageError(reason, where=text)


def _begin(run: CaseRun) -> CaseRun:
    """Queue a run that was just written."""
    RunProgress.objects.create(run=run)
    working.start(run)
    return run


def _seconds(day: date | None, *, end: bool) -> int | None:
    """Return the first or last second of a day, UTC."""
    if day is None:
        return None
    first = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    return max(0, first + (86_399 if end else 0))


@transaction.atomic
def cancel_run(user: User, run: CaseRun) -> None:
    """Have a run stop at its next step; nothing of it is kept.

    Raises
    ------
    UsageError
        If nobody works on it.
    """
    if queries.state_of(run) not in queries.AT_WORK:
        raise UsageError("nobody works on this run", where="run")
    RunProgress.objects.filter(run=run).update(cancelled_by=user)


@transaction.atomic
def run_again(user: User, run: CaseRun) -> CaseRun:
    """Start a run again that was interrupted, failed or cancelled, with the same parameters.

    Raises
    ------
    UsageError
        If it is under way or done, or its addresses are no seeds any more.
    """
    require_open(run.case)
    state = queries.state_of(run)
    if state in (*queries.AT_WORK, "done"):
        raise UsageError(f"this run is {state}", where="run")
    _require_seeds(user, run.case, run.seeds)
    if state == "interrupted":
        RunEnd.objects.get_or_create(run=run, defaults={"state": "interrupted"})
    again = CaseRun.objects.create(
        case=run.case,
        seeds=run.seeds,
        parameters=run.parameters,
        legal_basis=run.case.legal_basis,
        again_of=run,
        by=user,
    )
    return _begin(again)


@transaction.atomic
def review(user: User, row: CaseRow, state: str, why: str) -> RowReview:
    """Say what a member thinks of a row.

    Raises
    ------
    UsageError
        If there is no such judgement.
    """
    require_text(why, "reason")
    require_open(row.run.case)
    if state not in REVIEWS:
        raise UsageError("no such judgement", where="state", hint=f"one of: {', '.join(REVIEWS)}")
    return RowReview.objects.create(row=row, state=state, why=why, by=user)


@transaction.atomic
def draft_request(user: User, case: Case, pack: RunPack, why: str) -> VaspRequest:
    """Draft what an exchange shall be asked: one row a movement of its pack.

    A second request to an exchange cites the one before.

    Raises
    ------
    UsageError
        If the pack was drafted already, or the case is closed.
    """
    require_text(why, "why")
    require_open(case)
    if queries.holds_own(pack):
        raise UsageError(
            "holds a payment that your team marked as its own",
            where=pack.exchange,
            hint="compute the tables again: it is left out then",
        )
    if pack.requests.exclude(steps__step="refused").exists():
        raise UsageError("drafted already", where=pack.exchange)
    earlier = case.requests.filter(pack__exchange=pack.exchange).exclude(steps__step="refused")
    made = VaspRequest.objects.create(
        case=case,
        pack=pack,
        cites=earlier.order_by("id").last(),
        legal_basis=case.legal_basis,
        why=why,
        by=user,
    )
    RequestRow.objects.bulk_create(
        RequestRow(
            request=made,
            position=position,
            reference=one["reference"],
            direction=one["direction"],
            outpoint=one["outpoint"],
            address=one["address"] or "",
            moved_at=datetime.fromisoformat(one["time"]),
            value=one["value"],
            traced=one["traced"],
        )
        for position, one in enumerate(pack.movements, 1)
    )
    return made


def may_approve(user: User, asked: VaspRequest) -> bool:
    """Tell whether somebody may approve a request: an approver who did not draft it."""
    return Role.APPROVER in user.roles and user.pk != asked.by_id


@transaction.atomic
def decide(user: User, asked: VaspRequest, *, approved: bool, why: str = "") -> RequestStep:
    """Approve a request, or refuse it.

    Raises
    ------
    UsageError
        If it is not theirs to decide, or was decided.
    """
    require_text(why, "reason")
    if not may_approve(user, asked):
        raise UsageError("a second person decides: an approver who did not draft it")
    if queries.request_state(asked) != "drafted":
        raise UsageError("decided already", where="request")
    if approved:
        # It goes as every package goes: after a wait, in which who is named in it is asked.
        checks.check_release(asked.ref, asked.case.team, queries.contents_of(asked.pack))
    return _step(asked, "approved" if approved else "refused", by=user, why=why)


def take_pack(asked: VaspRequest) -> bytes:
    """Return the pack of an approved request, as it goes to the exchange.

    Raises
    ------
    UsageError
        If it was not approved, or its release is not open.
    """
    checks.require_open(asked.ref, queries.contents_of(asked.pack))
    return bytes(asked.pack.content)


@transaction.atomic
def mark_sent(
    user: User, asked: VaspRequest, *, day: date, route: str, due: date | None = None
) -> RequestStep:
    """Note on which day and by which route an approved request went out, and when it is due.

    Raises
    ------
    UsageError
        If it was not approved, its release is not open, or it went out already.
    """
    require_text(route, "route")
    if queries.request_state(asked) != "approved":
        raise UsageError("an approved request is sent, once", where="request")
    checks.require_open(asked.ref, queries.contents_of(asked.pack))
    if due is not None and due < day:
        raise UsageError("an answer is due after the request", where="due")
    return _step(asked, "sent", by=user, day=day, route=route, due=due)


@transaction.atomic
def close_request(user: User, asked: VaspRequest, why: str) -> RequestStep:
    """Wait no longer for answers.

    Raises
    ------
    UsageError
        If it waits for none.
    """
    require_text(why, "reason")
    if queries.request_state(asked) not in ("sent", "partly answered"):
        raise UsageError("waits for no answer", where="request")
    return _step(asked, "closed", by=user, why=why)


def _step(asked: VaspRequest, step: str, **fields: Any) -> RequestStep:
    """Write one step, once."""
    try:
        with transaction.atomic():
            return RequestStep.objects.create(request=asked, step=step, **fields)
    except IntegrityError:
        raise UsageError("somebody did so meanwhile", where="request") from None


@transaction.atomic
def take_answers(
    user: User, asked: VaspRequest, text: str
) -> tuple[list[RowAnswer], list[Problem]]:
    """Take in a filled sheet, pasted as CSV; a row that is wrong stops no other.

    Returns
    -------
    tuple
        What was kept, and what was wrong by line, without what was written there.

    Raises
    ------
    UsageError
        If the request did not go out, or the text is no sheet.
    """
    if queries.request_state(asked) not in ("sent", "partly answered", "answered"):
        raise UsageError("answers come to a request that was sent", where="request")
    rows = list(asked.rows.order_by("position"))
    read, problems = read_answers(text, rows)
    return [_answer(user, asked.case, one) for one in read], problems


def _answer(user: User, case: Case, read: Parsed) -> RowAnswer:
    """Seal one answer with the key of the case."""
    row = RowAnswer(row=read.row, status=read.status, country=read.country, by=user)
    row.ref, row.key_id = queries.fresh_reference(RowAnswer), case.key_id
    row.seal("answer", read.as_text())
    row.save()
    return row


@transaction.atomic
def import_list(
    user: User, case: Case, *, tool: str, text: str, columns: dict[str, str], about: str = ""
) -> ImportedList:
    """Keep a list that another tool made, as that tool's word.

    Parameters
    ----------
    user : User
        A member of the case.
    case : Case
        To which it belongs.
    tool : str
        What made the list.
    text : str
        CSV with a header.
    columns : dict of str to str
        Field of `lists.FIELDS` → column of the list.
    about : str
        A few words.

    Raises
    ------
    UsageError
        If no row can be read.
    """
    require_text(tool, "tool")
    require_text(about, "about")
    require_open(case)
    rows, problems = read_list(text, columns)
    if not rows:
        first = f"line {problems[0].line}: {problems[0].words}" if problems else "there is none"
        raise UsageError("no row can be read", where="list", hint=first)
    digest = queries.sha256_of(text)
    if case.imported_lists.filter(sha256=digest, tool=tool).exists():
        raise UsageError("this list was imported already", where="list")
    made = ImportedList.objects.create(
        case=case,
        tool=tool,
        about=about,
        columns=columns,
        sha256=digest,
        refused=len(problems),
        by=user,
    )
    ImportedRow.objects.bulk_create([_imported(made, row) for row in rows], batch_size=2_000)
    return made


def _imported(made: ImportedList, row: ListRow) -> ImportedRow:
    """Return a row of a list to be kept."""
    return ImportedRow(
        of=made,
        line=row.line,
        outpoint=row.outpoint,
        txid=row.txid,
        address=row.address,
        moved_at=row.moved_at,
        amount=row.amount,
        counterparty=row.counterparty,
        category=row.category,
        remark=row.remark,
    )


def today() -> date:
    """Return the day, UTC."""
    return timezone.now().astimezone(UTC).date()
