"""A small world of made-up people: every role as owner's teammate and as stranger."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db.backends.base.operations import BaseDatabaseOperations
from django.forms.models import ModelChoiceIterator
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from clewline.desk import append_only
from clewline.desk.accounts.models import Organisation, Team, User
from clewline.desk.api import token
from clewline.desk.api.limits import Rate
from clewline.desk.audit import triggers
from clewline.desk.ours import checks
from clewline.desk.partners import services as partners
from clewline.desk.partners.models import Partner
from clewline.desk.records import services as records
from clewline.desk.records.drafts import OptionDraft, SightingDraft
from clewline.desk.retention import triggers as of_records
from clewline.desk.roles import Role
from clewline.play import make_play
from clewline.workspace import import_blocks, import_labels

_TOKEN = re.compile(rb"(csrfmiddlewaretoken\" value=\"|X-CSRFToken\": \")[^\"]+")


def plain(answer: HttpResponse) -> bytes:
    """Return a page without its form tokens, which differ each time; for comparing two answers."""
    return plain_of(answer.content)


def plain_of(content: bytes) -> bytes:
    """Take the form tokens out of a page."""
    return _TOKEN.sub(b"", content)


def packages_go() -> None:
    """Let time pass until every package that was released has left, those held by lot too."""
    checks.tick(timezone.now() + timedelta(minutes=checks.minutes() + 1))
    checks.tick(timezone.now() + checks.HELD)


@dataclass
class World:
    """Two organisations; each has a team with one person a role."""

    team: Team
    other_team: Team
    people: dict[str, User]
    strangers: dict[str, User]

    def person(self, role: str, *, stranger: bool = False) -> User:
        """Return the person with this role, in the team or elsewhere."""
        return (self.strangers if stranger else self.people)[role]

    @property
    def partner(self) -> Partner:
        """The first partner that the team keeps."""
        return Partner.objects.filter(team=self.team).earliest("pk")

    def client(self, user: User) -> Client:
        """Return a browser in which `user` is signed in, second factor included."""
        client = Client()
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client


def make_team(name: str) -> tuple[Team, dict[str, User]]:
    """Make an organisation with one team and one person a role."""
    organisation = Organisation.objects.create(name=f"{name} (made up)")
    team = Team.objects.create(organisation=organisation, name=name)
    people = {}
    for role in set(Role) - {Role.PARTNER}:
        user = User.objects.create_user(
            f"{name}-{role}",
            "made-up-password",
            organisation=organisation,
            roles=[role],
            pseudonym=f"{name}-{role}",
        )
        user.teams.add(team)
        people[str(role)] = user
    people["partner"] = User.objects.create_user(
        f"{name}-partner",
        "made-up-password",
        organisation=organisation,
        partner=make_partner(people, team),
        roles=[Role.PARTNER],
        pseudonym=f"{name}-partner",
    )
    return team, people


def make_partner(people: dict[str, User], team: Team, **terms: Any) -> Partner:
    """Enter a partner, call it back, agree to its terms."""
    settled: dict[str, Any] = {"kind": "agency", "country": "GB", "clearance": "amber"}
    settled |= {"pap": "amber", "handling": ["P", "C"], "purposes": ["investigation"]}
    partner = partners.enter(
        people["liaison"],
        team,
        f"Quiet {team.name}",
        name="sealed-partner-name",
        contact="sealed-partner-contact",
        **{**settled, **terms},
    )
    partners.log_call(people["liaison"], partner, "switchboard (made up)", confirmed=True)
    return partners.activate(people["approver"], partner)


@pytest.fixture(scope="session", autouse=True)
def tables_are_emptied_between_tests() -> Iterator[None]:
    """Let tests that commit empty every table after them, the audit log too."""
    flush = BaseDatabaseOperations.execute_sql_flush

    def flush_all(self: Any, sql: list[str]) -> None:
        triggers.drop(self.connection)
        of_records.drop(self.connection)
        kept = append_only.drop(self.connection)
        flush(self, sql)
        append_only.create(self.connection, kept)
        triggers.create(self.connection)
        of_records.create(self.connection)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", flush_all)
        yield


@pytest.fixture(autouse=True)
def no_memory_of_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget how often somebody tried to sign in, or a program asked."""
    cache.clear()
    monkeypatch.setattr(token, "_RATE", Rate())


@pytest.fixture(autouse=True)
def choices_are_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse a form that offers rows in no order: PostgreSQL then shows them in any."""
    offered = ModelChoiceIterator.__iter__

    def in_order(self: Any) -> Iterator[Any]:
        assert self.queryset.ordered, f"choices of {self.field.label} are in no order"
        return iter(offered(self))

    monkeypatch.setattr(ModelChoiceIterator, "__iter__", in_order)


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    """People in a team `north` and strangers in a team `south`."""
    # Whether a second factor is asked for has tests of its own.
    monkeypatch.setattr("clewline.desk.accounts.middleware.is_mfa_enabled", lambda user: True)
    team, people = make_team("north")
    other_team, strangers = make_team("south")
    return World(team, other_team, people, strangers)


@pytest.fixture
def play_case(tmp_path: Path) -> Path:
    """A case in small: one exchange, some payments, as ``truth.json`` has them."""
    addresses = [
        "bcrt1q766tr8y3n9wp60yvls9tchs64qat28epdkgen5",
        "bcrt1qr4u26x9aa8dea4t44ledseuw05skrt5u4vvrrr",
        "bcrt1qkp9jx3zxyqfra86dqvkqtx4tlmj4vtsyyjc74m",
    ]
    purchases = [
        {"txid": f"{n:064x}", "address": addresses[n % 3], "value": 10_000 + n, "usd": 30}
        | {"time": 1_609_798_042 + n * 86_400}
        for n in range(150)
    ]
    exchange = {"kind": "exchange", "name": "Exchange A (made up)"}
    exchange["deposit"] = ["bcrt1qq7ytl5srwtfnus62ze2f43zk729qepuje888cr"]
    truth = {"seed": 1, "purchases": purchases, "entities": [exchange]}
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    return tmp_path


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
