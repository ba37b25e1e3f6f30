"""Pages on which a real name is opened, and released to people."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from clewline.desk.accounts.models import User
from clewline.desk.cases.models import Case
from clewline.desk.door import DeskRequest, door, take
from clewline.desk.names import services
from clewline.desk.names.forms import OpenForm, ReleaseForm
from clewline.desk.names.models import NameRelease
from clewline.desk.records.models import Brand
from clewline.desk.welfare.services import is_beyond, protection_of
from clewline.errors import UsageError

What = Brand | Case


@door("brand.reveal", "GET", "POST")
def of_brand(request: DeskRequest, ref: str) -> HttpResponse:
    """Open the real name of a brand that was released to somebody."""
    return _open(request, take(request, Brand, ref))


@door("case.reveal", "GET", "POST")
def of_case(request: DeskRequest, ref: str) -> HttpResponse:
    """Open the title of a case likewise."""
    return _open(request, take(request, Case, ref))


def _open(request: DeskRequest, what: What) -> HttpResponse:
    """Ask for a reason, and open; it closes by itself."""
    form = OpenForm(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        return _page(request, what, form=form)
    asked = form.cleaned_data
    opened = services.open_name(request.user, what, asked["reason"], go_on=asked["go_on"])
    request.audit_details = {"reason": asked["reason"]}
    answer = _page(request, what, name=opened.text)
    seconds = protection_of(request.user).seconds_open
    answer["Refresh"] = f"{seconds}; url={request.path}"
    return answer


@door("name.release", "POST")
def release_of_brand(request: DeskRequest, ref: str) -> HttpResponse:
    """Release the name of a brand to somebody."""
    return _release(request, take(request, Brand, ref))


@door("name.release", "POST")
def release_of_case(request: DeskRequest, ref: str) -> HttpResponse:
    """Release the title of a case to somebody."""
    return _release(request, take(request, Case, ref))


def _release(request: DeskRequest, what: What) -> HttpResponse:
    """Write a release."""
    people = services.candidates(request.user, what)
    form = ReleaseForm(people, request.POST)
    if services.may_release(request.user, what) and not form.is_valid():
        return _page(request, what, release_form=form)
    if not services.may_release(request.user, what):
        raise UsageError("an approver releases a name, or the owner of the case")
    asked = form.cleaned_data
    to = next(one for one in people if one.pseudonym == asked["to"])
    made = services.release(request.user, what, to, asked["why"], asked["days"])
    request.audit_details = {"release": made.ref, "to": to.pseudonym, "days": asked["days"]}
    return redirect(_place(what), what.ref)


@door("name.release", "POST")
def revoke(request: DeskRequest, ref: str) -> HttpResponse:
    """End a release."""
    made = take(request, NameRelease, ref)
    services.revoke(request.user, made)
    return redirect(_place(made.what), made.what.ref)


def _place(what: What) -> str:
    """Return the page of a name."""
    return "brand-name" if isinstance(what, Brand) else "case-title"


def _page(
    request: DeskRequest,
    what: What,
    *,
    name: str = "",
    form: OpenForm | None = None,
    release_form: ReleaseForm | None = None,
) -> HttpResponse:
    """Show the page of a name."""
    user: User = request.user
    may_release = services.may_release(user, what)
    if release_form is None and may_release and user.may("name.release"):
        release_form = ReleaseForm(services.candidates(user, what))
    is_brand = isinstance(what, Brand)
    page = {
        "section": "brands" if is_brand else "cases",
        "what": what,
        "is_brand": is_brand,
        "back": "brand" if is_brand else "case",
        "recorded": bool(what.name_sealed if isinstance(what, Brand) else what.title_sealed),
        "name": name,
        "may_open": services.may_open(user, what),
        "form": form or OpenForm(),
        "beyond": is_beyond(user),
        "releases": NameRelease.objects.of(what).select_related("to", "by", "end__by")[:100],
        "may_release": may_release,
        "release_form": release_form,
        "now": timezone.now(),
    }
    faulty = any(one is not None and one.errors for one in (form, release_form))
    return render(request, "desk/names/name.html", page, status=400 if faulty else 200)
