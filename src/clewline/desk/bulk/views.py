"""Pages of imports: begin with a paste, say what the columns are, check, record, take back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from clewline.desk.bulk import queries, reading, services
from clewline.desk.bulk.forms import BeginForm, ColumnsForm, TextForm, UndoForm
from clewline.desk.bulk.models import Import
from clewline.desk.door import DeskRequest, door, take
from clewline.errors import ClewlineError

_SHOWN: Final = 50
_STEPS: Final = 4
"""Steps that one press of a button does."""


@door("import.list")
def imports(request: DeskRequest) -> HttpResponse:
    """List the imports of one's teams, newest first."""
    return _list_page(request, BeginForm(request.user, auto_id="begin_%s"))


@door("import.make", "POST")
def begin(request: DeskRequest) -> HttpResponse:
    """Begin an import with a pasted text."""
    form = BeginForm(request.user, request.POST, auto_id="begin_%s")
    if not form.is_valid():
        return _list_page(request, form, 422)
    asked = form.cleaned_data
    try:
        with transaction.atomic():
            job = services.begin(
                request.user,
                asked["team"],
                name=asked["name"],
                form=asked["form"],
                constants=form.constants(),
            )
            job = services.add(request.user, job, 1, asked["text"])
    except ClewlineError as error:
        form.add_error(None, str(error))
        return _list_page(request, form, error.http_status)
    request.audit_object, request.audit_details = job.ref, {"rows": job.rows}
    return redirect("import", job.ref)


@door("import.read")
def one(request: DeskRequest, ref: str) -> HttpResponse:
    """Show how far an import is, its first rows, and what is wrong."""
    job = take(request, Import, ref)
    context = {
        "section": "imports",
        "job": job,
        "progress": queries.progress(job),
        "problems": queries.problems(job),
        "first": queries.first_rows(job),
        "columns": ColumnsForm(job) if job.form == reading.CSV and not job.recording else None,
        "adding": TextForm(auto_id="add_%s"),
        "undoing": UndoForm(auto_id="undo_%s"),
    }
    return render(request, "desk/bulk/import.html", context)


@door("import.make", "POST")
def add(request: DeskRequest, ref: str) -> HttpResponse:
    """Take more text in."""
    job, form = take(request, Import, ref), TextForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Paste up to 2,000,000 characters of text."))
        return redirect("import", ref)
    job = services.add(request.user, job, job.parts + 1, form.cleaned_data["text"])
    request.audit_details = {"rows": job.rows}
    return redirect("import", ref)


@door("import.make", "POST")
def columns(request: DeskRequest, ref: str) -> HttpResponse:
    """Say which field each column is of."""
    job = take(request, Import, ref)
    form = ColumnsForm(job, request.POST)
    if not form.is_valid():
        messages.error(request, _("A column is of one of the fields that are listed."))
        return redirect("import", ref)
    services.set_columns(request.user, job, form.mapping())
    return redirect("import", ref)


@door("import.make", "POST")
def check(request: DeskRequest, ref: str) -> HttpResponse:
    """Check rows; nothing is recorded."""
    job = take(request, Import, ref)
    return _go_on(request, job, lambda: services.check(request.user, job))


@door("import.record", "POST")
def record(request: DeskRequest, ref: str) -> HttpResponse:
    """Record rows."""
    job = take(request, Import, ref)
    return _go_on(request, job, lambda: services.record(request.user, job))


@door("import.undo", "POST")
def undo(request: DeskRequest, ref: str) -> HttpResponse:
    """Take an import back."""
    job, form = take(request, Import, ref), UndoForm(request.POST)
    if not form.is_valid() and not job.undone_reason:
        messages.error(request, _("Say why it is taken back; nothing has changed."))
        return redirect("import", ref)
    reason = form.cleaned_data.get("reason", "")
    return _go_on(request, job, lambda: services.undo(request.user, job, reason))


def _go_on(request: DeskRequest, job: Import, step: Callable[[], services.Step]) -> HttpResponse:
    """Do some steps and show the import again."""
    done = []
    for _place in range(_STEPS):
        done.append(step())
        if done[-1].done:
            break
    request.audit_details = {"steps": [one.audit for one in done if one.last]}
    return redirect("import", job.ref)


def _list_page(request: DeskRequest, form: BeginForm, status: int = 200) -> HttpResponse:
    """Show the list with the form of a new import."""
    found = Import.objects.visible_to(request.user).select_related("by", "team")
    context = {
        "section": "imports",
        "form": form,
        "imports": found.order_by("-at", "-id")[:_SHOWN],
        "fields": {"sighting": reading.OF_SIGHTING, "option": reading.OF_OPTION},
    }
    return render(request, "desk/bulk/list.html", context, status=status)
