"""A watched payment fires once, in the pass after its import, and goes with its block."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.urls import reverse
from tests.builders import COIN, Branch, p2pkh, spend, write_blocks
from tests.desk.conftest import World, plain

from clewline.codec.address import address_of
from clewline.codec.networks import network_by_name
from clewline.desk.addresses.services import address_row
from clewline.desk.audit.models import Event
from clewline.desk.cases import services as cases
from clewline.desk.ours import services as ours
from clewline.desk.records.models import Address
from clewline.desk.watch import queries, services
from clewline.desk.watch.models import Hit, SeenTip, Watch
from clewline.errors import UsageError
from clewline.workspace import Workspace, import_blocks

WATCHED = b"\x00\x14" + bytes(range(20))  # has an address of this network alone
ADDRESS = str(address_of(WATCHED, network_by_name("regtest")))
Chain = Callable[[Branch], Workspace]


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """Return what imports a branch into one store and opens its tip."""
    number = iter(range(100))

    def take(branch: Branch) -> Workspace:
        blocks = write_blocks(tmp_path / f"blocks{next(number)}", branch.raw)
        import_blocks(tmp_path / "store", blocks)
        return Workspace.open(tmp_path / "store")

    return take


def trunk() -> Branch:
    """A chain with coins to spend, and a payment to what is watched before it is."""
    branch = Branch()
    for number in range(4):
        branch.add(reward=[(50 * COIN, p2pkh(100 + number))])
    paid = spend((branch.blocks[1].transactions[0], 0), to=[(9 * COIN, WATCHED)])
    branch.add(paid, reward=[(50 * COIN, p2pkh(200))])
    return branch


def watched(world: World, **options: object) -> Watch:
    """Watch the address as the investigator."""
    user = world.person("investigator")
    address = address_row(("BTC", "regtest", ADDRESS))
    return services.watch(user, world.team, address, "made up", **options)  # type: ignore[arg-type]


def pay(branch: Branch, block: int, coins: int) -> Branch:
    """Add a block in which somebody pays what is watched."""
    source = branch.blocks[block].transactions[0]
    branch.add(spend((source, 0), to=[(coins * COIN, WATCHED)]))
    return branch


def test_a_new_payment_fires_once(world: World, chain: Chain) -> None:
    branch = trunk()
    services.look_at(chain(branch))
    watch = watched(world)
    assert services.look_at(chain(pay(branch, 2, 3))) == 1
    hit = watch.hits.get()
    assert (hit.direction, hit.value, hit.height) == ("in", 3 * COIN, len(branch.blocks) - 1)
    assert hit.outpoint == f"{hit.txid}:0"
    investigator = world.person("investigator")
    assert list(queries.fresh(investigator)) == [hit]
    assert services.look_at(chain(branch)) == 0, "the same tip holds no news"
    assert services.seen(investigator, watch) == 1
    assert queries.waiting_for(investigator) == []


def test_what_was_paid_before_is_no_news(world: World, chain: Chain) -> None:
    watch = watched(world)
    assert services.look_at(chain(trunk())) == 0
    assert not watch.hits.exists()
    assert SeenTip.objects.count() == 1


def test_spending_fires_too(world: World, chain: Chain) -> None:
    branch = trunk()
    services.look_at(chain(branch))
    watch = watched(world)
    received = branch.blocks[-1].transactions[1]
    branch.add(spend((received, 0), to=[(8 * COIN, p2pkh(300))]))
    assert services.look_at(chain(branch)) == 1
    hit = watch.hits.get()
    assert hit.direction == "out"
    assert hit.value == 9 * COIN
    assert not hit.outpoint.startswith(hit.txid)


def test_a_cluster_is_watched_whole(world: World, chain: Chain) -> None:
    branch = trunk()
    received = branch.blocks[-1].transactions[1]
    other = branch.blocks[3].transactions[0]
    branch.add(spend((received, 0), (other, 0), to=[(50 * COIN, p2pkh(300))]))
    services.look_at(chain(branch))
    alone, whole = watched(world), watched(world, whole_cluster=True)
    # A payment to the other address of the same cluster.
    branch.add(spend((branch.blocks[4].transactions[0], 0), to=[(COIN, p2pkh(102))]))
    assert services.look_at(chain(branch)) == 1
    assert not alone.hits.exists()
    assert whole.hits.get().value == COIN


def test_a_block_that_goes_takes_its_payment_along(world: World, chain: Chain) -> None:
    branch = trunk()
    services.look_at(chain(branch))
    watch = watched(world)
    base = len(branch.blocks)
    grown = pay(branch.fork(base - 1), 2, 3)
    assert services.look_at(chain(grown)) == 1
    # Another branch wins, without the payment.
    other = branch.fork(base - 1)
    other.add(tag=b"other")
    other.add(tag=b"other")
    assert services.look_at(chain(other)) == 0
    hit = watch.hits.get()
    assert hit.gone_at is not None
    assert queries.waiting_for(world.person("investigator")) == []
    # A later block of that branch holds it again: the same payment, not another.
    assert services.look_at(chain(pay(other, 2, 3))) == 0
    again = watch.hits.get()
    assert again.pk == hit.pk
    assert again.gone_at is None
    assert again.height == len(other.blocks) - 1


def test_a_pass_that_ends_in_between_leaves_nothing(
    world: World, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch = trunk()
    services.look_at(chain(branch))
    watch = watched(world)
    tip = chain(pay(branch, 2, 3))
    with monkeypatch.context() as broken, pytest.raises(RuntimeError):
        broken.setattr(SeenTip.objects, "create", _ends)
        services.look_at(tip)
    assert not watch.hits.exists()
    assert services.look_at(tip) == 1


def _ends(**_: object) -> None:
    raise RuntimeError("the process ended here")


def test_who_may_know_of_a_watch(world: World, chain: Chain) -> None:
    branch = trunk()
    services.look_at(chain(branch))
    investigator = world.person("investigator")
    case = cases.open_case(investigator, world.team, "Made Up", "x", "x")
    mine, open_one = watched(world, case=case), watched(world)
    services.look_at(chain(pay(branch, 2, 3)))
    analyst, stranger = world.person("analyst"), world.person("investigator", stranger=True)
    assert {item.key for item in queries.waiting_for(investigator)} == {mine.ref, open_one.ref}
    assert {item.key for item in queries.waiting_for(analyst)} == {open_one.ref}
    assert queries.waiting_for(stranger) == []
    assert queries.waiting_for(world.person("liaison")) == []
    for user in (analyst, stranger):
        page = world.client(user).get(reverse("watch", args=[mine.ref]))
        assert page.status_code == 404
        missing = world.client(user).get(reverse("watch", args=["V-00000-00000"]))
        assert plain(page) == plain(missing)


def test_a_teams_own_payment_is_no_hit(world: World, chain: Chain) -> None:
    branch = trunk()
    services.look_at(chain(branch))
    watch = watched(world)
    services.look_at(chain(pay(branch, 2, 3)))
    investigator = world.person("investigator")
    ours.mark(investigator, world.team, watch.hits.get().outpoint, "x", "x")
    assert queries.waiting_for(investigator) == []
    assert [one.found for one in queries.watches(investigator)] == [0]
    assert not queries.hits(investigator, watch)


def test_pages(world: World, chain: Chain) -> None:
    branch = trunk()
    services.look_at(chain(branch))
    client = world.client(world.person("investigator"))
    form = {"address": ADDRESS, "team": world.team.name, "why": "made up"}
    made = client.post(reverse("new-watch"), form)
    assert made.status_code == 302
    watch = Watch.objects.get()
    services.look_at(chain(pay(branch, 2, 3)))
    home = client.get(reverse("home")).content.decode()
    assert "3.00000000" in home, home
    assert "3.00000000" in client.get(reverse("watch", args=[watch.ref])).content.decode()
    assert client.post(reverse("seen-watch", args=[watch.ref])).status_code == 302
    assert "3.00000000" not in client.get(reverse("home")).content.decode()
    assert client.post(reverse("stop-watch", args=[watch.ref])).status_code == 302
    services.look_at(chain(pay(branch, 3, 4)))
    assert Hit.objects.count() == 1, "an ended watch finds nothing"
    last = Event.objects.order_by("-seq").first()
    assert last is not None and last.action == "watch.make"


@pytest.mark.parametrize("form", [{"address": "made up"}, {"why": ""}, {"team": "0"}])
def test_what_cannot_be_watched(world: World, form: dict[str, str]) -> None:
    client = world.client(world.person("investigator"))
    good = {"address": ADDRESS, "team": world.team.name, "why": "made up"}
    assert client.post(reverse("new-watch"), {**good, **form}).status_code == 400
    assert not Watch.objects.exists()


def test_another_teams_name_is_refused(world: World) -> None:
    address = Address.objects.create(chain="BTC", network="regtest", canonical=ADDRESS)
    with pytest.raises(UsageError, match="not a team of yours"):
        services.watch(world.person("investigator"), world.other_team, address, "made up")
    with pytest.raises(UsageError, match="say why"):
        services.watch(world.person("investigator"), world.team, address, " ")
