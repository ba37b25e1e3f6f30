"""Payments on chain to recorded addresses, kept beside the records: a page never asks the chain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.utils import timezone

from clewline.desk import chain_store
from clewline.desk.queue.models import ChainLook, Payments
from clewline.desk.records.models import Address

LOOKED_AT: Final = timedelta(days=30)
"""Addresses of pages that were recorded that lately are looked at."""
_PAUSE: Final = timedelta(minutes=2)
_AT_ONCE: Final = 500
_MOST: Final = 20_000
_ROW: Final = 1


@dataclass(frozen=True)
class AsOf:
    """How far payments on chain are known.

    Attributes
    ----------
    looked : bool
        Whether the chain was asked at all; if not, no payment shown says nothing.
    words : str
        Up to which block, or why not.
    at : datetime or None
        When it was asked.
    """

    looked: bool
    words: str
    at: datetime | None = None


def look(now: datetime | None = None) -> int:
    """Ask the attached store for payments to the addresses of late; return how many were paid."""
    now = now or timezone.now()
    last = ChainLook.objects.filter(pk=_ROW).first()
    if last is not None and now - last.at < _PAUSE:
        return 0
    late = Address.objects.filter(options__sighting__recorded_at__gte=now - LOOKED_AT)
    rows = late.order_by("pk").values_list("pk", "chain", "network", "canonical").distinct()
    wanted = list(rows[:_MOST])
    found, said = 0, chain_store.latest_payments([])[0]
    for start in range(0, len(wanted), _AT_ONCE):
        some = {(chain, net, text): pk for pk, chain, net, text in wanted[start : start + _AT_ONCE]}
        said, paid = chain_store.latest_payments(list(some))
        if said.state != "found":
            break
        made = [Payments(address_id=some[key], latest=rows) for key, rows in paid.items()]
        Payments.objects.bulk_create(
            made, update_conflicts=True, unique_fields=["address"], update_fields=["latest"]
        )
        found += len(made)
    ChainLook.objects.update_or_create(
        pk=_ROW, defaults={"at": now, "state": said.state, "words": said.words[:200]}
    )
    return found


def as_of() -> AsOf:
    """Return how far payments on chain are known."""
    last = ChainLook.objects.filter(pk=_ROW).first()
    if last is None:
        return AsOf(looked=False, words="")
    return AsOf(looked=last.state == "found", words=last.words, at=last.at)


def newest(addresses: Iterable[int], hidden: frozenset[str]) -> dict[int, datetime]:
    """Return when each of some addresses was last paid, by others than those who ask."""
    times = {}
    for row in Payments.objects.filter(address__in=list(addresses)):
        seconds = [time for outpoint, time in row.latest if outpoint not in hidden]
        if seconds:
            times[row.address_id] = datetime.fromtimestamp(max(seconds), UTC)
    return times
