"""Lists to share, made up, and strategies that make any."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from clewline.sharing import FIELDS, Kind, SharedItem, SharedList

DAY = datetime(2025, 3, 1, 12, 30, 15, tzinfo=UTC)
LATER = datetime(2031, 1, 1, tzinfo=UTC)  # after any item that is drawn
BECH32 = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"  # BIP-173
TAPROOT = "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"  # BIP-350
EVM = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # ERC-55
MONERO = (  # the donation address of the Monero project, as in its documentation
    "888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoogDavup3H"
)
EVM_NETWORKS = ("ethereum", "bsc", "polygon", "arbitrum", "base")


def item(**values: Any) -> SharedItem:
    """Return an item with what is given, and what it needs."""
    core = {"id": "R-7K3M2Q92", "state": "new", "revision": 1, "tlp": "amber"}
    return SharedItem(**{**core, "shared_at": DAY, "changed_at": DAY, **values})


def full(**values: Any) -> SharedItem:
    """Return an item with all that an item can hold."""
    every = {
        "id": "R-FULL0001",
        "state": "changed",
        "revision": 3,
        "shared_at": DAY - timedelta(days=3),
        "tlp": "amber_strict",
        "chain": "ETH",
        "network": "bsc",
        "address": EVM,
        "memo": "=104711",
        "rail": "crypto",
        "asset": "USDT",
        "token": "0x55d398326f99059fF775485246999027B3197955",
        "period": "monthly",
        "amount_min": "29.99",
        "amount_max": "49.90",
        "price_currency": "USD",
        "payment_currency": "USDT",
        "brand_codename": "Heron seventeen",
        "category": "child_sexual_abuse",
        "standing": "control",
        "confidence": "manual_transaction",
        "source_grade": "1",
        "info_grade": "B",
        "pap": "green",
        "handling": "H2",
        "first_seen": DAY - timedelta(days=9),
        "last_seen": DAY - timedelta(days=1),
        "seen_count": 4,
        "rotation_group": "G-19ab77xy",
        "rotation_index": 2,
        "valid_from": DAY - timedelta(days=9),
        "valid_until": DAY + timedelta(days=90),
        "abuse_label": "Payment page, category B",
        "hosting_country": "NL",
        "wording": "Made-up wording\nof a payment page",
        "url": "https://site.example/pay",
    }
    return item(**{**every, **values})


def shared(*items: SharedItem, **values: Any) -> SharedList:
    """Return a list of items."""
    core = {"version": 7, "made_at": DAY + timedelta(hours=1), "issuer": "Hotline 1 (made up)"}
    return SharedList(**{**core, "recipient": "P-EXCH0001", "items": items, **values})


_TIMES = st.integers(1_300_000_000, 1_900_000_000).map(lambda s: datetime.fromtimestamp(s, UTC))
_PRINTABLE = st.characters(exclude_categories=("C", "Z"))
_REFERENCES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{7,20}", fullmatch=True)
_TEXTS = {
    Kind.REFERENCE: _REFERENCES,
    Kind.NAME: st.from_regex(r"[A-Z]{2,5}", fullmatch=True),
    Kind.CODE: st.from_regex(r"[A-Za-z0-9.$_-]{1,12}", fullmatch=True),
    Kind.AMOUNT: st.from_regex(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?", fullmatch=True),
    Kind.ADDRESS: st.from_regex(r"[!-~]{1,60}", fullmatch=True),
    Kind.COUNTRY: st.sampled_from(("NL", "GB", "DE")),
}
_ADDRESSES = st.sampled_from(
    (
        ("BTC", "main", BECH32),
        ("BTC", "main", TAPROOT),
        ("BTC", "test", "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn"),
        ("XMR", "monero", MONERO),
        ("TRX", "tron", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"),
        *(("ETH", network, EVM) for network in EVM_NETWORKS),
    )
)


def _values(name: str) -> st.SearchStrategy[Any]:
    """Values of one field."""
    field = FIELDS[name]
    if field.words:
        return st.sampled_from(field.words)
    if field.kind is Kind.TIME:
        return _TIMES
    if field.kind is Kind.COUNT:
        return st.integers(0, 2**31 - 1)
    if field.kind in _TEXTS:
        return _TEXTS[field.kind]
    more = st.sampled_from(" \n\t") if field.kind is Kind.LONG_TEXT else st.just(" ")
    text = st.text(_PRINTABLE | more | st.sampled_from("='\"+-@,;{}:#&*|"), min_size=1, max_size=40)
    return text.map(str.strip).filter(lambda one: 0 < len(one) <= field.most)


_FREE = [name for name, one in FIELDS.items() if not one.core]


@st.composite
def items(draw: Any) -> SharedItem:
    """Any item."""
    names = draw(st.sets(st.sampled_from(_FREE)))
    values = {name: draw(_values(name)) for name in names}
    names = set(values)
    if names & {"chain", "network", "address", "memo"}:
        values |= dict(zip(("chain", "network", "address"), draw(_ADDRESSES), strict=True))
    if "rotation_index" in names:
        values["rotation_group"] = draw(_REFERENCES)
    for first, last in (("first_seen", "last_seen"), ("valid_from", "valid_until")):
        if {first, last} <= names:
            values[first], values[last] = sorted((values[first], values[last]))
    if {"amount_min", "amount_max"} <= names:
        values["amount_max"] = values["amount_min"]
    state = draw(st.sampled_from(("new", "changed", "withdrawn")))
    times = sorted((draw(_TIMES), draw(_TIMES)))
    return item(
        **values,
        id=draw(_REFERENCES),
        tlp=draw(_values("tlp")),
        state=state,
        revision=1 if state == "new" else draw(st.integers(2, 99)),
        shared_at=times[0],
        changed_at=times[1],
    )


@st.composite
def shared_lists(draw: Any) -> SharedList:
    """Any list of a few items."""
    version = draw(st.integers(2, 999))
    return shared(
        *draw(st.lists(items(), max_size=4, unique_by=lambda one: one.id)),
        version=version,
        previous=draw(st.none() | st.integers(1, version - 1)),
        issuer=draw(_values("brand_codename")),
        recipient=draw(_REFERENCES),
        made_at=LATER,
    )
