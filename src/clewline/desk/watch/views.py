"""Pages of what is watched."""

from __future__ import annotations

from typing import Final

from django.http import HttpResponse
from django.shortcuts import redirect, render

from clewline.desk.addresses.services import address_row
from clewline.desk.door import DeskRequest, door, take
from clewline.desk.search.reading import read
from clewline.desk.watch import queries, services
from clewline.desk.watch.forms import WatchForm
from clewline.desk.watch.models import Watch
from clewline.errors import UsageError

_SHOWN: Final = 200


@door("watch.list")
def watches(request: DeskRequest) -> HttpResponse:
    """List what is watched."""
    return _list(request)


@door("watch.make", "POST")
def new_watch(request: DeskRequest) -> HttpResponse:
    """Watch an address."""
    form = WatchForm(request.user, request.POST)
    if not form.is_valid():
        return _list(request, form)
    said = dict(form.cleaned_data)
    readings = read(said.pop("address"), whole=True).readings
    if not readings:
        form.add_error("address", "is no address of any chain known here")
        return _list(request, form)
    one = readings[0]
    address = address_row((one.chain, one.network, one.canonical))
    try:
        made = services.watch(request.user, said.pop("team"), address, said.pop("why"), **said)
    except UsageError as error:
        form.add_error(None, f"{error.where}: {error.message}")
        return _list(request, form)
    request.audit_object = made.ref
    return redirect("watch", made.ref)


@door("watch.read")
def watch(request: DeskRequest, ref: str) -> HttpResponse:
    """Show a watch and what it found."""
    found = take(request, Watch, ref)
    hits = queries.hits(request.user, found)
    context = {"section": "watch", "watch": found, "hits": hits[:_SHOWN], "count": hits.count()}
    return render(request, "desk/watch/watch.html", context)


@door("watch.make", "POST")
def seen_watch(request: DeskRequest, ref: str) -> HttpResponse:
    """Note that what it found was looked at."""
    services.seen(request.user, take(request, Watch, ref))
    return redirect("watch", ref)


@door("watch.make", "POST")
def stop_watch(request: DeskRequest, ref: str) -> HttpResponse:
    """End a watch."""
    services.stop(take(request, Watch, ref))
    return redirect("watch", ref)


def _list(request: DeskRequest, form: WatchForm | None = None) -> HttpResponse:
    """Show what is watched, with a form to watch more."""
    context = {
        "section": "watch",
        "watches": queries.watches(request.user)[:_SHOWN],
        "form": form or WatchForm(request.user),
    }
    return render(request, "desk/watch/list.html", context, status=400 if form else 200)
