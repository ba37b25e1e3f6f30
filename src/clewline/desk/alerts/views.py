"""Pages of alerts, channels and what was given up."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import redirect, render

from clewline.desk.alerts import queries, services
from clewline.desk.alerts.forms import AlertForm, ChannelForm, DecideForm, FollowForm
from clewline.desk.alerts.models import STATES, Alert, Channel, Disclosure
from clewline.desk.door import DeskRequest, door, take
from clewline.desk.partners.models import Partner
from clewline.errors import ClewlineError, UsageError

_SHOWN: Final = 100


@door("alert.list")
def alerts(request: DeskRequest) -> HttpResponse:
    """List the alerts of one's teams, newest first."""
    found: Any = Alert.objects.visible_to(request.user).select_related("made_by", "decision")
    rows = list(found.order_by("-made_at", "-id")[:_SHOWN])
    counts = queries.progress(rows)
    context = {
        "section": "alerts",
        "alerts": [{"alert": one, "count": counts.get(one.pk)} for one in rows],
        "dead": queries.dead(request.user).count(),
    }
    return render(request, "desk/alerts/list.html", context)


@door("alert.make", "GET", "POST")
def new_alert(request: DeskRequest) -> HttpResponse:
    """Draft an alert."""
    form = AlertForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = dict(form.cleaned_data)
        try:
            addresses = queries.addresses_in(request.user, said.pop("what"))
            alert = services.make(request.user, said.pop("team"), addresses, **said)
        except UsageError as error:
            form.add_error("what", f"{error.where}: {error.message}")
        else:
            request.audit_object = alert.ref
            return redirect("alert", alert.ref)
    context = {"section": "alerts", "form": form}
    status = 400 if form.errors else 200
    return render(request, "desk/alerts/new.html", context, status=status)


@door("alert.read")
def alert(request: DeskRequest, ref: str) -> HttpResponse:
    """Show an alert: what is told, to whom, how far it came."""
    return _page(request, take(request, Alert, ref))


@door("alert.decide", "POST")
def decide_alert(request: DeskRequest, ref: str) -> HttpResponse:
    """Approve an alert, or refuse it."""
    found, form = take(request, Alert, ref), DecideForm(request.POST)
    if not form.is_valid():
        return _page(request, found, decide=form)
    released = "release" in request.POST
    services.decide(request.user, found, released=released, reason=form.cleaned_data["reason"])
    request.audit_details = {"released": released, "copies": found.copies.count()}
    return redirect("alert", ref)


@door("alert.make", "POST")
def follow_alert(request: DeskRequest, ref: str) -> HttpResponse:
    """Draft a change or the withdrawal of an alert."""
    found, form = take(request, Alert, ref), FollowForm(request.POST)
    if not form.is_valid():
        return _page(request, found, follow=form)
    said = form.cleaned_data
    made = services.follow(request.user, found, said["kind"], said["reason"])
    request.audit_details = {"made": made.ref}
    return redirect("alert", made.ref)


@door("alert.retry", "GET", "POST")
def outbox(request: DeskRequest) -> HttpResponse:
    """Show what was given up, and let it be tried again."""
    found = queries.dead(request.user)
    if request.method == "POST":
        chosen = found.filter(ref=request.POST.get("delivery", "")).first()
        if chosen is not None:
            services.retry(chosen)
            request.audit_object = chosen.about.ref
        return redirect("outbox")
    context = {"section": "alerts", "dead": found[:_SHOWN]}
    return render(request, "desk/alerts/outbox.html", context)


@door("channel.list")
def channels(request: DeskRequest) -> HttpResponse:
    """List the ways to partners."""
    return _channels(request)


@door("channel.change", "POST")
def open_channel(request: DeskRequest) -> HttpResponse:
    """Open a channel."""
    form = ChannelForm(request.user, request.POST)
    if not form.is_valid():
        return _channels(request, form)
    try:
        made = services.open_channel(request.user, **form.cleaned_data)
    except ClewlineError as error:
        form.add_error("target", error.message)
        return _channels(request, form)
    request.audit_object = made.ref
    request.audit_details = {"partner": made.partner.ref, "kind": made.kind}
    return redirect("channels")


@door("channel.change", "POST")
def close_channel(request: DeskRequest, ref: str) -> HttpResponse:
    """Close a channel."""
    found = take(request, Channel, ref)
    services.close_channels(found.partner, found.kind)
    return redirect("channels")


@door("channel.change", "POST")
def access_key(request: DeskRequest, ref: str) -> HttpResponse:
    """Make a partner's access key and show it, once."""
    partner = take(request, Partner, ref)
    key = services.new_access_key(request.user, partner)
    context = {"section": "alerts", "partner": partner, "key": key}
    return render(request, "desk/alerts/key.html", context)


def _channels(request: DeskRequest, form: ChannelForm | None = None) -> HttpResponse:
    """Show the channels there are, with a form to open another."""
    found: Any = Channel.objects.visible_to(request.user).filter(is_open=True)
    partners: Any = Partner.objects.visible_to(request.user).order_by("codename", "id")
    context = {
        "section": "alerts",
        "form": form or ChannelForm(request.user),
        "channels": found.select_related("partner", "by").order_by("partner__codename", "kind"),
        "partners": partners,
        "disclosures": Disclosure.objects.filter(partner__in=partners)
        .select_related("partner")
        .order_by("-id")[:_SHOWN],
    }
    return render(request, "desk/alerts/channels.html", context, status=400 if form else 200)


def _page(
    request: DeskRequest,
    alert: Alert,
    decide: DecideForm | None = None,
    follow: FollowForm | None = None,
) -> HttpResponse:
    """Show an alert, with what this person can do."""
    released = services.is_released(alert)
    open_ = not hasattr(alert, "decision")
    lines = alert.items.select_related("address", "option__sighting").order_by("position")
    context = {
        "section": "alerts",
        "alert": alert,
        "items": lines,
        "released": released,
        "recipients": queries.preview(alert) if open_ else queries.recipients(alert),
        "unusual": queries.unusual(alert) if open_ else [],
        "may_decide": services.may_decide(request.user, alert),
        "may_follow": released and request.user.may("alert.make") and alert.kind != "withdrawn",
        "decide": decide or DecideForm(),
        "follow": follow or FollowForm(),
        "states": STATES,
        "disputes": services.DISPUTES,
    }
    return render(
        request, "desk/alerts/alert.html", context, status=400 if decide or follow else 200
    )
