"""Pages of sightings: record, refresh, correct, withdraw, read, list."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from clewline.desk.door import DeskRequest, door, take
from clewline.desk.queue.services import saw
from clewline.desk.records import queries, services
from clewline.desk.records.forms import FilterForm, ReasonForm, StateForm, brand_names
from clewline.desk.records.models import Sighting
from clewline.desk.records.recording import Recording, after, correction_of
from clewline.desk.records.refreshing import Refreshing
from clewline.desk.welfare import services as welfare
from clewline.desk.welfare.forms import RevealForm
from clewline.errors import DataError, UsageError


def _asks(request: DeskRequest) -> bool:
    """Tell whether a form wants a paste read or another option, and nothing saved."""
    return request.POST.get("action") in ("read", "add")


@door("sighting.list")
def sightings(request: DeskRequest) -> HttpResponse:
    """List what the teams recorded, newest first."""
    form = FilterForm(request.GET)
    asked = form.cleaned_data if form.is_valid() else {}
    page = queries.listed(request.user, **asked)
    context = {"form": form, "page": page, "asked": _query(request), **_frame(request)}
    return render(request, "desk/records/list.html", context)


@door("sighting.record", "GET", "POST", asks=_asks)
def record(request: DeskRequest) -> HttpResponse:
    """Record a page: read the paste, confirm, save."""
    if request.method == "GET":
        last = _site_of(request, request.GET.get("after", ""))
        recording = Recording(request.user, initial=after(last) if last else None)
        return _form(request, recording, last)
    recording = Recording(request.user, request.POST)
    last = _site_of(request, request.POST.get("same_site", ""))
    if (answer := _read_or_add(request, recording, last)) is not None:
        return answer
    if not recording.is_valid():
        return _form(request, recording, last, status=422)
    try:
        made = services.record(request.user, recording.draft(), site_of=last)
    except (UsageError, DataError) as error:
        return _form(request, recording, last, status=error.http_status, error=error)
    return _saved(request, made)


@door("sighting.correct", "GET", "POST", asks=_asks)
def correct(request: DeskRequest, ref: str) -> HttpResponse:
    """Correct a sighting by another one that supersedes it."""
    sighting = take(request, Sighting, ref)
    fields, rows = correction_of(sighting)
    if request.method == "GET":
        recording = Recording(request.user, initial=fields, rows=rows)
        return _form(request, recording, corrects=sighting, reason=ReasonForm())
    recording, reason = Recording(request.user, request.POST), ReasonForm(request.POST)
    if (answer := _read_or_add(request, recording, corrects=sighting, reason=reason)) is not None:
        return answer
    if not all([recording.is_valid(), reason.is_valid()]):
        return _form(request, recording, status=422, corrects=sighting, reason=reason)
    try:
        made = services.supersede(
            request.user, sighting, recording.draft(), reason.cleaned_data["reason"]
        )
    except (UsageError, DataError) as error:
        status = error.http_status
        return _form(
            request, recording, status=status, error=error, corrects=sighting, reason=reason
        )
    return _saved(request, made)


@door("sighting.record", "GET", "POST", asks=_asks)
def refresh(request: DeskRequest, ref: str) -> HttpResponse:
    """Record the next refresh of a page: the addresses that it shows now."""
    sighting = take(request, Sighting, ref)
    refreshing = Refreshing(sighting, request.POST if request.method == "POST" else None)
    context = {"refreshing": refreshing, "sighting": sighting, **_frame(request)}
    if request.method == "GET":
        return render(request, "desk/records/refresh.html", context)
    if request.POST.get("action") == "read":
        refreshing.propose()
        part = "refresh_options" if request.htmx else "refresh"
        return render(request, f"desk/records/{part}.html", context)
    if not refreshing.is_valid():
        return render(request, "desk/records/refresh.html", context, status=422)
    try:
        made = services.refresh(
            request.user, sighting, refreshing.options(), **refreshing.changes()
        )
    except (UsageError, DataError) as error:
        context["error"] = error
        return render(request, "desk/records/refresh.html", context, status=error.http_status)
    return _saved(request, made)


@door("sighting.read")
def sighting(request: DeskRequest, ref: str) -> HttpResponse:
    """Show a sighting; what is sealed stays masked."""
    found = take(request, Sighting, ref)
    options = list(found.options.select_related("address"))
    keys = {
        option.pk: (option.address.chain, option.address.network, option.address.canonical)
        for option in options
        if option.address
    }
    known = queries.known(request.user, keys.values())
    context = {
        "sighting": found,
        "options": [
            (option, known.get(keys[option.pk]) if option.pk in keys else None)
            for option in options
        ],
        "indicators": found.indicators.order_by("kind", "id"),
        "rotation": queries.rotation_of(request.user, found),
        "states": queries.states_of(request.user, found),
        "history": queries.history_of(request.user, found),
        "stands": not hasattr(found, "superseded_by") and not hasattr(found, "withdrawal"),
        "sealed": _sealed(request, found),
        "summary_masked": welfare.protection_of(request.user).summaries_masked,
        "noting": StateForm(),
        "withdrawing": ReasonForm(auto_id="withdraw_%s"),
        "form": RevealForm(),
        "beyond": welfare.is_beyond(request.user),
        **_frame(request),
    }
    saw(request.user, found)
    return render(request, "desk/records/sighting.html", context)


@door("sighting.correct", "POST")
def withdraw(request: DeskRequest, ref: str) -> HttpResponse:
    """Withdraw a sighting, with the reason."""
    found = take(request, Sighting, ref)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why it is withdrawn; it stays as it is."))
        return redirect("sighting", ref)
    services.withdraw(request.user, found, form.cleaned_data["reason"])
    messages.info(request, _("%(ref)s is withdrawn.") % {"ref": ref})
    return redirect("sighting", ref)


@door("sighting.state", "POST")
def note_state(request: DeskRequest, ref: str) -> HttpResponse:
    """Note what became of a page."""
    found = take(request, Sighting, ref)
    form = StateForm(request.POST)
    if not form.is_valid():
        field, errors = next(iter(form.errors.items()))
        messages.error(request, f"{form.fields[field].label}: {errors[0]}")
        return redirect("sighting", ref)
    made = services.note_state(request.user, found, **form.cleaned_data)
    request.audit_details = {"state": made.state}
    messages.success(request, _("Noted: %(state)s.") % {"state": made.get_state_display()})
    return redirect("sighting", ref)


def _read_or_add(
    request: DeskRequest, recording: Recording, last: Sighting | None = None, **more: Any
) -> HttpResponse | None:
    """Answer where the form asks for a reading or another option, not to be saved."""
    if not _asks(request):
        return None
    action = request.POST["action"]
    request.audit_details = {"step": action}
    recording.propose(another=action == "add")
    part = "proposals" if request.htmx else "record"
    return _form(request, recording, last, template=part, **more)


def _form(
    request: DeskRequest,
    recording: Recording,
    last: Sighting | None = None,
    *,
    status: int = 200,
    template: str = "record",
    **more: Any,
) -> HttpResponse:
    """Show the form."""
    context = {"recording": recording, "form": recording.form, "last": last, **more}
    context |= {"brands": brand_names(request.user.team_ids), **_frame(request, "record")}
    return render(request, f"desk/records/{template}.html", context, status=status)


def _saved(request: DeskRequest, made: Sighting) -> HttpResponse:
    """Say what was recorded, and go on: to it, or to the next page."""
    request.audit_object = made.ref
    messages.success(request, _("Recorded as %(ref)s.") % {"ref": made.ref})
    if request.POST.get("action") == "next":
        response = redirect("record")
        response["Location"] += f"?after={made.ref}"
        return response
    return redirect("sighting", made.ref)


def _site_of(request: DeskRequest, ref: str) -> Sighting | None:
    """Return the sighting whose site goes on, if the person may know of it."""
    if not ref:
        return None
    found = take(request, Sighting, ref)
    request.audit_object = ""
    return found


def _sealed(request: DeskRequest, found: Sighting) -> list[dict[str, Any]]:
    """Return which sealed fields there are, and whether this person may ask to see them."""
    return [
        {"field": name, "title": title, "may": welfare.may_reveal(request.user, name)}
        for name, title in welfare.REVEALED.items()
        if getattr(found, f"{name}_sealed")
    ]


def _frame(request: DeskRequest, section: str = "sightings") -> dict[str, Any]:
    """Return what the frame needs."""
    return {"section": section, "brands": brand_names(request.user.team_ids)}


def _query(request: DeskRequest) -> str:
    """Return what was asked, without the place in the list."""
    asked = request.GET.copy()
    asked.pop("before", None)
    return asked.urlencode()
