"""Reports of pages to whoever can act on them: routes, drafts, release, what became of them.

The address of a page is in no answer; where policy released it, `url_told` says so.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import Http404
from ninja import Router, Schema, Status
from pydantic import Field

from clewline.desk.api.alerts import DeliveryOut, delivery_out
from clewline.desk.api.paging import newest
from clewline.desk.api.schemas import (
    ERRORS,
    OF_ONE,
    DecisionIn,
    Flag,
    Limit,
    Moment,
    Ref,
    Strict,
)
from clewline.desk.api.token import scope
from clewline.desk.door import DeskRequest, take
from clewline.desk.partners.models import Partner
from clewline.desk.records.models import Sighting
from clewline.desk.routing import queries, services
from clewline.desk.routing.models import STATES, Report, Route
from clewline.errors import UsageError

router = Router(tags=["reports"])


class WayOut(Schema):
    """To whom a page can be reported: of the whole page (0) or of its option `number`, from 1."""

    number: int
    about: str
    partner: str | None
    fallback: bool


class WaysOut(Schema):
    """All ways of a page; `partner` is None where no route is known."""

    items: list[WayOut]


class ReportIn(Strict):
    """Which way a page is reported."""

    way: Annotated[int, Field(ge=0, le=1_000, strict=True)] = 0


class StateIn(Strict):
    """What a recipient said by telephone or letter, and when it happened."""

    state: Annotated[str, Field(pattern=f"^({'|'.join(STATES)})$")]
    at: Moment


class ReportOut(Schema):
    """A report; `released` is None while it waits for a second person."""

    ref: str
    team: str
    sighting: str
    partner: str
    theirs: str
    state: str
    by: str
    at: datetime
    released: bool | None
    sent_at: datetime | None
    hours_to_removal: float | None


class ReportsOut(Schema):
    """Reports of one's teams, newest first; `next` goes on behind it."""

    items: list[ReportOut]
    next: str | None


class SaidOut(Schema):
    """What became of a page, as the recipient says."""

    state: str
    at: datetime
    told_at: datetime
    by: str


class WholeReportOut(ReportOut):
    """A report with what is told, what is kept back and why, and how far it came."""

    told: dict[str, Any]
    url_told: bool
    withheld: list[str]
    deliveries: list[DeliveryOut]
    said: list[SaidOut]


class RouteIn(Strict):
    """Who answers for a country of servers, or a brand of payment; for neither: for the rest."""

    partner: Annotated[str, Field(min_length=1, max_length=13, pattern=r"^[^\x00]*$")]
    country: Annotated[str, Field(pattern="^([A-Z]{2})?$")] = ""
    brand: Annotated[str, Field(max_length=60, pattern=r"^[^\x00]*$")] = ""


class AgreeIn(Strict):
    """Whether a second person agrees."""

    agreed: Flag


class RouteOut(Schema):
    """A route; `agreed` is None while it waits for a second person."""

    ref: str
    country: str
    brand: str
    partner: str
    by: str
    at: datetime
    agreed: bool | None


class RoutesOut(Schema):
    """The routes that count at present, and those that wait for a second person."""

    items: list[RouteOut]
    waiting: list[RouteOut]


@router.get("/reports", response={200: ReportsOut, **OF_ONE})
@scope("report.list")
def reports(request: DeskRequest, limit: Limit = 50, after: Ref = "") -> ReportsOut:
    """List reports, drafted and refused ones too."""
    rows, more = newest(queries.reports_of(request.user), limit, after)
    return ReportsOut(items=[ReportOut(**_facts(one)) for one in rows], next=more)


@router.get("/reports/{ref}", response={200: WholeReportOut, **OF_ONE})
@scope("report.read")
def report(request: DeskRequest, ref: Ref) -> WholeReportOut:
    """Read a report: what is told, how far it came, what became of the page."""
    return _whole(take(request, Report, ref))


@router.get("/sightings/{ref}/ways", response={200: WaysOut, **OF_ONE})
@scope("report.make")
def ways(request: DeskRequest, ref: Ref) -> WaysOut:
    """Say to whom a page can be reported."""
    return WaysOut(
        items=[
            WayOut(
                number=one.number,
                about=one.about,
                partner=one.partner.ref if one.partner else None,
                fallback=one.fallback,
            )
            for one in queries.ways_of(take(request, Sighting, ref))
        ]
    )


