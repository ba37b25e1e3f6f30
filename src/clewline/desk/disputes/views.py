"""Pages of disputes, and the public form."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render

from clewline.desk.disputes import naming, queries, receiving, replies, services
from clewline.desk.disputes.forms import (
    DecideForm,
    EnterForm,
    ProposeForm,
    PublicForm,
    ReplyForm,
    TakeForm,
)
from clewline.desk.disputes.models import Dispute
from clewline.desk.door import DeskRequest, door, take
from clewline.errors import ClewlineError

_SHOWN = 200


@door("dispute.list")
def disputes(request: DeskRequest) -> HttpResponse:
    """List what is open, by when it is due, and what was decided last."""
    found = queries.listed(request.user)
    open_ones = found.open()
    context = {
        "section": "disputes",
        "open": [_row(one) for one in open_ones[:_SHOWN]],
        "decided": [_row(one) for one in found.decided().order_by("-at", "-id")[:50]],
    }
    return render(request, "desk/disputes/list.html", context)


@door("dispute.open", "GET", "POST")
def new_dispute(request: DeskRequest) -> HttpResponse:
    """Enter what somebody disputes."""
    form = EnterForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.enter(request.user, **form.cleaned_data)
        except ClewlineError as error:
            form.add_error(None, str(error))
        else:
            request.audit_object = made.ref
            return redirect("dispute", made.ref)
    context = {"section": "disputes", "form": form}
    status = 400 if form.errors else 200
    return render(request, "desk/disputes/new.html", context, status=status)


@door("dispute.read")
def dispute(request: DeskRequest, ref: str) -> HttpResponse:
    """Show a dispute; who disputes and why stays sealed."""
    return _page(request, take(request, Dispute, ref))


@door("dispute.reveal", "POST")
def reveal(request: DeskRequest, ref: str) -> HttpResponse:
    """Show who disputes, and on which grounds."""
    found = take(request, Dispute, ref)
    if queries.is_erased(found):
        return _page(request, found)
    return _page(request, found, opened={name: found.unseal(name) for name in Dispute.SEALED})


@door("dispute.take", "POST")
def take_up(request: DeskRequest, ref: str) -> HttpResponse:
    """Say which address it is about."""
    found, form = take(request, Dispute, ref), TakeForm(request.POST)
    if not form.is_valid():
        return _page(request, found, take_form=form)
    try:
        services.take_up(request.user, found, form.cleaned_data["named"])
    except ClewlineError as error:
        form.add_error(None, str(error))
        return _page(request, found, take_form=form)
    return redirect("dispute", ref)


@door("dispute.propose", "POST")
def propose(request: DeskRequest, ref: str) -> HttpResponse:
    """Propose an outcome."""
    found, form = take(request, Dispute, ref), ProposeForm(request.POST)
    if not form.is_valid():
        return _page(request, found, propose_form=form)
    try:
        made = services.propose(request.user, found, **form.cleaned_data)
    except ClewlineError as error:
        form.add_error(None, str(error))
        return _page(request, found, propose_form=form)
    request.audit_details = {"outcome": made.outcome, "correction": made.correction}
    return redirect("dispute", ref)


@door("dispute.decide", "POST")
def decide(request: DeskRequest, ref: str) -> HttpResponse:
    """Agree to the outcome that was proposed, or send it back."""
    found, form = take(request, Dispute, ref), DecideForm(request.POST)
    proposal = services.waiting_proposal(found)
    if proposal is None:
        raise Http404
    if not form.is_valid():
        return _page(request, found, decide_form=form)
    agreed, reason = "agree" in request.POST, form.cleaned_data["reason"]
    request.audit_details = {"agreed": agreed, "outcome": proposal.outcome}
    try:
        made = services.decide(request.user, proposal, agreed=agreed, reason=reason)
    except ClewlineError as error:
        form.add_error(None, str(error))
        return _page(request, found, decide_form=form)
    if made.alert is not None:
        request.audit_details["alert"] = made.alert.ref
    return redirect("dispute", ref)


@door("dispute.answer", "POST")
def note_reply(request: DeskRequest, ref: str) -> HttpResponse:
    """Note that whoever disputed was answered."""
    found, form = take(request, Dispute, ref), ReplyForm(request.POST)
    if not form.is_valid():
        return _page(request, found, reply_form=form)
    try:
        services.note_reply(request.user, found, form.cleaned_data["how"])
    except ClewlineError as error:
        form.add_error(None, str(error))
        return _page(request, found, reply_form=form)
    return redirect("dispute", ref)


def public_form(request: HttpRequest) -> HttpResponse:
    """Take a dispute from anybody, and tell its number; nothing is looked up for the answer."""
    team = receiving.team_of_form()
    if team is None:
        raise Http404
    if request.method not in ("GET", "POST"):
        return HttpResponseNotAllowed(("GET", "POST"))
    form = PublicForm(request.POST if request.method == "POST" else None)
    page, status = "desk/disputes/public.html", 200
    context: dict[str, Any] = {"form": form}
    if form.is_bound and receiving.is_full(team):
        page, status = "desk/disputes/full.html", 429
    elif form.is_bound and form.is_valid():
        try:
            made = receiving.from_form(team, **form.cleaned_data)
            page, context = "desk/disputes/receipt.html", {"receipt": made.ref}
        except ClewlineError as error:
            form.add_error(error.where if error.where in form.fields else None, str(error))
    if form.errors:
        status = 400
    return render(request, page, context, status=status)


def _row(one: Dispute) -> dict[str, Any]:
    """Return a dispute with its state, for a list."""
    return {"one": one, "state": queries.state_of(one), "overdue": queries.is_overdue(one)}


def _page(request: DeskRequest, found: Dispute, **more: Any) -> HttpResponse:
    """Show a dispute, with what this person can do."""
    waiting, decided = services.waiting_proposal(found), queries.decision_of(found)
    quoted = naming.key_answered(found.answer) if found.answer else ""
    context = {
        "section": "disputes",
        **_row(found),
        "dispute": found,
        "erased": queries.is_erased(found),
        "told": queries.told(found) if decided is None else [],
        "proposals": found.proposals.select_related("by", "decision__by").order_by("-id"),
        "waiting": waiting,
        "decided": decided,
        "reply": replies.text_of(found, decided.proposal.outcome) if decided else "",
        "may_decide": waiting is not None and services.may_decide(request.user, waiting),
        "take_form": TakeForm(initial={"named": quoted}),
        "propose_form": ProposeForm(),
        "decide_form": DecideForm(),
        "reply_form": ReplyForm(),
        **more,
    }
    wrong = any(isinstance(one, forms.Form) and one.errors for one in more.values())
    return render(request, "desk/disputes/dispute.html", context, status=400 if wrong else 200)
