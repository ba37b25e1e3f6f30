"""``python -m bench.desk_brands``: proposals and merged views with a hundred thousand sightings.

Nine of ten sightings are of one brand that shows every visitor another address; the others are of
brands, or of pages without one, that share an account, wording or an address with some. On SQLite
in a temporary directory, or on the empty PostgreSQL database that CLEWLINE_DESK_DATABASE names.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bench import machine
from bench.desk_search import insert, set_up, timed
from bench.line import emit, note

_FIRST = datetime(2020, 1, 1, tzinfo=UTC)
_BANDS = 32
_SHARED = 500
"""Brands or pages that have an account in common."""


def main() -> None:
    """Make the desk, fill it, ask."""
    parser = argparse.ArgumentParser(prog="python -m bench.desk_brands", description=__doc__)
    parser.add_argument("--sightings", type=int, default=100_000)
    parser.add_argument("--samples", type=int, default=200, help="questions of each kind")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    emit("machine", machine.describe())
    with tempfile.TemporaryDirectory(prefix="clewline-desk-bench-") as temporary:
        set_up(Path(temporary) / "desk")
        _fill(asked.sightings)
        _measure(asked.sightings, asked.samples, np.random.default_rng(asked.seed))


def _is_busy(i: int) -> bool:
    """Tell whether a sighting is of the brand that most are of."""
    return i % 10 != 0


def _brand(i: int) -> int | None:
    """Return the brand of a sighting: 1 is the busy one; every other of the rest has none."""
    return 1 if _is_busy(i) else None if i % 20 == 0 else 2 + i // 100


def _fill(sightings: int) -> None:
    """Insert a team and its records in bulk, past the services."""
    from django.db import connection

    from clewline.desk.accounts.models import Organisation, Team, User
    from clewline.desk.ledger import index_of
    from clewline.desk.records.models import (
        Address,
        Brand,
        Indicator,
        PaymentOption,
        Sighting,
        TraitKey,
    )

    begin = time.perf_counter()
    organisation = Organisation.objects.create(name="Made up")
    team = Team.objects.create(organisation=organisation, name="a")
    user = User.objects.create_user(
        "analyst-a", organisation=organisation, roles=["analyst"], pseudonym="A-0001"
    )
    user.teams.add(team)
    own: dict[str, Any] = {"team": team}
    numbers = range(sightings)
    insert(
        Brand,
        own | {"created_by": user},
        (
            {"id": i, "ref": f"B-{i:010}", "codename": f"Brand {i}"}
            for i in range(1, sightings // 100 + 4)
        ),
    )
    rows: Iterator[dict[str, Any]] = (
        {
            "id": i + 1,
            "ref": f"S-{i:010}",
            "key_id": f"{i:032x}",
            "brand_id": _brand(i),
            "observed_at": _FIRST + timedelta(minutes=i),
            "recorded_at": _FIRST + timedelta(minutes=i),
            "rotation": uuid.UUID(int=i + 1),
        }
        for i in numbers
    )
    insert(Sighting, own | {"recorder": user}, rows)
    insert(
        Address,
        {"chain": "BTC", "network": "main"},
        ({"id": i + 1, "canonical": f"made-up-{i}"} for i in numbers),
    )
    insert(
        PaymentOption,
        {"asset": "BTC", "amount_min": "20", "price_currency": "EUR", "position": 0},
        (
            {"id": i + 1, "sighting_id": i + 1, "key_id": f"{i:032x}", "address_id": i + 1}
            for i in numbers
        ),
    )
    insert(
        Indicator,
        {"kind": "account"},
        (
            {
                "id": i + 1,
                "sighting_id": i + 1,
                "key_id": f"{i:032x}",
                "value_index": _account(i, sightings),
            }
            for i in numbers
        ),
    )
    keys: dict[tuple[bytes, str], int] = {}
    for i in numbers:
        brand = _brand(i)
        unit = f"S-{i:010}" if brand is None else f"B-{brand:010}"
        keys[index_of("address", f"BTC:made-up-{i}"), unit] = i + 1
        keys[_account(i, sightings), unit] = i + 1
        if not _is_busy(i) or i < _BANDS:
            for band in range(_BANDS):
                keys[index_of("band", f"{band} {i % 5000}")[:8], unit] = i + 1
    insert(
        TraitKey,
        own,
        ({"key": key, "unit": unit, "sighting_id": number} for (key, unit), number in keys.items()),
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    note(f"filled in {time.perf_counter() - begin:.0f} s")


def _account(i: int, sightings: int) -> bytes:
    """Return the account of a sighting: one of the busy brand, or one that some hundreds share."""
    from clewline.desk.ledger import index_of

    shared = 0 if _is_busy(i) else i // 10 % max(1, sightings // 10 // _SHARED)
    return index_of("account", str(shared))


def _measure(sightings: int, samples: int, chance: np.random.Generator) -> None:
    """Propose, record, and open the pages."""
    from unittest import mock

    from django.db import connection
    from django.test import Client

    from clewline.desk.accounts.models import User
    from clewline.desk.brands import compared, proposing, queries
    from clewline.desk.brands.services import judge
    from clewline.desk.records.models import Brand, Sighting
    from clewline.desk.records.services import IndicatorDraft, OptionDraft, SightingDraft, record

    client = Client(HTTP_HOST="127.0.0.1")
    user = User.objects.get(username="analyst-a")
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    busy = Brand.objects.get(pk=1)
    for other in Brand.objects.filter(pk__in=(2, 3)):
        judge(user, "brand", busy, other, "same")
    about = {"database": connection.vendor, "sightings": sightings}
    drawn = [f"S-{i:010}" for i in chance.integers(0, sightings, samples)]
    odd = [f"S-{i * 10:010}" for i in chance.integers(0, sightings // 10, samples)]

    def propose(ref: str) -> None:
        sighting = Sighting.objects.select_related("brand").get(ref=ref)
        unit = sighting.brand.ref if sighting.brand else ref
        options = sighting.options.select_related("address")
        keys = compared.keys_of(sighting, options, sighting.indicators.all())
        keys += [compared.index_of("band", f"{n} {sighting.pk % 5000}")[:8] for n in range(_BANDS)]
        proposing.candidates(sighting, unit, keys)

    def write(text: str) -> None:
        option = OptionDraft(rail="card", amount_min="20", price_currency="EUR")
        indicators = tuple(IndicatorDraft(kind="account", value=f"{text}{n}") for n in range(2))
        options = (option,)
        record(
            user,
            SightingDraft(observed_at=_FIRST, brand=text, options=options, indicators=indicators),
        )

    def serve(url: str) -> None:
        assert client.get(url).status_code == 200

    def newest(ref: str) -> None:
        queries.merged(busy).newest(queries.PAGE + 1, Sighting.objects.get(ref=ref))

    with mock.patch("clewline.desk.accounts.middleware.is_mfa_enabled", return_value=True):
        timed("desk.brands.candidates", about, propose, drawn)
        timed("desk.brands.candidates_shared", about, propose, odd)
        timed("desk.brands.record", about, write, [f"Brand {i % 7}" for i in range(samples)])
        timed("desk.brands.sightings_of_merged", about, newest, drawn)
        some = max(20, samples // 10)
        timed("desk.brands.page", about, serve, [f"/brands/{busy.ref}/"] * some, bound=300)
        timed("desk.brands.list", about, serve, ["/brands/"] * some, bound=300)
        timed("desk.brands.queue", about, serve, ["/judge/"] * some, bound=300)


if __name__ == "__main__":
    main()
