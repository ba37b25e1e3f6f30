"""Pages of deconfliction."""

from __future__ import annotations

from typing import Any

from django.forms import Form
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render

from clewline.desk.cases.models import Case
from clewline.desk.deconfliction import queries, services
from clewline.desk.deconfliction.forms import AskForm, DecideForm, WordForm
from clewline.desk.deconfliction.models import Enquiry, Overlap
from clewline.desk.door import DeskRequest, door, take
from clewline.errors import UsageError

_SHOWN = 100


@door("overlap.list")
def overlaps(request: DeskRequest) -> HttpResponse:
    """List the enquiries of one's cases, and the overlaps that one holds."""
    mine: Any = Enquiry.objects.visible_to(request.user)
    enquiries = mine.select_related("case", "by", "decision", "comparison").order_by("-at", "-pk")
    context = {
        "section": "overlaps",
        "enquiries": enquiries[:_SHOWN],
        "overlaps": queries.held_by(request.user)[:_SHOWN],
    }
    return render(request, "desk/deconfliction/list.html", context)


@door("overlap.ask", "GET", "POST")
def ask(request: DeskRequest, ref: str) -> HttpResponse:
    """Ask who else looks at addresses of a case."""
    case = take(request, Case, ref)
    form = AskForm(case, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            enquiry = services.ask(
                request.user, case, form.cleaned_data["addresses"], form.cleaned_data["why"]
            )
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            request.audit_object = enquiry.ref
            request.audit_details = {"addresses": len(form.cleaned_data["addresses"])}
            return redirect("enquiry", enquiry.ref)
    context = {"section": "overlaps", "case": case, "form": form}
    return render(
        request, "desk/deconfliction/ask.html", context, status=400 if form.errors else 200
    )


@door("overlap.read")
def enquiry(request: DeskRequest, ref: str) -> HttpResponse:
    """Show an enquiry to the members of its case."""
    return _enquiry(request, take(request, Enquiry, ref))


@door("overlap.decide", "POST")
def decide(request: DeskRequest, ref: str) -> HttpResponse:
    """Agree to an enquiry, or refuse it."""
    found, form = take(request, Enquiry, ref), DecideForm(request.POST)
    if not form.is_valid():
        return _enquiry(request, found, form)
    agreed, reason = "agree" in request.POST, form.cleaned_data["reason"]
    request.audit_details = {"agreed": agreed}
    services.decide(request.user, found, agreed=agreed, reason=reason)
    return redirect("enquiry", ref)


@door("overlap.ask", "POST")
def consent(request: DeskRequest, ref: str, number: int) -> HttpResponse:
    """Say as asker whether contact is wanted."""
    found, form = take(request, Enquiry, ref), WordForm(request.POST)
    heard = queries.heard_of(found)
    # Only what was heard of has a number: what the holder keeps back is not found.
    if not 1 <= number <= len(heard):
        raise Http404
    if not form.is_valid():
        return _enquiry(request, found, form)
    agreed = "agree" in request.POST
    request.audit_details = {"agreed": agreed}
    try:
        services.consent(
            request.user, heard[number - 1], agreed=agreed, contact=form.cleaned_data["contact"]
        )
    except UsageError as error:
        form.add_error(None, str(error))
        return _enquiry(request, found, form)
    return redirect("enquiry", ref)


@door("overlap.read")
def overlap(request: DeskRequest, ref: str) -> HttpResponse:
    """Show an overlap to whoever holds the address."""
    return _overlap(request, take(request, Overlap, ref))


@door("overlap.answer", "POST")
def answer(request: DeskRequest, ref: str) -> HttpResponse:
    """Say as holder whether the asker may hear."""
    found, form = take(request, Overlap, ref), WordForm(request.POST)
    if not form.is_valid():
        return _overlap(request, found, form)
    agreed = "agree" in request.POST
    request.audit_details = {"agreed": agreed}
    try:
        services.answer(request.user, found, agreed=agreed, contact=form.cleaned_data["contact"])
    except UsageError as error:
        form.add_error(None, str(error))
        return _overlap(request, found, form)
    return redirect("overlap", ref)


def _enquiry(request: DeskRequest, found: Enquiry, form: Form | None = None) -> HttpResponse:
    """Show an enquiry, with what this person can do."""
    context = {
        "section": "overlaps",
        "enquiry": found,
        "addresses": [one.address for one in found.subjects.select_related("address")],
        "heard": queries.heard_of(found),
        "may_decide": services.may_decide(request.user, found),
        "form": form,
        "decide_form": form if isinstance(form, DecideForm) else DecideForm(),
        "word_form": form if isinstance(form, WordForm) else WordForm(),
    }
    return render(request, "desk/deconfliction/enquiry.html", context, status=400 if form else 200)


def _overlap(request: DeskRequest, found: Overlap, form: Form | None = None) -> HttpResponse:
    """Show an overlap, with what its holder can do."""
    context = {
        "section": "overlaps",
        "overlap": found,
        "is_contact": services.is_contact(found),
        "form": form or WordForm(),
    }
    return render(request, "desk/deconfliction/overlap.html", context, status=400 if form else 200)
