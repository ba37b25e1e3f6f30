"""Every change of alerts and channels. Approval writes copies and their deliveries with itself."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from clewline.desk.accounts.models import Team, User
from clewline.desk.accounts.services import digest
from clewline.desk.alerts import composing, outbox
from clewline.desk.alerts.channels import SENDERS
from clewline.desk.alerts.lists import latest_version, whole_list
from clewline.desk.alerts.models import (
    CHANGED,
    NEW,
    OFFERED,
    WITHDRAWN,
    AccessKey,
    Addressee,
    Alert,
    AlertDecision,
    AlertItem,
    Answer,
    Channel,
    Copy,
    Delivery,
    Disclosure,
    Receipt,
    Told,
)
from clewline.desk.disputes import receiving as disputes
from clewline.desk.ledger import new_reference, vault
from clewline.desk.partners.models import Partner
from clewline.desk.records.models import Address
from clewline.desk.records.plain_text import require_text
from clewline.desk.roles import Role
from clewline.errors import UsageError
from clewline.sharing.formats import after_losses, format_named, write

if TYPE_CHECKING:
    from clewline.desk.routing.models import Report

MOST_ITEMS: Final = 500
MOST_PARTNERS: Final = 1_000
KEY_PREFIX: Final = "clwp_"
DISPUTES: Final = {
    "own_service": "It is an address of our own service, used by many customers",
    "not_payment": "It was never a means of payment for this",
    "wrong": "The address is mistyped or of another chain",
    "other": "Another reason; please call",
}
"""What a recipient may object, in words of a list: free text could name somebody."""


@transaction.atomic
def make(
    user: User,
    team: Team,
    addresses: Sequence[Address],
    partners: Iterable[Partner] = (),
    *,
    kind: str = NEW,
    about: Alert | None = None,
    tlp: str = "amber",
    pap: str = "amber",
    confidence: str = "web_crawl",
    strength: str = "mention",
    valid_until: datetime | None = None,
    reason: str = "",
) -> Alert:
    """Draft an alert on addresses that the team saw; somebody else has to approve it.

    Raises
    ------
    UsageError
        If the team is none of theirs, an address was seen on no page that stands, there is nothing
        in it or too much, or a change or withdrawal gives no reason.
    DataError
        If a text holds media or binary.
    """
    require_text(reason, "reason")
    chosen = list({one.pk: one for one in partners}.values())
    found = list({one.pk: one for one in addresses}.values())
    if team.pk not in user.team_ids or (about is not None and about.team_id != team.pk):
        raise UsageError("not a team of yours", where="team")
    if not 1 <= len(found) <= MOST_ITEMS:
        raise UsageError(f"{len(found)} addresses", where="addresses", hint=f"1 to {MOST_ITEMS}")
    if len(chosen) > MOST_PARTNERS or (kind == NEW and not chosen):
        raise UsageError(f"{len(chosen)} recipients", where="recipients", hint="at least one")
    if kind != NEW and not reason:
        raise UsageError("say why", where="reason")
    alert = Alert(
        ref=new_reference(Alert.LETTER),
        key_id=vault().new_key(),
        team=team,
        kind=kind,
        about=about,
        tlp=tlp,
        pap=pap,
        valid_until=valid_until,
        reason=reason,
        made_by=user,
    )
    alert.save()
    Addressee.objects.bulk_create([Addressee(alert=alert, partner=one) for one in chosen])
    for position, address in enumerate(found):
        option = composing.option_of(team.pk, address, stands=kind != WITHDRAWN)
        if option is None:
            raise UsageError(
                "no page of yours that stands shows it", where=f"address {position + 1}"
            )
        AlertItem.objects.create(
            alert=alert,
            position=position,
            address=address,
            option=option,
            strength=strength,
            confidence=confidence,
        )
    return alert


def follow(user: User, alert: Alert, kind: str, reason: str, **changes: object) -> Alert:
    """Draft a change or the withdrawal of an approved alert, on the same addresses."""
    if kind not in (CHANGED, WITHDRAWN):
        raise UsageError("an alert is changed or withdrawn", where="kind")
    if not is_released(alert):
        raise UsageError("only what was sent can be followed up", where=alert.ref)
    first = alert.about or alert
    item = alert.items.select_related("address").first()
    settled: dict[str, object] = {
        "tlp": alert.tlp,
        "pap": alert.pap,
        "valid_until": alert.valid_until,
        "strength": item.strength if item else "mention",
        "confidence": item.confidence if item else "web_crawl",
    }
    addresses = [one.address for one in alert.items.select_related("address")]
    partners = Partner.objects.filter(pk__in=first.addressees.values("partner"))
    return make(
        user,
        alert.team,
        addresses,
        partners if kind == CHANGED else (),
        kind=kind,
        about=first,
        reason=reason,
        **{**settled, **changes},  # type: ignore[arg-type]
    )


def is_released(alert: Alert) -> bool:
    """Tell whether an alert was approved."""
    decision = getattr(alert, "decision", None)
    return decision is not None and decision.released


def may_decide(user: User, alert: Alert) -> bool:
    """Tell whether `user` may approve: an approver of the team who did not make it."""
    return (
        user.is_active
        and Role.APPROVER in user.roles
        and alert.team_id in user.team_ids
        and alert.made_by_id != user.pk
        and not hasattr(alert, "decision")
    )


def decide(user: User, alert: Alert, *, released: bool, reason: str = "") -> AlertDecision:
    """Approve an alert or refuse it; approval puts it into the outbox in the same transaction.

    Raises
    ------
    UsageError
        If it is not `user`'s to decide, or somebody did.
    DataError
        If a text holds media or binary.
    """
    require_text(reason, "reason")
    if not may_decide(user, alert):
        raise UsageError("this alert is not yours to decide, or decided already")
    now = datetime.now(UTC).replace(microsecond=0)
    try:
        with transaction.atomic():
            decision = AlertDecision.objects.create(
                alert=alert, by=user, released=released, reason=reason, at=now
            )
            if released:
                _send(alert, now)
            return decision
    except IntegrityError:
        raise UsageError("somebody decided meanwhile; look again") from None


def _send(alert: Alert, now: datetime) -> None:
    """Write each recipient's copy and its deliveries."""
    # Who approves another alert for the same partners at the same time waits here.
    partners = [one.pk for one in composing.partners_of(alert)]
    list(Partner.objects.select_for_update(no_key=True).filter(pk__in=partners).order_by("pk"))
    rank = secrets.SystemRandom()
    for one in composing.compose(alert, now):
        if one.items:
            # Spread, so that the order of messages tells nobody where in it they stand.
            due = now + timedelta(seconds=rank.random())
            _copy_for(alert, one, now, due)


