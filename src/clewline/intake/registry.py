"""The one table of chains and address kinds that Clewline recognises; ADDRESSES.md is its print.

A row says how a text of its kind begins, which characters it has, how long it is, and what checks
it. Rows of Bitcoin and its kin come from `clewline.codec.networks`. Another chain is another row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np

from clewline.codec.address import (
    AddressStatus,
    decode_addresses,
    encode_addresses,
    first_characters,
)
from clewline.codec.base58 import ALPHABET, base58check_encode
from clewline.codec.bech32 import BECH32, BECH32M
from clewline.codec.networks import NETWORKS, Network
from clewline.codec.script import ScriptKind, script_kinds
from clewline.intake import kinds
from clewline.intake.kinds import Check, Meaning


class Strength(StrEnum):
    """How sure the text alone makes that nothing in it is wrong."""

    STRONG = "strong"
    WEAK = "weak"
    NONE = "none"

    @property
    def meaning(self) -> str:
        """Return what the word stands for.

        Examples
        --------
        >>> Strength.NONE.meaning
        'nothing in the text can be checked'
        """
        return _MEANINGS[self]


_MEANINGS: Final = {
    Strength.STRONG: "a checksum of 30 bits or more matches: one random text in a billion, or "
    "fewer, passes",
    Strength.WEAK: "a checksum of 12 to 16 bits matches, or there is none but the length after "
    "decoding must fit: other texts of this form exist",
    Strength.NONE: "nothing in the text can be checked",
}

BASE58: Final = "1-9A-HJ-NP-Za-km-z"
_BECH32: Final = "02-9ac-hj-np-z"
_BECH32_ANY: Final = f"{_BECH32}AC-HJ-NP-Z"
_HEX: Final = "0-9a-fA-F"
_BASE32: Final = "A-Z2-7"
_BASE64: Final = "A-Za-z0-9+/_-"

_SHA: Final = "base58check: 32 bits of SHA-256d"
_PRINTABLE: Final = "".join(map(chr, range(33, 127)))
_FOR_TESTS: Final = re.compile(r"test|signet|stage")

Batch = Callable[[Sequence[str]], list[tuple[str, Meaning] | None]]
"""Texts to kind and meaning of each; None where one is not of the row."""


@dataclass(frozen=True)
class Kind:
    """A row: one form of address of one network.

    Attributes
    ----------
    chain : str
        Currency code, or the name of a family where many chains share the form.
    name : str
        Kind of address; where one form holds several (Bitcoin's), what they have in common.
    network : str
        As in `clewline.codec.networks`; other chains are named in the same way.
    starts : tuple of str
        What a text of the kind begins with, one of them.
    alphabet : str
        Characters after that, as in a class of a regular expression.
    shortest, longest : int
        Length with the beginning.
    strength : Strength
        Of a text that carries the checksum of its kind.
    rule : str
        What is checked, for the docs.
    read : callable
        Texts that have the form, to kind and meaning.
    any_case : bool
        Whether the beginning may be in upper case as well.
    joins : bool
        Whether pieces of a broken text may be put together. Not where nothing would tell whether
        they belong together.
    """

    chain: str
    name: str
    network: str
    starts: tuple[str, ...]
    alphabet: str
    shortest: int
    longest: int
    strength: Strength
    rule: str
    read: Batch
    any_case: bool = False
    joins: bool = True
    form: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        beginning = "|".join(map(re.escape, self.starts))
        rest = f"[{self.alphabet}]+" if self.alphabet else ""
        folded = f"(?i:{beginning})" if self.any_case else f"(?:{beginning})"
        object.__setattr__(self, "form", re.compile(f"{folded}{rest}"))

    @property
    def for_tests(self) -> bool:
        """Tell whether the network is one whose money is worth nothing."""
        return _FOR_TESTS.search(self.network) is not None

    @property
    def characters(self) -> str:
        """Return the characters of the alphabet one by one."""
        return "".join(re.findall(f"[{self.alphabet}]", _PRINTABLE))

    def fits(self, text: str) -> bool:
        """Tell whether a text has the form of this kind, whatever its checksum says.

        Examples
        --------
        >>> row = next(kind for kind in KINDS if kind.chain == "TRX")
        >>> row.fits("T" * 34), row.fits("1" * 34), row.fits("T" * 33)
        (True, False, False)
        """
        return self.shortest <= len(text) <= self.longest and self.form.fullmatch(text) is not None


def _each(name: str, check: Check) -> Batch:
    """Return a check of one text as one of many."""

    def read(texts: Sequence[str]) -> list[tuple[str, Meaning] | None]:
        return [(name, found) if (found := check(text)) else None for text in texts]

    return read


_SCRIPT_NAMES: Final = {
    ScriptKind.PUBKEYHASH: "P2PKH",
    ScriptKind.SCRIPTHASH: "P2SH",
    ScriptKind.WITNESS_V0_KEYHASH: "P2WPKH",
    ScriptKind.WITNESS_V0_SCRIPTHASH: "P2WSH",
    ScriptKind.WITNESS_V1_TAPROOT: "P2TR",
}


def _same_case(text: str) -> str:
    """Return a CashAddr text with its prefix, the scheme of a URI, in the case of the rest."""
    prefix, separator, rest = text.rpartition(":")
    return (prefix.upper() if rest.isupper() else prefix.lower()) + separator + rest


def _of_network(network: Network) -> Batch:
    """Return how texts are read as addresses of a network of Bitcoin or its kin."""

    def read(texts: Sequence[str]) -> list[tuple[str, Meaning] | None]:
        decoded = decode_addresses(
            [_same_case(text) if ":" in text else text for text in texts], network
        )
        good = np.flatnonzero(decoded.status == AddressStatus.OK)
        answers: list[tuple[str, Meaning] | None] = [None] * len(texts)
        if good.size:
            scripts = script_kinds(decoded.blob, decoded.starts)
            shown = encode_addresses(decoded.blob, decoded.starts, scripts, network, ids=good)
            for i, kind, text in zip(good.tolist(), scripts[good].tolist(), shown, strict=True):
                name = _SCRIPT_NAMES.get(kind, "witness program")
                answers[i] = name, Meaning(text or texts[i])
        return answers

    return read


def _starts(version: int) -> tuple[str, ...]:
    """Return what base58 addresses of a version begin with, in two characters where all do."""
    first = version.to_bytes(2 if version > 0xFF else 1, "big")
    ends = [base58check_encode(first + rest * 20) for rest in (b"\0", b"\xff")]
    return (ends[0][:2],) if ends[0][:2] == ends[1][:2] else tuple(first_characters(version))


def _kin(network: Network) -> list[Kind]:
    """Return the rows of one network of Bitcoin or its kin."""
    versions = {network.p2pkh_version, network.p2sh_version, network.old_p2sh_version} - {-1}
    starts = tuple(sorted({start for version in versions for start in _starts(version)}))
    longest = 36 if max(versions) > 0xFF else 35
    asset, read = network.coin.asset, _of_network(network)
    rows = [
        Kind(
            *(asset, "P2PKH, P2SH", network.name, starts, BASE58, 26, longest),
            *(Strength.STRONG, _SHA, read),
        )
    ]
    if network.bech32_prefix:
        rows.append(
            Kind(
                *(asset, "P2WPKH, P2WSH, P2TR, witness program", network.name),
                starts=(f"{network.bech32_prefix}1",),
                alphabet=_BECH32_ANY,
                shortest=14,
                longest=90,
                strength=Strength.STRONG,
                rule="bech32 or bech32m: 30 bits",
                read=read,
                any_case=True,
            )
        )
    if prefix := network.cashaddr_prefix:
        rows.append(
            Kind(
                *(asset, "P2PKH, P2SH (CashAddr)", network.name),
                starts=(f"{prefix}:", *"qpzr"),
                alphabet=_BECH32_ANY,
                shortest=42,
                longest=len(prefix) + 43,
                strength=Strength.STRONG,
                rule="CashAddr: 40 bits",
                read=read,
                any_case=True,
            )
        )
    return rows


def _row(
    label: tuple[str, str, str],
    starts: str,
    alphabet: str,
    lengths: tuple[int, int],
    rule: str,
    check: Check,
    strength: Strength = Strength.STRONG,
    *,
    joins: bool = True,
) -> Kind:
    """Return a row of a kind that is checked text by text; `starts` are words."""
    chain, name, network = label
    any_case = alphabet.startswith(_BECH32_ANY)
    first, last = lengths
    return Kind(
        *(chain, name, network, tuple(starts.split()), alphabet, first, last),
        *(strength, rule, _each(name, check), any_case, joins),
    )


def _bech32(label: tuple[str, str, str], prefix: str, *sizes: int, constant: int = BECH32) -> Kind:
    """Return a row of a kind in bech32 or bech32m with so many bytes."""
    # Groups of five bits: MWEB has one more in front, for its version.
    room = [len(prefix) + 7 + -(-8 * size // 5) for size in sizes]
    rule = f"bech32{'m' if constant == BECH32M else ''}: 30 bits"
    check = kinds.bech32_kind(constant, prefix, sizes)
    lengths = min(room), max(room) + 1
    return _row(label, f"{prefix}1", _BECH32_ANY, lengths, rule, check)


_KECCAK: Final = "Monero's base58, 32 bits of Keccak-256"
_CRC16: Final = "16 bits of CRC-16"

_ZCASH: Final = (
    _row(
        ("ZEC", "Sprout (shielded)", "zcash"),
        *("zc", BASE58, (94, 96), _SHA, kinds.base58check_kind(b"\x16\x9a", 64)),
    ),
    _row(
        ("ZEC", "Sprout (shielded)", "zcash-test"),
        *("zt", BASE58, (94, 96), _SHA, kinds.base58check_kind(b"\x16\xb6", 64)),
    ),
    _bech32(("ZEC", "Sapling (shielded)", "zcash"), "zs", 43),
    _bech32(("ZEC", "Sapling (shielded)", "zcash-test"), "ztestsapling", 43),
    _bech32(("ZEC", "unified", "zcash"), "u", *range(38, 512), constant=BECH32M),
    _bech32(("ZEC", "unified", "zcash-test"), "utest", *range(38, 512), constant=BECH32M),
    _bech32(("ZEC", "transparent source only", "zcash"), "tex", 20, constant=BECH32M),
    _bech32(("ZEC", "transparent source only", "zcash-test"), "textest", 20, constant=BECH32M),
)
_MWEB: Final = tuple(
    _bech32(("LTC", "MWEB (hidden)", network), prefix, 66)
    for network, prefix in (("litecoin", "ltcmweb"), ("litecoin-test", "tmweb"))
)
_MONERO: Final = tuple(
    row
    for network, starts, (standard, integrated, sub) in (
        ("monero", ("4", "4", "8"), (18, 19, 42)),
        ("monero-test", ("9 A", "9 A", "B"), (53, 54, 63)),
        ("monero-stage", ("5", "5", "7"), (24, 25, 36)),
    )
    for row in (
        _row(
            ("XMR", "standard", network),
            *(starts[0], BASE58, (95, 95), _KECCAK, kinds.monero(standard)),
        ),
        _row(
            ("XMR", "integrated", network),
            *(starts[1], BASE58, (106, 106), _KECCAK),
            kinds.monero_integrated(integrated, standard),
        ),
        _row(
            ("XMR", "subaddress", network),
            *(starts[2], BASE58, (95, 95), _KECCAK, kinds.monero(sub)),
        ),
    )
)
_ACCOUNTS: Final = (
    _row(
        ("ETH", "account (all EVM chains)", "evm"),
        *("0x", _HEX, (42, 42)),
        "ERC-55, where letters are of both cases: 12 bits or so; none where they are of one",
        *(kinds.evm, Strength.WEAK),
    ),
    _row(
        ("TRX", "account", "tron"),
        *("T", BASE58, (34, 34), _SHA, kinds.base58check_kind(b"\x41", 20)),
    ),
    _row(
        ("SOL", "account", "solana"),
        " ".join(ALPHABET),
        BASE58,
        # 32 bytes have fewer digits only with zeros in front, as no key has.
        *((36, 44), "base58 of 32 bytes, no checksum", kinds.solana, Strength.WEAK),
        joins=False,
    ),
    _row(
        ("XRP", "account", "xrp"),
        *("r", BASE58, (25, 35), f"{_SHA}, own alphabet", kinds.xrp),
    ),
    *(
        _row(
            ("XRP", "X-address (account and tag)", network),
            *(start, BASE58, (46, 48), f"{_SHA}, own alphabet", kinds.xrp_tagged(version)),
        )
        for network, start, version in (("xrp", "X", b"\x05\x44"), ("xrp-test", "T", b"\x04\x93"))
    ),
    *(
        _row(
            ("TON", "user-friendly", network),
            *(starts, _BASE64, (48, 48), f"{_CRC16}, tag and workchain", kinds.ton(test=test)),
            Strength.WEAK,
        )
        for network, starts, test in (
            ("ton", "EQ UQ Ef Uf", False),
            ("ton-test", "kQ 0Q kf 0f", True),
        )
    ),
    _row(
        ("TON", "raw", "ton"),
        *("0: -1:", _HEX, (66, 67), "none", kinds.ton_raw, Strength.NONE),
        joins=False,
    ),
    *(
        _row(
            ("ADA", name, network),
            *(f"{prefix}1", _BECH32_ANY, lengths, "bech32: 30 bits; CIP-19"),
            kinds.shelley(prefix),
        )
        for name, network, prefix, lengths in (
            ("Shelley", "cardano", "addr", (58, 120)),
            ("Shelley", "cardano-test", "addr_test", (63, 125)),
            ("stake", "cardano", "stake", (59, 59)),
            ("stake", "cardano-test", "stake_test", (64, 64)),
        )
    ),
    _row(
        ("ADA", "Byron", "cardano"),
        *("Ae2 DdzFF 4swhH 2cWKMJ 37btjrVyb4K", BASE58, (50, 130)),
        *("base58 of CBOR, 32 bits of CRC-32", kinds.byron),
    ),
    *(
        _row(
            ("XLM", name, "stellar"),
            *(start, _BASE32, (length, length), _CRC16, kinds.stellar(version << 3, size)),
            Strength.WEAK,
        )
        for name, start, length, version, size in (
            ("account", "G", 56, 6, 32),
            ("muxed account", "M", 69, 12, 40),
            ("contract", "C", 56, 2, 32),
        )
    ),
    *(
        _row(
            (chain, "account", network),
            *(starts, BASE58, (46, 48), f"SS58 prefix {prefix}: 16 bits of BLAKE2b"),
            *(kinds.ss58(prefix), Strength.WEAK),
        )
        for chain, network, prefix, starts in (
            ("DOT", "polkadot", 0, "1"),
            ("KSM", "kusama", 2, "C D E F G H J"),
            ("ACA", "acala", 10, "2"),
            ("POLYX", "polymesh", 12, "2"),
            ("Substrate", "any-prefix-42", 42, "5"),
        )
    ),
)
_COSMOS_NAMES: Final = (
    *(("ATOM", "cosmos"), ("OSMO", "osmo"), ("LUNA", "terra"), ("KAVA", "kava")),
    *(("BAND", "band"), ("RUNE", "thor"), ("INJ", "inj"), ("EVMOS", "evmos"), ("DYDX", "dydx")),
    *(("BLZ", "bluzelle"), ("ZETA", "zeta"), ("JUNO", "juno"), ("SCRT", "secret")),
    *(("AKT", "akash"), ("SEI", "sei"), ("TIA", "celestia"), ("CRO", "cro"), ("AXL", "axelar")),
    *(("STARS", "stars"), ("NOBLE", "noble"), ("NTRN", "neutron"), ("STRD", "stride")),
)
_COSMOS: Final = tuple(
    _bech32((chain, name, prefix), prefix + ending, *sizes)
    for chain, prefix in _COSMOS_NAMES
    for name, ending, sizes in (
        ("account", "", (20, 32)),
        ("validator", "valoper", (20, 32)),
        ("public key", "pub", (38, 37)),
        ("validator's public key", "valconspub", (38, 37)),
    )
)
_OTHER_BECH32: Final = (
    _bech32(("BNB", "account (Beacon Chain)", "bnb"), "bnb", 20),
    _bech32(("BNB", "account (Beacon Chain)", "bnb-test"), "tbnb", 20),
    _bech32(("BNB", "validator (Beacon Chain)", "bnb"), "bva", 20),
    _bech32(("EGLD", "account", "multiversx"), "erd", 32),
    _bech32(("ONE", "account", "harmony"), "one", 20),
    _bech32(("IOTX", "account", "iotex"), "io", 20),
    _bech32(("ZIL", "account", "zilliqa"), "zil", 20),
)
_LIGHTNING: Final = tuple(
    _row(
        ("BTC", "Lightning invoice", network),
        " ".join(f"ln{prefix}{digit}" for digit in range(1, 10)),
        f"{_BECH32_ANY}1",
        *((190, 4000), "bech32: 30 bits", kinds.invoice(prefix)),
    )
    for network, prefix in (("main", "bc"), ("test", "tb"), ("signet", "tbs"), ("regtest", "bcrt"))
)

KINDS: Final = (
    *(row for network in NETWORKS.values() for row in _kin(network)),
    *_MWEB,
    *_ZCASH,
    *_LIGHTNING,
    *_ACCOUNTS[:2],
    *_MONERO,
    *_ACCOUNTS[2:],
    *_COSMOS,
    *_OTHER_BECH32,
)
"""Every kind, in the order in which readings of one text are given."""


def _by_first(rows: Sequence[Kind]) -> dict[str, tuple[Kind, ...]]:
    """Return the rows by the first character of a text, in the order of the table."""
    firsts: dict[str, list[Kind]] = {}
    for row in rows:
        ones = {start[0] for start in row.starts}
        for one in ones | {first.upper() for first in ones if row.any_case}:
            firsts.setdefault(one, []).append(row)
    return {first: tuple(found) for first, found in firsts.items()}


BY_FIRST: Final = MappingProxyType(_by_first(KINDS))
"""Rows that a text with this first character may belong to."""


@lru_cache(1 << 12)
def forms_of(first: str, length: int) -> tuple[tuple[re.Pattern[str], tuple[Kind, ...]], ...]:
    """Return the rows that a text with this first character and length may belong to, by form.

    Many rows share a form, which then is matched once.

    Examples
    --------
    >>> [[row.chain for row in rows] for _, rows in forms_of("1", 34)]
    [['BTC', 'BCH']]
    """
    found: dict[re.Pattern[str], list[Kind]] = {}
    for row in BY_FIRST.get(first, ()):
        if row.shortest <= length <= row.longest:
            found.setdefault(row.form, []).append(row)
    return tuple((form, tuple(rows)) for form, rows in found.items())


_OWN_BASE58: Final = "base58check or base58 with versions of its own: no row yet"
_SHORT_HEX: Final = "hex without checksum, as any hash is: would be found everywhere"
_NAMED: Final = "a form of its own: no row yet"

UNSUPPORTED: Final = MappingProxyType(
    {
        "Aeternity": _OWN_BASE58,
        "Aion": _SHORT_HEX,
        "Algorand": _NAMED,
        "Aptos": _SHORT_HEX,
        "BitcoinDiamond": _OWN_BASE58,
        "BitcoinGold": _OWN_BASE58,
        "Decred": _OWN_BASE58,
        "DigiByte": _OWN_BASE58,
        "ECash": "CashAddr with a prefix of its own: no row yet",
        "EOS": _NAMED,
        "Everscale": "the same form as TON's raw one; read as TON",
        "FIO": _NAMED,
        "Filecoin": _NAMED,
        "Firo": _OWN_BASE58,
        "Groestlcoin": "base58 with a checksum of its own hash (Grøstl): not at hand",
        "Hedera": "short numbers without checksum: would be found everywhere",
        "ICON": _SHORT_HEX,
        "IOST": "names, not addresses",
        "InternetComputer": _SHORT_HEX,
        "Kin": "the same form as Stellar's; read as XLM",
        "Komodo": _OWN_BASE58,
        "Monacoin": _OWN_BASE58,
        "NEAR": _SHORT_HEX,
        "NEO": _OWN_BASE58,
        "NULS": _NAMED,
        "Nano": _NAMED,
        "Nebl": _OWN_BASE58,
        "Nebulas": _OWN_BASE58,
        "Nervos": _NAMED,
        "Nimiq": _NAMED,
        "Oasis": _NAMED,
        "Ontology": _OWN_BASE58,
        "Pactus": _NAMED,
        "Pivx": _OWN_BASE58,
        "Qtum": _OWN_BASE58,
        "Ravencoin": _OWN_BASE58,
        "Sui": _SHORT_HEX,
        "Tezos": _OWN_BASE58,
        "Verge": _OWN_BASE58,
        "Viacoin": _OWN_BASE58,
        "Wanchain": "Ethereum's form with the case of ERC-55 the other way round: no row yet",
        "Waves": _OWN_BASE58,
        "Zen": _OWN_BASE58,
    }
)
"""Chains whose addresses are not read as theirs, and why."""
