"""What a pasted page seems to say, laid out for a person who confirms it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from clewline import vocab
from clewline.intake import PageReading, Proposal, ProposalKind, read_address, read_page
from clewline.intake.indicators import Indicator, find_indicators
from clewline.intake.refused import refused

MOST_ROWS: Final = 40
AS_SHOWN: Final = "as-shown"
"""The choice that an address whose checksum is wrong stands so on the page."""

_SHORT: Final = {"asset": 20, "network": 30, "tier": 60, "processor": 60, "memo": 120}


@dataclass(frozen=True)
class Row:
    """A payment option as proposed.

    Attributes
    ----------
    fields : dict
        Initial values of an `OptionForm`.
    certainty : str
        ``certain``, ``likely`` or ``ambiguous``.
    reason : str
        Why it is proposed.
    place : str
        Where on the page it stands.
    prices : tuple of str
        The page's prices, where several may be meant.
    """

    fields: dict[str, Any]
    certainty: str
    reason: str
    place: str
    prices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Read:
    """A page as it was read, for the form.

    Attributes
    ----------
    reading : PageReading
        What was read.
    rows : tuple of Row
        Proposed options: ways to pay, then contacts, then ways to credit.
    links, aside : tuple of Indicator
        Indicators that may link pages, and those set aside.
    """

    reading: PageReading
    rows: tuple[Row, ...]
    links: tuple[Indicator, ...] = ()
    aside: tuple[Indicator, ...] = ()
    left_out: int = field(default=0)


def read_paste(source: str, seen: datetime) -> Read:
    """Read a pasted page; nothing of it is kept.

    Parameters
    ----------
    source : str
        Text or HTML.
    seen : datetime
        When the page was seen: what expires, expires so much later.

    Raises
    ------
    DataError
        If it is no text, or too long.
    """
    # A browser sends other ends of lines with a form than without one.
    source = source.replace("\r\n", "\n")
    reading = read_page(source)
    rows = [*_options(reading, seen), *_contacts(reading), *_credits(reading)]
    links, aside = split_indicators(source)
    return Read(reading, tuple(rows[:MOST_ROWS]), links, aside, max(len(rows) - MOST_ROWS, 0))


def split_indicators(source: str) -> tuple[tuple[Indicator, ...], tuple[Indicator, ...]]:
    """Return the indicators of a page that may link it to another, and those set aside."""
    once: dict[tuple[str, str], Indicator] = {}
    for one in find_indicators(source):
        once.setdefault((one.kind, one.value), one)
    found = [one for one in once.values() if one.value]
    return tuple(o for o in found if o.links), tuple(o for o in found if not o.links)


def token_of(indicator: Indicator) -> str:
    """Return what stands for an indicator in a form: where it is, never what."""
    return f"{indicator.kind}:{indicator.start}:{indicator.end}"


def cut(source: str) -> str:
    """Return a paste without the data URIs and base64 in it, each named and measured.

    Examples
    --------
    >>> cut("20 EUR data:image/png;base64,AAAA")
    '20 EUR [removed: data URI, 26 characters]'
    """
    parts, at = [], 0
    for start, end, why in refused(source):
        parts += [source[at:start], f"[removed: {why}, {end - start:,} characters]"]
        at = end
    return "".join([*parts, source[at:]])


def new_addresses(
    reading: PageReading, before: Sequence[tuple[str, str]]
) -> tuple[list[str], list[str]]:
    """Propose which address of a refreshed page stands in the place of which before.

    Parameters
    ----------
    reading : PageReading
        The page as it is now.
    before : sequence of tuple of str
        Chain and canonical form of each option's address; empty where it had none.

    Returns
    -------
    tuple of list of str
        The address now, one an option and empty where none is proposed; and those left over.
    """
    left = [
        (one.value, str(one.details.get("chain") or ""), one.details.get("chains", ()))
        for one in reading.proposals
        if one.kind is ProposalKind.ADDRESS and "chains" in one.details
    ]
    now = []
    for chain, old in before:
        fitting = [one for one in left if chain and (one[1] == chain or chain in one[2])]
        fitting.sort(key=lambda one: one[0] == old)
        if fitting:
            left.remove(fitting[0])
        now.append(fitting[0][0] if fitting else "")
    return now, [one[0] for one in left]


def _options(reading: PageReading, seen: datetime) -> Iterator[Row]:
    """Yield a row for each way to pay."""
    for option in reading.options:
        members = [reading.proposals[i] for i in option.members]
        choices = [reading.proposals[i] for i in option.choices]
        fields = _fields(members, seen)
        several = _several_prices(choices)
        prices: tuple[str, ...] = ()
        if several:
            fields |= several[0]
            prices = several[1]
        first = next((m for m in members if m.kind in _PAID_TO), members[0])
        yield Row(
            fields,
            str(first.certainty),
            f"{first.reason}; {option.reason}",
            first.place,
            prices,
        )


_PAID_TO: Final = (ProposalKind.ADDRESS, ProposalKind.PAYMENT_URI)
_FROM_URI: Final = ("label", "message", "memo", "payment_id", "amount", "token", "lightning")


def _fields(members: Sequence[Proposal], seen: datetime) -> dict[str, Any]:
    """Return the initial values of one option."""
    fields: dict[str, Any] = {"rail": "crypto"}
    for one in members:
        said = one.details
        if one.kind is ProposalKind.ADDRESS:
            fields |= _address(one)
        elif one.kind is ProposalKind.PAYMENT_URI:
            fields |= _payment_uri(one, fields)
        elif one.kind is ProposalKind.PRICE and "coin" not in said:
            fields |= _price(one)
        elif one.kind is ProposalKind.PRICE:
            fields["payment_currency"] = _text(said.get("currency"))
        elif one.kind is ProposalKind.PERIOD:
            fields["period"] = one.value if one.value in vocab.words("period") else ""
        elif one.kind is ProposalKind.TIER:
            fields["tier"] = one.shown
        elif one.kind is ProposalKind.RAIL and one.value != "crypto":
            fields |= {"rail": one.value, "processor": _text(said.get("title"))}
        elif one.kind is ProposalKind.PROCESSOR:
            fields["processor"] = _text(said.get("title")) or one.value
        elif one.kind is ProposalKind.INVOICE_EXPIRY and one.value.isdigit():
            fields["invoice_expires_at"] = seen + timedelta(seconds=min(int(one.value), 10**7))
    return {name: _fit(name, value) for name, value in fields.items()}


def _address(one: Proposal) -> dict[str, Any]:
    """Return what an address says of its option."""
    said = one.details
    fields: dict[str, Any] = {"address_shown": one.shown, "memo": _text(said.get("tag"))}
    asset, chain = _text(said.get("asset")), _text(said.get("chain"))
    chains = said.get("chains", ())
    if not chain and len(chains) == 1:
        chain = chains[0]
    fields["asset"] = asset or chain
    fields["network"] = _text(said.get("network"))
    fields["readings"] = choices_of(_text(said.get("address")) or one.value)
    for slip in said.get("did_you_mean", ()):
        fields["readings"] += choices_of(slip, meant=True)
    fields["reading"] = next(
        (value for value, _ in fields["readings"] if value.startswith(f"{chain}|")), ""
    )
    return fields


def choices_of(address: str, *, meant: bool = False) -> list[tuple[str, str]]:
    """Return what a text may be as an address, as choices of a form."""
    start = f"did you mean {address}: " if meant else ""
    return [
        (f"{one.chain}|{one.network}|{one.canonical}", f"{start}{one.chain} {one.kind}")
        for one in read_address(address)
    ]


def _payment_uri(one: Proposal, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a payment URI says of its option, beside what an address said before."""
    said = one.details
    found: dict[str, Any] = {"form": "payment_uri"}
    if not fields.get("address_shown") and said.get("address"):
        found |= _address(one) | {"address_shown": _text(said["address"])}
    asked = {name: _text(said[name]) for name in _FROM_URI if said.get(name)}
    found["uri_parameters"] = "\n".join(f"{name}={text}" for name, text in asked.items())
    found["memo"] = fields.get("memo") or asked.get("memo") or asked.get("payment_id") or ""
    return found


