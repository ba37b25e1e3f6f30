"""Alerts: drafted, approved by a second person, followed up; what was given up; channels.

Where a channel leads and its key are sealed on arrival. An access key is told once, on its page.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from django.http import Http404
from ninja import Router, Schema, Status
from pydantic import Field

from clewline import vocab
from clewline.desk.alerts import queries, services
from clewline.desk.alerts.models import Alert, Channel, Delivery
from clewline.desk.api.paging import newest
from clewline.desk.api.schemas import (
    ERRORS,
    OF_ONE,
    DecisionIn,
    Limit,
    Line,
    Moment,
    Ref,
    Said,
    Short,
    Strict,
    WordOf,
)
from clewline.desk.api.teams import own_team
from clewline.desk.api.token import scope
from clewline.desk.door import DeskRequest, take
from clewline.desk.partners.models import Partner
from clewline.errors import UsageError

router = Router(tags=["alerts"])
Named = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00\r\n]*$")]
Delivered = Annotated[str, Field(max_length=32, pattern=r"^[0-9a-f]*$")]


class AlertIn(Strict):
    """What is told: addresses, or references of sightings for all of theirs; `partners` by ref."""

    what: Annotated[list[Named], Field(min_length=1, max_length=services.MOST_ITEMS)]
    team: Short = ""
    partners: Annotated[list[Ref], Field(min_length=1, max_length=services.MOST_PARTNERS)]
    tlp: Annotated[str, WordOf("tlp"), Field(min_length=1)] = "amber"
    pap: Annotated[str, WordOf("pap"), Field(min_length=1)] = "amber"
    strength: Annotated[str, Field(pattern="^(mention|control)$")] = "mention"
    confidence: Annotated[str, Field(max_length=40, pattern=r"^[a-z_]*$")] = "web_crawl"
    valid_until: Moment | None = None


class FollowIn(Strict):
    """A change or the withdrawal of what was sent, and why; recipients do not see why."""

    kind: Annotated[str, Field(pattern="^(changed|withdrawn)$")]
    reason: Said


class AlertOut(Schema):
    """An alert; `released` is None while it waits for a second person."""

    ref: str
    team: str
    kind: str
    about: str | None
    tlp: str
    pap: str
    valid_until: datetime | None
    reason: str
    made_by: str
    made_at: datetime
    released: bool | None
    decided_by: str | None


class CountedAlertOut(AlertOut):
    """An alert, and how many of its deliveries were taken or given up."""

    deliveries: int
    delivered: int
    dead: int


class AlertsOut(Schema):
    """Alerts of one's teams, newest first; `next` goes on behind it."""

    items: list[CountedAlertOut]
    next: str | None


class AlertItemOut(Schema):
    """One address of an alert, and what is claimed of it."""

    chain: str
    network: str
    canonical: str
    strength: str
    confidence: str


class DeliveryOut(Schema):
    """A copy on one channel: waiting, offered, delivered or dead."""

    ref: str
    channel: str
    state: str
    tries: int
    why: str


class RecipientOut(Schema):
    """What one recipient gets or got, how far it came, and what they answered."""

    partner: str
    items: int
    withheld: list[str]
    unchanged: int
    deliveries: list[DeliveryOut]
    matched: int | None
    dispute: str


class WholeAlertOut(AlertOut):
    """An alert with its items and recipients; before it is approved, as it would be sent now."""

    items: list[AlertItemOut]
    recipients: list[RecipientOut]
    unusual: list[str]


class GivenUpOut(Schema):
    """A delivery of an alert or of a report that was given up; the other one is empty."""

    delivery: DeliveryOut
    alert: str
    report: str
    partner: str


class OutboxOut(Schema):
    """What was given up, newest first; `next` is the delivery behind which it goes on."""

    items: list[GivenUpOut]
    next: str | None


class ChannelIn(Strict):
    """A way to a partner, named by its reference."""

    partner: Ref
    team: Short = ""
    kind: Annotated[str, Field(min_length=1, max_length=20, pattern=r"^[a-z_]*$")]
    target: Line = ""
    secret: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""


class ChannelOut(Schema):
    """A channel; where it leads is sealed."""

    ref: str
    partner: str
    kind: str
    is_open: bool
    by: str
    at: datetime


