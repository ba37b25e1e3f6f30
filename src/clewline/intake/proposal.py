"""What a page is read to say: proposals for a person to confirm, and the options they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from clewline.intake.page_text import Refusal


class Certainty(StrEnum):
    """How sure it is that a page says what is proposed."""

    CERTAIN = "certain"
    LIKELY = "likely"
    AMBIGUOUS = "ambiguous"

    @property
    def meaning(self) -> str:
        """Return what the word stands for.

        Examples
        --------
        >>> Certainty.CERTAIN.meaning
        'what stands there can be read in one way only'
        """
        return _CERTAINTIES[self]


_CERTAINTIES: Final = {
    Certainty.CERTAIN: "what stands there can be read in one way only",
    Certainty.LIKELY: "words or marks that seldom mean another thing; the reason says what else",
    Certainty.AMBIGUOUS: "two readings or more, or something about it is wrong; the reason says "
    "what",
}


class ProposalKind(StrEnum):
    """What a proposal is about."""

    ADDRESS = "address"
    PAYMENT_URI = "payment_uri"
    PRICE = "price"
    PERIOD = "period"
    TIER = "tier"
    RAIL = "rail"
    PROCESSOR = "processor"
    INVOICE_EXPIRY = "invoice_expiry"
    CONTACT = "contact"
    CREDIT = "credit"

    @property
    def means(self) -> str:
        """Return what the value of such a proposal is.

        Examples
        --------
        >>> ProposalKind.PERIOD.means
        'one-off, daily, weekly, monthly, quarterly, yearly, lifetime; otherwise days'
        """
        return _KINDS[self][0]

    @property
    def found_in(self) -> str:
        """Return where such things are looked for."""
        return _KINDS[self][1]

    @property
    def told(self) -> str:
        """Return the names of the details."""
        return _KINDS[self][2]


_ALL: Final = "text, attributes, scripts, styles, comments, what is hidden"
_KINDS: Final = {
    ProposalKind.ADDRESS: (
        "canonical form of its first reading; of a near miss what stands there",
        _ALL,
        "`chains`, `kinds`, `networks`, `readings`, `strength`, `tag`; `asset`, `network` and "
        "`chain` where they are named beside it; `did_you_mean`; `also` (other places)",
    ),
    ProposalKind.PAYMENT_URI: (
        "scheme, canonical address, amount, token",
        _ALL,
        "`scheme`, `address`, `amount` (in whole coins), `currency`, `problems`, the parameters "
        "below by their names in brackets; `also`",
    ),
    ProposalKind.PRICE: (
        "amount or range, and currency",
        "text",
        "`amount_min`, `amount_max` (one is missing where the end is open), `currency`, "
        "`currency_of_payment`, `amount_readings`, `other_currencies`, `coin`, `buys`",
    ),
    ProposalKind.PERIOD: (
        "one-off, daily, weekly, monthly, quarterly, yearly, lifetime; otherwise days",
        "text, on the line of a price or the next",
        "",
    ),
    ProposalKind.TIER: ("of the table below, or the label in small letters", "text", ""),
    ProposalKind.RAIL: (
        "crypto, card, bank, money transfer, gift card, voucher, in-app, other",
        "text, and attributes that people see; marks anywhere",
        "`brand`, `title`; of coins `asset` or `network`; `also`",
    ),
    ProposalKind.PROCESSOR: (
        "of the table below",
        "as rails",
        "`rail` that it serves, `title`; `also`",
    ),
    ProposalKind.INVOICE_EXPIRY: ("seconds", "text", "`unit`"),
    ProposalKind.CONTACT: ("canonical form, to be kept as a keyed hash", _ALL, "`contact`; `also`"),
    ProposalKind.CREDIT: ("how it is come by; `shown` is empty", "text", ""),
}


Detail = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """One thing that a page seems to say.

    Attributes
    ----------
    kind : ProposalKind
        What it is about.
    value : str
        In the one form by which such things are compared.
    shown : str
        As it stands in the page.
    start, end : int or None
        Where it stands in `PageReading.text`, as in a slice; None where it is not in the text.
    place : str
        ``text``, or where else: ``attribute data-clipboard-text of <button>``, ``script``.
    details : Mapping
        What more is known, by name; PAGES.md lists the names.
    certainty : Certainty
        How sure it is.
    reason : str
        Why it is proposed, and why it is no surer.
    near : int
        Place in `PageReading.text` where it stands, or by which it stands.
    """

    kind: ProposalKind
    value: str
    shown: str
    start: int | None
    end: int | None
    place: str
    certainty: Certainty
    reason: str
    details: Mapping[str, Detail] = field(default_factory=lambda: MappingProxyType({}))
    near: int = 0


@dataclass(frozen=True, slots=True)
class PaymentOption:
    """Proposals that seem to be one way to pay.

    Attributes
    ----------
    members : tuple of int
        Which of `PageReading.proposals` belong to it.
    choices : tuple of int
        Prices, periods and tiers that hold for several options: one of them is meant, or all.
    reason : str
        Why these are put together.
    """

    members: tuple[int, ...]
    choices: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class PageReading:
    """A page as `read_page` reads it. Nothing in it is confirmed.

    Attributes
    ----------
    text : str
        What a person reads: a line a block, a tab between cells of a table.
    title : str or None
        Of the page, where it has one.
    is_html : bool
        Whether tags were read as such.
    refused : tuple of Refusal
        What was no text and is nowhere in this reading.
    proposals : tuple of Proposal
        In order of place.
    options : tuple of PaymentOption
        In order of their first member.
    hash : str
        SHA-256 of `text` in UTF-8, in hex.
    notes : tuple of str
        What was not looked at, and why.
    """

    text: str
    title: str | None
    is_html: bool
    refused: tuple[Refusal, ...]
    proposals: tuple[Proposal, ...]
    options: tuple[PaymentOption, ...]
    hash: str
    notes: tuple[str, ...] = ()
