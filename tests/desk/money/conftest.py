"""A case that may ask the chain store."""

from __future__ import annotations

import pytest
from tests.desk.conftest import World, show_page

from clewline.desk.cases import services as cases
from clewline.desk.cases.models import Case


@pytest.fixture
def case(world: World, site: list[str]) -> Case:
    """A case of the investigator with the site's addresses, which a page showed."""
    owner = world.person("investigator")
    show_page(world, site[:50])
    made = cases.open_case(owner, world.team, "Amber Kettle", "", "made-up basis")
    for address in site[:50]:
        cases.link(owner, made, address, "made up")
    return made
