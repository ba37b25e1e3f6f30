"""A policy is proposed by one, replayed over the past, adopted by another; then it decides."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.urls import reverse
from tests.desk import planted
from tests.desk.conftest import World
from typer.testing import CliRunner

from clewline.cli import app
from clewline.desk.accounts.models import User
from clewline.desk.addresses.services import address_row
from clewline.desk.alerts import services as alerts
from clewline.desk.audit.models import Event
from clewline.desk.lookups import services as lookups
from clewline.desk.partners import policies
from clewline.desk.partners.models import PolicyVersion
from clewline.desk.partners.replaying import replay
from clewline.desk.queue.sources import SOURCES
from clewline.errors import PolicyFileError, UsageError
from clewline.policy import default

CLOSED = """\
policy: North (made up)
version: 1
rules:
- id: nothing
  release: []
"""
FIRST = """\
policy: North (made up)
version: {version}
rules:
- id: only-addresses
  release: [address, chain{more}]
  because: made up
"""


def text(version: int = 1, more: str = "") -> str:
    """Return a policy that releases addresses to everybody, and more fields."""
    return FIRST.format(version=version, more=more)


def told(world: World) -> set[str]:
    """Return what a look-up of the team's partner would be told now."""
    look_up = planted.look_up_of(User.objects.get(pk=world.person("partner").pk))
    lookups.log_call(world.person("liaison"), look_up, "made up", confirmed=True)
    return set(lookups.items_of(look_up, lookups.weigh(look_up))[0]["fields"])


def test_two_people_adopt_and_then_it_decides(world: World) -> None:
    planted.sighting_of(world.person("analyst"))
    liaison, approver = world.person("liaison"), world.person("approver")
    assert "first_seen" in told(world)
    made = policies.propose(liaison, text(), "made up")
    # Until somebody else agrees everything is as before.
    assert policies.policy_of(world.team.organisation_id) is default()
    assert "first_seen" in told(world)
    with pytest.raises(UsageError, match="not yours"):
        policies.decide(liaison, made, adopted=True)
    stranger = world.person("approver", stranger=True)
    with pytest.raises(UsageError, match="not yours"):
        policies.decide(stranger, made, adopted=True)
    policies.decide(approver, made, adopted=True)
    assert told(world) == {"address", "chain"}
    assert policies.policy_of(world.other_team.organisation_id) is default()
    with pytest.raises(UsageError, match="decided already"):
        policies.decide(approver, PolicyVersion.objects.get(pk=made.pk), adopted=False)


def test_who_proposes_does_not_adopt(world: World) -> None:
    made = policies.propose(world.person("approver"), text(), "made up")
    assert not policies.may_decide(world.person("approver"), made)
    assert policies.may_decide(world.person("liaison"), made) is False  # no approver


def test_versions_rise_and_one_waits_at_a_time(world: World) -> None:
    liaison, approver = world.person("liaison"), world.person("approver")
    first = policies.propose(liaison, text(4), "made up")
    with pytest.raises(UsageError, match="waits"):
        policies.propose(liaison, text(5), "made up")
    policies.decide(approver, first, adopted=True)
    with pytest.raises(UsageError, match="higher than 4"):
        policies.propose(liaison, text(4), "made up")
    second = policies.propose(liaison, text(5), "made up")
    policies.decide(approver, second, adopted=False)
    # Turned down: the one before stays, and the next is measured against that.
    assert policies.policy_of(world.team.organisation_id).version == 4
    third = policies.propose(liaison, text(5, ", status"), "made up")
    assert policies.before(world.team.organisation_id, third).version == 4


@pytest.mark.parametrize("wrong", ["", "rules: [", CLOSED, "policy: x\nversion: 0\nrules: []\n"])
def test_what_is_no_policy_is_not_proposed(world: World, wrong: str) -> None:
    with pytest.raises(PolicyFileError):
        policies.propose(world.person("liaison"), wrong, "made up")
    form = {"text": wrong, "reason": "made up"}
    answer = world.client(world.person("liaison")).post(reverse("propose-policy"), form)
    assert answer.status_code == 400
    assert not PolicyVersion.objects.exists()


