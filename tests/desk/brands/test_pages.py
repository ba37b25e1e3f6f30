"""The pages: who sees them, what stands on them, what never does."""

from __future__ import annotations

from typing import Any

import pytest
from tests.desk.brands.made_up import ANALYTICS, prices, site
from tests.desk.conftest import World, plain
from tests.desk.records.pages import ADDRESS, option

from clewline.desk.audit.models import Event
from clewline.desk.brands import services
from clewline.desk.names import services as names
from clewline.desk.records.models import Brand, Group, Judgement, Sighting
from clewline.desk.roles import ACTIONS, Role

NAME = "The Real Name (made up)"
WORDING = "Made-up wording that stays sealed."
PATHS = {
    "/brands/": "brand.list",
    "/brands/new/": "brand.create",
    "/brands/{brand}/": "brand.read",
    "/brands/{brand}/name/": "brand.reveal",
    "/brands/{brand}/group/": "brand.create",
    "/groups/{group}/": "brand.read",
    "/judge/": "brand.judge",
    "/judge/brand/{brand}/{other}/": "brand.judge",
    "/judge/group/{brand}/{other}/": "brand.judge",
    "/judge/brand/{brand}/{sighting}/": "brand.judge",
    "/sightings/{sighting}/brand/": "brand.judge",
}
OF_RECORDS = [path for path in PATHS if "{" in path]


@pytest.fixture
def refs(world: World) -> dict[str, str]:
    """Two brands that share much, a group, and a page without a brand."""
    analyst = world.person("analyst")
    brand = services.create_brand(analyst, world.team, "Grey Heron", NAME)
    for codename in ("Grey Heron", "Blue Quay", ""):
        last = site(
            analyst,
            codename,
            *prices(ADDRESS),
            indicators=(ANALYTICS,),
            wording=WORDING,
            url="http://made-up-site.example/pay",
        )
    other = Brand.objects.get(codename="Blue Quay")
    group = services.create_group(analyst, brand, "Tin Barn", "Made up.")
    return {"brand": brand.ref, "other": other.ref, "group": group.ref, "sighting": last.ref}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("path", PATHS)
def test_who_may_open_a_page(world: World, refs: dict[str, str], path: str, role: str) -> None:
    url, action = path.format(**refs), ACTIONS[PATHS[path]]
    answer = world.client(world.person(role)).get(url)
    assert answer.status_code == (200 if role in action.roles else 403)
    assert Event.objects.filter(action=action.name, actor=f"north-{role}").count() == 1
    for hidden in (NAME, WORDING, "made-up-site", "UA-10000001-1"):
        assert hidden not in answer.content.decode()
        assert hidden not in str(list(Event.objects.values_list()))


@pytest.mark.parametrize("path", OF_RECORDS)
def test_a_stranger_finds_what_does_not_exist(
    world: World, refs: dict[str, str], path: str
) -> None:
    client = world.client(world.person("analyst", stranger=True))
    nothing = {"brand": "B-00000-00000", "other": "B-00000-00001"}
    nothing |= {"group": "G-00000-00000", "sighting": "S-00000-00000"}
    there, missing = client.get(path.format(**refs)), client.get(path.format(**nothing))
    assert there.status_code == missing.status_code == 404
    assert plain(there) == plain(missing)
    own = world.client(world.person("analyst"))
    assert own.get(path.format(**nothing)).status_code == 404


@pytest.mark.parametrize("path", PATHS)
def test_nobody_is_led_to_the_sign_in(world: World, refs: dict[str, str], path: str) -> None:
    from django.test import Client

    assert Client().get(path.format(**refs)).status_code == 302
    assert world.client(world.person("analyst")).put(path.format(**refs)).status_code == 405


def test_another_teams_records_change_no_byte(world: World, refs: dict[str, str]) -> None:
    client = world.client(world.person("analyst"))
    urls = [
        path.format(**refs)
        for path in PATHS
        if path not in ("/brands/new/", "/brands/{brand}/group/")
    ]
    before = [plain(client.get(url)) for url in urls]
    stranger = world.person("analyst", stranger=True)
    for codename in ("Grey Heron", "Blue Quay", "Red Mill", ""):
        site(stranger, codename, *prices(ADDRESS), indicators=(ANALYTICS,))
    theirs = list(Brand.objects.filter(team=world.other_team).order_by("pk"))
    services.judge(stranger, "brand", theirs[0], theirs[1], "same")
    services.create_group(stranger, theirs[0], "Tin Barn")
    assert [plain(client.get(url)) for url in urls] == before


def test_a_pair_is_judged(world: World, refs: dict[str, str]) -> None:
    client = world.client(world.person("investigator"))
    url = f"/judge/brand/{refs['brand']}/{refs['other']}/"
    answer = client.post(url, {"verdict": "same", "note": "Made up.", "after": "1"})
    assert (answer.status_code, answer["Location"]) == (302, "/judge/")
    made = Judgement.objects.get(kind="brand")
    assert (made.verdict, made.note, made.by) == ("same", "Made up.", world.person("investigator"))
    assert {one["kind"] for one in made.reasons} == {"address", "prices_equal", "account"}
    assert len(made.looked_at) == 2
    event = Event.objects.get(action="brand.judge")
    assert event.object == f"{refs['brand']} {refs['other']}"
    assert event.details == '{"kind": "brand", "verdict": "same"}'
    shown = client.get(f"/brands/{refs['brand']}/").content.decode()
    assert "merged by judgements" in shown and "Blue Quay" in shown
    assert "Judged before" in client.get(url).content.decode()


