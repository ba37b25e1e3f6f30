"""Why two recorded pages may be one brand, or two brands one group: proposals with reasons.

A person judges. Reasons and verdicts are two tables; a reason says what else may explain it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from clewline.errors import UsageError
from clewline.intake.indicators import Indicator, indicator_key
from clewline.intake.likeness import Sketch, similarity


class Strength(StrEnum):
    """How much a reason or a proposal says; in order."""

    STRONG = "strong"
    MEDIUM = "medium"
    WEAK = "weak"


_STRONGEST_FIRST: Final = tuple(Strength)


class Trait(NamedTuple):
    """A row: what two pages can have in common.

    Attributes
    ----------
    id : str
        Kind of reason; of an indicator, its kind.
    family : str
        Reasons of one family count once: they come from one cause.
    strength : Strength
        Where few brands have it.
    meaning : str
        What is the same.
    alternatives : str
        What else explains it.
    """

    id: str
    family: str
    strength: Strength
    meaning: str
    alternatives: str


_TEMPLATE: Final = "a template that was sold or copied; one helper who builds pages for many"
_HOSTING: Final = "one provider or reseller who hosts both; an address that changed hands"
_WEB: Final = "a helper's account; a page that was copied with the id left in"

TRAITS: Final = {
    one.id: one
    for one in (
        Trait(
            *("address", "address", Strength.STRONG, "the same address"),
            "a processor's or reseller's address that is not marked as such; a copied page",
        ),
        Trait(
            *("address_of_service", "address", Strength.WEAK, "the same address of a service"),
            "a deposit address or a processor's, used by unrelated customers",
        ),
        Trait(
            *("contact", "contact", Strength.STRONG, "the same contact"),
            "a reseller or a support desk for several; a contact named to mislead",
        ),
        Trait(
            *("email", "contact", Strength.STRONG, "the same e-mail address"),
            "a reseller, a helper, or the maker of the software",
        ),
        Trait(
            *("pgp", "key", Strength.STRONG, "the same OpenPGP key"),
            "a key copied to pass for another; the key of a market that both name",
        ),
        Trait(*("account", "account", Strength.STRONG, "the same account of a web service"), _WEB),
        Trait(*("ipv4", "server", Strength.MEDIUM, "the same IPv4 address"), _HOSTING),
        Trait(*("ipv6", "server", Strength.MEDIUM, "the same IPv6 address"), _HOSTING),
        Trait(*("host", "server", Strength.MEDIUM, "the same host name"), _HOSTING),
        Trait(*("domain", "server", Strength.MEDIUM, "the same registered name"), _HOSTING),
        *(
            Trait(
                *(kind, "service", Strength.MEDIUM, f"the same {name}"),
                "a link to a third page: a directory, a market, an advertisement",
            )
            for kind, name in (
                ("onion", "onion service"),
                ("onion_v2", "onion service, version 2"),
                ("i2p", "I2P name"),
            )
        ),
        Trait(*("prices_equal", "prices", Strength.MEDIUM, "the same price list"), _TEMPLATE),
        Trait(
            *("prices_alike", "prices", Strength.WEAK, "several prices in common"),
            "usual round amounts",
        ),
        Trait(*("wording_equal", "wording", Strength.MEDIUM, "nearly the same wording"), _TEMPLATE),
        Trait(*("wording_alike", "wording", Strength.WEAK, "similar wording"), _TEMPLATE),
        *(
            Trait(kind, "template", Strength.WEAK, f"the same {name}", _TEMPLATE)
            for kind, name in (
                ("favicon", "path of the icon"),
                ("integrity", "hash of a file"),
                ("script", "script in the page"),
                ("script_path", "path of a script"),
                ("style", "style sheet in the page"),
                ("style_path", "path of a style sheet"),
                ("comment", "comment in the source"),
                ("form", "names of form fields"),
                ("classes", "class names"),
            )
        ),
    )
}
"""What two pages can have in common, by id."""

LOOKS: Final = frozenset({"wording", "prices", "template"})
"""Families that say how a page looks, not who runs it."""
COMMON: Final = 4
"""What so many brands have, or more, is weak, whatever it is."""
EQUAL_WORDING, ALIKE_WORDING = 0.8, 0.5
EQUAL_PRICES, ALIKE_PRICES = 0.8, 0.5
FEWEST_EQUAL_PRICES, FEWEST_ALIKE_PRICES = 3, 2


class Price(NamedTuple):
    """A price as recorded: amount as a decimal string, currency, period and tier if known."""

    amount: str
    currency: str
    period: str | None = None
    tier: str | None = None

    def form(self) -> tuple[str, str, str]:
        """Return by what prices are compared: amount without zeros at the end, no tier.

        Raises
        ------
        UsageError
            If the amount is no decimal number.

        Examples
        --------
        >>> Price("20.00", "eur", "monthly", "basic").form()
        ('20', 'EUR', 'monthly')
        """
        try:
            amount = Decimal(self.amount)
        except InvalidOperation:
            amount = Decimal("nan")
        if not amount.is_finite():
            raise UsageError("the amount of a price is no decimal number", where="amount")
        return f"{amount.normalize():f}", self.currency.upper(), self.period or ""


@dataclass(frozen=True)
class PageTraits:
    """What of a page is compared.

    Attributes
    ----------
    sketch : Sketch or None
        Of its wording; None where it is too short.
    prices : frozenset of Price
        Its price list.
    addresses : frozenset of str
        Chain and canonical address, such as ``BTC:bc1q…``.
    indicators : mapping of str to frozenset of bytes
        Keys of its indicators by kind, as `indicator_keys` gives them.
    contacts : frozenset of bytes
        Keys of its contacts, without e-mail addresses and OpenPGP keys, which are indicators.
    """

    sketch: Sketch | None = None
    prices: frozenset[Price] = frozenset()
    addresses: frozenset[str] = frozenset()
    indicators: Mapping[str, frozenset[bytes]] = field(default_factory=dict)
    contacts: frozenset[bytes] = frozenset()


class Reason(NamedTuple):
    """One thing that two pages have in common.

    Attributes
    ----------
    kind : str
        Id of its row in `TRAITS`.
    strength : Strength
        After rarity.
    detail : str
        What is the same, and how far, for people.
    matched : tuple of str or bytes
        The values: addresses, keys, prices; empty for wording.
    alternatives : str
        What else explains it.
    """

    kind: str
    strength: Strength
    detail: str
    matched: tuple[str | bytes, ...]
    alternatives: str

    @property
    def family(self) -> str:
        """Return the family of its row.

        Examples
        --------
        >>> Reason("ipv4", Strength.MEDIUM, "", (), "").family
        'server'
        """
        return TRAITS[self.kind].family


def indicator_keys(found: Iterable[Indicator], key: bytes) -> Mapping[str, frozenset[bytes]]:
    """Return the keys of the indicators that may link pages, by kind.

    Parameters
    ----------
    found : iterable of Indicator
        Of one page.
    key : bytes
        A secret, as for `clewline.intake.indicators.indicator_key`.

    Returns
    -------
    mapping of str to frozenset of bytes
        Without what is set aside.

    Examples
    --------
    >>> one = Indicator("host", "made-up.se", "made-up.se", "text", 0, 10)
    >>> sorted(indicator_keys([one, one._replace(set_aside="shared")], bytes(16)))
    ['host']
    """
    keys: dict[str, set[bytes]] = {}
    for one in found:
        if one.links:
            keys.setdefault(one.kind, set()).add(indicator_key(one.kind, one.value, key))
    return MappingProxyType({kind: frozenset(some) for kind, some in sorted(keys.items())})


_NONE_SEEN: Final[Mapping[str | bytes, int]] = MappingProxyType({})


def _in_common(
    kind: str, values: frozenset[str] | frozenset[bytes], seen: Mapping[str | bytes, int]
) -> Iterator[Reason]:
    """Yield the reason that values in common are; the rarest of them decides how strong it is."""
    found: list[str | bytes] = [*values]
    matched = sorted(found, key=lambda one: (seen.get(one, 0), str(one)))
    if not matched:
        return
    row, brands = TRAITS[kind], seen.get(matched[0], 0)
    detail = row.meaning if len(matched) == 1 else f"{row.meaning}, {len(matched)} of them"
    strength = row.strength
    if brands >= COMMON:
        strength = Strength.WEAK
        detail += f"; {brands} brands have {'it' if len(matched) == 1 else 'the rarest'}"
    yield Reason(kind, strength, detail, tuple(matched), row.alternatives)


def _prices(a: PageTraits, b: PageTraits) -> Iterator[Reason]:
    """Yield what the price lists have in common."""
    one, other = ({price.form() for price in page.prices} for page in (a, b))
    both, either = one & other, one | other
    share = len(both) / len(either) if either else 0.0
    if len(both) >= FEWEST_EQUAL_PRICES and share >= EQUAL_PRICES:
        kind = "prices_equal"
    elif len(both) >= FEWEST_ALIKE_PRICES and share >= ALIKE_PRICES:
        kind = "prices_alike"
    else:
        return
    row = TRAITS[kind]
    detail = f"{row.meaning}: {len(both)} of {len(either)} prices"
    matched = tuple(" ".join(price).strip() for price in sorted(both))
    yield Reason(kind, row.strength, detail, matched, row.alternatives)


def _wording(a: PageTraits, b: PageTraits) -> Iterator[Reason]:
    """Yield how alike the wordings are."""
    if a.sketch is None or b.sketch is None:
        return
    share, error = similarity(a.sketch, b.sketch)
    if share >= ALIKE_WORDING:
        row = TRAITS["wording_equal" if share >= EQUAL_WORDING else "wording_alike"]
        detail = f"{row.meaning}: {share:.2f} ± {error:.2f} of it in common"
        yield Reason(row.id, row.strength, detail, (), row.alternatives)


def compare(
    a: PageTraits,
    b: PageTraits,
    *,
    seen: Mapping[str | bytes, int] = _NONE_SEEN,
    services: frozenset[str] = frozenset(),
) -> tuple[Reason, ...]:
    """Return what two pages have in common, the strongest first.

    Parameters
    ----------
    a, b : PageTraits
        Two pages, or two brands: each with all that its pages have.
    seen : mapping of str or bytes to int
        On how many brands an address or key was seen; what is not in it counts as rare.
    services : frozenset of str
        Those of the addresses that are known to be a service's.

    Returns
    -------
    tuple of Reason
        The same for (a, b) and (b, a); no reason for what is not in `TRAITS`.

    Raises
    ------
    UsageError
        If the amount of a price is no decimal number.

    Examples
    --------
    >>> page = PageTraits(addresses=frozenset({"BTC:made-up"}))
    >>> for reason in compare(page, page):
    ...     print(reason.kind, reason.strength, reason.detail)
    address strong the same address
    >>> [reason.strength.value for reason in compare(page, page, services=page.addresses)]
    ['weak']
    """
    addresses = a.addresses & b.addresses
    reasons = [
        *_in_common("address", addresses - services, seen),
        *_in_common("address_of_service", addresses & services, seen),
        *_in_common("contact", a.contacts & b.contacts, seen),
        *_prices(a, b),
        *_wording(a, b),
    ]
    for kind in sorted(a.indicators.keys() & b.indicators.keys() & TRAITS.keys()):
        reasons += _in_common(kind, a.indicators[kind] & b.indicators[kind], seen)
    order = {kind: place for place, kind in enumerate(TRAITS)}
    reasons.sort(key=lambda one: (_STRONGEST_FIRST.index(one.strength), order[one.kind]))
    return tuple(reasons)


class Verdict(NamedTuple):
    """A row: what is proposed where reasons of so many families are there.

    Attributes
    ----------
    proposal : str
        ``same brand``, ``same group`` or ``nothing``.
    strength : Strength
        Of the proposal.
    strong : int
        So many families have a strong reason, at least.
    medium : int
        So many have a medium or strong one.
    looks : int
        So many of those in `LOOKS` have.
    beyond : int
        So many of the others have.
    meaning : str
        The row in words.
    """

    proposal: str
    strength: Strength
    strong: int
    medium: int
    looks: int
    beyond: int
    meaning: str


VERDICTS: Final = (
    Verdict(
        *("same brand", Strength.STRONG, 1, 2, 1, 1),
        "a strong reason, and the same wording or price list",
    ),
    Verdict(
        *("same brand", Strength.MEDIUM, 0, 3, 2, 1),
        "the same wording and price list, and a medium reason beyond looks",
    ),
    Verdict(*("same group", Strength.STRONG, 2, 2, 0, 2), "strong reasons of two families"),
    Verdict(*("same group", Strength.MEDIUM, 1, 1, 0, 1), "one strong reason"),
    Verdict(
        *("same group", Strength.MEDIUM, 0, 2, 0, 1),
        "medium reasons of two families, one of them beyond looks",
    ),
    Verdict(
        *("same group", Strength.WEAK, 0, 1, 0, 0),
        "one medium reason, or looks alone: a template is enough for that",
    ),
    Verdict(*("nothing", Strength.WEAK, 0, 0, 0, 0), "weak reasons alone, or none"),
)
"""The first row that fits decides."""


def verdict(reasons: Iterable[Reason]) -> Verdict:
    """Return what some reasons propose: the first row of `VERDICTS` that they fit.

    Parameters
    ----------
    reasons : iterable of Reason
        From `compare`.

    Returns
    -------
    Verdict
        Never more than a proposal. A further reason never makes it less.

    Examples
    --------
    >>> page = PageTraits(addresses=frozenset({"BTC:made-up"}))
    >>> verdict(compare(page, page)).proposal, verdict(()).proposal
    ('same group', 'nothing')
    """
    some = tuple(reasons)
    strong = {one.family for one in some if one.strength is Strength.STRONG}
    medium = strong | {one.family for one in some if one.strength is Strength.MEDIUM}
    looks = len(medium & LOOKS)
    return next(
        row
        for row in VERDICTS
        if len(strong) >= row.strong
        and len(medium) >= row.medium
        and looks >= row.looks
        and len(medium) - looks >= row.beyond
    )
