"""Pages of bulk exports."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import redirect, render

from clewline.desk.door import DeskRequest, door, take
from clewline.desk.exports import services
from clewline.desk.exports.forms import AskForm, DecideForm, TraceForm
from clewline.desk.exports.models import BulkExport
from clewline.desk.ours.checks import Release, release_of, releases_of

_SHOWN: Final = 100


@door("export.list")
def exports(request: DeskRequest) -> HttpResponse:
    """List the exports of one's teams, newest first."""
    return _list(request)


@door("export.ask", "POST")
def ask(request: DeskRequest) -> HttpResponse:
    """Ask for an export."""
    form = AskForm(request.user, request.POST)
    if not form.is_valid():
        return _list(request, form=form)
    export = services.ask(request.user, **form.cleaned_data)
    request.audit_object = export.ref
    request.audit_details = {"recipient": export.recipient, "purpose": export.purpose}
    return redirect("export", export.ref)


@door("export.read")
def export(request: DeskRequest, ref: str) -> HttpResponse:
    """Show an export."""
    return _page(request, take(request, BulkExport, ref))


@door("export.decide", "POST")
def decide(request: DeskRequest, ref: str) -> HttpResponse:
    """Release an export, or refuse it."""
    found, form = take(request, BulkExport, ref), DecideForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form=form)
    released, reason = "release" in request.POST, form.cleaned_data["reason"]
    request.audit_details = {"released": released, "reason": reason}
    services.decide(request.user, found, released=released, reason=reason)
    return redirect("export", ref)


@door("export.download", "POST")
def download(request: DeskRequest, ref: str) -> HttpResponse:
    """Hand out the one copy."""
    found = take(request, BulkExport, ref)
    name, content = services.take_copy(request.user, found)
    request.audit_details = {"recipient": found.recipient, "sha256": found.copy.sha256}
    answer = HttpResponse(content, content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@door("export.trace", "GET", "POST")
def trace(request: DeskRequest) -> HttpResponse:
    """Name the copies from which rows come."""
    form = TraceForm(request.POST or None)
    found = None
    if request.method == "POST" and form.is_valid():
        found = services.trace(form.cleaned_data["text"])
        request.audit_details = {"copies": [one.copy.export.ref for one in found]}
    context = {"section": "trace", "form": form, "found": found}
    status = 400 if form.errors else 200
    return render(request, "desk/exports/trace.html", context, status=status)


def _list(request: DeskRequest, form: AskForm | None = None) -> HttpResponse:
    """Show the exports there are, with a form to ask for another."""
    found: Any = BulkExport.objects.visible_to(request.user).select_related(
        "asked_by", "decision", "copy", "team"
    )
    newest = list(found.order_by("-asked_at", "-id")[:_SHOWN])
    way = releases_of(one.ref for one in newest)
    context = {
        "section": "exports",
        "form": form or AskForm(request.user),
        "exports": [
            {"export": one, "state": services.state(one, way.get(one.ref, Release("none")))}
            for one in newest
        ],
    }
    return render(request, "desk/exports/list.html", context, status=400 if form else 200)


def _page(request: DeskRequest, export: BulkExport, form: DecideForm | None = None) -> HttpResponse:
    """Show an export, with what this person can do."""
    release = release_of(export.ref)
    state = services.state(export, release)
    context = {
        "section": "exports",
        "export": export,
        "state": state,
        "form": form or DecideForm(),
        "may_decide": services.may_decide(request.user, export),
        "may_take": state == "released" and export.asked_by_id == request.user.pk,
        "ends_at": services.ends_at(release) if state == "released" else None,
        "release": release,
    }
    return render(request, "desk/exports/export.html", context, status=400 if form else 200)