@pytest.mark.parametrize(
    "fields", [{}, {"verdict": "perhaps"}, {"verdict": "same", "note": "x" * 401}]
)
def test_a_judgement_that_is_not_whole(
    world: World, refs: dict[str, str], fields: dict[str, str]
) -> None:
    client = world.client(world.person("analyst"))
    answer = client.post(f"/judge/brand/{refs['brand']}/{refs['other']}/", fields)
    assert answer.status_code == 400
    assert not Judgement.objects.filter(kind="brand").exists()


def test_pairs_that_are_none(world: World, refs: dict[str, str]) -> None:
    client = world.client(world.person("analyst"))
    brand, group = refs["brand"], refs["group"]
    assert client.get(f"/judge/brand/{brand}/{brand}/").status_code == 404
    assert client.get(f"/judge/family/{brand}/{refs['other']}/").status_code == 404
    assert client.get(f"/judge/group/{brand}/{group}/").status_code == 200
    assert client.post(f"/judge/brand/{brand}/{group}/", {"verdict": "same"}).status_code == 400


def test_the_queue_goes_on(world: World, refs: dict[str, str]) -> None:
    client = world.client(world.person("analyst"))
    seen, url = [], "/judge/"
    for _ in range(5):
        page = client.get(url)
        if page.context["section"] == "judge" and "pair" not in page.context:
            break
        pair = page.context["pair"]
        seen.append((pair.left.ref, pair.right.ref))
        url = f"/judge/?after={page.context['proposal'].key}"
    assert len(seen) == len(set(seen)) == 3
    assert "Nothing further" in client.get(url).content.decode()
    assert client.get("/judge/?after=x").status_code == 200


def test_a_brand_is_made_and_a_page_assigned(world: World, refs: dict[str, str]) -> None:
    client = world.client(world.person("analyst"))
    fields = {"codename": "Red Mill", "name": NAME, "team": world.team.name}
    answer = client.post("/brands/new/", {**fields, "sighting": refs["sighting"]})
    made = Brand.objects.get(codename="Red Mill")
    assert answer["Location"] == f"/brands/{made.ref}/"
    assert made.unseal("name") == NAME
    assert refs["sighting"] in client.get(f"/brands/{made.ref}/").content.decode()
    assert client.post("/brands/new/", fields).status_code == 400  # the codename is taken
    url = f"/sightings/{refs['sighting']}/brand/"
    assert client.post(url, {"codename": "No Such"}).status_code == 400
    assert client.post(url, {"codename": "grey heron"})["Location"] == f"/brands/{refs['brand']}/"
    assert (
        refs["sighting"]
        not in client.get(f"/brands/{made.ref}/").content.decode().split("judged what")[0]
    )
    assert Sighting.objects.get(ref=refs["sighting"]).brand is None
    group = client.post(f"/brands/{made.ref}/group/", {"codename": "Oak Gate"})
    assert group["Location"] == f"/groups/{Group.objects.get(codename='Oak Gate').ref}/"


def test_a_real_name_needs_a_release_and_a_reason(world: World, refs: dict[str, str]) -> None:
    client = world.client(world.person("analyst"))
    brand = Brand.objects.get(ref=refs["brand"])
    assert client.post(f"/brands/{brand.ref}/name/", {"reason": "case"}).status_code == 400
    names.release(world.person("approver"), brand, world.person("analyst"), "made up", 7)
    url = f"/brands/{refs['brand']}/name/"
    assert client.post(url, {"reason": ""}).status_code == 400
    assert NAME in client.post(url, {"reason": "case"}).content.decode()
    event = Event.objects.filter(action="brand.reveal").latest("seq")
    assert (event.object, event.details) == (refs["brand"], '{"reason": "case"}')
    assert NAME not in str(list(Event.objects.values_list()))


def test_pages_cost_few_queries(
    world: World, refs: dict[str, str], django_assert_max_num_queries: Any
) -> None:
    analyst = world.person("analyst")
    client = world.client(analyst)
    for number in range(12):
        made = site(analyst, f"Brand {number}", option(ADDRESS), days=number)
        services.judge(
            analyst, "brand", made.brand, Brand.objects.get(ref=refs["brand"]), "different"
        )
    costs = {
        "/brands/": 24,
        f"/brands/{refs['brand']}/": 40,
        "/judge/": 50,
        f"/sightings/{refs['sighting']}/brand/": 34,
        f"/groups/{refs['group']}/": 26,
    }
    for url, most in costs.items():
        with django_assert_max_num_queries(most):
            assert client.get(url).status_code == 200


def test_lists_go_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    analyst = world.person("analyst")
    monkeypatch.setattr("clewline.desk.brands.queries.PAGE", 2)
    made = [site(analyst, "Grey Heron", option(ADDRESS), days=day) for day in range(5)]
    for codename in ("Blue Quay", "Red Mill"):
        site(analyst, codename, option(ADDRESS))
    client, seen, url = world.client(analyst), [], f"/brands/{made[0].brand.ref}/"
    path = url
    while True:
        context = client.get(url).context
        seen += [one.ref for one in context["sightings"]]
        if not context["older"]:
            break
        url = f"{path}?before={context['older']}"
    assert seen == [one.ref for one in reversed(made)]
    first = client.get("/brands/").context
    rest = client.get(f"/brands/?after={first['more']}").context
    names = [row.brand.codename for row in (*first["rows"], *rest["rows"])]
    assert names == ["Blue Quay", "Grey Heron", "Red Mill"]
