"""Pages of a team's own payments."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render

from clewline.desk.door import DeskRequest, door, take
from clewline.desk.ours import queries, services
from clewline.desk.ours.forms import AnswerForm, MarkForm, ReasonForm
from clewline.desk.ours.models import Mark, ReleaseWarning
from clewline.errors import UsageError


@door("ours.list")
def ours(request: DeskRequest) -> HttpResponse:
    """List what one's teams marked as their own, and the warnings that wait for an answer."""
    return _page(request)


@door("ours.mark", "POST")
def mark(request: DeskRequest) -> HttpResponse:
    """Mark something as a team's own."""
    form = MarkForm(request.user, request.POST)
    if not form.is_valid():
        return _page(request, form=form)
    try:
        made = services.mark(request.user, **form.cleaned_data)
    except UsageError as error:
        form.add_error("what", str(error))
        return _page(request, form=form)
    request.audit_object = made.ref
    return redirect("ours")


@door("ours.take_back", "POST")
def take_back(request: DeskRequest, ref: str) -> HttpResponse:
    """Take a mark back."""
    marked = take(request, Mark, ref)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _page(request, faulty=ref)
    services.take_back(request.user, marked, form.cleaned_data["reason"])
    return redirect("ours")


@door("ours.answer", "POST")
def answer(request: DeskRequest, ref: str) -> HttpResponse:
    """Let a package go that holds something of ours, or object."""
    warning = take(request, ReleaseWarning, ref)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return _page(request, faulty=ref)
    allows = form.cleaned_data["allows"] == "yes"
    request.audit_details = {"allows": allows}
    services.answer(request.user, warning, allows=allows, reason=form.cleaned_data["reason"])
    return redirect("ours")


def _page(request: DeskRequest, form: MarkForm | None = None, faulty: str = "") -> HttpResponse:
    """Show the page, with a form that was not taken as it was sent."""
    page = {
        "section": "ours",
        "marks": queries.marks_of(request.user)[:200],
        "warnings": queries.warnings_for(request.user),
        "form": form or MarkForm(request.user),
        "faulty": faulty,
    }
    return render(request, "desk/ours/ours.html", page, status=400 if form or faulty else 200)
