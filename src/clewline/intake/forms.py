"""The other forms in which one address is written: what a person may meet elsewhere."""

from __future__ import annotations

from clewline.codec.address import address_of, script_of
from clewline.codec.networks import BITCOIN, NETWORKS
from clewline.intake.reading import read_address
from clewline.intake.registry import KINDS


def other_forms(chain: str, network: str, canonical: str) -> list[tuple[str, str]]:
    """Return further forms of an address, each with the name of the form.

    Parameters
    ----------
    chain, network, canonical : str
        As in `clewline.intake.Reading`.

    Returns
    -------
    list of (str, str)
        Name and text. Every text reads as the same address; empty where there is one form only.

    Examples
    --------
    >>> other_forms("BTC", "main", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
    [('upper case, as in QR codes', 'BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4')]
    >>> other_forms("BCH", "bitcoin-cash",
    ...     "bitcoincash:qpmmlusvvrjj9ha2xdgv8xcrpfwsqn5rngt3k26ve2")[1]
    ('legacy', '1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2')
    """
    forms: list[tuple[str, str]] = []
    prefix, separator, rest = canonical.partition(":")
    if chain == "BCH" and separator:
        forms.append(("without its prefix", rest))
        legacy = _legacy(network, canonical)
        if legacy is not None:
            forms.append(("legacy", legacy))
    elif canonical.startswith("0x"):
        forms.append(("lower case", canonical.lower()))
    forms.append(("upper case, as in QR codes", (prefix + separator + rest).upper()))
    wanted = (chain, network, canonical)
    return [
        (name, text)
        for name, text in forms
        if text != canonical
        and wanted in {(one.chain, one.network, one.canonical) for one in read_address(text)}
    ]


def also_read_as(chain: str, network: str, canonical: str) -> list[tuple[str, str, str]]:
    """Return what else the same text may be: chain, network and canonical form of each.

    Networks for tests are left out.

    Examples
    --------
    >>> also_read_as("BTC", "main", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2")
    [('BCH', 'bitcoin-cash', 'bitcoincash:qpmmlusvvrjj9ha2xdgv8xcrpfwsqn5rngt3k26ve2')]
    """
    texts = [canonical, *(text for name, text in other_forms(chain, network, canonical))]
    tests = {kind.network for kind in KINDS if kind.for_tests}
    found = {
        (one.chain, one.network, one.canonical)
        for text in texts
        for one in read_address(text)
        if one.network not in tests
    }
    return sorted(found - {(chain, network, canonical)})


def _legacy(network: str, canonical: str) -> str | None:
    """Return the form of Bitcoin Cash from before CashAddr, which is Bitcoin's."""
    here = NETWORKS[network]
    bitcoin = next(
        one for one in NETWORKS.values() if one.coin == BITCOIN and one.name == here.node_name
    )
    return address_of(script_of(canonical, here), bitcoin)
