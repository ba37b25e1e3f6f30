"""Record many sightings at once, by the rules of `services` and with a few statements for all."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from clewline.desk.accounts.models import User
from clewline.desk.brands import proposing
from clewline.desk.ledger import vault
from clewline.desk.records import services
from clewline.desk.records.drafts import SightingDraft, require_plain
from clewline.desk.records.models import Brand, KnownAddress, PaymentOption, Sighting
from clewline.desk.records.services import Meaning

Examined = tuple[Sighting, list[PaymentOption], list[Meaning | None]]
"""The rows of a draft, unsealed and unwritten, and what its addresses mean."""


def examine(user: User, team_id: int, draft: SightingDraft) -> Examined:
    """Hold a draft against every rule of a record; return its rows, unsealed and unwritten.

    Raises
    ------
    UsageError, DataError
        As `services.record`.
    """
    require_plain(draft)
    meant = services.meant_by(draft)
    sighting = services.row_of(user, draft, team_id)
    services.check_row(sighting, "sighting")
    options = []
    for position, (option, means) in enumerate(zip(draft.options, meant, strict=True)):
        row = services.option_row(option, means, sighting, position)
        services.check_row(row, f"option {position + 1}")
        options.append(row)
    return sighting, options, meant


def record_many(user: User, team_id: int, drafts: Sequence[SightingDraft]) -> list[Sighting]:
    """Record pages that were read before, each the first sighting of its page.

    Parameters
    ----------
    user : User
        The recorder.
    team_id : int
        One of their teams.
    drafts : sequence of SightingDraft
        Without indicators; `draft` of each is ignored.

    Returns
    -------
    list of Sighting
        In their order.

    Raises
    ------
    UsageError, DataError
        As `services.record`; nothing is recorded then.
    """
    return write_many(user, team_id, drafts, [examine(user, team_id, one) for one in drafts])


@transaction.atomic
def write_many(
    user: User, team_id: int, drafts: Sequence[SightingDraft], read: Sequence[Examined]
) -> list[Sighting]:
    """Write what `examine` said of some drafts; see `record_many`."""
    if not drafts:
        return []
    keys = vault().new_keys(len(drafts))
    brands: dict[str, Brand | None] = {}
    for (sighting, _, _), draft, key in zip(read, drafts, keys, strict=True):
        sighting.key_id = key
        name = " ".join(draft.brand.split()).casefold()
        if name not in brands:
            brands[name] = services.brand_of(user, team_id, draft.brand)
        sighting.brand = brands[name]
        for field in services.SEALED:
            sighting.seal(field, getattr(draft, field))
        sketch = services.sketch_of(draft.read_text or draft.page_text)
        sighting.sketch = sketch.to_bytes() if sketch is not None else None
    sightings: list[Sighting] = Sighting.objects.bulk_create([row for row, _, _ in read])
    addresses = services.addresses_of(means for _, _, some in read for means in some)
    made = []
    for sighting, draft, (_, options, meant) in zip(sightings, drafts, read, strict=True):
        for option, row, means in zip(draft.options, options, meant, strict=True):
            row.sighting, row.key_id = sighting, sighting.key_id
            if means is not None:
                row.address = addresses[means.canonical, means.chain, means.network]
            row.seal("contact", option.contact)
        made.append((sighting, options))
    PaymentOption.objects.bulk_create([row for _, options in made for row in options])
    KnownAddress.objects.note(team_id, addresses.values())
    proposing.note_many(made)
    return sightings
