"""The page of an address. One that nobody of the viewer's teams recorded looks as if nobody had."""

from __future__ import annotations

from django.forms import Form
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render

from clewline.desk.addresses import services
from clewline.desk.addresses.forms import AttributionForm, StatusForm
from clewline.desk.addresses.queries import address_page
from clewline.desk.cases import services as cases
from clewline.desk.cases.forms import AddToCaseForm
from clewline.desk.door import DeskRequest, door
from clewline.errors import UsageError

Key = tuple[str, str, str]


@door("address.read")
def address(request: DeskRequest, chain: str, network: str, canonical: str) -> HttpResponse:
    """Show what is known of an address, how sure and how fresh."""
    return _page(request, (chain, network, canonical))


@door("address.attribute", "POST")
def attribute(request: DeskRequest, chain: str, network: str, canonical: str) -> HttpResponse:
    """Say who holds an address."""
    key = _named(request, chain, network, canonical)
    form = AttributionForm(request.user, request.POST)
    if not form.is_valid():
        return _page(request, key, attribution_form=form)
    services.attribute(request.user, key=key, **form.cleaned_data)
    return redirect("address", *key)


@door("address.status", "POST")
def set_status(request: DeskRequest, chain: str, network: str, canonical: str) -> HttpResponse:
    """Dispute or withdraw an address, or stand by it again."""
    key = _named(request, chain, network, canonical)
    form = StatusForm(request.user, request.POST)
    if not form.is_valid():
        return _page(request, key, status_form=form)
    services.set_status(request.user, key=key, **form.cleaned_data)
    return redirect("address", *key)


@door("case.link", "POST")
def add_to_case(request: DeskRequest, chain: str, network: str, canonical: str) -> HttpResponse:
    """Add an address to a case."""
    key = _named(request, chain, network, canonical)
    form = AddToCaseForm(request.user, request.POST)
    if not form.is_valid():
        return _page(request, key, case_form=form)
    case = form.cleaned_data["case"]
    # That a sealed case has to do with this address is told nowhere.
    request.audit_object = case.ref if case.sealed else canonical
    request.audit_details = {} if case.sealed else {"case": case.ref}
    try:
        cases.link_address(request.user, case, services.address_row(key), form.cleaned_data["why"])
    except UsageError as error:
        form.add_error("case", str(error))
        return _page(request, key, case_form=form)
    return redirect("address", *key)


def _named(request: DeskRequest, chain: str, network: str, canonical: str) -> Key:
    """Return the address that a change is about; not found if it is none for this person."""
    request.audit_object = canonical
    if not address_page(request.user, chain, network, canonical).exists:
        raise Http404
    return chain, network, canonical


def _page(request: DeskRequest, key: Key, **forms: Form) -> HttpResponse:
    """Show the page, with a form that was not taken as it was sent."""
    chain, network, canonical = key
    request.audit_object = canonical
    found = address_page(request.user, *key)
    if not found.exists:
        raise Http404
    user = request.user
    page = {
        "section": "search",
        "chain": chain,
        "network": network,
        "canonical": canonical,
        "page": found,
        "attribution_form": AttributionForm(user),
        "status_form": StatusForm(user),
        "case_form": AddToCaseForm(user),
        **forms,
    }
    status = 400 if any(form.errors for form in forms.values()) else 200
    return render(request, "desk/addresses/address.html", page, status=status)
