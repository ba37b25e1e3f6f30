"""Take a partner's file into quarantine; review it item by item."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from django.db import IntegrityError, transaction

from clewline.desk.accounts.models import User
from clewline.desk.addresses.services import address_row
from clewline.desk.partners.models import Partner
from clewline.desk.received.models import Origin, ReceivedFile, ReceivedItem, Review
from clewline.desk.records.models import Sighting
from clewline.desk.records.plain_text import require_text
from clewline.errors import UsageError
from clewline.intake import Reading, read_address
from clewline.sharing import formats, plain

NOT_KEPT: Final = ("wording", "url")
"""What of a file is not even kept in quarantine."""
_TEXTS: Final = ("memo", "brand_codename", "abuse_label")
_BATCH: Final = 500


@transaction.atomic
def take(partner: Partner, style: str, data: bytes, by: str) -> ReceivedFile:
    """Keep what a file of a partner says, for a person to review.

    Parameters
    ----------
    partner : Partner
        Who gave it.
    style : str
        Name of its format.
    data : bytes
        The file.
    by : str
        Who takes it, for the list.

    Raises
    ------
    SharedFileError
        If the file cannot be taken; nothing of it is kept.
    UsageError
        If the partnership is not active, or these bytes were taken before.
    DataError
        If a text holds media or binary.
    """
    if partner.standing != "active":
        raise UsageError("nothing is taken from a partner that is not active", where=partner.ref)
    shared = formats.read(style, data)
    require_text(shared.issuer, "issuer")
    digest = hashlib.sha256(data).hexdigest()
    if ReceivedFile.objects.filter(partner=partner, sha256=digest).exists():
        raise UsageError("this file was taken before", where=partner.ref)
    made = ReceivedFile.objects.create(
        team=partner.team,
        partner=partner,
        format=style,
        sha256=digest,
        issuer=shared.issuer,
        version=shared.version,
        made_at=shared.made_at,
        taken_by=by,
    )
    rows = []
    for position, item in enumerate(shared.items, start=1):
        said = {name: value for name, value in plain(item).items() if name not in NOT_KEPT}
        for name in _TEXTS:
            require_text(str(said.get(name, "")), f"item {position}, {name}")
        rows.append(ReceivedItem(file=made, position=position, said=said))
    ReceivedItem.objects.bulk_create(rows, batch_size=_BATCH)
    return made


def review(
    user: User, item: ReceivedItem, *, used: bool, reason: str = "", record: str = ""
) -> Review:
    """Write down what a person made of an item.

    Parameters
    ----------
    user : User
        Who reviews it.
    item : ReceivedItem
        What.
    used : bool
        Whether they entered something of it: labels of its address are the partner's from then on.
    reason : str
        Why.
    record : str
        Reference of the sighting that they made of it; it is the partner's from then on.

    Raises
    ------
    UsageError
        If the file is another team's, somebody reviewed the item, or there is no such sighting.
    DataError
        If the reason holds media or binary.
    """
    require_text(reason, "reason")
    if item.file.team_id not in user.team_ids:
        raise UsageError("not a team of yours", where=item.file.ref)
    try:
        with transaction.atomic():
            made = Review.objects.create(item=item, used=used, reason=reason, by=user)
            if used:
                _note_origin(made, record)
            return made
    except IntegrityError:
        raise UsageError("somebody reviewed it meanwhile", where=item.file.ref) from None


def readings_of(said: dict[str, Any]) -> list[Reading]:
    """Return what an item's address may be; those of its own chain alone where it names one."""
    found = read_address(str(said.get("address", "")))
    of_chain = [one for one in found if one.chain == said.get("chain")]
    return of_chain or found


def _note_origin(made: Review, record: str) -> None:
    """Write down that what was made of an item is its partner's."""
    file = made.item.file
    sighting = None
    if record:
        sighting = Sighting.objects.filter(team=file.team, ref=record).first()
        if sighting is None:
            raise UsageError("no sighting of this team", where="record")
    rows = [
        Origin(address=address_row((one.chain, one.network, one.canonical)))
        for one in readings_of(made.item.said)
    ]
    for row in [*rows, *([Origin(sighting=sighting)] if sighting else [])]:
        row.review, row.team, row.partner = made, file.team, file.partner
        row.save()
