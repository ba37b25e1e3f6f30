"""A team's own payments: its own alone, and asked about before a package leaves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from tests.desk.conftest import World, packages_go, plain
from tests.desk.records.pages import ADDRESS, OTHER_ADDRESS, option, page

from clewline.desk.accounts.models import User
from clewline.desk.audit.models import Event
from clewline.desk.exports import services as exports
from clewline.desk.exports.models import BulkExport
from clewline.desk.ours import checks, queries, services
from clewline.desk.ours.models import Mark, ReleaseCheck, ReleaseWarning
from clewline.desk.records.services import record
from clewline.desk.roles import Role
from clewline.errors import UsageError

TXID = "5e" * 32
PAYMENT = f"{TXID}:1"


@pytest.fixture(autouse=True)
def no_lot(monkeypatch: pytest.MonkeyPatch) -> None:
    """No package is held by lot, unless a test asks for it."""
    monkeypatch.setattr(checks, "_BY_LOT", 0)


@pytest.fixture
def owner(world: World) -> User:
    return world.person("investigator")


def marked(user: User, what: str = PAYMENT) -> Mark:
    return services.mark(user, user.teams.get(), what, "made-up purchase", "AUTH-1")


def package(world: World, *contents: str, ref: str = "X-MADE0-UPREF") -> ReleaseCheck:
    """Release a package of the other team."""
    return checks.check_release(ref, world.other_team, contents)


def after(**time: float) -> Any:
    return timezone.now() + timedelta(**time)


def test_what_may_be_marked(owner: User) -> None:
    assert marked(owner, f" {TXID.upper()}:01 ").thing == PAYMENT
    assert marked(owner, ADDRESS).kind == "address"
    for wrong in ("", "made up", TXID, f"{TXID}:", f"{TXID}:-1", ADDRESS[:-1]):
        with pytest.raises(UsageError, match="neither"):
            marked(owner, wrong)
    with pytest.raises(UsageError, match="already"):
        marked(owner)


def test_of_another_team_nothing_is_marked(world: World, owner: User) -> None:
    with pytest.raises(UsageError, match="not a team"):
        services.mark(owner, world.other_team, PAYMENT, "x", "x")


def test_a_mark_is_hidden_from_its_team_and_unknown_to_others(world: World, owner: User) -> None:
    mark = marked(owner)
    rows = [{"payment": PAYMENT}, {"payout": f"{TXID}:0"}, {"address": ADDRESS}]
    colleague, stranger = world.person("analyst"), world.person("analyst", stranger=True)
    assert queries.without_ours(rows, queries.hidden_outpoints(colleague)) == rows[1:]
    assert queries.hidden_of_team(world.team.pk) == {PAYMENT}
    assert (
        queries.hidden_outpoints(stranger) == queries.hidden_of_team(world.other_team.pk) == set()
    )
    services.take_back(owner, mark, "a slip")
    assert queries.hidden_outpoints(colleague) == set()
    with pytest.raises(UsageError, match="already"):
        services.take_back(owner, mark, "again")
    assert marked(owner).ref != mark.ref  # and may be marked again


@pytest.mark.parametrize("names", [[PAYMENT], [TXID], [ADDRESS, "other"]])
def test_an_owner_is_warned_and_a_package_held(world: World, owner: User, names: list[str]) -> None:
    marked(owner), marked(owner, ADDRESS)
    made = package(world, *names)
    assert checks.tick() == 0
    (warning,) = queries.warnings_for(owner)
    assert queries.warnings_for(world.person("analyst", stranger=True)) == []
    checks.tick(after(minutes=31))
    assert checks.release_of(made.ref).state == "held"
    services.answer(owner, ReleaseWarning.objects.get(pk=warning.pk), allows=False, reason="no")
    checks.tick(after(hours=23))
    assert checks.release_of(made.ref).state == "held"  # looks like any other that is held
    checks.tick(after(hours=24))
    assert checks.release_of(made.ref).state == "refused"
    with pytest.raises(UsageError, match="refused"):
        checks.require_open(made.ref, names)
    late = ReleaseWarning.objects.get(pk=warning.pk)
    with pytest.raises(UsageError, match="too late"):
        services.answer(owner, late, allows=True)


def test_another_output_of_the_transaction_is_not_ours(world: World, owner: User) -> None:
    marked(owner)
    package(world, f"{TXID}:0", OTHER_ADDRESS)
    checks.tick(after(minutes=31))
    assert not ReleaseWarning.objects.exists()
    assert ReleaseCheck.objects.get().state == "open"


def test_let_go_in_time_it_is_never_held(world: World, owner: User) -> None:
    marked(owner)
    made = package(world, PAYMENT)
    checks.tick()
    warning = ReleaseWarning.objects.get()
    services.answer(owner, warning, allows=False)
    services.answer(owner, warning, allows=True)  # the last answer counts
    checks.tick(after(minutes=29))
    assert checks.release_of(made.ref).state == "waiting"
    checks.tick(after(minutes=31))
    assert checks.release_of(made.ref).state == "open"
    checks.require_open(made.ref, [PAYMENT])
    with pytest.raises(UsageError, match="changed"):
        checks.require_open(made.ref, [PAYMENT, ADDRESS])


def test_without_an_answer_it_goes_when_the_review_ends(world: World, owner: User) -> None:
    marked(owner)
    made = package(world, PAYMENT)
    packages_go()
    assert checks.release_of(made.ref).state == "open"


def test_packages_are_held_by_lot_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_BY_LOT", 32)
    for number in range(400):
        package(world, ref=f"X-{number}")
    checks.tick(after(minutes=31))
    held = ReleaseCheck.objects.filter(state="held").count()
    assert 20 < held < 90  # one in eight
    checks.tick(after(hours=24))
    assert not ReleaseCheck.objects.exclude(state="open").exists()


def test_without_a_tick_nothing_goes(world: World) -> None:
    made = package(world)
    ReleaseCheck.objects.update(opens_at=after(hours=-1))
    assert checks.release_of(made.ref).state == "waiting"
    assert checks.release_of("X-NEVER-ASKED").state == "none"


def test_a_tick_is_in_the_audit_log_without_a_mark(world: World, owner: User) -> None:
    mark = marked(owner)
    package(world, PAYMENT)
    checks.tick(after(minutes=31))
    rows = Event.objects.filter(actor="desk").order_by("seq")
    assert [row.action for row in rows] == ["ours.warn", "release.held"]
    assert not any(mark.ref in f"{row.object}{row.details}" for row in rows)
    assert rows[0].object == ReleaseWarning.objects.get().ref


# The others: byte for byte as without the mark.


def everything(client: Client, export: BulkExport) -> bytes:
    """Return every page that the other team opens on the way of an export, joined."""
    paths = ["/", "/sightings/", "/brands/", "/exports/", f"/exports/{export.ref}/", "/cases/"]
    paths += ["/search/", f"/addresses/BTC/main/{ADDRESS}/", "/welfare/", "/ours/", "/judge/"]
    return b"".join(plain(client.get(path)) for path in paths)


def test_a_mark_changes_no_byte_of_others(
    world: World, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking, releasing, waiting: the same pages and the same statements, marked or not."""
    south = world.person("analyst", stranger=True)
    record(south, page(option(ADDRESS)))
    client = world.client(south)
    asked = exports.ask(
        south, team=world.other_team, what="options", recipient="Example", purpose="why"
    )
    client.get("/")
    before = everything(client, asked)
    mark = marked(owner, ADDRESS)
    assert everything(client, asked) == before
    exports.decide(world.person("approver", stranger=True), asked, released=True)
    released = everything(client, asked)
    checks.tick()
    assert ReleaseWarning.objects.filter(mark=mark).exists()
    assert everything(client, asked) == released
    services.answer(owner, ReleaseWarning.objects.get(), allows=False)
    assert everything(client, asked) == released
    # Held because of a mark looks as held by lot does.
    checks.tick(after(minutes=31))
    held = everything(client, asked)
    assert b"held for review" in held
    services.take_back(owner, mark, "made up")
    assert everything(client, asked) == held


