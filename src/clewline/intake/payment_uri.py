"""Payment URIs and Lightning invoices: what they ask for. Read as text; nothing is opened.

BIP-21 and BIP-321 (Bitcoin and its kin), ZIP-321 (Zcash), EIP-681 (Ethereum), Solana Pay, CIP-13
(Cardano), Monero's wallet URI, TON's transfer links, BOLT-11 and LNURL (LUD-01). Of TRON and the
XRP Ledger, where no standard is followed by all, the common parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from types import MappingProxyType
from typing import Final, NamedTuple

from clewline.codec.bech32 import CHARSET, bech32_decode
from clewline.intake.page_text import without_refused
from clewline.intake.reading import Reading, read_address


class Scheme(NamedTuple):
    """How payment URIs of one scheme name what they ask for.

    Attributes
    ----------
    chains : tuple of str
        Of the registry; the first is the currency of amounts.
    source : str
        Where it is written down.
    amount : str
        Parameter that holds the amount.
    decimals : int
        The amount counts this decimal place of the currency: 18 for wei, 0 for whole coins.
    most : int
        Digits after the point that an amount may have.
    names : tuple of tuple of str
        Parameters that are known, and what they are called here.
    """

    chains: tuple[str, ...]
    source: str
    amount: str = "amount"
    decimals: int = 0
    most: int = 8
    names: tuple[tuple[str, str], ...] = (("label", "label"), ("message", "message"))


_BIP21: Final = (
    *(("label", "label"), ("message", "message"), ("lightning", "lightning"), ("pj", "payjoin")),
    *(("bc", "segwit"), ("tb", "segwit"), ("sp", "silent_payment"), ("time", "time")),
    *(("exp", "expiry"), ("lno", "offer"), ("pay", "private_payment"), ("pop", "proof_callback")),
    *(("pjos", "payjoin"), ("r", "payment_request"), ("is", "instant_send")),
)

SCHEMES: Final = MappingProxyType(
    {
        "bitcoin": Scheme(("BTC",), "BIP-21, BIP-321", names=_BIP21),
        "litecoin": Scheme(("LTC",), "BIP-21", names=_BIP21),
        "dogecoin": Scheme(("DOGE",), "BIP-21", names=_BIP21),
        "dash": Scheme(("DASH",), "BIP-21", names=_BIP21),
        "bitcoincash": Scheme(("BCH",), "BIP-21", names=_BIP21),
        "zcash": Scheme(
            ("ZEC",),
            "ZIP-321",
            names=(("label", "label"), ("message", "message"), ("memo", "memo")),
        ),
        "monero": Scheme(
            ("XMR",),
            "Monero wallet",
            *("tx_amount", 0, 12),
            (
                ("tx_payment_id", "payment_id"),
                ("recipient_name", "label"),
                ("tx_description", "message"),
            ),
        ),
        "ethereum": Scheme(
            ("ETH",),
            "EIP-681",
            *("value", 18, 80),
            (("gas", "gas"), ("gasLimit", "gas"), ("gasPrice", "gas_price")),
        ),
        "solana": Scheme(
            ("SOL",),
            "Solana Pay",
            *("amount", 0, 9),
            (
                *(("spl-token", "token"), ("reference", "reference"), ("label", "label")),
                *(("message", "message"), ("memo", "memo")),
            ),
        ),
        "ton": Scheme(
            ("TON",),
            "TON transfer link",
            *("amount", 9, 0),
            (
                *(("text", "message"), ("jetton", "token"), ("exp", "expiry")),
                *(("bin", "payload"), ("init", "state")),
            ),
        ),
        "tron": Scheme(("TRX",), "no standard", names=(("token", "token"), ("memo", "memo"))),
        "web+cardano": Scheme(("ADA",), "CIP-13", most=6),
        "ripple": Scheme(
            ("XRP",), "no standard", most=6, names=(("dt", "tag"), ("label", "label"))
        ),
        "web+stellar": Scheme(
            ("XLM",),
            "SEP-7",
            most=7,
            names=(
                *(("destination", "address"), ("memo", "memo"), ("msg", "message")),
                *(("asset_code", "token"), ("asset_issuer", "token_issuer")),
            ),
        ),
        "lightning": Scheme(("BTC",), "BOLT-11, LUD-01"),
    }
)
"""Every scheme that is read."""

_ALIASES: Final = MappingProxyType({"xrp": "ripple", "xrpl": "ripple", "bch": "bitcoincash"})

_PERCENT: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_BAD_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PLAIN: Final = re.compile(r"[0-9]{0,40}(?:\.[0-9]{0,40})?")
_NUMBER: Final = re.compile(r"\+?[0-9]{1,80}(?:\.[0-9]{1,80})?(?:[eE]\+?[0-9]{1,3})?")
_EXACT: Final = Context(prec=2000)
_MOST_TEXT: Final = 300
_ETHEREUM: Final = re.compile(
    r"(?:pay-)?(?P<target>[^@/?]+)(?:@(?P<chain>[0-9]{1,20}))?(?:/(?P<function>[A-Za-z_]\w{0,60}))?"
)
_INDEX: Final = re.compile(r"([A-Za-z][A-Za-z0-9+-]*)(?:\.([1-9][0-9]{0,3}))?")


@dataclass(frozen=True)
class PaymentUri:
    """What a payment URI asks for.

    Attributes
    ----------
    scheme : str
        One of `SCHEMES`.
    address : str
        As it stands there; empty where there is none.
    readings : tuple of Reading
        What the address is, on the chains of the scheme.
    amount : str
        Decimal, in whole coins (of a token: as it stands there); empty where none is named.
    currency : str
        Of the amount: a currency code, or ``token``.
    details : Mapping of str to str
        Other parameters under the names of `SCHEMES`, decoded, with nothing refused in them.
    problems : tuple of str
        Why it is invalid; empty where it is not.
    """

    scheme: str
    address: str
    readings: tuple[Reading, ...]
    amount: str = ""
    currency: str = ""
    details: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    problems: tuple[str, ...] = ()

    @property
    def canonical(self) -> str:
        """Return the form by which such requests are compared: scheme, address, amount, token."""
        address = self.readings[0].canonical if self.readings else self.address
        start = address if address.startswith(f"{self.scheme}:") else f"{self.scheme}:{address}"
        asked = [f"amount={self.amount}"] if self.amount else []
        asked += [f"token={self.details['token']}"] if "token" in self.details else []
        return start + ("?" + "&".join(asked) if asked else "")


def scaled(amount: str, places: int) -> str:
    """Return a decimal string times a power of ten, exactly, without an exponent.

    Examples
    --------
    >>> scaled("2.014e18", -18), scaled("1.5", 3), scaled("0", -8)
    ('2.014', '1500', '0')
    """
    value = Decimal(amount, _EXACT).scaleb(places, _EXACT).normalize(_EXACT)
    return f"{value:f}"


def _decoded(text: str) -> str:
    """Return a text with percent-encoding read, short, without controls or what is refused."""
    plain = _PERCENT.sub(
        lambda match: bytes.fromhex(match[0].replace("%", "")).decode("utf-8", "replace"), text
    )
    plain = re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", plain)
    return without_refused(plain)[:_MOST_TEXT]


def _parameters(query: str, problems: list[str]) -> list[tuple[str, str]]:
    """Return the parameters of a query, in order; keys once."""
    found = [one.partition("=")[::2] for one in query.split("&") if one]
    keys = [key for key, _ in found]
    # EIP-681 and Solana Pay name the same type or reference more than once.
    twice = {key for key in keys if keys.count(key) > 1} if len(keys) < 100 else set()
    for key in sorted(twice - {"reference", "uint256", "address"}):
        problems.append(f"parameter {key[:40]!r} stands there twice")
    if _BAD_PERCENT.search(query):
        problems.append("a % is not followed by two hex digits")
    return [(key, value) for key, value in found[:100]]


def _amount(given: str, scheme: Scheme, problems: list[str]) -> str:
    """Return an amount in whole coins, or nothing and the reason."""
    form = _NUMBER if scheme.decimals else _PLAIN
    if not form.fullmatch(given) or not re.search(r"\d", given):
        problems.append("the amount is no decimal number")
        return ""
    places = len(given.partition(".")[2])
    if not scheme.decimals and places > scheme.most:
        problems.append(f"the amount has {places} decimal places; {scheme.most} are allowed")
        return ""
    whole = scaled(given if given[0] != "." else f"0{given}", -scheme.decimals)
    if scheme.decimals and len(whole.partition(".")[2]) > scheme.decimals:
        problems.append("the amount has parts of the smallest unit")
        return ""
    return whole


def _of_chains(address: str, scheme: Scheme) -> tuple[Reading, ...]:
    """Return the readings of an address on the chains of a scheme."""
    return tuple(one for one in read_address(address) if one.chain in scheme.chains)


def _required(key: str) -> bool:
    """Tell whether who does not know a parameter must refuse the request (BIP-21, ZIP-321)."""
    return key.lower().startswith("req-")


def _plain_uri(name: str, path: str, query: str) -> PaymentUri:
    """Read a URI of the form of BIP-21: address, then parameters."""
    scheme, problems = SCHEMES[name], list[str]()
    names, details, amount = dict(scheme.names), dict[str, str](), ""
    address = f"{name}:{path}" if name == "bitcoincash" and path else path
    for key, value in _parameters(query, problems):
        # A QR code in capitals has its keys in capitals, too (BIP-321).
        known = key if key in names or key == scheme.amount else key.lower()
        if known == scheme.amount:
            amount = _amount(value, scheme, problems)
        elif known in names:
            details[names[known]] = _decoded(value)
        elif _required(key):
            problems.append(f"the unknown parameter {_decoded(key)[:40]!r} is required")
    if not path and "address" in details:
        address = details.pop("address")
    if not address and name == "bitcoin":
        address = details.get("segwit", "")
        if not address and "lightning" in details:
            return _with_invoice(details, amount, problems)
    readings = _of_chains(address, scheme)
    if not readings:
        problems.append(
            f"the address is none of {scheme.chains[0]}" if address else "there is no address"
        )
    currency = "token" if "token" in details else scheme.chains[0]
    return PaymentUri(
        *(name, address, readings, amount, currency if amount else ""),
        *(MappingProxyType(details), tuple(problems)),
    )


def _with_invoice(details: dict[str, str], amount: str, problems: list[str]) -> PaymentUri:
    """Return a request of Bitcoin that has a Lightning invoice alone (BIP-321)."""
    invoice = read_lightning(details["lightning"])
    return PaymentUri(
        *("bitcoin", invoice.address, invoice.readings, amount or invoice.amount, "BTC"),
        *(MappingProxyType({**invoice.details, **details}), (*problems, *invoice.problems)),
    )


def _zcash(path: str, query: str) -> PaymentUri:
    """Read a request of Zcash (ZIP-321); of several payments, the first and how many there are."""
    problems: list[str] = []
    payments: dict[str, list[str]] = {"": [f"address={path}"]} if path else {}
    for key, value in _parameters(query, problems):
        match = _INDEX.fullmatch(key)
        if match is None:
            problems.append(f"the parameter {_decoded(key)[:40]!r} has no valid name or index")
            continue
        payments.setdefault(match[2] or "", []).append(f"{match[1]}={value}")
    found = []
    for index, pairs in sorted(payments.items(), key=lambda item: int(item[0] or 0)):
        addresses = [one[8:] for one in pairs if one.startswith("address=")]
        if len(addresses) != 1:
            problems.append(f"payment {index or 0} has {len(addresses)} addresses; one is needed")
            continue
        rest = "&".join(one for one in pairs if not one.startswith("address="))
        one = _plain_uri("zcash", addresses[0], rest)
        shielded = any(
            "transparent" not in read.kind and "P2" not in read.kind for read in one.readings
        )
        if "memo" in one.details and one.readings and not shielded:
            problems.append("a memo cannot go to a transparent address")
        problems += one.problems
        found.append(one)
    if not found:
        return PaymentUri("zcash", "", (), problems=(*problems, "there is no address"))
    first = found[0]
    details = dict(first.details)
    if len(found) > 1:
        details["payments"] = str(len(found))
        details["other_addresses"] = " ".join(one.address for one in found[1:])
    return PaymentUri(
        *("zcash", first.address, first.readings, first.amount, first.currency),
        *(MappingProxyType(details), tuple(dict.fromkeys(problems))),
    )


def _ethereum(path: str, query: str) -> PaymentUri:
    """Read a request of an EVM chain (EIP-681): a payment, or a call of a token's ``transfer``."""
    scheme, problems = SCHEMES["ethereum"], list[str]()
    match = _ETHEREUM.fullmatch(path)
    if match is None:
        return PaymentUri("ethereum", _decoded(path), (), problems=("the target cannot be read",))
    details = {"chain_id": match["chain"]} if match["chain"] else {}
    address, amount, currency = match["target"], "", "ETH"
    given = dict(reversed(_parameters(query, problems)))
    if match["function"]:
        details["function"] = match["function"]
    if match["function"] == "transfer":
        details["token"], currency = address, "token"
        address = given.get("address", "")
        units = given.get("uint256", "")
        if units:
            amount = scaled(units, 0) if _NUMBER.fullmatch(units) else ""
            if not amount:
                problems.append("the amount is no decimal number")
    elif "value" in given:
        amount = _amount(given["value"], scheme, problems)
    for key, called in scheme.names:
        if key in given:
            details[called] = _decoded(given[key])
    readings = _of_chains(address, scheme)
    if not readings:
        named = "." in address
        problems.append(
            "a name stands for the address; only the chain can tell which"
            if named
            else "the address is none of an EVM chain"
        )
    return PaymentUri(
        *("ethereum", _decoded(address), readings, amount, currency if amount else ""),
        *(MappingProxyType(details), tuple(problems)),
    )


