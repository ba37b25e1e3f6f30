"""A chain store of a made-up case, attached to the desk, and a case that may ask it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.desk.conftest import World

from clewline.desk.cases import services as cases
from clewline.desk.cases.models import Case
from clewline.desk.records import services as records
from clewline.desk.records.drafts import OptionDraft, SightingDraft
from clewline.play import make_play
from clewline.workspace import import_blocks, import_labels


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A store of a made-up chain with labels, and addresses of its site that were paid."""
    made = make_play(tmp_path_factory.mktemp("money") / "case", 300, seed=2)
    store = tmp_path_factory.mktemp("money") / "store"
    import_blocks(store, made.blocks)
    import_labels(store, [made.labels], "made-up")
    truth = json.loads(made.truth.read_text("utf-8"))
    return store, sorted({one["address"] for one in truth["purchases"]})


@pytest.fixture
def store(chain: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The store, attached to the desk."""
    monkeypatch.setenv("CLEWLINE_STORE", str(chain[0]))
    return chain[0]


@pytest.fixture
def site(chain: tuple[Path, list[str]]) -> list[str]:
    """Addresses of the site."""
    return chain[1]


def show_page(world: World, addresses: list[str]) -> None:
    """Record a page that shows some addresses."""
    options = [OptionDraft(asset="BTC", chain="BTC", address=one) for one in addresses]
    draft = SightingDraft(observed_at=datetime(2026, 1, 2, tzinfo=UTC), options=tuple(options))
    records.record(world.person("analyst"), draft)


@pytest.fixture
def case(world: World, site: list[str]) -> Case:
    """A case of the investigator with the site's addresses, which a page showed."""
    owner = world.person("investigator")
    show_page(world, site[:50])
    made = cases.open_case(owner, world.team, "Amber Kettle", "", "made-up basis")
    for address in site[:50]:
        cases.link(owner, made, address, "made up")
    return made
