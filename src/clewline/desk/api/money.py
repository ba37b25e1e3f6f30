"""Runs, rows, requests and lists of cases. What an exchange answered is sealed and not here."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from django.http import Http404
from ninja import Router, Schema, Status
from pydantic import Field

from clewline.desk.api.schemas import OF_ONE, DecisionIn, Limit, Line, Ref, Said, Short, Strict
from clewline.desk.api.token import scope
from clewline.desk.cases.models import Case
from clewline.desk.cases.views import tell
from clewline.desk.door import DeskRequest, take
from clewline.desk.money import queries, services
from clewline.desk.money.answers import LARGEST, Problem
from clewline.desk.money.models import TABLES, CaseRun, ImportedList, VaspRequest

router = Router(tags=["money of cases"])
Address = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Table = Annotated[str, Field(max_length=10, pattern=r"^[a-z]*$")]
Sheet = Annotated[str, Field(min_length=1, max_length=LARGEST, pattern=r"^[^\x00]*$")]
Day = Annotated[date, Field(ge=date(2009, 1, 1), le=date(2100, 1, 1))]


class RunIn(Strict):
    """From which addresses of the case, by which rule, how far."""

    seeds: Annotated[list[Address], Field(min_length=1, max_length=1000)]
    method: Annotated[str, Field(pattern="^(fifo|lifo)$")] = "fifo"
    cluster: bool = False
    max_hops: Annotated[int | None, Field(ge=1, le=services.MOST_HOPS)] = None
    since: Day | None = None
    until: Day | None = None
    sets: Annotated[tuple[Short, ...], Field(max_length=50)] = ()
    leads: bool = False


class PackOut(Schema):
    """What a run would ask one exchange."""

    exchange: str
    name: str
    deposits: int
    withdrawals: int
    traced: int


class RunOut(Schema):
    """A run: what was asked, under which basis, how far it is, what it saw."""

    ref: str
    case: str
    state: str
    words: str
    seeds: list[str]
    parameters: dict[str, Any]
    legal_basis: str
    by: str
    at: datetime
    tip: str
    height: int | None
    label_sets: list[dict[str, Any]]
    rates: dict[str, Any]
    digest: str
    rows: dict[str, int]
    packs: list[PackOut]


class RunsOut(Schema):
    """The runs of a case, newest first."""

    items: list[RunOut]


class RowsOut(Schema):
    """Rows of a table in order; `next` is the position after which to go on."""

    items: list[dict[str, Any]]
    next: int | None


class DraftIn(Strict):
    """Which packs of a run become requests, and why."""

    packs: Annotated[list[Short], Field(min_length=1, max_length=200)]
    why: Said


class AskedOut(Schema):
    """One movement that an exchange is asked about, and how its answer stands."""

    reference: str
    direction: str
    outpoint: str
    address: str
    at: datetime
    value: int
    traced: int
    status: str
    country: str


class RequestOut(Schema):
    """A request to an exchange; `rows` only where one is asked for."""

    ref: str
    case: str
    exchange: str
    state: str
    legal_basis: str
    why: str
    cites: str | None
    due: date | None
    rows: list[AskedOut]


class RequestsOut(Schema):
    """The requests of a case, newest first."""

    items: list[RequestOut]


class SentIn(Strict):
    """On which day and by which route a request went out, and until when an answer is due."""

    day: Day
    route: Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00]*$")]
    due: Day | None = None


class SheetIn(Strict):
    """A filled sheet, as CSV text."""

    text: Sheet


class ProblemOut(Schema):
    """What is wrong with a line, without what stands there."""

    line: int
    words: str


class TakenOut(Schema):
    """How many answers were kept, and what was wrong."""

    kept: int
    problems: list[ProblemOut]


class ListIn(Strict):
    """A list of another tool, and which of its columns is what."""

    tool: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00]*$")]
    about: Line = ""
    text: Sheet
    columns: Annotated[dict[Short, Line], Field(max_length=20)]


class ListOut(Schema):
    """A list of another tool: that tool's word."""

    ref: str
    case: str
    origin: str
    about: str
    refused: int
    rows: list[dict[str, Any]]