class ChannelsOut(Schema):
    """Channels of one's teams, newest first; `next` goes on behind it."""

    items: list[ChannelOut]
    next: str | None


@router.get("/alerts", response={200: AlertsOut, **OF_ONE})
@scope("alert.list")
def alerts(request: DeskRequest, limit: Limit = 50, after: Ref = "") -> AlertsOut:
    """List alerts of one's teams."""
    found = Alert.objects.visible_to(request.user)
    rows, more = newest(
        found.select_related("team", "about", "made_by", "decision__by"), limit, after
    )
    counts = queries.progress(rows)
    return AlertsOut(items=[_counted(one, counts.get(one.pk, {})) for one in rows], next=more)


@router.post("/alerts", response={201: WholeAlertOut, **ERRORS})
@scope("alert.make")
def new_alert(request: DeskRequest, asked: AlertIn) -> Status[WholeAlertOut]:
    """Draft an alert; somebody else approves it."""
    if asked.confidence not in vocab.confidences():
        raise UsageError(f"is none of: {', '.join(vocab.confidences())}", where="confidence")
    addresses = queries.addresses_in(request.user, "\n".join(asked.what))
    given = asked.dict(exclude={"what", "team", "partners"})
    team, chosen = own_team(request, asked.team), _partners(request, asked.partners)
    made = services.make(request.user, team, addresses, chosen, **given)
    request.audit_object = made.ref
    return Status(201, _whole(made))


@router.get("/alerts/outbox", response={200: OutboxOut, **OF_ONE})
@scope("alert.retry")
def outbox(request: DeskRequest, limit: Limit = 50, after: Delivered = "") -> OutboxOut:
    """List what was given up."""
    rows, more = newest(queries.dead(request.user), limit, after)
    return OutboxOut(items=[_given_up(one) for one in rows], next=more)


@router.post("/alerts/outbox/{delivery}/retry", response={200: GivenUpOut, **OF_ONE})
@scope("alert.retry")
def retry(request: DeskRequest, delivery: Delivered) -> GivenUpOut:
    """Let what was given up be tried again."""
    found = queries.dead(request.user).filter(ref=delivery).first()
    if found is None:
        raise Http404
    request.audit_object = found.about.ref
    services.retry(found)
    found.refresh_from_db(fields=["state", "tries", "why"])
    return _given_up(found)


@router.get("/alerts/{ref}", response={200: WholeAlertOut, **OF_ONE})
@scope("alert.read")
def alert(request: DeskRequest, ref: Ref) -> WholeAlertOut:
    """Read an alert: what is told, to whom, how far it came, what they answered."""
    return _whole(take(request, Alert, ref))


@router.post("/alerts/{ref}/decide", response={200: WholeAlertOut, **OF_ONE})
@scope("alert.decide")
def decide(request: DeskRequest, ref: Ref, said: DecisionIn) -> WholeAlertOut:
    """Approve an alert, which sends it, or refuse it."""
    found = take(request, Alert, ref)
    services.decide(request.user, found, released=said.agreed, reason=said.reason)
    request.audit_details = {"released": said.agreed, "copies": found.copies.count()}
    return _whole(found)


@router.post("/alerts/{ref}/follow", response={201: WholeAlertOut, **OF_ONE})
@scope("alert.make")
def follow(request: DeskRequest, ref: Ref, asked: FollowIn) -> Status[WholeAlertOut]:
    """Draft a change or the withdrawal of an alert; it is approved as any."""
    found = take(request, Alert, ref)
    made = services.follow(request.user, found, asked.kind, asked.reason)
    request.audit_details = {"made": made.ref}
    return Status(201, _whole(made))


@router.get("/channels", response={200: ChannelsOut, **OF_ONE})
@scope("channel.list")
def channels(request: DeskRequest, limit: Limit = 50, after: Ref = "") -> ChannelsOut:
    """List the ways on which partners are told, closed ones too."""
    found = Channel.objects.visible_to(request.user).select_related("partner", "by")
    rows, more = newest(found, limit, after)
    return ChannelsOut(items=[_channel(one) for one in rows], next=more)


