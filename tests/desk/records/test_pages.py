from tests.desk.conftest import World


def test_it(world: World) -> None:
    c = world.client(world.person("analyst"))
    r = c.get("/sightings/record/")
    assert r.status_code == 200, r.content[:500]
    r = c.get("/sightings/")
    assert r.status_code == 200