@router.get("/cases/{ref}/runs", response={200: RunsOut, **OF_ONE})
@scope("case.read")
def runs(request: DeskRequest, ref: Ref) -> RunsOut:
    """List the runs of a case."""
    case = take(request, Case, ref)
    return RunsOut(items=[_run(request, one) for one in queries.runs(case)])


@router.post("/cases/{ref}/runs", response={201: RunOut, **OF_ONE})
@scope("run.start")
def start(request: DeskRequest, ref: Ref, asked: RunIn) -> Status[RunOut]:
    """Have payers, cash-outs and packs computed; ask for the run until its state is done."""
    case = take(request, Case, ref)
    run = services.start_run(request.user, case, **asked.dict())
    tell(request, case, run=run.ref)
    return Status(201, _run(request, run))


@router.get("/runs/{ref}", response={200: RunOut, **OF_ONE})
@scope("case.read")
def run(request: DeskRequest, ref: Ref) -> RunOut:
    """Read how far a run is, and what it saw."""
    return _run(request, take(request, CaseRun, ref))


@router.get("/runs/{ref}/rows", response={200: RowsOut, **OF_ONE})
@scope("case.read")
def rows(
    request: DeskRequest,
    ref: Ref,
    table: Table = "payers",
    limit: Limit = 100,
    after: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0,
) -> RowsOut:
    """Read rows of a run: `table` is payers, cashouts or leads."""
    found = take(request, CaseRun, ref)
    if table not in TABLES:
        raise Http404
    some = list(queries.rows(request.user, found, table).filter(position__gt=after)[: limit + 1])
    more = some[limit - 1].position if len(some) > limit else None
    items = [
        {"position": one.position, "review": one.review, **one.facts}  # type: ignore[attr-defined]
        for one in some[:limit]
    ]
    return RowsOut(items=items, next=more)


@router.post("/runs/{ref}/requests", response={201: RequestsOut, **OF_ONE})
@scope("request.draft")
def draft(request: DeskRequest, ref: Ref, asked: DraftIn) -> Status[RequestsOut]:
    """Draft a request to each of some exchanges, named as the packs of the run are."""
    found = take(request, CaseRun, ref)
    packs = found.packs.filter(slug__in=asked.packs).order_by("exchange")
    made = [services.draft_request(request.user, found.case, one, asked.why) for one in packs]
    if len(made) < len(set(asked.packs)):
        raise Http404
    tell(request, found.case, requests=[one.ref for one in made])
    return Status(201, RequestsOut(items=[_request(one) for one in made]))


@router.get("/cases/{ref}/requests", response={200: RequestsOut, **OF_ONE})
@scope("case.read")
def requests(request: DeskRequest, ref: Ref) -> RequestsOut:
    """List the requests of a case."""
    case = take(request, Case, ref)
    return RequestsOut(items=[_request(one) for one in queries.requests(case)])


@router.get("/requests/{ref}", response={200: RequestOut, **OF_ONE})
@scope("case.read")
def asked(request: DeskRequest, ref: Ref) -> RequestOut:
    """Read a request and how its rows stand; accounts and names stay sealed."""
    return _request(take(request, VaspRequest, ref), whole=True)


@router.post("/requests/{ref}/decide", response={200: RequestOut, **OF_ONE})
@scope("request.approve")
def decide(request: DeskRequest, ref: Ref, said: DecisionIn) -> RequestOut:
    """Approve a request that somebody else drafted, or refuse it."""
    found = take(request, VaspRequest, ref)
    services.decide(request.user, found, approved=said.agreed, why=said.reason)
    tell(request, found.case, approved=said.agreed, why=said.reason)
    return _request(take(request, VaspRequest, ref), whole=True)


