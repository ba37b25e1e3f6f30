"""What a viewer of the team `north` may not know of: of other teams, sealed, or withheld.

Other teams have one of everything that the matrix makes; a page that is new there is hidden here
too, by itself.
"""

from __future__ import annotations

from typing import Final

from django.db import transaction
from tests.desk import planted
from tests.desk.conftest import World, make_partner
from tests.desk.test_matrix import API_DOORS, DOORS, OPERATIONS, PAGES, Asking, Row, with_all

from clewline.desk.accounts.models import Team, User
from clewline.desk.alerts import services as alerts
from clewline.desk.alerts.models import Alert
from clewline.desk.cases import services as cases
from clewline.desk.ours import services as ours
from clewline.desk.queue import services as queue
from clewline.desk.records import services as records
from clewline.desk.records.models import Address
from clewline.desk.retention import services as keeping
from clewline.desk.roles import Role
from clewline.desk.watch import services as watch
from clewline.errors import UsageError

_TOLD: Final = frozenset({"overlap"})
"""Nouns that a team is told of by design: whoever holds an address hears that somebody asks."""
_ONCE: Final = frozenset({"received", "policy"})
"""Nouns of which no other can be made: a partner's file is the same, one policy waits at a time."""
_OF_THE_HOUSE: Final = frozenset({"people", "retention", "partner", "policy", "report", "route"})
"""Nouns that are one for all teams of an organisation."""


def add_sealed(world: World, hidden: dict[str, User]) -> None:
    """Open a sealed case in the team with all it can hold, of colleagues who are no viewers."""
    owner, team = hidden["investigator"], world.team
    case = planted.case_of(owner, team)
    for name in ("analyst", "approver"):
        cases.add_member(owner, case, hidden[name], "made up")
    cases.add_task(owner, case, planted.OF_CASE["why"], owner)
    cases.link(owner, case, "ab" * 32, "made up")
    planted.request_of(owner, case, "approved", "sent")
    planted.request_of(owner, case)
    planted.run_of(owner, case, ended=False)
    planted.list_of(owner, case)
    queue.raise_urgent(owner, case, planted.OF_TEAM["urgent"])
    address = Address.objects.get(canonical=planted.ADDRESS)
    watch.watch(owner, team, address, "made up", case=case)
    planted.enquiry_of(owner, case)
    keeping.hold(owner, basis="made up", until=None, on=case)


def add_elsewhere(there: World, *, leaving_out: frozenset[str] = frozenset()) -> None:
    """Make one of everything in another team, the marks of its own payments first."""
    analyst = User.objects.get(pk=there.person("analyst").pk)
    planted.sighting_of(analyst)
    for what in (planted.ADDRESS, planted.OUTPOINT):
        ours.mark(analyst, there.team, what, "made up", "made up")
    rows: list[tuple[Row, frozenset[Role], str]] = [
        (row, doors[key].roles, doors[key].name)
        for table, doors in ((PAGES, DOORS), (OPERATIONS, API_DOORS))
        for key, row in table.items()
    ]
    lists = 0
    # A partner whose terms wait for a second person is told nothing more: partners last.
    for row, roles, name in sorted(rows, key=lambda one: one[2].startswith("partner")):
        # Before a list is asked all sorts of records are made: once is enough.
        if row.path.__qualname__ == with_all(row.path).__qualname__:
            lists += 1
            if lists > 1:
                continue
        role = next((one for one in Role if one in roles and one != Role.PARTNER), Role.PARTNER)
        if name.partition(".")[0] in _TOLD | leaving_out:
            continue
        user = User.objects.get(pk=there.person(role).pk)
        try:
            with transaction.atomic():
                row.path(Asking(there, user, user))
        except UsageError as error:
            assert name.partition(".")[0] in _ONCE, f"{name}: {error}"


def add_near(near: World) -> None:
    """Make one of everything in another team of the same house, but what the house shares."""
    add_elsewhere(near, leaving_out=_OF_THE_HOUSE)


def add_withheld(world: World) -> None:
    """Add what a partner does not learn of: records kept back, and all of another partner."""
    analyst, liaison, approver = (
        User.objects.get(pk=world.person(one).pk) for one in ("analyst", "liaison", "approver")
    )
    records.record(analyst, planted.draft(brand="", tlp="red"))
    records.record(analyst, planted.draft(brand="", info_grade="E"))
    other = make_partner(world.people, world.team, country="NO")
    theirs = User.objects.create_user(
        "other-partner",
        organisation=world.team.organisation,
        partner=other,
        roles=[Role.PARTNER],
        pseudonym="other-partner",
    )
    planted.answered(planted.look_up_of(theirs), liaison, approver)
    told = {"tlp": "green", "pap": "green"}
    shown = records.OptionDraft(asset="BTC", chain="BTC", address=planted.OTHER_ADDRESS)
    records.record(analyst, planted.draft(brand="", url="", options=(shown,), **told))
    address = Address.objects.get(canonical=planted.OTHER_ADDRESS)
    for kind in ("pull", "taxii", "misp-feed"):
        alerts.open_channel(liaison, world.team, other, kind)
    alerts.new_access_key(liaison, other)
    made: Alert = alerts.make(analyst, world.team, [address], [other], **told)
    alerts.decide(approver, made, released=True)


def people_of(team: Team, beginning: str) -> dict[str, User]:
    """Make a person a role in a team."""
    made = {}
    for role in (Role.ANALYST, Role.APPROVER, Role.INVESTIGATOR, Role.LIAISON):
        name = f"{beginning}-{role}"
        user = User.objects.create_user(
            name, organisation=team.organisation, roles=[role], pseudonym=name
        )
        user.teams.add(team)
        made[str(role)] = user
    return made