@router.post("/sightings/{ref}/reports", response={201: WholeReportOut, **OF_ONE})
@scope("report.make")
def draft(request: DeskRequest, ref: Ref, asked: ReportIn) -> Status[WholeReportOut]:
    """Draft a report of a page; somebody else releases it."""
    sighting = take(request, Sighting, ref)
    way = next((one for one in queries.ways_of(sighting) if one.number == asked.way), None)
    if way is None or way.partner is None:
        raise UsageError("nobody is known for it", where="way", hint="see the ways of the page")
    made = services.draft(request.user, sighting, way.partner, way.option)
    request.audit_details = {"made": made.ref}
    return Status(201, _whole(made))


@router.post("/reports/{ref}/decide", response={200: WholeReportOut, **OF_ONE})
@scope("report.decide")
def decide(request: DeskRequest, ref: Ref, said: DecisionIn) -> WholeReportOut:
    """Release a report, which sends it, or refuse it."""
    found = take(request, Report, ref)
    services.decide(request.user, found, released=said.agreed, reason=said.reason)
    request.audit_details = {"released": said.agreed}
    return _whole(found)


@router.post("/reports/{ref}/state", response={201: WholeReportOut, **OF_ONE})
@scope("report.status")
def note_state(request: DeskRequest, ref: Ref, said: StateIn) -> Status[WholeReportOut]:
    """Write down what the recipient said; recipients themselves say it with their access key."""
    found = take(request, Report, ref)
    services.tell(found, said.state, said.at, request.user)
    request.audit_details = {"state": said.state}
    return Status(201, _whole(found))


@router.get("/routes", response={200: RoutesOut, **ERRORS})
@scope("route.list")
def routes(request: DeskRequest) -> RoutesOut:
    """List who answers for what."""
    organisation = request.user.organisation_id
    counting = sorted(queries.routes_of(organisation).items())
    return RoutesOut(
        items=[_route(one) for _, one in counting],
        waiting=[_route(one) for one in queries.proposed_of(organisation)],
    )


@router.post("/routes", response={201: RouteOut, **OF_ONE})
@scope("route.change")
def propose(request: DeskRequest, asked: RouteIn) -> Status[RouteOut]:
    """Propose who answers for a country or a brand."""
    found = Partner.objects.visible_to(request.user).active().filter(ref=asked.partner).first()
    if found is None:
        raise Http404
    made = services.propose(request.user, found, asked.country, asked.brand)
    request.audit_object = made.ref
    return Status(201, _route(made))


@router.post("/routes/{ref}/decide", response={200: RouteOut, **OF_ONE})
@scope("route.decide")
def decide_route(request: DeskRequest, ref: Ref, said: AgreeIn) -> RouteOut:
    """Agree to a route, or not."""
    found = take(request, Route, ref)
    services.decide_route(request.user, found, agreed=said.agreed)
    request.audit_details = {"agreed": said.agreed}
    return _route(found)


def _facts(row: Report) -> dict[str, Any]:
    """Return what a list says of a report."""
    decision = getattr(row, "decision", None)
    return {
        "ref": row.ref,
        "team": row.team.name,
        "sighting": row.sighting.ref,
        "partner": row.partner.ref,
        "theirs": row.theirs,
        "state": row.state,
        "by": row.by.pseudonym,
        "at": row.at,
        "released": decision.released if decision else None,
        "sent_at": row.sent_at,
        "hours_to_removal": row.hours_to_removal,
    }


def _whole(found: Report) -> WholeReportOut:
    """Return a report as an answer."""
    told, url_told = queries.openly(found)
    names = SaidOut.model_fields
    said = found.statuses.order_by("at", "pk")
    return WholeReportOut(
        **_facts(found),
        told=told,
        url_told=url_told,
        withheld=found.withheld,
        deliveries=[delivery_out(one) for one in queries.deliveries_of(found)],
        said=[SaidOut(**{name: getattr(one, name) for name in names}) for one in said],
    )


def _route(row: Route) -> RouteOut:
    """Return a route as an answer."""
    decision = getattr(row, "decision", None)
    return RouteOut(
        ref=row.ref,
        country=row.country,
        brand=row.brand,
        partner=row.partner.ref,
        by=row.by.pseudonym,
        at=row.at,
        agreed=decision.agreed if decision else None,
    )