@router.post("/requests/{ref}/sent", response={200: RequestOut, **OF_ONE})
@scope("request.send")
def sent(request: DeskRequest, ref: Ref, asked: SentIn) -> RequestOut:
    """Note that an approved request went out; its pack is taken from its page."""
    found = take(request, VaspRequest, ref)
    services.mark_sent(request.user, found, **asked.dict())
    tell(request, found.case, route=asked.route)
    return _request(take(request, VaspRequest, ref), whole=True)


@router.post("/requests/{ref}/answers", response={200: TakenOut, **OF_ONE})
@scope("request.answer")
def answers(request: DeskRequest, ref: Ref, sheet: SheetIn) -> TakenOut:
    """Take in a filled sheet; a row that is wrong stops no other."""
    found = take(request, VaspRequest, ref)
    kept, problems = services.take_answers(request.user, found, sheet.text)
    tell(request, found.case, kept=len(kept), refused=len(problems))
    return TakenOut(kept=len(kept), problems=[_problem(one) for one in problems])


@router.post("/cases/{ref}/lists", response={201: ListOut, **OF_ONE})
@scope("list.import")
def import_list(request: DeskRequest, ref: Ref, asked: ListIn) -> Status[ListOut]:
    """Keep a list of another tool as that tool's word."""
    case = take(request, Case, ref)
    made = services.import_list(request.user, case, **asked.dict())
    tell(request, case, list=made.ref)
    return Status(201, _list(made))


@router.get("/lists/{ref}", response={200: ListOut, **OF_ONE})
@scope("case.read")
def imported(request: DeskRequest, ref: Ref) -> ListOut:
    """Read a list of another tool."""
    return _list(take(request, ImportedList, ref))


def _run(request: DeskRequest, row: CaseRun) -> RunOut:
    """Return a run as an answer."""
    end = getattr(row, "end", None)
    return RunOut(
        ref=row.ref,
        case=row.case.ref,
        state=queries.state_of(row),
        words=end.words if end else "",
        seeds=row.seeds,
        parameters=row.parameters,
        legal_basis=row.legal_basis,
        by=row.by.pseudonym,
        at=row.at,
        tip=end.tip if end else "",
        height=end.height if end else None,
        label_sets=end.label_sets if end else [],
        rates=end.rates if end else {},
        digest=end.digest if end else "",
        rows=queries.counts(request.user, row),
        packs=[
            PackOut(
                exchange=one.exchange,
                name=one.slug,
                deposits=one.deposits,
                withdrawals=one.withdrawals,
                traced=one.traced,
            )
            for one in row.packs.order_by("exchange").defer("content", "movements")
        ],
    )


def _request(row: VaspRequest, *, whole: bool = False) -> RequestOut:
    """Return a request as an answer, with its rows if it is asked for alone."""
    return RequestOut(
        ref=row.ref,
        case=row.case.ref,
        exchange=row.pack.exchange,
        state=queries.request_state(row),
        legal_basis=row.legal_basis,
        why=row.why,
        cites=row.cites.ref if row.cites else None,
        due=queries.due_of(row),
        rows=[_asked(one) for one in queries.asked_rows(row)] if whole else [],
    )


def _asked(one: queries.AskedRow) -> AskedOut:
    """Return a row of a request as an answer."""
    row, answer = one.row, one.answer
    return AskedOut(
        reference=row.reference,
        direction=row.direction,
        outpoint=row.outpoint,
        address=row.address,
        at=row.moved_at,
        value=row.value,
        traced=row.traced,
        status=answer.status if answer else "no answer",
        country=answer.country if answer else "",
    )


def _problem(one: Problem) -> ProblemOut:
    """Return what is wrong with a line."""
    return ProblemOut(line=one.line, words=one.words)


def _list(row: ImportedList) -> ListOut:
    """Return a list as an answer."""
    fields = ("line", "outpoint", "txid", "address", "amount", "counterparty", "category", "remark")
    return ListOut(
        ref=row.ref,
        case=row.case.ref,
        origin=f"imported from {row.tool}, by {row.by.pseudonym}, {row.at.date().isoformat()}",
        about=row.about,
        refused=row.refused,
        rows=list(row.rows.order_by("line").values(*fields, "moved_at")[:1000]),
    )
