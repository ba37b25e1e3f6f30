"""Judgements are a ledger; what is merged follows from it."""

from __future__ import annotations

import pytest
from tests.desk.brands.made_up import site
from tests.desk.conftest import World
from tests.desk.records.pages import ADDRESS, OTHER_ADDRESS, option

from clewline.desk.brands import queries, services
from clewline.desk.records.models import Brand, Judgement, Sighting
from clewline.desk.records.services import refresh, supersede
from clewline.errors import DataError, UsageError


@pytest.fixture
def brands(world: World) -> list[Brand]:
    """Three brands, each with a sighting."""
    analyst = world.person("analyst")
    for day, codename in enumerate(("Grey Heron", "Blue Quay", "Red Mill")):
        site(analyst, codename, option(ADDRESS), days=day)
    return list(Brand.objects.order_by("pk"))


def refs(found: list[Sighting]) -> set[str]:
    return {one.ref for one in found}


def test_same_brands_are_shown_as_one(world: World, brands: list[Brand]) -> None:
    heron, quay, mill = brands
    judgement = services.judge(
        world.person("analyst"), "brand", quay, heron, "same", note="Made up."
    )
    assert (judgement.left, judgement.right) == tuple(sorted((heron.ref, quay.ref)))
    view = queries.merged(heron)
    assert {one.pk for one in view.brands} == {heron.pk, quay.pk}
    assert refs(view.newest(10)) == refs([*heron.sightings.all(), *quay.sightings.all()])
    assert view.count() == 2
    assert not queries.merged(mill).others
    services.judge(world.person("investigator"), "brand", heron, quay, "different")
    assert not queries.merged(heron).others
    assert Judgement.objects.count() == 2  # nothing is overwritten


def test_a_contradiction_is_shown_and_merges_nothing(world: World, brands: list[Brand]) -> None:
    analyst = world.person("analyst")
    heron, quay, mill = brands
    services.judge(analyst, "brand", heron, quay, "same")
    services.judge(analyst, "brand", quay, mill, "same")
    services.judge(analyst, "brand", heron, mill, "different")
    for one in brands:
        view = queries.merged(one)
        assert len(view.conflicts) == 1
        assert not view.others
    page = world.client(analyst).get(f"/brands/{quay.ref}/").content.decode()
    assert "contradict" in page
    listed = world.client(analyst).get("/brands/").content.decode()
    assert listed.count("contradiction") == 3


def test_a_page_is_assigned_with_all_its_refreshes(world: World, brands: list[Brand]) -> None:
    analyst = world.person("analyst")
    heron, quay, _ = brands
    sighting = heron.sightings.get()
    again = refresh(analyst, sighting, [option(OTHER_ADDRESS)])
    services.assign(analyst, again, quay, "Made up.")
    assert [(one.verdict, one.by) for one in Judgement.objects.order_by("pk")] == [
        ("different", analyst),
        ("same", analyst),
    ]
    assert queries.merged(heron).newest(10) == []
    view = queries.merged(quay)
    assert refs(view.newest(10)) == refs([sighting, again, *quay.sightings.all()])
    assert not view.others
    assert Sighting.objects.get(pk=again.pk).brand == heron  # what the recorder said stays
    services.assign(analyst, sighting, heron)
    assert refs(queries.merged(heron).newest(10)) == {sighting.ref, again.ref}
    assert again.ref not in refs(queries.merged(quay).newest(10))


def test_a_correction_is_the_same_page(world: World, brands: list[Brand]) -> None:
    analyst = world.person("analyst")
    page = site(analyst, "", option(OTHER_ADDRESS))
    services.assign(analyst, page, brands[0])
    made = supersede(analyst, page, site_draft(page), "Made up.")
    assert made.ref in refs(queries.merged(brands[0]).newest(10))
    assert page.ref not in refs(queries.merged(brands[0]).newest(10))


def site_draft(sighting: Sighting):  # type: ignore[no-untyped-def]
    from clewline.desk.records.services import draft_of

    return draft_of(sighting)


def test_groups_hold_brands_and_what_is_one_with_them(world: World, brands: list[Brand]) -> None:
    analyst = world.person("analyst")
    heron, quay, mill = brands
    group = services.create_group(analyst, heron, "Tin Barn", "Made up.")
    services.judge(analyst, "brand", heron, quay, "same")
    services.judge(analyst, "group", mill, quay, "same")
    assert {one.pk for one in queries.group(group).brands} == {one.pk for one in brands}
    assert queries.merged(mill).groups == (group,)
    services.judge(analyst, "group", heron, mill, "different")
    shown = queries.group(group)
    assert shown.conflicts
    assert mill not in shown.brands
    assert queries.merged(heron).groups == (group,)


def test_what_cannot_be_judged(world: World, brands: list[Brand]) -> None:
    analyst, stranger = world.person("analyst"), world.person("analyst", stranger=True)
    heron, quay, _ = brands
    site(stranger, "Grey Heron", option(ADDRESS))
    theirs = Brand.objects.get(team=world.other_team)
    sighting = heron.sightings.get()
    for who, kind, left, right, verdict in (
        (stranger, "brand", heron, quay, "same"),
        (analyst, "brand", heron, theirs, "same"),
        (analyst, "brand", heron, heron, "same"),
        (analyst, "brand", heron, quay, "perhaps"),
        (analyst, "group", heron, sighting, "same"),
        (analyst, "family", heron, quay, "same"),
    ):
        with pytest.raises(UsageError):
            services.judge(who, kind, left, right, verdict)
    with pytest.raises(UsageError, match="note"):
        services.judge(analyst, "brand", heron, quay, "same", note="x" * 401)
    with pytest.raises(DataError, match="note"):
        services.judge(
            analyst, "brand", heron, quay, "same", note="data:image/png;base64,iVBORw0KGgo="
        )
    with pytest.raises(UsageError, match="codename"):
        services.create_brand(analyst, world.team, "grey  heron")
    with pytest.raises(UsageError, match="team"):
        services.create_brand(analyst, world.other_team, "Tin Barn")
    assert not Judgement.objects.exists()


def test_judgements_are_written_once(world: World, brands: list[Brand]) -> None:
    made = services.judge(world.person("analyst"), "brand", *brands[:2], "same")
    with pytest.raises(TypeError):
        made.save()
    with pytest.raises(TypeError):
        made.delete()