def test_whoever_releases_asks_for_no_mark(
    world: World, owner: User, django_assert_num_queries: Any
) -> None:
    """The statements of a release are the same whether a mark matches or not: so is its time."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    marked(owner, ADDRESS)
    seen = []
    for ref, name in (("X-1", ADDRESS), ("X-2", OTHER_ADDRESS)):
        with CaptureQueriesContext(connection) as caught:
            package(world, name, ref=ref)
            checks.release_of(ref)
        statements = [one["sql"] for one in caught.captured_queries]
        assert not any("ours_mark" in one or "ours_releasewarning" in one for one in statements)
        seen.append(len(statements))
    assert seen[0] == seen[1]


# Pages.


def test_the_page_from_mark_to_answer(world: World, owner: User) -> None:
    client = world.client(owner)
    form = {"what": PAYMENT, "purpose": "a test", "authority": "AUTH-1", "team": world.team.name}
    assert client.post("/ours/mark/", form).status_code == 302
    assert client.post("/ours/mark/", form).status_code == 400
    mark = Mark.objects.get()
    assert Event.objects.filter(action="ours.mark", object=mark.ref).exists()
    assert not Event.objects.filter(details__contains=TXID).exists()
    made = package(world, PAYMENT)
    checks.tick()
    warning = ReleaseWarning.objects.get()
    shown = client.get("/ours/").content.decode()
    assert warning.ref in shown and TXID[:10] in shown
    assert made.ref not in shown and "south" not in shown
    place = f"/ours/warnings/{warning.ref}/"
    assert client.post(place, {"allows": "maybe"}).status_code == 400
    assert client.post(place, {"allows": "no", "reason": "it is out there"}).status_code == 302
    assert "Objected" in client.get("/ours/").content.decode()
    place = f"/ours/{mark.ref}/take-back/"
    assert client.post(place, {"reason": ""}).status_code == 400
    assert client.post(place, {"reason": "over"}).status_code == 302
    assert "taken back" in client.get("/ours/").content.decode()


@pytest.mark.parametrize("role", [Role.LIAISON, Role.AUDITOR, Role.ADMINISTRATOR])
def test_not_for_every_role(world: World, role: str) -> None:
    assert world.client(world.person(role)).get("/ours/").status_code == 403
