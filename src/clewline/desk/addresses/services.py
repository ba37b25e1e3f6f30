"""Every change of what a team says of an address. Rows are added, never edited."""

from __future__ import annotations

from datetime import date

from django.db import transaction

from clewline.desk.accounts.models import Team, User
from clewline.desk.records.models import Address, AddressStatus, Attribution, KnownAddress
from clewline.desk.records.plain_text import require_text
from clewline.errors import UsageError
from clewline.intake import read_address

Key = tuple[str, str, str]
"""Chain, network and canonical form of an address."""


def address_row(key: Key) -> Address:
    """Return the row of an address; it is made if it is missing and the address is one.

    Raises
    ------
    UsageError
        If it is no address of that chain.
    """
    chain, network, canonical = key
    there = Address.objects.filter(canonical=canonical, chain=chain, network=network).first()
    if there is not None:
        return there
    for one in read_address(canonical):
        if (one.chain, one.network, one.canonical) == key:
            row, _ = Address.objects.get_or_create(
                canonical=canonical, chain=chain, network=network, defaults={"kind": one.kind}
            )
            return row
    raise UsageError(f"no address of {chain}", where="address")


@transaction.atomic
def attribute(
    user: User,
    team: Team,
    key: Key,
    *,
    label: str,
    category: str,
    source: str,
    confidence: str,
    custody: str,
    obtained: str,
    expires_at: date | None = None,
) -> Attribution:
    """Say who holds an address, beside what others say.

    Raises
    ------
    UsageError
        If the team is none of theirs, or the address none.
    DataError
        If a text holds media or binary.
    """
    _require(user, team, {"label": label, "source": source})
    address = address_row(key)
    KnownAddress.objects.note(team.pk, [address])
    return Attribution.objects.create(
        team=team,
        address=address,
        label=label,
        category=category,
        source=source,
        confidence=confidence,
        custody=custody,
        obtained=obtained,
        expires_at=expires_at,
        by=user,
    )


@transaction.atomic
def set_status(user: User, team: Team, key: Key, status: str, reason: str) -> AddressStatus:
    """Say whether a team still stands by an address, and why.

    Raises
    ------
    UsageError, DataError
        As `attribute`.
    """
    _require(user, team, {"reason": reason})
    address = address_row(key)
    KnownAddress.objects.note(team.pk, [address])
    return AddressStatus.objects.create(
        team=team, address=address, status=status, reason=reason, by=user
    )


def _require(user: User, team: Team, texts: dict[str, str]) -> None:
    """Refuse another team's name, and what is no text."""
    if team.pk not in user.team_ids:
        raise UsageError("not a team of yours", where="team")
    for field, text in texts.items():
        require_text(text, field)
