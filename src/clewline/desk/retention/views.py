"""Pages of keeping: what expires, what is held, what is to be erased."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from clewline import vocab
from clewline.desk.cases.models import Case
from clewline.desk.door import DeskRequest, door, take
from clewline.desk.ledger import vault
from clewline.desk.queue.items import key_of, of_key
from clewline.desk.records.models import Brand, Sighting
from clewline.desk.retention import erasing, queries, services
from clewline.desk.retention.forms import AskForm, DecideForm, HoldForm, LiftForm, PeriodForm
from clewline.desk.retention.models import ErasureRequest, LegalHold, PeriodChange


@door("retention.list")
def retention(request: DeskRequest) -> HttpResponse:
    """Show what expires when, what waits, and what stays of the erased."""
    return _list(request)


@door("retention.period", "POST")
def ask_period(request: DeskRequest) -> HttpResponse:
    """Ask for another period."""
    form = PeriodForm(request.POST)
    if not form.is_valid():
        return _list(request, form)
    asked = form.cleaned_data
    request.audit_details = {"class": asked["retention_class"], "months": asked["months"]}
    services.ask_period(request.user, **asked)
    return redirect("retention")


@door("retention.approve", "POST")
def decide_period(request: DeskRequest, change: str) -> HttpResponse:
    """Agree to another period, or refuse it."""
    mine = PeriodChange.objects.filter(organisation=request.user.organisation_id)
    if (found := of_key("period", mine, change)) is None:
        raise Http404
    agreed = "agree" in request.POST
    request.audit_object, request.audit_details = found.retention_class, {"agreed": agreed}
    services.decide_period(request.user, found, agreed=agreed)
    return redirect("retention")


@door("retention.read")
def of_sighting(request: DeskRequest, ref: str) -> HttpResponse:
    """Show how long a sighting is kept, and what holds it."""
    return _of_sighting(request, take(request, Sighting, ref))


@door("retention.read")
def of_case(request: DeskRequest, ref: str) -> HttpResponse:
    """Show how long a case is kept, and what holds it."""
    return _of_case(request, take(request, Case, ref, erased=True))


@door("retention.read")
def of_brand(request: DeskRequest, ref: str) -> HttpResponse:
    """Show what becomes of a brand."""
    return _of_brand(request, take(request, Brand, ref))


@door("hold.set", "POST")
def hold_sighting(request: DeskRequest, ref: str) -> HttpResponse:
    """Hold a sighting."""
    found, form = take(request, Sighting, ref), HoldForm(request.POST)
    if not form.is_valid():
        return _of_sighting(request, found, hold_form=form)
    held = services.hold(request.user, on=found, **form.cleaned_data)
    request.audit_details = {"hold": held.ref}
    return redirect("keeping-sighting", ref)


@door("hold.set", "POST")
def hold_case(request: DeskRequest, ref: str) -> HttpResponse:
    """Hold a case and what it links."""
    found, form = take(request, Case, ref), HoldForm(request.POST)
    if not form.is_valid():
        return _of_case(request, found, hold_form=form)
    held = services.hold(request.user, on=found, **form.cleaned_data)
    request.audit_details = {"hold": held.ref}
    return redirect("keeping-case", ref)


@door("hold.lift", "POST")
def lift(request: DeskRequest, ref: str) -> HttpResponse:
    """Lift a hold."""
    found, form = take(request, LegalHold, ref), LiftForm(request.POST)
    if not form.is_valid():
        if found.case is not None:
            return _of_case(request, found.case, lift_form=form)
        assert found.sighting is not None
        return _of_sighting(request, found.sighting, lift_form=form)
    services.lift(request.user, found, form.cleaned_data["reason"])
    if found.case is not None:
        return redirect("keeping-case", found.case.ref)
    return redirect("keeping-sighting", str(found.sighting))


@door("erasure.ask", "POST")
def ask(request: DeskRequest, ref: str) -> HttpResponse:
    """Ask for a sighting to be erased."""
    return _ask(request, take(request, Sighting, ref))


@door("erasure.ask", "POST")
def ask_of_case(request: DeskRequest, ref: str) -> HttpResponse:
    """Ask for a case to be erased."""
    return _ask(request, take(request, Case, ref))


@door("erasure.ask", "POST")
def ask_of_brand(request: DeskRequest, ref: str) -> HttpResponse:
    """Ask for a brand's name to be erased."""
    return _ask(request, take(request, Brand, ref))


@door("erasure.read")
def erasure(request: DeskRequest, ref: str) -> HttpResponse:
    """Show a request to erase, and what became of it."""
    return _of_request(request, take(request, ErasureRequest, ref))


