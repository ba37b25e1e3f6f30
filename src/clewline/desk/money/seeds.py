"""From which addresses the tables of a case may start: those that a source ties to a site.

Ordinary addresses are no seed. A *mention* (a page showed the address) is one, and gives leads
only; *control established* makes a direct payment count as a purchase.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.db.models import Q
from django.utils import timezone

from clewline import vocab
from clewline.desk import chain_store
from clewline.desk.records.models import Address, AddressStatus, Attribution, PaymentOption

if TYPE_CHECKING:
    from clewline.desk.accounts.models import User
    from clewline.desk.cases.models import Case

CONTROL: Final = "control"
MENTION: Final = "mention"
NONE: Final = "none"


@dataclass
class Seed:
    """An address of a case, and whether tables may start from it.

    Attributes
    ----------
    address : Address
        Linked to the case.
    standing : str
        ``control``, ``mention`` or ``none``.
    reasons : list of str
        What ties it to a site.
    refused : str
        Why it is no seed; empty where it is one.
    """

    address: Address
    standing: str = NONE
    reasons: list[str] = field(default_factory=list)
    refused: str = ""

    def say(self, standing: str, reason: str) -> None:
        """Take in one more source; control is more than a mention."""
        self.reasons.append(reason)
        if self.standing != CONTROL:
            self.standing = standing


def seeds_of(user: User, case: Case) -> list[Seed]:
    """Return the addresses of a case, each with what ties it to a site.

    Looks at the records of the case's team and at the labels of the attached chain store.
    """
    rows = Address.objects.filter(case_links__case=case).distinct().order_by("id")
    seeds = {row.pk: Seed(row) for row in rows}
    options = (
        PaymentOption.objects.visible_to(user).standing().filter(team=case.team, address__in=seeds)
    )
    for number in options.values_list("address", flat=True).distinct():
        seeds[number].say(MENTION, "a recorded page showed it")
    today = timezone.now().date()
    said = Attribution.objects.filter(
        Q(expires_at__isnull=True) | Q(expires_at__gte=today),
        team=case.team,
        address__in=seeds,
        superseded_by__isnull=True,
    )
    for row in said.order_by("id"):
        category = vocab.categories().get(row.category)
        if category and category.child_protection:
            control = row.custody == "self" or row.obtained == "authority"
            seeds[row.address_id].say(
                CONTROL if control else MENTION, f"the team says: {row.label}"
            )
    keys = [
        (one.address.chain, one.address.network, one.address.canonical) for one in seeds.values()
    ]
    for seed, labels in zip(seeds.values(), chain_store.labels_of(keys), strict=True):
        for label in labels or ():
            if label["child_protection"]:
                kind = CONTROL if label["type"] == "control" else MENTION
                seed.say(kind, f"label set {label['set']}: {label['entity']}")
        _refuse(seed, on_chain=labels is not None)
    latest = {
        row.address_id: row.status
        for row in AddressStatus.objects.filter(team=case.team, address__in=seeds).order_by("id")
    }
    for number, status in latest.items():
        if status == "withdrawn":
            seeds[number].refused = "the team withdrew this address"
    return list(seeds.values())


def _refuse(seed: Seed, *, on_chain: bool) -> None:
    """Say why an address is no seed, if it is none."""
    if not on_chain:
        seed.refused = "no attached chain store is of this chain and network"
    elif seed.standing == NONE:
        seed.refused = (
            "an ordinary address: no record and no label of a site names it. A page that shows it, "
            "or a label with a source, makes it a seed; behaviour on the chain never does"
        )