def test_the_past_is_tried_again(world: World) -> None:
    planted.sighting_of(world.person("analyst"))
    liaison = world.person("liaison")
    asked = planted.look_up_of(User.objects.get(pk=world.person("partner").pk))
    alert = alerts.make(liaison, world.team, [address_row(planted.KEY)], [world.partner])
    made = policies.propose(liaison, text(more=", url"), "made up")
    new = policies.policy_in(made)
    # An alert that nobody approved told nobody anything.
    assert {one.name.split()[0] for one in replay(liaison, default(), new).found} == {asked.ref}
    alerts.decide(world.person("approver"), alert, released=True)
    found = replay(liaison, default(), new)
    names = {one.name for one in found.found}
    assert f"{alert.ref} item 1, {world.partner.ref}" in names
    assert found.is_all
    assert found.more == 0
    assert {(one.field, one.after.verdict) for one in found.found} >= {("first_seen", "withhold")}
    # The other way round the same fields are told more, and stand first.
    back = replay(liaison, new, default())
    assert back.more > 0
    assert [one.tells_more for one in back.found] == sorted(
        (one.tells_more for one in back.found), reverse=True
    )


def test_another_house_sees_nothing_of_it(world: World) -> None:
    planted.sighting_of(world.person("analyst"))
    planted.look_up_of(User.objects.get(pk=world.person("partner").pk))
    made = policies.propose(world.person("liaison"), text(), "made up")
    stranger = world.person("approver", stranger=True)
    assert replay(stranger, default(), policies.policy_in(made)).tried == 0
    client = world.client(stranger)
    assert client.get(reverse("policy-version", args=[1])).status_code == 404
    assert "North (made up)" not in client.get(reverse("policy")).content.decode()
    assert not any("Policy 1" in one.name for source in SOURCES for one in source(stranger))


def test_on_the_pages(world: World) -> None:
    planted.sighting_of(world.person("analyst"))
    asked = planted.look_up_of(User.objects.get(pk=world.person("partner").pk))
    liaison, approver = (world.client(world.person(role)) for role in ("liaison", "approver"))
    assert "version 1, is in force" in liaison.get(reverse("policy")).content.decode()
    form = {"text": text(), "reason": "less is told (made up)"}
    put = liaison.post(reverse("propose-policy"), form)
    page = reverse("policy-version", args=[1])
    assert put["Location"] == page
    assert "Your decision" not in liaison.get(page).content.decode()
    (item,) = (
        one
        for source in SOURCES
        for one in source(world.person("approver"))
        if one.name == "Policy 1"
    )
    shown = approver.get(item.path).content.decode()
    assert asked.ref in shown
    assert "less is told (made up)" in shown
    decide = reverse("decide-policy", args=[1])
    assert liaison.post(decide, {"adopt": "1"}).status_code == 403
    assert approver.post(decide, {"adopt": "1"}).status_code == 302
    assert "North (made up), version 1, is in force" in (
        liaison.get(reverse("policy")).content.decode()
    )
    row = Event.objects.get(action="policy.decide", result="done")
    assert '"adopted":true' in row.details.replace(" ", "")
    assert approver.get(reverse("policy-version", args=[2])).status_code == 404
    assert approver.get(reverse("policy-version", args=[0])).status_code == 404


def test_the_terminal_tries_all_of_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clewline.cli.policy.open_desk", lambda _home: None)
    planted.sighting_of(world.person("analyst"))
    alert = alerts.make(
        world.person("liaison"), world.team, [address_row(planted.KEY)], [world.partner]
    )
    alerts.decide(world.person("approver"), alert, released=True)
    file = tmp_path / "new.yaml"
    file.write_text(text())
    arguments = ["policy", "diff", "default", str(file), "--format", "csv"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert f"{alert.ref} item 1" in done.stdout
