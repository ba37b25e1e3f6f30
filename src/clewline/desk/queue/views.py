"""The morning screen, and the pages around it."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from clewline.desk.accounts.models import User
from clewline.desk.audit.models import Event
from clewline.desk.cases.models import Case
from clewline.desk.door import DeskRequest, door, take
from clewline.desk.queue import queries, services
from clewline.desk.queue.forms import ItemForm, OutcomeForm, ReasonForm, ShiftForm
from clewline.desk.queue.items import SECTIONS, URGENT
from clewline.desk.queue.models import Shift, Urgent
from clewline.desk.queue.rules import ago
from clewline.desk.queue.sources import urgent as urgent_items
from clewline.desk.records.models import Sighting
from clewline.errors import UsageError

SHOWN: Final = 8
"""Items of a section on the first page."""
PAGE: Final = 50


@door("home.read")
def home(request: DeskRequest) -> HttpResponse:
    """Show where a person's work begins."""
    user = request.user
    morning = queries.morning(user)
    page = {
        "section": "home",
        "morning": morning,
        "sections": [
            {"name": name, "title": SECTIONS[name], "items": items[:SHOWN], "count": len(items)}
            for name, items in morning.sections.items()
            if name != URGENT
        ],
        "any_item": any(morning.sections.values()),
        "cases": Case.objects.visible_to(user).filter(closed_at=None).order_by("codename")[:12],
        "people": User.objects.filter(organisation=user.organisation_id).count()
        if user.may("people.change")
        else 0,
        "last_event": Event.objects.order_by("-seq").first() if user.roles == ["auditor"] else None,
        **_urgent(morning.sections[URGENT]),
    }
    return render(request, "desk/queue/home.html", page)


@door("home.read")
def section(request: DeskRequest, name: str) -> HttpResponse:
    """Show one section of the queue, page by page."""
    if name not in SECTIONS:
        raise Http404
    items = [item for item in queries.queue_of(request.user) if item.section == name]
    shown = Paginator(items, PAGE).get_page(request.GET.get("page"))
    page = {"section": "home", "name": name, "title": SECTIONS[name], "page": shown}
    return render(request, "desk/queue/section.html", {**page, "now": timezone.now()})


@door("urgent.read")
def urgent_now(request: DeskRequest) -> HttpResponse:
    """Show what is urgent, with its clock: the part of the first page that renews itself."""
    items = queries.ordered(request.user, urgent_items(request.user))
    return render(request, "desk/queue/urgent_items.html", _urgent(items))


def _urgent(items: list[Any]) -> dict[str, Any]:
    """Return what the urgent part of a page shows."""
    now = timezone.now()
    return {"urgent": [{"item": item, "clock": ago(item.since, now)} for item in items]}


@door("queue.take", "POST")
def take_item(request: DeskRequest) -> HttpResponse:
    """Take an item of the queue, and go to it."""
    key = _key(request)
    try:
        claim = services.take_item(request.user, key)
    except UsageError as error:
        messages.error(request, str(error))
        return redirect("home")
    request.audit_details = {"until": claim.until.isoformat(timespec="minutes")}
    messages.info(request, _("%(key)s is yours until %(until)s UTC.") % {
        "key": key, "until": f"{claim.until:%H:%M}",
    })  # fmt: skip
    return redirect("home")


@door("queue.take", "POST")
def leave_item(request: DeskRequest) -> HttpResponse:
    """Let go of an item."""
    services.leave_item(request.user, _key(request))
    return redirect("home")


def _key(request: DeskRequest) -> str:
    """Return which item is meant."""
    form = ItemForm(request.POST)
    if not form.is_valid():
        raise Http404
    request.audit_object = key = form.cleaned_data["key"]
    return str(key)


@door("urgent.raise", "GET", "POST")
def raise_of_sighting(request: DeskRequest, ref: str) -> HttpResponse:
    """Say of a sighting that a child may be at risk now."""
    return _raise(request, take(request, Sighting, ref))


@door("urgent.raise", "GET", "POST")
def raise_of_case(request: DeskRequest, ref: str) -> HttpResponse:
    """Say so of a case."""
    return _raise(request, take(request, Case, ref))


def _raise(request: DeskRequest, what: Sighting | Case) -> HttpResponse:
    """Ask for the reason, and mark."""
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            mark = services.raise_urgent(request.user, what, form.cleaned_data["reason"])
        except UsageError as error:
            form.add_error("reason", str(error))
        else:
            request.audit_details = {"urgent": mark.ref}
            return redirect("urgent", mark.ref)
    on_call = queries.on_call([what.team])
    page = {"section": "home", "what": what, "form": form, "on_call": on_call}
    return render(request, "desk/queue/raise.html", page, status=400 if form.errors else 200)


@door("urgent.read")
def urgent(request: DeskRequest, ref: str) -> HttpResponse:
    """Show an urgent mark: since when, who is on call, what was done."""
    return _mark(request, take(request, Urgent, ref))


@door("urgent.handle", "POST")
def acknowledge(request: DeskRequest, ref: str) -> HttpResponse:
    """Say that one sees to it."""
    services.acknowledge(request.user, take(request, Urgent, ref))
    request.audit_details = {"step": "acknowledged"}
    return redirect("urgent", ref)


@door("urgent.handle", "POST")
def close(request: DeskRequest, ref: str) -> HttpResponse:
    """Say what came of it."""
    mark, form = take(request, Urgent, ref), OutcomeForm(request.POST)
    if not form.is_valid():
        return _mark(request, mark, form)
    services.close(request.user, mark, form.cleaned_data["outcome"])
    request.audit_details = {"step": "closed"}
    return redirect("urgent", ref)


def _mark(request: DeskRequest, mark: Urgent, form: OutcomeForm | None = None) -> HttpResponse:
    """Show an urgent mark."""
    found = queries.urgent_of(request.user, mark.ref)
    page = {
        "section": "home",
        "mark": found,
        "clock": ago(found.at, timezone.now()),
        "steps": {step.step: step for step in found.steps.all()},
        "on_call": queries.on_call([found.team]),
        "form": form or OutcomeForm(),
    }
    return render(request, "desk/queue/urgent.html", page, status=400 if form else 200)


@door("oncall.read")
def roster(request: DeskRequest) -> HttpResponse:
    """Show who is on call, now and next."""
    return _roster(request)


@door("oncall.change", "POST")
def add_shift(request: DeskRequest) -> HttpResponse:
    """Put somebody on call."""
    form = ShiftForm(request.user, request.POST)
    if not form.is_valid():
        return _roster(request, form)
    try:
        shift = services.add_shift(request.user, **form.cleaned_data)
    except UsageError as error:
        form.add_error(error.where if error.where in form.fields else None, str(error))
        return _roster(request, form)
    request.audit_object = shift.ref
    request.audit_details = {"person": shift.person.pseudonym}
    return redirect("roster")


@door("oncall.change", "POST")
def end_shift(request: DeskRequest, ref: str) -> HttpResponse:
    """Take a shift off the roster."""
    services.end_shift(request.user, take(request, Shift, ref))
    return redirect("roster")


def _roster(request: DeskRequest, form: ShiftForm | None = None) -> HttpResponse:
    """Show the roster."""
    page = {
        "section": "home",
        "on_call": queries.on_call(request.user.teams.order_by("name", "id")),
        "shifts": queries.shifts_of(request.user)[:100],
        "form": form or ShiftForm(request.user),
    }
    return render(request, "desk/queue/roster.html", page, status=400 if form else 200)
