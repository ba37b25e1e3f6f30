"""Pages of what partners gave."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.db.models import Count, Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _

from clewline.desk.door import DeskRequest, door, take
from clewline.desk.received import services
from clewline.desk.received.models import ReceivedFile, ReceivedItem

_SHOWN: Final = 50
"""Items of a file on a page: the next that wait."""


class ReviewForm(forms.Form):
    """What a person made of an item."""

    used = forms.ChoiceField(choices=[("yes", _("Used")), ("no", _("Set aside"))])
    reason = forms.CharField(label=_("Reason"), max_length=400, required=False)
    record = forms.CharField(label=_("Sighting made of it"), max_length=13, required=False)


@door("received.list")
def received(request: DeskRequest) -> HttpResponse:
    """List the files of one's teams' partners."""
    files = (
        ReceivedFile.objects.visible_to(request.user)
        .select_related("partner")
        .annotate(waiting=Count("items", filter=Q(items__review=None)), total=Count("items"))
        .order_by("-at", "-id")[:200]
    )
    page = {"section": "received", "files": files}
    return render(request, "desk/received/list.html", page)


@door("received.read")
def received_file(request: DeskRequest, ref: str) -> HttpResponse:
    """Show the items of a file that wait for a person."""
    return _page(request, take(request, ReceivedFile, ref))


@door("received.review", "POST")
def review(request: DeskRequest, ref: str, position: int) -> HttpResponse:
    """Write down what a person made of an item."""
    found = take(request, ReceivedFile, ref)
    item = ReceivedItem.objects.filter(file=found, position=position).first()
    if item is None:
        raise Http404
    form = ReviewForm(request.POST)
    if not form.is_valid():
        return _page(request, found, faulty=position)
    said = {**form.cleaned_data, "used": form.cleaned_data["used"] == "yes"}
    request.audit_details = {"position": position, "used": said["used"], "record": said["record"]}
    services.review(request.user, item, **said)
    return redirect("received-file", ref)


def _page(request: DeskRequest, found: ReceivedFile, faulty: int | None = None) -> HttpResponse:
    """Show a file."""
    waiting = found.items.filter(review=None)
    done = found.items.exclude(review=None).select_related("review__by").order_by("-review__at")
    page: dict[str, Any] = {
        "section": "received",
        "file": found,
        "waiting": waiting.count(),
        "items": [(one, services.readings_of(one.said)) for one in waiting[:_SHOWN]],
        "done": done[:_SHOWN],
        "faulty": faulty,
    }
    status = 200 if faulty is None else 400
    return render(request, "desk/received/file.html", page, status=status)
