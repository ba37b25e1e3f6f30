"""Every change of what is watched, and the pass over what is new on the chain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from clewline.desk import chain_store
from clewline.desk.accounts.models import Team, User
from clewline.desk.cases.models import Case
from clewline.desk.records.models import Address
from clewline.desk.records.plain_text import require_text
from clewline.desk.watch.models import Hit, SeenTip, Watch
from clewline.errors import AddressError, UsageError
from clewline.workspace import Workspace


@transaction.atomic
def watch(
    user: User,
    team: Team,
    address: Address,
    why: str,
    *,
    case: Case | None = None,
    whole_cluster: bool = False,
    mails: bool = False,
) -> Watch:
    """Watch an address, or its cluster, from the next block on.

    Raises
    ------
    UsageError
        If the team is none of theirs, the case another team's, or no reason is given.
    DataError
        If a text holds media or binary.
    """
    require_text(why, "why")
    if team.pk not in user.team_ids or (case is not None and case.team_id != team.pk):
        raise UsageError("not a team of yours", where="team")
    if not why.strip():
        raise UsageError("say why", where="why")
    tip = SeenTip.objects.order_by("-id").first()
    return Watch.objects.create(
        team=team,
        address=address,
        whole_cluster=whole_cluster,
        case=case,
        why=why,
        by=user,
        mails=mails,
        from_height=tip.height if tip else None,
    )


@transaction.atomic
def stop(one: Watch) -> None:
    """End a watch; what it found stays.

    Raises
    ------
    UsageError
        If it was ended before.
    """
    if not Watch.objects.filter(pk=one.pk, until=None).update(until=timezone.now()):
        raise UsageError("was ended before", where=one.ref)


@transaction.atomic
def seen(user: User, one: Watch) -> int:
    """Note that somebody saw what a watch found; return how much that was."""
    return (
        Hit.objects.visible_to(user).filter(watch=one, seen_at=None).update(seen_at=timezone.now())
    )


def look() -> int:
    """Look for new payments up to the tip that the store has now; return how many were found.

    Does nothing where no store is attached, or its tip was looked at.
    """
    return look_at(chain_store.opened()) if chain_store.attached() is not None else 0


def look_at(workspace: Workspace) -> int:
    """Take in what is new up to a tip: payments gone with their blocks first, then new ones.

    One transaction, so that a pass that is ended in between leaves nothing; a pass that is made
    twice, or by two workers at once, finds nothing the second time.
    """
    manifest = workspace.store.manifest
    with transaction.atomic():
        last = SeenTip.objects.filter(network=manifest.network).order_by("-id").first()
        if last is not None and last.block == manifest.tip:
            return 0
        since = _fork(workspace, manifest.network) if last is not None else manifest.height
        gone(since)
        watches = _watches(workspace)
        Watch.objects.filter(pk__in=[one.pk for one in watches], from_height=None).update(
            from_height=since
        )
        found = _new(workspace, since, watches)
        SeenTip.objects.create(network=manifest.network, height=manifest.height, block=manifest.tip)
    return found


def _fork(workspace: Workspace, network: str) -> int:
    """Return the height of the latest tip that was looked at and is still on the chain; else -1."""
    for tip in SeenTip.objects.filter(network=network).order_by("-id").iterator():
        if workspace.hash_at(tip.height) == tip.block:
            return tip.height
    return -1


def gone(since: int) -> int:
    """Say of the payments above a height that their blocks are gone, until one brings them back."""
    return Hit.objects.filter(height__gt=since, gone_at=None).update(gone_at=timezone.now())


def _watches(workspace: Workspace) -> list[Watch]:
    """Return what is watched on this chain."""
    network = workspace.store.network
    asked = Watch.objects.filter(
        until=None, address__chain=network.coin.asset, address__network=network.name
    )
    return list(asked.select_related("address").order_by("pk"))


def _new(workspace: Workspace, since: int, watches: Sequence[Watch]) -> int:
    """Write what happened after a height, and return how much of it is news."""
    asked = [(one.address.canonical, one.whole_cluster) for one in watches]
    try:
        found = workspace.payments_after(since, asked)
    except AddressError:
        # Recorded as of this network, and yet none of it: such a watch cannot match.
        found = [_alone(workspace, since, one) for one in asked]
    news = 0
    for one, rows in zip(watches, found, strict=True):
        begin = since if one.from_height is None else one.from_height
        for row in rows:
            if row["height"] > begin:
                news += _note(one, row)
    return news


def _alone(workspace: Workspace, since: int, asked: tuple[str, bool]) -> list[dict[str, Any]]:
    """Return what happened to one address, nothing if it is none of this network."""
    try:
        return workspace.payments_after(since, [asked])[0]
    except AddressError:
        return []


def _note(one: Watch, row: dict[str, Any]) -> bool:
    """Write a payment, or bring one back; tell whether it is news."""
    place = {
        "height": row["height"],
        "block": row["block"],
        "time": datetime.fromisoformat(row["time"]),
    }
    hit, made = Hit.objects.get_or_create(
        watch=one,
        direction=row["direction"],
        outpoint=row["outpoint"],
        defaults={**place, "txid": row["txid"], "value": row["value"]},
    )
    if made:
        return True
    again = Hit.objects.filter(pk=hit.pk).exclude(Q(block=row["block"]), gone_at=None)
    again.update(**place, txid=row["txid"], gone_at=None)
    return False
