"""What no text of ours can hold is refused before anything is asked of the database."""

from __future__ import annotations

import pytest
from tests.desk.conftest import World


@pytest.mark.parametrize(
    ("page", "status"),
    [
        ("/sightings/S-%00/", 404),
        ("/sightings/?brand=a%00b", 400),
        ("/sightings/?before=%00", 400),
        ("/search/?q=%00", 400),
        ("/addresses/btc/main/%00/", 404),
    ],
)
def test_a_nul_in_an_address(world: World, page: str, status: int) -> None:
    client = world.client(world.person("analyst"))
    assert client.get(page).status_code == status