_INVOICE: Final = re.compile(r"ln(bc|tb|tbs|bcrt)(?:([1-9][0-9]{0,18})([munp]?))?")
_MULTIPLIERS: Final = {"": 0, "m": -3, "u": -6, "n": -9, "p": -12}
_DEFAULT_EXPIRY: Final = 3600  # BOLT-11, field x
_SIGNATURE_WORDS: Final = 104


def _invoice_fields(words: list[int]) -> Iterator[tuple[str, list[int]]]:
    """Yield the tagged fields of an invoice: name and groups of five bits."""
    at, end = 7, len(words) - _SIGNATURE_WORDS
    while at + 3 <= end:
        size = words[at + 1] * 32 + words[at + 2]
        if at + 3 + size > end:
            return
        yield CHARSET[words[at]], words[at + 3 : at + 3 + size]
        at += 3 + size


def _number(words: list[int]) -> int:
    """Return groups of five bits as a number."""
    return int("".join(f"{word:05b}" for word in words) or "0", 2)


def read_lightning(text: str) -> PaymentUri:
    """Read a Lightning invoice (BOLT-11) or an LNURL (LUD-01), with or without its scheme.

    Amount, time and expiry of an invoice are details; the server of an LNURL is named and never
    asked.

    Examples
    --------
    >>> read_lightning("lnbc1").problems
    ('this is no Lightning invoice and no LNURL',)
    """
    plain = text.lower()
    readings = tuple(one for one in read_address(plain) if one.kind == "Lightning invoice")
    prefix, _, data = plain.rpartition("1")
    invoice = _INVOICE.fullmatch(prefix)
    if readings and invoice:
        words = [CHARSET.index(one) for one in data[:-6]]
        begun = _number(words[:7])
        fields = dict(_invoice_fields(words))
        details = {"created": str(begun), "expiry": str(_number(fields.get("x", [])[:20]))}
        if "x" not in fields:
            details["expiry"] = str(_DEFAULT_EXPIRY)
        if len(fields.get("p", ())) == 52:
            details["payment_hash"] = f"{_number(fields['p'][:52]) >> 4:064x}"
        amount = scaled(invoice[2], _MULTIPLIERS[invoice[3]]) if invoice[2] else ""
        return PaymentUri(
            *("lightning", plain, readings, amount, "BTC" if amount else ""),
            MappingProxyType(details),
        )
    read = bech32_decode(plain) if plain.startswith("lnurl1") and len(plain) <= 2000 else None
    if read is not None and read[0] == "lnurl":
        host = re.match(rb"https?://([A-Za-z0-9.-]{1,255})", read[1])
        details = {"host": host[1].decode().lower()} if host else {}
        problems = () if host else ("an LNURL stands for a URL; this one does not",)
        return PaymentUri("lightning", plain, (), "", "", MappingProxyType(details), problems)
    problem = "this is no Lightning invoice and no LNURL"
    return PaymentUri("lightning", _decoded(text), (), problems=(problem,))