@router.post("/channels", response={201: ChannelOut, **ERRORS})
@scope("channel.change")
def open_channel(request: DeskRequest, asked: ChannelIn) -> Status[ChannelOut]:
    """Open a channel to a partner, in the place of the one of its kind."""
    (partner,) = _partners(request, [asked.partner])
    given = asked.dict(exclude={"partner", "team"})
    made = services.open_channel(request.user, own_team(request, asked.team), partner, **given)
    request.audit_object = made.ref
    request.audit_details = {"partner": partner.ref, "kind": made.kind}
    return Status(201, _channel(made))


@router.post("/channels/{ref}/close", response={200: ChannelOut, **OF_ONE})
@scope("channel.change")
def close_channel(request: DeskRequest, ref: Ref) -> ChannelOut:
    """Close a channel; what waits on it is still delivered."""
    found = take(request, Channel, ref)
    services.close_channels(found.partner, found.kind)
    found.refresh_from_db(fields=["is_open"])
    return _channel(found)


def _partners(request: DeskRequest, refs: Sequence[str]) -> list[Partner]:
    """Return the partners that are named so and that one may know of."""
    found = Partner.objects.visible_to(request.user).active()
    rows = {one.ref: one for one in found.filter(ref__in=refs)}
    for ref in refs:
        if ref not in rows:
            raise UsageError("no active partner that you may know of", where="partner")
    return [rows[ref] for ref in dict.fromkeys(refs)]


def _facts(row: Alert) -> dict[str, Any]:
    """Return what is told of an alert anywhere."""
    said = getattr(row, "decision", None)
    own = {
        "team": row.team.name,
        "about": row.about.ref if row.about else None,
        "made_by": row.made_by.pseudonym,
        "released": said.released if said else None,
        "decided_by": said.by.pseudonym if said else None,
    }
    return {name: getattr(row, name) for name in AlertOut.model_fields if name not in own} | own


def _counted(row: Alert, count: dict[str, int]) -> CountedAlertOut:
    """Return an alert as a line of a list."""
    taken, dead = count.get("delivered", 0), count.get("dead", 0)
    return CountedAlertOut(
        deliveries=count.get("all", 0), delivered=taken, dead=dead, **_facts(row)
    )


def _whole(row: Alert) -> WholeAlertOut:
    """Return an alert with its items and recipients."""
    is_open = not hasattr(row, "decision")
    lines = row.items.select_related("address").order_by("position")
    told = queries.preview(row) if is_open else queries.recipients(row)
    return WholeAlertOut(
        items=[
            AlertItemOut(
                chain=one.address.chain,
                network=one.address.network,
                canonical=one.address.canonical,
                strength=one.strength,
                confidence=one.confidence,
            )
            for one in lines
        ],
        recipients=[_recipient(one) for one in told],
        unusual=[str(one) for one in queries.unusual(row)] if is_open else [],
        **_facts(row),
    )


def _recipient(one: queries.Recipient) -> RecipientOut:
    """Return a recipient as an answer."""
    return RecipientOut(
        partner=one.partner.ref,
        items=one.items,
        withheld=[str(why) for why in one.withheld],
        unchanged=one.unchanged,
        deliveries=[delivery_out(row) for row in one.deliveries],
        matched=one.matched,
        dispute=one.dispute,
    )


def delivery_out(row: Delivery) -> DeliveryOut:
    """Return a delivery as an answer."""
    return DeliveryOut(
        ref=row.ref, channel=row.channel.kind, state=row.state, tries=row.tries, why=row.why
    )


def _given_up(row: Delivery) -> GivenUpOut:
    """Return a delivery that was given up, with what it is about, and its partner."""
    about, to = row.about.ref, row.carried.partner.ref
    told, other = ("", about) if row.report_id else (about, "")
    return GivenUpOut(delivery=delivery_out(row), alert=told, report=other, partner=to)


def _channel(row: Channel) -> ChannelOut:
    """Return a channel as an answer."""
    return ChannelOut(
        ref=row.ref,
        partner=row.partner.ref,
        kind=row.kind,
        is_open=row.is_open,
        by=row.by.pseudonym,
        at=row.at,
    )
