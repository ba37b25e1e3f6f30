"""Pages of routes and reports, and what recipients' programs fetch and answer."""

from __future__ import annotations

import json
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from clewline.desk.alerts import services as alerts
from clewline.desk.alerts.forms import DecideForm
from clewline.desk.alerts.partner_door import JSON, partner_door
from clewline.desk.alerts.partner_views import body_of
from clewline.desk.door import DeskRequest, door, take
from clewline.desk.partners.models import Partner
from clewline.desk.records.models import Sighting
from clewline.desk.routing import queries, services
from clewline.desk.routing.forms import RouteForm, StatusForm
from clewline.desk.routing.models import Report, Route
from clewline.errors import DataError, UsageError

_SHOWN: Final = 200


@door("report.list")
def reports(request: DeskRequest) -> HttpResponse:
    """List the reports of one's teams."""
    page = {"section": "reports", "reports": queries.reports_of(request.user)[:_SHOWN]}
    return render(request, "desk/routing/reports.html", page)


@door("report.read")
def report(request: DeskRequest, ref: str) -> HttpResponse:
    """Show a report: what is told, to whom, what became of it."""
    return _page(request, take(request, Report, ref))


@door("report.make", "GET", "POST")
def new_report(request: DeskRequest, ref: str) -> HttpResponse:
    """Show to whom a page can be reported, and draft a report."""
    sighting = take(request, Sighting, ref)
    ways, problem = queries.ways_of(sighting), ""
    if request.method == "POST":
        chosen = request.POST.get("way", "")
        way = next((one for one in ways if one.partner and str(one.number) == chosen), None)
        try:
            if way is None or way.partner is None:
                raise UsageError("choose one of them", where="way")
            made = services.draft(request.user, sighting, way.partner, way.option)
        except UsageError as error:
            problem = error.message
        else:
            request.audit_details = {"made": made.ref}
            return redirect("report", made.ref)
    page = {"section": "reports", "sighting": sighting, "ways": ways, "problem": problem}
    return render(request, "desk/routing/new.html", page, status=400 if problem else 200)


@door("report.decide", "POST")
def decide_report(request: DeskRequest, ref: str) -> HttpResponse:
    """Release a report, or refuse it."""
    found, form = take(request, Report, ref), DecideForm(request.POST)
    if not form.is_valid():
        return _page(request, found, decide=form)
    released = "release" in request.POST
    request.audit_details = {"released": released}
    services.decide(request.user, found, released=released, reason=form.cleaned_data["reason"])
    return redirect("report", ref)


@door("report.status", "POST")
def report_status(request: DeskRequest, ref: str) -> HttpResponse:
    """Write down what the recipient said."""
    found, form = take(request, Report, ref), StatusForm(request.POST)
    if not form.is_valid():
        return _page(request, found, status=form)
    try:
        services.tell(found, form.cleaned_data["state"], form.cleaned_data["at"], request.user)
    except UsageError as error:
        form.add_error("at", error.message)
        return _page(request, found, status=form)
    return redirect("report", ref)


@door("route.list")
def routes(request: DeskRequest) -> HttpResponse:
    """Show who answers for which country and brand."""
    return _routes(request, RouteForm(request.user))


@door("route.change", "POST")
def propose_route(request: DeskRequest) -> HttpResponse:
    """Propose who answers for a country or a brand."""
    form = RouteForm(request.user, request.POST)
    if form.is_valid():
        try:
            request.audit_object = services.propose(request.user, **form.cleaned_data).ref
        except UsageError as error:
            form.add_error(None, error.message)
        else:
            return redirect("routes")
    return _routes(request, form)


@door("route.decide", "POST")
def decide_route(request: DeskRequest, ref: str) -> HttpResponse:
    """Agree to a route, or not."""
    agreed = "agree" in request.POST
    request.audit_details = {"agreed": agreed}
    services.decide_route(request.user, take(request, Route, ref), agreed=agreed)
    return redirect("routes")


@partner_door("partner.fetch", "GET", withdrawals=False)
def own_reports(_request: HttpRequest, partner: Partner) -> HttpResponse:
    """Give a partner the reports that were sent to it."""
    found = queries.for_partner(partner)
    alerts.fetched_reports(found)
    return _private(f'{{"reports": [{", ".join(one.letter for one in found)}]}}')