def _price(one: Proposal) -> dict[str, Any]:
    """Return what a price says of its option."""
    said = one.details
    least, most = _text(said.get("amount_min")), _text(said.get("amount_max"))
    return {
        "amount_min": least,
        "amount_max": most if most != least else "",
        "price_currency": _text(said.get("currency")),
        "payment_currency": _text(said.get("currency_of_payment")),
    }


def _several_prices(
    choices: Sequence[Proposal],
) -> tuple[dict[str, Any], tuple[str, ...]] | None:
    """Return the range of a page's prices in one currency, and the prices as they stand."""
    prices = [one for one in choices if one.kind is ProposalKind.PRICE]
    if not prices:
        return None
    shown = tuple(dict.fromkeys(one.shown for one in prices))[:12]
    plain = [one.details for one in prices if one.details.get("amount_min")]
    currencies = {said.get("currency") for said in plain}
    if len(plain) != len(prices) or len(currencies) != 1:
        return {}, shown
    if len(prices) == 1:
        return _price(prices[0]), ()
    amounts = [
        Decimal(_text(said[name]))
        for said in plain
        for name in ("amount_min", "amount_max")
        if said.get(name)
    ]
    currency = _text(next(iter(currencies)))
    return {
        "amount_min": f"{min(amounts):f}",
        "amount_max": f"{max(amounts):f}" if max(amounts) > min(amounts) else "",
        "price_currency": currency,
    }, shown


def _contacts(reading: PageReading) -> Iterator[Row]:
    """Yield a row for each contact of the page."""
    kinds = vocab.words("contact_kind")
    for one in reading.proposals:
        if one.kind is ProposalKind.CONTACT:
            kind = _text(one.details.get("contact"))
            fields = {
                "rail": "other",
                "form": "contact_seller",
                "contact": one.value,
                "contact_kind": kind if kind in kinds else "other",
            }
            yield Row(fields, str(one.certainty), one.reason, one.place)


def _credits(reading: PageReading) -> Iterator[Row]:
    """Yield a row for each way in which site credit is earned."""
    seen = set()
    for one in reading.proposals:
        if one.kind is ProposalKind.CREDIT and one.value not in seen:
            seen.add(one.value)
            fields = {"rail": "other", "credit": one.value}
            yield Row(fields, str(one.certainty), one.reason, one.place)


def _text(value: Any) -> str:
    """Return a detail that is one text; the only one of several."""
    if isinstance(value, tuple):
        return value[0] if len(value) == 1 else ""
    return value or ""


def _fit(name: str, value: Any) -> Any:
    """Cut a proposed text to what its field takes; the person sees what is left."""
    return value[: _SHORT[name]] if name in _SHORT and isinstance(value, str) else value
