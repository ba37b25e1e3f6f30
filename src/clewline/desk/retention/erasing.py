"""Erase a record: rows emptied and a tombstone in one transaction, then its key destroyed.

The key goes last. If the machine stops between, the record is gone from the database and `finish`
destroys the key at the next start: nothing is half erased for longer than that, and nothing that
was not decided is ever destroyed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django.apps import apps
from django.db import connection
from django.db.models import Exists, OuterRef, Q

from clewline.desk.accounts.models import Team, User
from clewline.desk.brands import compared
from clewline.desk.disputes.models import Dispute
from clewline.desk.ledger import vault as desk_vault
from clewline.desk.records.models import (
    AddressStatus,
    Attribution,
    KnownAddress,
    PaymentOption,
    Proposal,
    Sighting,
    TraitKey,
    Withdrawal,
)
from clewline.desk.retention.models import HoldQuerySet, LegalHold, Tombstone
from clewline.desk.retention.takes import KINDS, WAY, Kind, belongings, emptied
from clewline.desk.vault import Vault
from clewline.errors import UsageError

_LOCK: Final = 0x6B656570  # "keep": holds and erasures wait for each other
_MOST_HEIRS: Final = 100
SIGHTING: Final = KINDS[0]


def lock() -> None:
    """Let one transaction at a time hold or erase; SQLite's do that by themselves."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def holds(user: User | None) -> HoldQuerySet:
    """Return the holds that stand, or those of them that a person may know of."""
    standing = LegalHold.objects.standing()
    return standing if user is None else standing.visible_to(user)


def held(user: User | None = None) -> Q:
    """Return the condition under which a sighting is held: itself, or by a case that links it.

    A case links a sighting by itself, by its brand, or by an address that it shows. With a person:
    as far as that person may know; what is erased asks for all.
    """
    standing = holds(user)
    return Q(
        Exists(standing.filter(sighting=OuterRef("pk")))
        | Exists(standing.filter(case__links__sighting=OuterRef("pk")))
        | Exists(standing.filter(case__links__brand=OuterRef("brand")))
        | Exists(standing.filter(case__links__address__options__sighting=OuterRef("pk")))
    )


def versions(sighting: Sighting) -> list[Sighting]:
    """Return a sighting with all that it corrects or that correct it: they hold the same texts."""
    found = [sighting]
    while (earlier := found[0].supersedes) is not None:
        found.insert(0, earlier)
    while (later := Sighting.objects.filter(supersedes=found[-1]).first()) is not None:
        found.append(later)
    return found


def erase(
    sightings: Sequence[Sighting],
    *,
    reason: str,
    asked_by: str,
    approved_by: User | None,
) -> list[Tombstone]:
    """Erase sightings of one team; the transaction around it decides whether it happened.

    Keys are destroyed by `finish`, which whoever calls this runs once the transaction ended.

    Parameters
    ----------
    reason : str
        Of ``vocab/retention.yaml``.
    asked_by : str
        Pseudonym, or what asked.
    approved_by : User or None
        The second person; None where the period that two people set is over.

    Raises
    ------
    UsageError
        If one of them is held.
    """
    lock()
    numbers = [one.pk for one in sightings]
    if Sighting.objects.filter(held(), pk__in=numbers).exists():
        raise UsageError("a legal hold stands on this record: it cannot be erased")
    there = set(
        Tombstone.objects.filter(key_id__in=[one.key_id for one in sightings]).values_list(
            "key_id", flat=True
        )
    )
    made = []
    for sighting in sightings:
        if sighting.key_id in there:
            continue
        tombstone = _bury(SIGHTING, sighting, reason, asked_by, approved_by)
        if approved_by is not None:
            Withdrawal.objects.get_or_create(
                sighting=sighting, defaults={"reason": "erased", "by": approved_by}
            )
        else:
            Withdrawal.objects.get_or_create(
                sighting=sighting, defaults={"reason": "erased", "by": sighting.recorder}
            )
        _empty(sighting)
        made.append(tombstone)
    return made


def erase_other(
    kind: Kind, record: Any, *, reason: str, asked_by: str, approved_by: User | None
) -> list[Tombstone]:
    """Erase a record that is no sighting, with what belongs to it; as `erase` does a sighting.

    Raises
    ------
    UsageError
        If it is held.
    """
    lock()
    if is_held(kind, record):
        raise UsageError("a legal hold stands on this record: it cannot be erased")
    if Tombstone.objects.filter(key_id=record.key_id).exists():
        return []
    tombstone = _bury(kind, record, reason, asked_by, approved_by)
    empty_rows(kind, record)
    return [tombstone]


def held_disputes(user: User | None = None) -> Q:
    """Return the condition under which a dispute is held: by a hold on what has its address."""
    standing, address = holds(user), OuterRef("taking__address")
    return Q(
        Exists(standing.filter(sighting__options__address=address))
        | Exists(standing.filter(case__links__address=address))
    )


def is_held(kind: Kind, record: Any, user: User | None = None) -> bool:
    """Tell whether a hold stands on a record: its own, or that of a case that links it.

    With a person: whether that person may know of one.
    """
    standing = holds(user)
    if kind.id == "sighting":
        return Sighting.objects.filter(held(user), pk=record.pk).exists()
    if kind.id == "case":
        return standing.filter(case=record).exists()
    if kind.id == "brand":
        return standing.filter(case__links__brand=record).exists()
    if kind.id == "dispute":
        return Dispute.objects.filter(held_disputes(user), pk=record.pk).exists()
    return False