def read_payment_uri(text: str) -> PaymentUri | None:
    """Read a payment URI.

    Parameters
    ----------
    text : str
        The whole URI. Nothing is stripped or mended.

    Returns
    -------
    PaymentUri or None
        With the reasons where it is invalid; None where the scheme is none of `SCHEMES`.

    Examples
    --------
    >>> address = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
    >>> uri = read_payment_uri(f"bitcoin:{address}?amount=0.0015&label=a%20b")
    >>> uri.amount, uri.currency, uri.details["label"], uri.problems
    ('0.0015', 'BTC', 'a b', ())
    >>> uri.canonical
    'bitcoin:1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2?amount=0.0015'
    """
    name, colon, rest = text.partition(":")
    name = _ALIASES.get(name.lower(), name.lower())
    if not colon or name not in SCHEMES:
        return None
    path, _, query = rest.partition("?")
    path = path.removeprefix("//")
    if name == "lightning":
        return read_lightning(path)
    if name == "ethereum":
        return _ethereum(path, query)
    if name == "zcash":
        return _zcash(path, query)
    if name == "solana" and _decoded(path).lower().startswith("https:"):
        host = re.match(r"(?i)https://([a-z0-9.-]{1,255})", _decoded(path))
        details = {"host": host[1].lower()} if host else {}
        return PaymentUri(
            *("solana", "", (), "", "", MappingProxyType(details)),
            ("the request stands behind a link, which is not opened",),
        )
    for before in ("transfer/", "addr/", "pay"):
        path = path.removeprefix(before) if name in {"ton", "web+cardano", "web+stellar"} else path
    return _plain_uri(name, path, query)


