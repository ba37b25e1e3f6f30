"""Pages of welfare: a reveal, one's own protection, counts for supervisors."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from clewline.desk.door import DeskRequest, door, take
from clewline.desk.records.models import Sighting
from clewline.desk.welfare import services
from clewline.desk.welfare.forms import ProtectionForm, RevealForm
from clewline.desk.welfare.models import Protection

_DAYS = 14


@door("sighting.reveal", "GET", "POST")
def reveal(request: DeskRequest, ref: str, field: str) -> HttpResponse:
    """Show a sealed field masked, and open it for a reason; it closes by itself."""
    sighting = take(request, Sighting, ref)
    request.audit_object = f"{ref}/{field}"
    context = {
        "sighting": sighting,
        "field": field,
        "title": services.REVEALED.get(field, ""),
        "may": services.may_reveal(request.user, field),
        "beyond": services.is_beyond(request.user),
    }
    form = RevealForm(request.POST or None, initial={"field": field})
    if request.method == "POST" and form.is_valid() and form.cleaned_data["field"] == field:
        wish = form.cleaned_data
        opened = services.reveal(
            request.user,
            sighting,
            field,
            wish["reason"],
            whole=wish["whole"],
            go_on=wish["go_on"],
        )
        request.audit_details = {"reason": wish["reason"]}
        context |= {"opened": opened, "seconds": services.protection_of(request.user).seconds_open}
        context["reason"] = wish["reason"]
    template = "masked" if request.htmx else "reveal"
    page = render(request, f"desk/welfare/{template}.html", {**context, "form": form})
    if "opened" in context and not request.htmx:
        # Without JavaScript the text closes, too.
        page["Refresh"] = f"{context['seconds']}; url={request.path}"
    return page


@door("welfare.read")
def welfare(request: DeskRequest) -> HttpResponse:
    """Show what somebody opened today, and what protects them."""
    own, _created = Protection.objects.get_or_create(user=request.user)
    context = {
        "form": ProtectionForm(instance=own),
        "limits": services.protection_of(request.user),
        "today": services.today_of(request.user),
        "section": "welfare",
    }
    return render(request, "desk/welfare/welfare.html", context)


@door("welfare.change", "POST")
def change(request: DeskRequest) -> HttpResponse:
    """Keep somebody's wish for protection."""
    own, _created = Protection.objects.get_or_create(user=request.user)
    form = ProtectionForm(request.POST, instance=own)
    if not form.is_valid():
        return _refused(request, form)
    form.save()
    messages.info(request, _("Kept. What your organisation asks for stays the least."))
    return redirect("welfare")


@door("welfare.team")
def team(request: DeskRequest) -> HttpResponse:
    """Show a supervisor the counts of their teams."""
    default, _created = Protection.objects.get_or_create(organisation=request.user.organisation)
    context = {
        "rows": services.team_counts(request.user, _DAYS),
        "days": _DAYS,
        "form": ProtectionForm(instance=default),
        "section": "welfare",
    }
    return render(request, "desk/welfare/team.html", context)


@door("welfare.default", "POST")
def change_default(request: DeskRequest) -> HttpResponse:
    """Set what protects everybody of the organisation at least."""
    default, _created = Protection.objects.get_or_create(organisation=request.user.organisation)
    form = ProtectionForm(request.POST, instance=default)
    if not form.is_valid():
        return _refused(request, form)
    form.save()
    return redirect("welfare-team")


def _refused(request: DeskRequest, form: ProtectionForm) -> HttpResponse:
    """Show a form again that was not right."""
    context = {"form": form, "section": "welfare"}
    return render(request, "desk/welfare/refused.html", context, status=422)