def empty_rows(kind: Kind, record: Any) -> None:
    """Empty all rows of a record that has a tombstone."""
    for label in belongings(kind):
        model: Any = apps.get_model(label)
        model.objects.filter(**{WAY.get(label, "pk"): record.pk}).update(**emptied(model))


def _bury(
    kind: Kind, record: Any, reason: str, asked_by: str, approved_by: User | None
) -> Tombstone:
    """Put up the tombstone of a record."""
    return Tombstone.objects.create(
        team_id=record.team_id,
        kind=kind.id,
        record_ref=record.ref,
        key_id=record.key_id,
        retention_class=kind.retention_class or record.retention_class,
        recorded_at=getattr(record, kind.since),
        reason=reason,
        asked_by=asked_by,
        approved_by=approved_by.pseudonym if approved_by else "",
    )


def note_of(tombstone: Tombstone) -> dict[str, Any]:
    """Return what the tree of keys keeps of an erasure, so that an older backup takes it up."""
    return {
        "kind": tombstone.kind,
        "ref": tombstone.record_ref,
        "team": tombstone.team_id,
        "class": tombstone.retention_class,
        "recorded_at": tombstone.recorded_at.astimezone(UTC).isoformat(),
        "reason": tombstone.reason,
        "asked_by": tombstone.asked_by,
        "approved_by": tombstone.approved_by,
        "erased_at": tombstone.erased_at.astimezone(UTC).isoformat(),
    }


def finish(vault: Vault | None = None) -> int:
    """Destroy the keys of all records that have a tombstone; return how many were there yet.

    One step for all of them, however many. Called after each erasure, before the next run, and
    when the desk starts.
    """
    vault = vault or desk_vault()
    gone = {one.key_id for one in vault.erased()}
    left = [one for one in Tombstone.objects.order_by("id").iterator() if one.key_id not in gone]
    count = vault.destroy({one.key_id: note_of(one) for one in left}) if left else 0
    if count:
        _clear_logs()
    return count


def _clear_logs() -> None:
    """Empty SQLite's write-ahead log, older pages of which still hold what was emptied."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def take_up(vault: Vault) -> int:
    """Put up, in a desk that was just restored, the tombstones of what was erased since.

    The backup's sealed columns are empty already, because no key opens them.
    """
    there = set(Tombstone.objects.values_list("record_ref", flat=True))
    count = 0
    for one in vault.erased():
        note = one.note
        if not note or note["ref"] in there:
            continue
        kind = next(known for known in KINDS if known.id == note["kind"])
        models: Any = kind.model
        record = models._base_manager.filter(ref=note["ref"]).first()
        if record is None and not Team.objects.filter(pk=note["team"]).exists():
            continue
        Tombstone.objects.create(
            team_id=record.team_id if record else note["team"],
            kind=note["kind"],
            record_ref=note["ref"],
            key_id=one.key_id,
            retention_class=note["class"],
            recorded_at=datetime.fromisoformat(note["recorded_at"]),
            reason=note["reason"],
            asked_by=note["asked_by"],
            approved_by=note["approved_by"],
            erased_at=datetime.fromisoformat(note["erased_at"]),
        )
        if isinstance(record, Sighting):
            by = User.objects.filter(pseudonym=note["approved_by"]).first() or record.recorder
            Withdrawal.objects.get_or_create(
                sighting=record, defaults={"reason": "erased", "by": by}
            )
            _empty(record)
        elif record is not None:
            empty_rows(kind, record)
        count += 1
    return count


def _empty(sighting: Sighting) -> None:
    """Empty the rows of a sighting that has a tombstone, and what it was found by."""
    addresses = list(
        sighting.options.filter(address__isnull=False).values_list("address_id", flat=True)
    )
    of_keys = TraitKey.objects.filter(sighting=sighting)
    keys = {(row.unit, bytes(row.key)) for row in of_keys}
    of_keys.delete()
    Proposal.objects.filter(Q(left_sighting=sighting) | Q(right_sighting=sighting)).delete()
    empty_rows(SIGHTING, sighting)
    _pass_on(sighting, keys)
    _forget_addresses(sighting.team_id, addresses)


def _pass_on(sighting: Sighting, keys: set[tuple[str, bytes]]) -> None:
    """Leave what the sighting was compared by to the latest others of its brand that have it."""
    units = {unit for unit, _ in keys}
    for unit in units:
        wanted = {key for its, key in keys if its == unit}
        others = Sighting.objects.filter(team=sighting.team_id).standing()
        others = (
            others.filter(brand__ref=unit)
            if unit[0] == "B"
            else others.filter(rotation=sighting.rotation)
        )
        for other in others.select_related("brand").order_by("-id")[:_MOST_HEIRS]:
            if not wanted:
                break
            has = compared.keys_of(other, list(other.options.all()), list(other.indicators.all()))
            TraitKey.objects.bulk_create(
                [
                    TraitKey(team_id=other.team_id, key=key, unit=unit, sighting=other)
                    for key in sorted(wanted & set(has))
                ],
                ignore_conflicts=True,
            )
            wanted -= set(has)


def _forget_addresses(team_id: int, addresses: Iterable[int]) -> None:
    """Forget that the team knows of addresses of which it says nothing any more."""
    spoken = [
        rows.filter(team=team_id, address=OuterRef("address"))
        for rows in (PaymentOption.objects, Attribution.objects, AddressStatus.objects)
    ]
    KnownAddress.objects.filter(
        ~Exists(spoken[0]), ~Exists(spoken[1]), ~Exists(spoken[2]),
        team=team_id, address__in=list(addresses),
    ).delete()  # fmt: skip
