"""Disputes whose time is over: claim, names and contact are erased, a tombstone stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from clewline.desk.accounts.models import Organisation
from clewline.desk.audit import services as audit
from clewline.desk.disputes.models import Decision, Dispute
from clewline.desk.retention import erasing, queries
from clewline.desk.retention.models import LegalHold, Tombstone
from clewline.desk.retention.takes import emptied

CLASS: Final = "dispute"


def held() -> Q:
    """Return the condition under which a dispute is held: by a hold on what shows its address."""
    standing = LegalHold.objects.standing()
    address = OuterRef("taking__address")
    return Q(
        Exists(standing.filter(sighting__options__address=address))
        | Exists(standing.filter(case__links__address=address))
    )


def due(organisation: int) -> QuerySet[Dispute]:
    """Return the disputes of an organisation that were decided long enough ago and are not held."""
    until = queries.months_later(timezone.now().date(), -queries.periods(organisation)[CLASS])
    limit = datetime(until.year, until.month, until.day, tzinfo=UTC)
    decided = Decision.objects.filter(proposal__dispute=OuterRef("pk"), agreed=True, at__lt=limit)
    gone = Tombstone.objects.filter(key_id=OuterRef("key_id"))
    found: QuerySet[Dispute] = Dispute.objects.filter(
        Exists(decided), ~Exists(gone), team__organisation=organisation
    )
    return found.filter(~held()).order_by("pk")


def due_refs() -> Iterator[tuple[Organisation, int, list[str]]]:
    """Yield organisation, number and references of what is due, without erasing it."""
    for organisation in Organisation.objects.order_by("pk"):
        if refs := list(due(organisation.pk).values_list("ref", flat=True)):
            yield organisation, len(refs), refs


def expire(by: str) -> list[Tombstone]:
    """Erase what is due, one transaction a dispute; `retention.erasing.finish` destroys the keys.

    Parameters
    ----------
    by : str
        Who started the run, for the audit log.
    """
    made = []
    for organisation in Organisation.objects.order_by("pk"):
        for pk in list(due(organisation.pk).values_list("pk", flat=True)):
            with transaction.atomic():
                erasing.lock()
                dispute = due(organisation.pk).filter(pk=pk).first()
                if dispute is not None:
                    made.append(_erase(dispute, by))
                    audit.write(actor=by, action="retention.expire", object=dispute.ref)
    return made


def _erase(dispute: Dispute, by: str) -> Tombstone:
    """Empty the row and put up its tombstone."""
    tombstone = Tombstone.objects.create(
        team_id=dispute.team_id,
        kind="dispute",
        record_ref=dispute.ref,
        key_id=dispute.key_id,
        retention_class=CLASS,
        recorded_at=dispute.at,
        reason="expired",
        asked_by=by,
    )
    Dispute.objects.filter(pk=dispute.pk).update(**emptied(Dispute))
    return tombstone