_NAMES: Final = "|".join(sorted(map(re.escape, (*SCHEMES, *_ALIASES)), key=len, reverse=True))
_IN_TEXT: Final = re.compile(
    rf"(?<![\w.+-])(?:(?:{_NAMES}):(?://)?[^\s\"'<>\\^`{{|}}\0]{{6,4000}}"
    r"|ln(?:bc|tb|tbs|bcrt)[0-9][a-z0-9]{180,3990}|lnurl1[a-z0-9]{20,1990})",
    re.IGNORECASE,
)

# In small letters, one of them is in whatever the expression finds.
_IN_ANY: Final = (*(f"{name}:" for name in (*SCHEMES, *_ALIASES)), "lnbc", "lntb", "lnurl1")


def find_payment_uris(text: str) -> Iterator[tuple[int, int, PaymentUri]]:
    """Yield the payment URIs and Lightning invoices of a text: start, end, and what is asked for.

    A scheme before something that neither is an address nor has a query is a word and a colon, and
    is passed over.

    Examples
    --------
    >>> [uri.scheme for *_, uri in find_payment_uris("Bitcoin:yes-we-do, bitcoin:1Bv?amount=1.")]
    ['bitcoin']
    """
    low = text.lower()
    if not any(one in low for one in _IN_ANY):
        return
    for match in _IN_TEXT.finditer(text):
        shown = match[0].rstrip(".,;:!?)]*_~")
        uri = read_payment_uri(shown) if ":" in shown else read_lightning(shown)
        if uri is not None and (uri.readings or "?" in shown or not uri.problems):
            yield match.start(), match.start() + len(shown), uri
