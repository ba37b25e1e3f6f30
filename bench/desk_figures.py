"""``python -m bench.desk_figures``: the figures of a year in which a million sightings were made.

Pages of some ten thousand sites are seen three times each, and offer bitcoin and a voucher; some
are corrected, some were reported. On SQLite in a temporary directory, or on the empty PostgreSQL
database that CLEWLINE_DESK_DATABASE names.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bench import machine
from bench.desk_search import insert, set_up
from bench.line import Goal, emit, note

YEAR: Final = 2024
_SECONDS: Final = 366 * 86_400
_REFRESHES: Final = 3
_PAGES_A_SITE: Final = 25


def main() -> None:
    """Make the desk, fill it, count."""
    parser = argparse.ArgumentParser(prog="python -m bench.desk_figures", description=__doc__)
    parser.add_argument("--sightings", type=int, default=1_000_000)
    asked = parser.parse_args()
    emit("machine", machine.describe())
    with tempfile.TemporaryDirectory(prefix="clewline-desk-bench-") as temporary:
        set_up(Path(temporary) / "desk")
        fill(asked.sightings)
        measure(asked.sightings)


def fill(sightings: int) -> None:
    """Insert a team and its records in bulk, past the services."""
    from django.db import connection

    from clewline.desk.accounts.models import Organisation, Team, User
    from clewline.desk.records.models import Address, Brand, PageState, PaymentOption, Sighting

    begin = time.perf_counter()
    organisation = Organisation.objects.create(name="Made up")
    team = Team.objects.create(organisation=organisation, name="a")
    user = User.objects.create_user(
        "analyst-a", organisation=organisation, roles=["analyst", "approver"], pseudonym="A-0001"
    )
    user.teams.add(team)
    pages = sightings // _REFRESHES
    brands, first = 1 + pages // 1000, datetime(YEAR, 1, 1, tzinfo=UTC)
    own: dict[str, Any] = {"team": team}

    def seen(i: int) -> datetime:
        return first + timedelta(seconds=i * _SECONDS // sightings)

    insert(
        Brand,
        own | {"created_by": user},
        ({"id": i, "ref": f"B-{i:010}", "codename": f"Brand {i}"} for i in range(1, brands + 1)),
    )
    insert(
        Sighting,
        own | {"recorder": user, "commercial": "direct", "payment_visibility": "shown"},
        (
            {
                "id": i + 1,
                "ref": f"S-{i:010}",
                "key_id": f"{i:032x}",
                "brand_id": 1 + i % pages % brands,
                "observed_at": seen(i),
                "recorded_at": seen(i),
                "rotation": uuid.UUID(int=1 + i % pages),
                "rotation_index": i // pages,
                "url_index": (i % pages).to_bytes(16, "big"),
                "host_index": (i % pages // _PAGES_A_SITE).to_bytes(16, "big"),
                "hosting_country": ("NL", "US", "FR", "")[i % pages % 4],
                "supersedes_id": i if i % 500 == 499 else None,
            }
            for i in range(sightings)
        ),
    )
    insert(
        Address,
        {"chain": "BTC", "network": "main"},
        ({"id": i + 1, "canonical": f"made-up-{i}"} for i in range(sightings)),
    )
    insert(
        PaymentOption,
        own,
        (
            {
                "id": 2 * i + part,
                "sighting_id": i + 1,
                "key_id": f"{i:032x}",
                "address_id": i + 1 if part else None,
                "rail": "crypto" if part else "voucher",
                "asset": "BTC" if part else "",
                "position": part,
            }
            for i in range(sightings)
            for part in (0, 1)
        ),
    )
    insert(
        PageState,
        own | {"by": user},
        (
            {
                "id": 2 * i + gone + 1,
                "sighting_id": 8 * i + 1,
                "rotation": uuid.UUID(int=1 + 8 * i),
                "state": "removed" if gone else "reported_host",
                "at": seen(8 * i) + timedelta(hours=2 + gone * (i % 300)),
            }
            for i in range(pages // 8)
            for gone in (0, 1)
        ),
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    note(f"filled in {time.perf_counter() - begin:.0f} s")


def measure(sightings: int) -> None:
    """Count the year measure by measure, then open its page."""
    from unittest import mock

    from django.db import connection
    from django.test import Client

    from clewline.desk.accounts.models import Team, User
    from clewline.desk.figures import counting, services

    about = {"database": connection.vendor, "sightings": sightings}

    def timed(name: str, work: Callable[[], object], **more: object) -> None:
        begin = time.perf_counter()
        work()
        emit(name, {**about, "seconds": round(time.perf_counter() - begin, 2)}, **more)  # type: ignore[arg-type]

    teams = tuple(Team.objects.values_list("pk", flat=True))
    first, last = datetime(YEAR, 1, 1, tzinfo=UTC), datetime(YEAR + 1, 1, 1, tzinfo=UTC)
    for name, count in counting.COUNTERS.items():
        timed(f"desk.figures.{name}", lambda count=count: count(counting.Scope(teams, first, last)))  # type: ignore[misc]
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(
        User.objects.get(), backend="allauth.account.auth_backends.AuthenticationBackend"
    )

    def serve() -> None:
        assert client.get(f"/figures/?year={YEAR}").status_code == 200

    with mock.patch("clewline.desk.accounts.middleware.is_mfa_enabled", return_value=True):
        timed("desk.figures.first_page", serve, goal=Goal("seconds", "<=", 2))
        timed("desk.figures.counted_by_itself", services.count_waiting)
        timed("desk.figures.page", serve, goal=Goal("seconds", "<=", 2))


if __name__ == "__main__":
    main()
