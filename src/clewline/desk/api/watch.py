"""What is watched on the chain, and what was paid to or from it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from ninja import Router, Schema, Status
from pydantic import Field

from clewline.desk.addresses.services import address_row
from clewline.desk.api.paging import newest
from clewline.desk.api.schemas import OF_ONE, Flag, Limit, Ref, Said, Short, Strict
from clewline.desk.api.teams import own_team
from clewline.desk.api.token import scope
from clewline.desk.cases.models import Case
from clewline.desk.door import DeskRequest, take
from clewline.desk.search.reading import read
from clewline.desk.watch import queries, services
from clewline.desk.watch.models import Watch
from clewline.errors import UsageError

router = Router(tags=["watch"])


class WatchIn(Strict):
    """What is watched, for what; for a case it is known to the case's members alone."""

    address: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
    whole_cluster: Flag = False
    team: Short = ""
    case: Ref = ""
    why: Said


class WatchOut(Schema):
    """A watch: how much it found, and how much of that nobody looked at."""

    ref: str
    chain: str
    network: str
    canonical: str
    whole_cluster: bool
    case: str | None
    why: str
    by: str
    at: datetime
    until: datetime | None
    found: int
    fresh: int


class WatchesOut(Schema):
    """Watches, newest first; `next` goes on behind it."""

    items: list[WatchOut]
    next: str | None


class PaymentOut(Schema):
    """A payment in or out; `gone_at` where its block left the chain. `value` in satoshi."""

    direction: str
    outpoint: str
    txid: str
    value: int
    height: int
    time: datetime
    gone_at: datetime | None
    seen_at: datetime | None


class PaymentsOut(Schema):
    """A watch and what it found, latest first."""

    watch: WatchOut
    items: list[PaymentOut]


@router.get("/watches", response={200: WatchesOut, **OF_ONE})
@scope("watch.list")
def watches(request: DeskRequest, limit: Limit = 50, after: Ref = "") -> WatchesOut:
    """List what is watched, ended watches too."""
    rows, more = newest(queries.watches(request.user), limit, after)
    return WatchesOut(items=[_out(one) for one in rows], next=more)


@router.post("/watches", response={201: WatchOut, **OF_ONE})
@scope("watch.make")
def new_watch(request: DeskRequest, asked: WatchIn) -> Status[WatchOut]:
    """Watch an address from the next block on."""
    readings = read(asked.address, whole=True).readings
    if not readings:
        raise UsageError("is no address of any chain known here", where="address")
    case = take(request, Case, asked.case) if asked.case else None
    team, one = own_team(request, asked.team), readings[0]
    address = address_row((one.chain, one.network, one.canonical))
    made = services.watch(
        request.user, team, address, asked.why, case=case, whole_cluster=asked.whole_cluster
    )
    request.audit_object = made.ref
    return Status(201, _one(request, made))


@router.get("/watches/{ref}", response={200: PaymentsOut, **OF_ONE})
@scope("watch.read")
def watch(request: DeskRequest, ref: Ref, limit: Limit = 50) -> PaymentsOut:
    """Read a watch and what it found lately."""
    found = take(request, Watch, ref)
    names = PaymentOut.model_fields
    items = [
        PaymentOut(**{name: getattr(hit, name) for name in names})
        for hit in queries.hits(request.user, found)[:limit]
    ]
    return PaymentsOut(watch=_one(request, found), items=items)


@router.post("/watches/{ref}/seen", response={200: WatchOut, **OF_ONE})
@scope("watch.make")
def seen(request: DeskRequest, ref: Ref) -> WatchOut:
    """Note that what it found was looked at."""
    found = take(request, Watch, ref)
    services.seen(request.user, found)
    return _one(request, found)


@router.post("/watches/{ref}/stop", response={200: WatchOut, **OF_ONE})
@scope("watch.make")
def stop(request: DeskRequest, ref: Ref) -> WatchOut:
    """End a watch; what it found stays."""
    found = take(request, Watch, ref)
    services.stop(found)
    return _one(request, found)


def _one(request: DeskRequest, row: Watch) -> WatchOut:
    """Read a watch anew, with what it found."""
    return _out(queries.watches(request.user).get(pk=row.pk))


def _out(row: Watch) -> WatchOut:
    """Return a watch as an answer."""
    address = row.address
    return WatchOut(
        ref=row.ref,
        chain=address.chain,
        network=address.network,
        canonical=address.canonical,
        whole_cluster=row.whole_cluster,
        case=row.case.ref if row.case else None,
        why=row.why,
        by=row.by.pseudonym,
        at=row.at,
        until=row.until,
        found=row.found,  # type: ignore[attr-defined]
        fresh=row.fresh,  # type: ignore[attr-defined]
    )