@partner_door("partner.fetch", "GET", withdrawals=False)
def own_report(_request: HttpRequest, partner: Partner, ref: str) -> HttpResponse:
    """Give a partner one report that was sent to it."""
    found = _own(partner, ref)
    alerts.fetched_reports([found])
    return _private(found.letter)


@partner_door("partner.answer", "POST", withdrawals=False)
def own_status(request: HttpRequest, partner: Partner, ref: str) -> HttpResponse:
    """Take what a partner says became of a page."""
    found, said = _own(partner, ref), body_of(request)
    try:
        at = parse_datetime(str(said.get("at", "")))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise DataError("must be a time with its zone, as 2026-03-01T10:00:00Z", where="at")
    services.tell(found, str(said.get("state", "")), at)
    return HttpResponse(json.dumps({"taken": True}), content_type=JSON, status=201)


@partner_door("partner.fetch", "GET", withdrawals=False, page=True)
def key_page(request: HttpRequest, partner: Partner) -> HttpResponse:
    """Show a partner, with its access key as password, the reports that were sent to it."""
    found = queries.for_partner(partner)
    return render(request, "desk/routing/key_list.html", {"reports": found[::-1][:_SHOWN]})


@partner_door("partner.answer", "GET", "POST", withdrawals=False, page=True)
def key_report(request: HttpRequest, partner: Partner, ref: str) -> HttpResponse:
    """Show a partner one report, and take what became of the page."""
    found = _own(partner, ref)
    form = StatusForm(request.POST or None, initial={"at": f"{timezone.now():%Y-%m-%d %H:%M:%S}"})
    if request.method == "POST" and form.is_valid():
        try:
            services.tell(found, form.cleaned_data["state"], form.cleaned_data["at"])
        except UsageError as error:
            form.add_error(error.where if error.where in form.fields else None, error.message)
        else:
            return redirect("share-report-page", ref)
    if request.method == "GET":
        alerts.fetched_reports([found])
    page = {"report": found, **_told(found), "status": form}
    code = 400 if form.errors else 200
    return render(request, "desk/routing/key_report.html", page, status=code)


def _own(partner: Partner, ref: str) -> Report:
    """Return a report that was sent to a partner, under its own reference."""
    found = next((one for one in queries.for_partner(partner) if one.theirs == ref), None)
    if found is None:
        raise Http404
    return found


def _private(text: str) -> HttpResponse:
    """Return JSON that nobody keeps on the way."""
    answer = HttpResponse(text, content_type=JSON)
    answer["Cache-Control"] = "private, no-store"
    return answer


def _routes(request: DeskRequest, form: RouteForm) -> HttpResponse:
    """Show the table of routes."""
    organisation = request.user.organisation_id
    page = {
        "section": "reports",
        "form": form,
        "routes": [one for _, one in sorted(queries.routes_of(organisation).items())],
        "waiting": queries.proposed_of(organisation),
    }
    return render(request, "desk/routing/routes.html", page, status=400 if form.errors else 200)


def _page(
    request: DeskRequest,
    found: Report,
    decide: DecideForm | None = None,
    status: StatusForm | None = None,
) -> HttpResponse:
    """Show a report, with what this person can do."""
    page = {
        "section": "reports",
        "report": found,
        **_told(found),
        "kept": queries.kept_back(found),
        "ways": queries.deliveries_of(found),
        "may_decide": services.may_decide(request.user, found),
        "may_tell": found.sent_at is not None and request.user.may("report.status"),
        "decide": decide or DecideForm(),
        "status": status or StatusForm(),
    }
    code = 400 if decide or status else 200
    return render(request, "desk/routing/report.html", page, status=code)


def _told(found: Report) -> dict[str, Any]:
    """Return what a page shows of what is told, and what became of it."""
    told, sealed = queries.openly(found)
    statuses = found.statuses.order_by("at", "pk")
    return {"told": queries.lines_of(told), "sealed": sealed, "statuses": statuses}
