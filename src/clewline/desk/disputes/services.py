"""What people do with disputes: enter, take up, propose, decide, note the answer."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from clewline import vocab
from clewline.desk.accounts.models import Team, User
from clewline.desk.addresses import services as addresses
from clewline.desk.alerts import services as alerts
from clewline.desk.alerts.models import CHANGED, WITHDRAWN, Alert, AlertItem, Told
from clewline.desk.disputes import receiving
from clewline.desk.disputes.models import (
    OF_ADDRESS,
    OF_VALIDITY,
    PARTLY,
    REJECTED,
    UPHELD,
    Decision,
    Dispute,
    Proposal,
    Reply,
    Taking,
)
from clewline.desk.disputes.naming import key_named
from clewline.desk.records.models import Address, AddressStatus, KnownAddress
from clewline.desk.records.plain_text import require_text
from clewline.desk.roles import Role
from clewline.errors import UsageError

BY_STAFF: Final = ("letter", "email", "telephone", "portal")
"""Channels of what staff enter."""


@transaction.atomic
def enter(
    user: User,
    team: Team,
    *,
    named: str,
    disputer_kind: str,
    channel: str,
    grounds: str,
    disputer: str = "",
    contact: str = "",
    received_on: date | None = None,
) -> Dispute:
    """Enter what somebody disputes; it is taken up at once if it names one address.

    Raises
    ------
    UsageError
        If the team is none of theirs, the day is in the future, or a word is none of the list.
    DataError
        If a text holds media or binary.
    """
    if team.pk not in user.team_ids:
        raise UsageError("not a team of yours", where="team")
    if channel not in BY_STAFF:
        raise UsageError(f"one of {', '.join(BY_STAFF)}", where="channel")
    _require_word("disputer_kind", disputer_kind)
    if not named.strip() or not grounds.strip():
        raise UsageError("say what is disputed, and why", where="named")
    if received_on is not None and received_on > timezone.now().date():
        raise UsageError("lies in the future", where="received_on")
    made = receiving.receive(
        team,
        channel=channel,
        disputer_kind=disputer_kind,
        named=named,
        grounds=grounds,
        disputer=disputer,
        contact=contact,
        received_on=received_on,
        by=user,
    )
    try:
        key = key_named(team.pk, named)
    except UsageError:
        return made  # somebody says later which address is meant, or that none is
    _take(user, made, key)
    return made


@transaction.atomic
def take_up(user: User, dispute: Dispute, named: str) -> Taking:
    """Say which address a dispute is about; where the team lists it, it counts as disputed.

    Raises
    ------
    UsageError
        If that was said or the dispute decided before, or the text names no one address.
    """
    _lock(dispute)
    if hasattr(dispute, "taking") or is_decided(dispute):
        raise UsageError("was taken up already", where=dispute.ref)
    return _take(user, dispute, key_named(dispute.team_id, named))


def _take(user: User, dispute: Dispute, key: addresses.Key) -> Taking:
    """Link the address, and mark it while the dispute is open."""
    address = addresses.address_row(key)
    marked = None
    if is_listed(dispute.team_id, address) and _status(dispute.team_id, address) == "active":
        reason = f"dispute {dispute.ref}"
        marked = addresses.set_status(user, dispute.team, key, "disputed", reason)
    return Taking.objects.create(dispute=dispute, address=address, marked=marked, by=user)


@transaction.atomic
def propose(
    user: User,
    dispute: Dispute,
    outcome: str,
    reason: str,
    *,
    correction: str = "",
    valid_until: date | None = None,
) -> Proposal:
    """Propose how to decide; somebody else has to agree.

    Raises
    ------
    UsageError
        If it is decided or a proposal waits; there is no reason; what would be withdrawn or
        corrected is not listed; or it is not said what is corrected.
    """
    _require_said(reason)
    _require_word("dispute_outcome", outcome)
    _lock(dispute)
    if is_decided(dispute) or waiting_proposal(dispute) is not None:
        raise UsageError("is decided, or a proposal waits already", where=dispute.ref)
    if outcome != REJECTED:
        taking = getattr(dispute, "taking", None)
        if taking is None:
            raise UsageError("say first which address it is about", where="outcome")
        if not is_listed(dispute.team_id, taking.address):
            raise UsageError("your team lists nothing of this address", where="outcome")
    if (outcome == PARTLY) != bool(correction):
        raise UsageError("what is corrected goes with partly upheld", where="correction")
    if correction:
        _require_word("dispute_correction", correction)
    if (correction == OF_VALIDITY) != (valid_until is not None):
        raise UsageError("a day goes with a corrected validity", where="valid_until")
    return Proposal.objects.create(
        dispute=dispute,
        outcome=outcome,
        correction=correction,
        valid_until=valid_until,
        reason=reason,
        by=user,
    )


def may_decide(user: User, proposal: Proposal) -> bool:
    """Tell whether `user` may decide: an approver of the team who did not propose it."""
    return (
        user.is_active
        and Role.APPROVER in user.roles
        and proposal.dispute.team_id in user.team_ids
        and proposal.by_id != user.pk
        and not hasattr(proposal, "decision")
    )


@transaction.atomic
def decide(user: User, proposal: Proposal, *, agreed: bool, reason: str = "") -> Decision:
    """Agree to a proposed outcome, which does it at once, or send it back with a reason.

    What follows is one transaction with it: the status of the address, and the withdrawal or
    change that everybody gets who was told by an alert. Answered look-ups that rest on the
    address then wait to be corrected.

    Raises
    ------
    UsageError
        If it is not `user`'s to decide, or nothing can be withdrawn or changed as proposed.
    """
    require_text(reason, "reason")
    dispute = proposal.dispute
    _lock(dispute)
    if not may_decide(user, proposal):
        raise UsageError("an approver of the team who did not propose it decides, once")
    if not agreed:
        _require_said(reason)
    alert = _carry_out(user, proposal) if agreed else None
    try:
        with transaction.atomic():
            return Decision.objects.create(
                proposal=proposal, agreed=agreed, reason=reason, alert=alert, by=user
            )
    except IntegrityError:
        raise UsageError("somebody decided meanwhile", where=dispute.ref) from None


def _carry_out(user: User, proposal: Proposal) -> Alert | None:
    """Do what was agreed to; return what past recipients are told by."""
    dispute = proposal.dispute
    taking = getattr(dispute, "taking", None)
    if taking is None:
        return None
    if proposal.outcome == UPHELD or proposal.correction == OF_ADDRESS:
        reason = f"dispute {dispute.ref}"
        key = (taking.address.chain, taking.address.network, taking.address.canonical)
        addresses.set_status(user, dispute.team, key, "withdrawn", reason)
        return _tell(user, proposal, taking.address, WITHDRAWN)
    _stand_by(user, dispute, taking.address)
    if proposal.correction == OF_VALIDITY:
        return _tell(user, proposal, taking.address, CHANGED)
    return None


def _stand_by(user: User, dispute: Dispute, address: Address) -> None:
    """Let an address count again, if a dispute marked it and no other one is open."""
    others = Dispute.objects.filter(team=dispute.team_id, taking__address=address).open()
    latest = _latest(dispute.team_id, address)
    if latest is None or latest.status != "disputed" or not hasattr(latest, "taking"):
        return
    if not others.exclude(pk=dispute.pk).exists():
        key = (address.chain, address.network, address.canonical)
        reason = f"dispute {dispute.ref} was decided"
        addresses.set_status(user, dispute.team, key, "active", reason)


def _tell(user: User, proposal: Proposal, address: Address, kind: str) -> Alert | None:
    """Send what changed to everybody who was told of an address; nothing where nobody was."""
    team = proposal.dispute.team
    if not told_of(team.pk, address).exists():
        return None
    items = AlertItem.objects.filter(alert__team=team, address=address)
    item = items.filter(alert__decision__released=True).order_by("-id").select_related("alert")[0]
    last = item.alert
    until = proposal.valid_until
    alert = alerts.make(
        proposal.by,
        team,
        [address],
        kind=kind,
        about=last.about or last,
        tlp=last.tlp,
        pap=last.pap,
        confidence=item.confidence,
        strength=item.strength,
        valid_until=datetime.combine(until, time(), UTC) if until else last.valid_until,
        reason=f"dispute {proposal.dispute.ref}",
    )
    alerts.decide(user, alert, released=True, reason=f"dispute {proposal.dispute.ref}")
    return alert


@transaction.atomic
def note_reply(user: User, dispute: Dispute, how: str) -> Reply:
    """Note that whoever disputed was answered.

    Raises
    ------
    UsageError
        If it is not decided yet, or was answered already.
    """
    require_text(how, "how")
    _lock(dispute)
    if not is_decided(dispute):
        raise UsageError("is not decided yet", where=dispute.ref)
    if hasattr(dispute, "reply"):
        raise UsageError("was answered already", where=dispute.ref)
    return Reply.objects.create(dispute=dispute, how=how, by=user)


def is_decided(dispute: Dispute) -> bool:
    """Tell whether two people decided a dispute."""
    return Decision.objects.filter(proposal__dispute=dispute, agreed=True).exists()


def waiting_proposal(dispute: Dispute) -> Proposal | None:
    """Return the proposal that nobody decided on yet."""
    return dispute.proposals.filter(decision__isnull=True).order_by("-id").first()


def is_listed(team_id: int, address: Address) -> bool:
    """Tell whether a team recorded or said something of an address."""
    return KnownAddress.objects.filter(team=team_id, address=address).exists()


def told_of(team_id: int, address: Address) -> QuerySet[Told]:
    """Return whom a team told of an address and did not tell that it was withdrawn."""
    return Told.objects.filter(team=team_id, address=address, withdrawn=False)


def _latest(team_id: int, address: Address) -> AddressStatus | None:
    """Return the status of an address that counts for a team."""
    found = AddressStatus.objects.filter(team=team_id, address=address)
    return found.select_related("taking").order_by("-id").first()


def _status(team_id: int, address: Address) -> str:
    """Return the word of that status."""
    latest = _latest(team_id, address)
    return latest.status if latest else "active"


def _lock(dispute: Dispute) -> None:
    """Let one transaction at a time change what becomes of a dispute."""
    Dispute.objects.select_for_update(no_key=True).get(pk=dispute.pk)


def _require_word(field: str, word: str) -> None:
    """Refuse what is none of a list of words."""
    words = vocab.words(field)
    if word not in words:
        raise UsageError(f"one of {', '.join(words)}", where=field.removeprefix("dispute_"))


def _require_said(reason: str) -> None:
    """Refuse an empty reason, and what is no text."""
    if not reason.strip():
        raise UsageError("say why", where="reason")
    require_text(reason, "reason")
