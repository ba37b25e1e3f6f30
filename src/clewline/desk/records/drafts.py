"""What somebody confirmed of a page, as plain values, before it is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any
from uuid import UUID

from clewline.desk.records.plain_text import require_text


@dataclass(frozen=True, kw_only=True)
class OptionDraft:
    """One way to pay. Fields are those of `PaymentOption`; these say more.

    Attributes
    ----------
    address : str
        The address that is meant, in any form; empty where the option has none.
    address_shown : str
        As it stands on the page, where that differs.
    chain, network_of_address : str
        Which of the readings of `clewline.intake.read_address` is meant, where there are several.
    as_shown : bool
        That a person confirmed an address whose checksum is wrong, as it stands.
    contact_of : int or None
        Position of the option in the sighting before whose contact this one keeps, unseen.
    """

    rail: str = "crypto"
    processor: str = ""
    asset: str = ""
    network: str = ""
    token_contract: str = ""
    amount_min: str = ""
    amount_max: str = ""
    price_currency: str = ""
    payment_currency: str = ""
    period: str = ""
    tier: str = ""
    address: str = ""
    address_shown: str = ""
    chain: str = ""
    network_of_address: str = ""
    as_shown: bool = False
    form: str = "text"
    uri_parameters: Mapping[str, str] = field(default_factory=dict)
    memo: str = ""
    invoice_expires_at: datetime | None = None
    credit: str = ""
    obtained: str = "seen"
    contact_kind: str = ""
    contact: str = ""
    contact_of: int | None = None


@dataclass(frozen=True, kw_only=True)
class IndicatorDraft:
    """Something in a page's source by which sites are linked; see `clewline.intake.indicators`."""

    kind: str
    value: str
    place: str = ""
    start: int | None = None
    end: int | None = None
    set_aside: str = ""


@dataclass(frozen=True, kw_only=True)
class AccountDraft:
    """What somebody says of a fact, beside what others say: a word of `account_fact`."""

    fact: str
    says: str
    obtained: str = "reported"


@dataclass(frozen=True, kw_only=True)
class SightingDraft:
    """What one page said at one time. Fields are those of `Sighting`; these say more.

    Attributes
    ----------
    url : str
        The site's or page's address, sealed; only its keyed index is found.
    wording, page_text, protected_source : str
        Sealed. `page_text` only where somebody asked to keep it.
    page_hash : str
        SHA-256 of the page's visible text, in hex; kept whether the text is or not.
    read_text : str
        The page's visible text, from which the sketch of its wording is made; not stored.
    brand : str
        Codename; a new one makes a brand.
    draft : UUID or None
        Of the form, so that it records once however often it is sent.
    """

    observed_at: datetime
    observed_precision: str = "minute"
    brand: str = ""
    url: str = ""
    location_kind: str = ""
    hosting_country: str = ""
    hosting_basis: str = ""
    hosting_as_of: date | None = None
    access_path: str = ""
    commercial: str = ""
    payment_visibility: str = ""
    classification: tuple[Mapping[str, str], ...] = ()
    age_band: str = ""
    report_ref: str = ""
    report_origin: str = ""
    obtained: str = "seen"
    protected_source: str = ""
    accounts: tuple[AccountDraft, ...] = ()
    neutral_summary: str = ""
    wording: str = ""
    wording_language: str = ""
    page_text: str = ""
    page_hash: str = ""
    read_text: str = ""
    source_grade: str = ""
    info_grade: str = ""
    handling: str = ""
    tlp: str = "amber"
    pap: str = "amber"
    retention_class: str = "report"
    options: tuple[OptionDraft, ...] = ()
    indicators: tuple[IndicatorDraft, ...] = ()
    draft: UUID | None = None


_NOT_STORED = frozenset({"read_text"})


def require_plain(draft: object, where: str = "") -> None:
    """Refuse a draft that holds media or binary in any of its texts.

    Raises
    ------
    DataError
        Names the field; no part of the text is in the error.
    """
    for each in fields(draft):  # type: ignore[arg-type]
        if each.name not in _NOT_STORED:
            _require(getattr(draft, each.name), f"{where}{each.name}")


def _require(value: Any, where: str) -> None:
    """Look into a value of a draft, whatever it is made of."""
    if isinstance(value, str):
        require_text(value, where)
    elif isinstance(value, Mapping):
        for name, text in value.items():
            require_text(name, where)
            _require(text, where)
    elif isinstance(value, tuple):
        for place, one in enumerate(value, 1):
            if isinstance(one, Mapping | str):
                _require(one, f"{where} {place}")
            else:
                require_plain(one, f"{where} {place}: ")
