"""A year's page against a count by hand of the lists from which the made-up desk is filled.

Nothing here asks the desk's queries or its database: the pages follow from `truth.json` and the
rules that the made-up desk states (which pages are corrected, withdrawn, reported).
"""

from __future__ import annotations

import json
import statistics
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.desk.conftest import World

from clewline.desk.accounts.models import User
from clewline.desk.figures import services
from clewline.desk.play import fill

SITES = ["Amber Lantern", "Amber Harbour", "Grey Meadow"]


def by_hand(case: Path) -> list[dict[str, Any]]:
    """Return the made-up sightings as a list, one after the other."""
    paid = json.loads((case / "truth.json").read_text())["purchases"]
    paid.sort(key=lambda one: (one["time"], one["txid"]))
    found = []
    for number in range(1, 49):
        for refresh in range(3):
            if number == 9 and refresh == 0:
                continue  # withdrawn
            one = paid[(number - 1) * 3 + refresh]
            seen = datetime.fromtimestamp(one["time"], UTC) - timedelta(minutes=20 + number % 40)
            found.append(
                {
                    "page": number,
                    "night": number % 7 == 0,
                    "site": number % 3,
                    "brand": None if number % 11 == 0 else SITES[number % 3],
                    "seen": seen,
                    "address": one["address"],
                }
            )
    return found


@pytest.mark.django_db
def test_a_year_is_what_a_count_by_hand_says(play_case: Path, world: World) -> None:
    fill(play_case)
    rows = by_hand(play_case)
    lead = User.objects.get(username="made-up-approver")
    found = services.counted(lead.teams.all(), 2021)
    told = {one["id"]: one["values"] for one in found.figures}

    def both(rows: list[dict[str, Any]]) -> dict[str, Any]:
        pages = Counter(row["page"] for row in rows)
        return {
            "sightings": len(rows),
            "pages": len(pages),
            "sites": len({row["site"] for row in rows}),
            "options_by_rail": 2 * len(pages),  # bitcoin and voucher on each
            "options_by_asset": len(pages),
            "hosting": len({row["site"] for row in rows}),
            "commercial": len(pages),
            "refreshes": len(pages),
        }

    periods = {"2021": rows}
    for month in range(1, 13):
        periods[f"2021-{month:02}"] = [row for row in rows if row["seen"].month == month]
    for period, some in periods.items():
        for name, count in both(some).items():
            assert told[name][period][""] == count, f"{name} {period}"
    assert told["sightings"]["2021"]["with an address"] == 143
    assert told["sites"]["2021"]["with payment options"] == 3
    assert told["options_by_rail"]["2021"]["Voucher"] == 48
    assert told["options_by_asset"]["2021"]["BTC"] == 48

    # First times: brands are a team's, addresses are not.
    first: dict[Any, datetime] = {}
    for row in rows:
        for key in ((row["brand"], row["night"]) if row["brand"] else None, row["address"]):
            if key is not None:
                first[key] = min(first.get(key, row["seen"]), row["seen"])
    for month in range(1, 13):
        new = [key for key, at in first.items() if at.month == month]
        period = f"2021-{month:02}"
        assert told["new_brands"][period][""] == sum(isinstance(key, tuple) for key in new)
        assert told["new_addresses"][period][""] == sum(isinstance(key, str) for key in new)

    # Every fourth page was reported, every eighth went n hours later, every sixteenth came back.
    hours = [float(number) for number in range(8, 49, 8)]
    removal = told["removal"]["2021"]
    assert removal[""] == 12
    assert removal["removed"] == len(hours) == 6
    assert removal["back again"] == 3
    assert removal["still up"] == 12 - 6 + 3
    assert removal["median (hours)"] == statistics.median(hours) == 28.0
    assert removal["lower quartile (hours)"] == 18.0
    assert removal["upper quartile (hours)"] == 38.0

    # The page that people read says the same; another organisation's page says nothing of it.
    page = world.client(lead).get("/figures/?year=2021").content.decode()
    assert 'id="m-sightings"' in page
    assert '<td class="number">143</td>' in page
    police = User.objects.get(username="made-up-police-approver")
    assert services.counted(police.teams.all(), 2021).figures[0]["values"]["2021"][""] == 0
