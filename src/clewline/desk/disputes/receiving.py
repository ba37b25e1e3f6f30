"""How disputes come in: entered by staff, from a recipient's answer, from the public form.

Only a person's word marks an address as disputed (`services.take_up`), so that nobody outside can
stop a listing by a click.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from clewline.desk.accounts.models import Team, User
from clewline.desk.alerts.models import Answer
from clewline.desk.audit import services as audit
from clewline.desk.disputes.models import Dispute
from clewline.desk.disputes.naming import key_answered
from clewline.desk.ledger import new_reference
from clewline.desk.records.plain_text import require_text

FORM: Final = "form"
ALERT: Final = "alert"
MOST_AN_HOUR: Final = 60
"""Disputes that the public form takes in an hour, from all together."""
_KINDS: Final = {"exchange": "exchange", "agency": "authority", "fiu": "authority"}


@transaction.atomic
def receive(
    team: Team,
    *,
    channel: str,
    disputer_kind: str,
    named: str,
    grounds: str,
    disputer: str = "",
    contact: str = "",
    received_on: date | None = None,
    by: User | None = None,
    answer: Answer | None = None,
) -> Dispute:
    """Write a dispute down. What it names is not looked up here.

    Raises
    ------
    DataError
        If a text holds media or binary.
    """
    texts = {"named": named, "grounds": grounds, "disputer": disputer, "contact": contact}
    for name, text in texts.items():
        require_text(text, name)
    day = received_on or timezone.now().date()
    made = Dispute(
        ref=new_reference(Dispute.LETTER),
        team=team,
        channel=channel,
        disputer_kind=disputer_kind,
        received_on=day,
        due_on=day + timedelta(days=settings.DISPUTE_DAYS),
        by=by,
        answer=answer,
    )
    for name, text in texts.items():
        made.seal(name, text)
    made.save()
    return made


def from_answer(answer: Answer, objection: str) -> Dispute:
    """Open the dispute that a recipient's answer to an alert is."""
    partner = answer.copy.partner
    return receive(
        answer.copy.alert.team,
        channel=ALERT,
        disputer_kind=_KINDS.get(partner.kind, "partner"),
        named=key_answered(answer),
        grounds=objection,
        answer=answer,
    )


def team_of_form() -> Team | None:
    """Return the team that takes what comes by the public form; None where there is no form."""
    found = list(Team.objects.filter(name=settings.DISPUTE_FORM)[:2])
    return found[0] if settings.DISPUTE_FORM and len(found) == 1 else None


def is_full(team: Team) -> bool:
    """Tell whether the public form took as much within an hour as it takes."""
    since = timezone.now() - timedelta(hours=1)
    return Dispute.objects.filter(team=team, channel=FORM, at__gte=since).count() >= MOST_AN_HOUR


@transaction.atomic
def from_form(team: Team, **fields: str) -> Dispute:
    """Take what somebody sent by the public form, whatever it names."""
    made = receive(team, channel=FORM, **fields)  # type: ignore[arg-type]
    audit.write(actor="public form", action="dispute.receive", object=made.ref)
    return made