def _copy_for(alert: Alert, composed: composing.Composed, now: datetime, due: datetime) -> None:
    """Write one recipient's copy, what it was told last, and one delivery a channel."""
    partner = composed.partner
    last = Copy.objects.filter(partner=partner).order_by("-number").first()
    number = last.number + 1 if last else 1
    # Later than the one before even where the clock was set back: who asks for what came after it
    # misses nothing.
    at = max(datetime.now(UTC), last.at + timedelta(microseconds=1)) if last else datetime.now(UTC)
    copy = Copy(
        alert=alert,
        partner=partner,
        key_id=alert.key_id,
        ref=composing.reference(partner, "alert", alert.ref),
        number=number,
        kind=alert.kind,
        at=at,
        items=len(composed.items),
        withheld=composed.withheld,
    )
    copy.seal("document", composing.document(composed, number, alert.team.organisation.name, at))
    copy.save()
    for address, item in composed.items:
        Told.objects.update_or_create(
            partner=partner,
            team=alert.team,
            address=address,
            defaults={
                "ref": item.id,
                "revision": item.revision,
                "first_at": item.shared_at,
                "last_at": item.changed_at,
                "withdrawn": item.state == "withdrawn",
                "content": composing.content(item),
                "copy": copy,
            },
        )
    outbox.put(copy, due)


@transaction.atomic
def retry(delivery: Delivery) -> None:
    """Let a dead delivery be tried again.

    Raises
    ------
    UsageError
        If it is not dead.
    """
    if not outbox.retry(delivery):
        raise UsageError("is not given up", where="delivery")


