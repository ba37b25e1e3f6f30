"""Which chains a text is an address of, for a whole column at once.

Kernels say which texts are alike (`clewline.screening.texts.forms_of`); one text of each form is
read by `clewline.intake`, whose registry stays the only table of kinds. Texts of kinds that have
no kernel are read one by one: addresses that carry a tag, Monero's, TON's, Stellar's, Substrate's.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.networks import NETWORKS
from clewline.intake.reading import Reading, read_many
from clewline.intake.registry import KINDS
from clewline.screening.texts import NO_TEXT, UNREAD, Texts, distinct, forms_of

NOT_AN_ADDRESS: Final = "not an address of any chain that is read"
_EVM: Final = ("BNB", "BSC", "MATIC", "POL", "POLYGON", "ARB", "ARBITRUM", "OP", "OPTIMISM")
_MORE_EVM: Final = ("AVAX", "BASE", "FTM", "ETC", "ETHEREUM", "EVM", "LINEA", "CELO", "GNOSIS")
ALIASES: Final = MappingProxyType(
    {
        **{network.name.upper(): network.coin.asset for network in NETWORKS.values()},
        **{kind.network.upper(): kind.chain for kind in KINDS if kind.chain not in ("BTC", "ETH")},
        **dict.fromkeys(_EVM + _MORE_EVM, "ETH"),
        **dict.fromkeys(("BITCOIN", "XBT", "LIGHTNING"), "BTC"),
        **dict.fromkeys(("RIPPLE", "XRPL"), "XRP"),
        **dict.fromkeys(("ERC20", "ERC-20"), "ETH"),
        **dict.fromkeys(("TRC20", "TRC-20"), "TRX"),
        "BCHABC": "BCH",
        "LUMEN": "XLM",
    }
)
"""Other names of chains that a row may give. An EVM account is one account on all those chains."""
ASSETS: Final = frozenset(kind.chain for kind in KINDS)
"""Chains whose addresses are read."""
_OF_UPPER: Final = MappingProxyType({asset.upper(): asset for asset in ASSETS})


@dataclass(frozen=True)
class Chains:
    """The chains of each text of a column.

    Attributes
    ----------
    group : ndarray of int32, shape (n,)
        Index into `groups`.
    groups : tuple of tuple of str
        Chains; empty for what is no address. Grows with what was met, in its order.
    canonical : dict of int to str
        For texts that carry a tag: the address without it, by place in the column.
    """

    group: NDArray[np.int32]
    groups: tuple[tuple[str, ...], ...]
    canonical: dict[int, str]


class ChainReader:
    """Reads columns; remembers what each form of text turned out to be."""

    def __init__(self) -> None:
        self._group_of_form: dict[int, int] = {NO_TEXT: 0}
        self._numbers: dict[tuple[str, ...], int] = {(): 0}

    def read(self, texts: Texts) -> Chains:
        """Return the chains of each text.

        Parameters
        ----------
        texts : Texts
            A column.

        Returns
        -------
        Chains
            With every checksum that a kind has held against the text.

        Examples
        --------
        >>> column = Texts.of(["1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "none"])
        >>> chains = ChainReader().read(column)
        >>> [chains.groups[group] for group in chains.group]
        [('BTC', 'BCH'), ()]
        """
        forms = forms_of(texts.data, texts.begins, texts.ends)
        first, number = distinct(forms)
        once = forms[first].tolist()
        unknown = [
            (form, int(k)) for form, k in zip(once, first, strict=True)
            if form not in self._group_of_form and form != UNREAD
        ]  # fmt: skip
        for (form, _k), readings in zip(
            unknown, read_many([texts.text(k) for _form, k in unknown]), strict=True
        ):
            self._group_of_form[form] = self._number(readings)
        of_form = np.array([self._group_of_form.get(form, 0) for form in once], np.int32)
        group = of_form[number] if first.size else np.empty(0, np.int32)
        canonical: dict[int, str] = {}
        alone = np.flatnonzero(forms == UNREAD).tolist()
        words = {k: texts.text(k) for k in alone}
        different = list(dict.fromkeys(words.values()))
        readings_of = dict(zip(different, read_many(different), strict=True))
        for k, word in words.items():
            readings = readings_of[word]
            group[k] = self._number(readings)
            if readings and readings[0].canonical != word:
                canonical[k] = readings[0].canonical
        return Chains(group, tuple(self._numbers), canonical)

    def _number(self, readings: list[Reading]) -> int:
        """Return the number of a group of chains, a new one where it is new."""
        chains = tuple(dict.fromkeys(reading.chain for reading in readings))
        return self._numbers.setdefault(chains, len(self._numbers))


def chain_named(name: str) -> str:
    """Return the code of a chain that a row or label names, upper case where it is not known.

    Examples
    --------
    >>> chain_named("bitcoin"), chain_named("Polygon"), chain_named("algo")
    ('BTC', 'ETH', 'ALGO')
    >>> chain_named("SUBSTRATE")
    'Substrate'
    """
    upper = name.strip().upper()
    return _OF_UPPER.get(upper) or ALIASES.get(upper, upper)


def agreed(given: str, chains: tuple[str, ...]) -> str | None:
    """Return the chain that a row names, if its address can be of it; None where it cannot.

    Parameters
    ----------
    given : str
        As the row has it, not empty.
    chains : tuple of str
        Chains of its address; empty where it is read as none.

    Examples
    --------
    >>> agreed("bch", ("BTC", "BCH")), agreed("BNB", ("ETH",)), agreed("TRX", ("ETH",))
    ('BCH', 'ETH', None)
    """
    upper = given.strip().upper()
    named = chain_named(given)
    if not chains:
        return named
    for chain in (upper, named, ALIASES.get(upper, "")):
        if chain in chains:
            return chain
    return None


def group_matrix(groups: tuple[tuple[str, ...], ...], assets: list[str]) -> NDArray[np.bool_]:
    """Return which assets each group of chains has; a group of none has all of them.

    Parameters
    ----------
    groups : tuple of tuple of str, length g
        As in `Chains`.
    assets : list of str, length a
        Chains that are asked for.

    Returns
    -------
    ndarray of bool, shape (g, a)
        True where an entry of that asset can be meant.
    """
    table = [[not group or one in group for one in assets] for group in groups]
    return np.array(table, np.bool_).reshape(len(groups), len(assets))
