"""Pages of partners."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from clewline.desk.door import DeskRequest, door, take
from clewline.desk.partners import services
from clewline.desk.partners.forms import (
    AccountForm,
    CallForm,
    ChangeForm,
    PartnerForm,
    ReasonForm,
    StopForm,
)
from clewline.desk.partners.models import Partner

_STOP: Final = "stop_%s"
"""How the second form of a page calls its fields."""


@door("partner.list")
def partners(request: DeskRequest) -> HttpResponse:
    """List the partners of one's organisation."""
    found = Partner.objects.visible_to(request.user).order_by("codename", "id")
    context = {"section": "partners", "partners": found}
    return render(request, "desk/partners/list.html", context)


@door("partner.keep", "GET", "POST")
def new_partner(request: DeskRequest) -> HttpResponse:
    """Enter a partner."""
    form = PartnerForm(request.user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        made = services.enter(request.user, **form.cleaned_data)
        request.audit_object = made.ref
        return redirect("partner", made.ref)
    context = {"section": "partners", "form": form}
    return render(request, "desk/partners/new.html", context, status=400 if form.errors else 200)


@door("partner.read")
def partner(request: DeskRequest, ref: str) -> HttpResponse:
    """Show a partner."""
    return _page(request, take(request, Partner, ref))


@door("partner.keep", "GET", "POST")
def terms(request: DeskRequest, ref: str) -> HttpResponse:
    """Change a partner's terms."""
    found = take(request, Partner, ref)
    initial = {name: getattr(found, name) for name in services.TERMS}
    form = ChangeForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        request.audit_details = {"reason": form.cleaned_data["reason"]}
        services.change_terms(request.user, found, **form.cleaned_data)
        return redirect("partner", ref)
    context = {"section": "partners", "partner": found, "form": form}
    return render(request, "desk/partners/terms.html", context, status=400 if form.errors else 200)


@door("partner.call", "POST")
def call(request: DeskRequest, ref: str) -> HttpResponse:
    """Log a call back."""
    found, form = take(request, Partner, ref), CallForm(request.POST)
    if not form.is_valid():
        return _page(request, found, call_form=form)
    request.audit_details = {"confirmed": form.cleaned_data["confirmed"]}
    services.log_call(request.user, found, **form.cleaned_data)
    return redirect("partner", ref)


@door("partner.decide", "POST")
def decide(request: DeskRequest, ref: str) -> HttpResponse:
    """Agree to a partner's terms."""
    found, form = take(request, Partner, ref), ReasonForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form=form)
    services.activate(request.user, found, form.cleaned_data["reason"])
    request.audit_details = {"terms": {name: getattr(found, name) for name in services.TERMS}}
    return redirect("partner", ref)


@door("partner.keep", "POST")
def stop(request: DeskRequest, ref: str) -> HttpResponse:
    """Suspend or end a partner."""
    found, form = take(request, Partner, ref), StopForm(request.POST, auto_id=_STOP)
    if not form.is_valid():
        return _page(request, found, stop_form=form)
    request.audit_details = dict(form.cleaned_data)
    services.stop(request.user, found, **form.cleaned_data)
    return redirect("partner", ref)


@door("partner.reveal", "POST")
def name(request: DeskRequest, ref: str) -> HttpResponse:
    """Show a partner's name and contact."""
    found = take(request, Partner, ref)
    return _page(request, found, name=found.unseal("name"), contact=found.unseal("contact"))


@door("partner.account", "POST")
def add_account(request: DeskRequest, ref: str) -> HttpResponse:
    """Make an account of a partner, and show the link with which its owner sets a password."""
    found, form = take(request, Partner, ref), AccountForm(request.POST)
    if not form.is_valid():
        return _page(request, found, account_form=form)
    made, secret = services.add_account(request.user, found, form.cleaned_data["username"])
    request.audit_details = {"account": made.pseudonym}
    link = request.build_absolute_uri(reverse("accept", args=[secret]))
    return _page(request, found, link=link, invited=made)


def _page(request: DeskRequest, found: Partner, **more: Any) -> HttpResponse:
    """Show a partner, with what this person can do."""
    context = {
        "section": "partners",
        "partner": found,
        "calls": found.calls.select_related("by").order_by("-at", "-id"),
        "changes": found.changes.select_related("by").order_by("-at", "-id"),
        "people": found.people.order_by("pseudonym"),
        "verified": services.is_verified(found),
        "may_decide": services.may_decide(request.user, found),
        "form": ReasonForm(),
        "call_form": CallForm(),
        "stop_form": StopForm(auto_id=_STOP),
        "account_form": AccountForm(),
        **more,
    }
    wrong = any(isinstance(one, forms.Form) and one.errors for one in more.values())
    return render(request, "desk/partners/partner.html", context, status=400 if wrong else 200)