@transaction.atomic
def open_channel(
    user: User, team: Team, partner: Partner, kind: str, target: str = "", secret: str = ""
) -> Channel:
    """Open a channel to a partner, in the place of the one of its kind.

    Raises
    ------
    UsageError
        If there is no such kind, or the target is none.
    """
    if kind not in SENDERS:
        raise UsageError(f"no such channel: {kind}", where="kind", hint=", ".join(SENDERS))
    if team.pk not in user.team_ids:
        raise UsageError("not a team of yours", where="team")
    SENDERS[kind].check(target)
    close_channels(partner, kind)
    channel = Channel(
        ref=new_reference(Channel.LETTER), team=team, partner=partner, kind=kind, by=user
    )
    channel.seal("target", target)
    channel.seal("secret", secret)
    if not channel.key_id:
        channel.key_id = vault().new_key()
    channel.save()
    return channel


@transaction.atomic
def close_channels(partner: Partner, kind: str) -> int:
    """Close a partner's channel of a kind; what waits on it is still delivered."""
    return Channel.objects.filter(partner=partner, kind=kind, is_open=True).update(is_open=False)


@transaction.atomic
def new_access_key(user: User, partner: Partner) -> str:
    """Make a partner's access key and end those before; it is told once and kept as a hash."""
    AccessKey.objects.filter(partner=partner, revoked_at=None).update(revoked_at=timezone.now())
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    AccessKey.objects.create(partner=partner, digest=digest(key), by=user)
    return key


def partner_of_key(key: str) -> Partner | None:
    """Return whose access key this is."""
    found = AccessKey.objects.filter(digest=digest(key), revoked_at=None)
    row = found.select_related("partner").first()
    return row.partner if row else None


@transaction.atomic
def fetched(partner: Partner, kind: str, up_to: int) -> None:
    """Write receipts for what a partner fetched on a channel, up to a version of its list."""
    _receive(
        Delivery.objects.filter(copy__partner=partner, copy__number__lte=up_to, channel__kind=kind)
    )


@transaction.atomic
def fetched_reports(reports: Iterable[Report]) -> None:
    """Write receipts for reports that their recipient fetched."""
    _receive(Delivery.objects.filter(report__in=list(reports)))


def _receive(found: QuerySet[Delivery]) -> None:
    """Write receipts for deliveries that lay ready, of some."""
    offered = found.filter(state=OFFERED)
    for one in offered.select_for_update(no_key=True).order_by("id"):
        Receipt.objects.create(delivery=one, says="fetched with the access key")
        Delivery.objects.filter(id=one.id).update(state="delivered")


@transaction.atomic
def disclose(partner: Partner, style: str, by: str) -> tuple[bytes, Disclosure]:
    """Return the file of a partner's list, and write down that it was made.

    The list is that of its channels: what policy released to it of alerts that two people sent, and
    nothing that was not sent.

    Parameters
    ----------
    partner : Partner
        Who gets it.
    style : str
        Name of a format.
    by : str
        Who makes it.

    Raises
    ------
    UsageError
        If there is no such format, the partner is not active, or it was told nothing yet.
    """
    format_named(style)
    if partner.standing != "active":
        raise UsageError("nothing is given to a partner that is not active", where=partner.ref)
    if not latest_version(partner):
        raise UsageError("this partner was told nothing yet", where=partner.ref)
    shared = whole_list(partner)
    data = write(style, shared)
    made = Disclosure.objects.create(
        partner=partner,
        format=style,
        number=shared.version,
        items=len(after_losses(style, shared).items),
        sha256=hashlib.sha256(data).hexdigest(),
        by=by,
    )
    return data, made


@transaction.atomic
def answer(copy: Copy, *, matched: int | None = None, dispute: str = "", item: str = "") -> Answer:
    """Take what a recipient answers: a number, or an objection, which opens a dispute.

    Raises
    ------
    UsageError
        If it is neither, or both, or names an item that is not in the alert.
    """
    if (matched is None) == (not dispute):
        raise UsageError("either a number or a dispute", where="answer")
    if matched is not None and not 0 <= matched <= 1_000_000:
        raise UsageError("a whole number up to 1,000,000", where="matched")
    if dispute and dispute not in DISPUTES:
        raise UsageError("no such objection", where="dispute", hint=", ".join(DISPUTES))
    if item and item not in {one.id for one in composing.list_of(copy).items}:
        raise UsageError("is not in this alert", where="item")
    made = Answer.objects.create(copy=copy, matched=matched, dispute=dispute, item=item)
    if dispute:
        disputes.from_answer(made, DISPUTES[dispute])
    return made
