"""What is proposed when pages are recorded: by what they share, within a team, of what stands."""

from __future__ import annotations

from typing import Any

import pytest
from tests.desk.brands.made_up import ANALYTICS, WORDS, prices, site
from tests.desk.conftest import World
from tests.desk.records.pages import ADDRESS, OTHER_ADDRESS, option

from clewline.desk.brands import queries
from clewline.desk.brands.services import judge
from clewline.desk.records.models import Attribution, Brand, Proposal, TraitKey
from clewline.desk.records.services import refresh, withdraw


def brand(codename: str) -> Brand:
    found: Brand = Brand.objects.get(codename=codename)
    return found


def asked(world: World) -> tuple[str, str, str] | None:
    found = queries.next_proposal(world.person("analyst"))
    return (found.kind, found.left, found.right) if found else None


def test_the_same_address_and_prices_propose_one_brand(world: World) -> None:
    analyst = world.person("analyst")
    site(analyst, "Grey Heron", *prices(ADDRESS))
    site(analyst, "Blue Quay", *prices(ADDRESS))
    left, right = sorted((brand("Grey Heron").ref, brand("Blue Quay").ref))
    assert asked(world) == ("brand", left, right)
    common = queries.pair(world.team.pk, "brand", left, right).common
    assert common is not None
    assert [one.kind for one in common.reasons] == ["address", "prices_equal"]
    assert common.verdict.proposal == "same brand"


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"read_text": WORDS}, "wording_equal"),
        ({"indicators": (ANALYTICS,)}, "account"),
    ],
)
def test_wording_and_indicators_propose(world: World, fields: dict[str, Any], kind: str) -> None:
    analyst = world.person("analyst")
    site(analyst, "", option("", amount_min="", asset="", chain=""), **fields)
    site(analyst, "", option("", amount_min="", asset="", chain=""), **fields)
    (proposal,) = Proposal.objects.all()
    common = queries.pair(world.team.pk, "brand", proposal.left, proposal.right).common
    assert common is not None
    assert [one.kind for one in common.reasons] == [kind]


def test_the_same_contact_proposes(world: World) -> None:
    analyst = world.person("analyst")
    for codename in ("Grey Heron", "Blue Quay"):
        site(analyst, codename, option("", contact="@made_up", contact_kind="messenger"))
    assert Proposal.objects.get().kind == "group"


def test_brands_that_share_nothing_are_not_proposed(world: World) -> None:
    analyst = world.person("analyst")
    site(analyst, "Grey Heron", option(ADDRESS))
    site(analyst, "Blue Quay", option(OTHER_ADDRESS))
    assert not Proposal.objects.exists()


def test_another_teams_pages_propose_nothing(world: World) -> None:
    site(world.person("analyst", stranger=True), "Blue Quay", *prices(ADDRESS))
    site(world.person("analyst"), "Grey Heron", *prices(ADDRESS))
    assert not Proposal.objects.exists()


def test_a_withdrawn_sighting_proposes_nothing(world: World) -> None:
    analyst = world.person("analyst")
    first = site(analyst, "Grey Heron", *prices(ADDRESS))
    site(analyst, "Blue Quay", *prices(ADDRESS))
    assert asked(world) is not None
    withdraw(analyst, first, "Made up.")
    assert asked(world) is None
    third = site(analyst, "Red Mill", option("", contact="@made_up", contact_kind="messenger"))
    withdraw(analyst, third, "Made up.")
    site(analyst, "Tin Barn", option("", contact="@made_up", contact_kind="messenger"))
    assert asked(world) is None


def test_a_services_address_says_little(world: World) -> None:
    analyst = world.person("analyst")
    first = site(analyst, "Grey Heron", option(ADDRESS))
    Attribution.objects.create(
        team=world.team,
        address=first.options.get().address,
        label="An exchange (made up)",
        source="made up",
        confidence="forensic",
        custody="deposit",
        by=analyst,
    )
    site(analyst, "Blue Quay", option(ADDRESS))
    assert not Proposal.objects.exists()


def test_what_many_brands_have_says_little(world: World) -> None:
    analyst = world.person("analyst")
    nothing = option("", amount_min="", asset="", chain="")
    for number in range(6):
        site(analyst, f"Brand {number}", nothing, indicators=(ANALYTICS,))
    left, right = sorted(brand(f"Brand {number}").ref for number in (0, 5))
    common = queries.pair(world.team.pk, "group", left, right).common
    assert common is not None
    assert common.reasons[0].detail.endswith("6 brands have it")
    assert common.verdict.proposal == "nothing"


def test_what_is_judged_is_not_proposed_again(world: World) -> None:
    analyst = world.person("analyst")
    for codename in ("Grey Heron", "Blue Quay", "Red Mill"):
        site(analyst, codename, *prices(ADDRESS))
    heron, quay, mill = map(brand, ("Grey Heron", "Blue Quay", "Red Mill"))
    judge(analyst, "brand", heron, quay, "same")
    judge(analyst, "brand", quay, mill, "unsure")
    assert asked(world) is None  # heron is quay, and of quay and mill nobody can tell
    judge(analyst, "brand", heron, quay, "different")
    assert asked(world) == ("brand", *sorted((heron.ref, mill.ref)))


def test_a_brand_has_one_row_a_trait_however_often_it_is_seen(world: World) -> None:
    analyst = world.person("analyst")
    first = site(analyst, "Grey Heron", *prices(ADDRESS), indicators=(ANALYTICS,))
    before = TraitKey.objects.count()
    last = refresh(analyst, first, prices(ADDRESS))
    assert TraitKey.objects.count() == before
    assert last.pk in TraitKey.objects.values_list("sighting", flat=True)
