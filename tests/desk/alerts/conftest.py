"""Partners with channels, and alerts on made-up addresses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.utils import timezone
from tests.desk.alerts.receivers import Mailbox, Misp, Web
from tests.desk.conftest import World
from tests.desk.records.pages import option, page

from clewline.desk.alerts import outbox, services
from clewline.desk.alerts.channels import SENDERS
from clewline.desk.alerts.models import Alert, Delivery
from clewline.desk.partners import services as partners
from clewline.desk.partners.models import Partner
from clewline.desk.records.models import Address, Sighting
from clewline.desk.records.services import record

ADDRESSES = (
    "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
)
SITE = "https://sealed-site.example/pay"
BRAND = "Clear Heron"


@dataclass
class Desk:
    """A team that tells, and the receivers of its partners."""

    world: World
    web: Web
    misp: Misp
    mailbox: Mailbox

    def partner(self, name: str, kind: str = "exchange", **terms: Any) -> Partner:
        """Enter a partner and agree to its terms."""
        purposes = ["screening", "investigation", "analysis", "routing", "removal"]
        settled = {"clearance": "amber", "pap": "amber", "country": "GB", "purposes": purposes}
        maker, approver = self.world.person("liaison"), self.world.person("approver")
        made = partners.enter(maker, self.world.team, name, **{**settled, "kind": kind, **terms})
        partners.log_call(maker, made, "made up", confirmed=True)
        return partners.activate(approver, made)

    def channel(self, partner: Partner, kind: str) -> None:
        """Open a channel of a kind, to the receiver of that kind."""
        target = {
            "email": f"alerts@{partner.ref.lower()}.example",
            "webhook": f"{self.web.url}/{partner.ref}",
            "misp-push": self.misp.web.url,
        }.get(kind, "")
        secret = "made-up-key" if SENDERS[kind].secret_label else ""
        liaison = self.world.person("liaison")
        services.open_channel(liaison, self.world.team, partner, kind, target, secret)

    def sighting(self, *addresses: str, **fields: Any) -> Sighting:
        """Record a page that shows addresses."""
        shown = [option(one) for one in addresses or ADDRESSES[:2]]
        settled = {"url": SITE, "brand": BRAND, "tlp": "green", "pap": "green", **fields}
        return record(self.world.person("analyst"), page(*shown, **settled))

    def draft(self, partners: list[Partner], *addresses: str, **fields: Any) -> Alert:
        """Draft an alert on addresses that are recorded."""
        rows = [Address.objects.get(canonical=one) for one in addresses or ADDRESSES[:2]]
        maker = self.world.person("liaison")
        settled = {"tlp": "green", "pap": "green", **fields}
        return services.make(maker, self.world.team, rows, partners, **settled)

    def approve(self, alert: Alert) -> Alert:
        """Approve an alert as somebody else."""
        services.decide(self.world.person("approver"), alert, released=True)
        return alert

    def tell(self, partners: list[Partner], *addresses: str, **fields: Any) -> Alert:
        """Draft an alert and approve it."""
        return self.approve(self.draft(partners, *addresses, **fields))

    def follow(self, alert: Alert, kind: str) -> Alert:
        """Change or withdraw an alert, approved."""
        return self.approve(services.follow(self.world.person("liaison"), alert, kind, "made up"))


def go() -> int:
    """Deliver everything that waits, whenever it is due."""
    Delivery.objects.filter(state="waiting").update(due_at=timezone.now())
    return outbox.round_of()


@pytest.fixture
def desk(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk with receivers on this machine."""
    web, misp, mailbox = Web(), Misp(), Mailbox()
    monkeypatch.setenv("CLEWLINE_ALERT_NETWORKS", "127.0.0.1")
    with web.running(), misp.web.running(), mailbox.running():
        monkeypatch.setenv("CLEWLINE_SMTP", f"smtp://127.0.0.1:{mailbox.port}")
        yield Desk(world, web, misp, mailbox)