@door("erasure.decide", "POST")
def decide(request: DeskRequest, ref: str) -> HttpResponse:
    """Agree to an erasure, which does it, or refuse it."""
    found, form = take(request, ErasureRequest, ref), DecideForm(request.POST)
    if not form.is_valid():
        return _of_request(request, found, form)
    agreed = "agree" in request.POST
    request.audit_details = {"agreed": agreed, "record": found.record.ref}
    services.decide(request.user, found, agreed=agreed, reason=form.cleaned_data["reason"])
    return redirect("erasure", ref)


def _list(request: DeskRequest, form: PeriodForm | None = None) -> HttpResponse:
    """Show the page of all."""
    user = request.user
    page = {
        "section": "retention",
        "expiry": (expiry := queries.expiry(user)),
        "later": queries.condensed(expiry.months, timezone.now().date()),
        "requests": queries.waiting_requests(user),
        "changes": [
            (one, key_of("period", one.pk), services.may_decide_period(user, one))
            for one in queries.waiting_periods(user)
        ],
        "tombstones": queries.tombstones(user),
        "form": form or PeriodForm(),
        "behind": vault().escrow_is_behind,
    }
    status = 400 if form else 200
    return render(request, "desk/retention/retention.html", page, status=status)


def _ask(request: DeskRequest, found: queries.Record) -> HttpResponse:
    """Ask for a record to be erased, or show its page with what was wrong."""
    form = AskForm(request.POST)
    if not form.is_valid():
        return _of(request, found, ask_form=form)
    asked = services.ask(request.user, found, **form.cleaned_data)
    request.audit_details = {"erasure": asked.ref, "reason": asked.reason}
    return redirect("erasure", asked.ref)


def _of(request: DeskRequest, found: queries.Record, **given: forms.Form) -> HttpResponse:
    """Show the page of a record, with a form that was not taken."""
    if isinstance(found, Sighting):
        return _of_sighting(request, found, **given)
    return (
        _of_case(request, found, **given)
        if isinstance(found, Case)
        else _of_brand(request, found, **given)
    )


def _of_sighting(request: DeskRequest, sighting: Sighting, **given: forms.Form) -> HttpResponse:
    """Show the page of a sighting, with a form that was not taken."""
    page = {
        "sighting": sighting,
        "holds": _holds(request, sighting=sighting),
        "class": sighting.get_retention_class_display(),
        "expires": queries.expires_on(sighting, request.user),
    }
    return _page(request, sighting, page, given)


def _of_case(request: DeskRequest, case: Case, **given: forms.Form) -> HttpResponse:
    """Show the page of a case, with a form that was not taken."""
    page = {
        "case": case,
        "holds": _holds(request, case=case),
        "class": _(vocab.retention_classes()["case"].title),
        "expires": queries.case_expires_on(case),
    }
    return _page(request, case, page, given)


def _of_brand(request: DeskRequest, brand: Brand, **given: forms.Form) -> HttpResponse:
    """Show the page of a brand, with a form that was not taken."""
    page = {"brand": brand, "class": _(vocab.retention_classes()["report"].title)}
    return _page(request, brand, page, given)


def _page(
    request: DeskRequest,
    record: queries.Record,
    page: dict[str, Any],
    given: dict[str, forms.Form],
) -> HttpResponse:
    """Show how a record is kept."""
    settled = {
        "section": "retention",
        "record": record,
        "is_held": erasing.is_held(queries.kind_of(record), record, request.user),
        "tombstone": queries.tombstone_of(record),
        "requests": queries.requests_for(request.user, record),
        "hold_form": HoldForm(),
        "lift_form": LiftForm(),
        "ask_form": AskForm(),
    }
    status = 400 if given else 200
    whole = {**settled, **page, **given}
    return render(request, "desk/retention/keeping.html", whole, status=status)


def _holds(request: DeskRequest, **what: object) -> list[tuple[LegalHold, bool]]:
    """Return the holds on a record, and whether this person may lift each."""
    found = queries.holds_on(request.user, **what)
    return [(one, services.may_lift(request.user, one)) for one in found]


def _of_request(
    request: DeskRequest, found: ErasureRequest, form: DecideForm | None = None
) -> HttpResponse:
    """Show a request."""
    stone = queries.tombstone_of(found.record)
    page = {
        "section": "retention",
        "asked": found,
        "kind": queries.kind_of(found.record).id,
        "tombstone": stone,
        "destroyed": stone is not None and vault().is_destroyed(stone.key_id),
        "may_decide": services.may_decide(request.user, found),
        "form": form or DecideForm(),
    }
    return render(request, "desk/retention/erasure.html", page, status=400 if form else 200)
