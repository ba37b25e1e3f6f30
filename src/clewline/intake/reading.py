"""What a text may be: the set of readings that the registry allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from clewline.intake.registry import KINDS, Kind, Strength, forms_of


class Reading(NamedTuple):
    """One thing that a text may be.

    Attributes
    ----------
    chain : str
        Currency code.
    kind : str
        Kind of address on that chain.
    network : str
        As in `clewline.codec.networks`, or named like these.
    canonical : str
        The form by which addresses of the chain are compared. Where a text carries a tag, that of
        the address without it.
    strength : str
        ``strong``, ``weak`` or ``none``: `clewline.intake.registry.Strength`.
    tag : str
        Destination tag, payment id or customer id inside the text; empty where there is none.
    """

    chain: str
    kind: str
    network: str
    canonical: str
    strength: str
    tag: str = ""


def rows_of(text: str) -> list[Kind]:
    """Return the rows whose form a text has, whatever their checksums say.

    Examples
    --------
    >>> [row.chain for row in rows_of("T" * 34)]
    ['TRX']
    """
    forms = forms_of(text[:1], len(text))
    return [row for form, rows in forms if form.fullmatch(text) for row in rows]


def read_many(texts: Sequence[str], *, pieces: bool = False) -> list[list[Reading]]:
    """Return what each of some texts may be, as `read_address` does for one.

    Parameters
    ----------
    texts : sequence of str
        Nothing is stripped or mended.
    pieces : bool
        Whether they were put together from pieces: then kinds do not count in which nothing would
        tell whether these belong together.

    Examples
    --------
    >>> [len(readings) for readings in read_many(["", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"])]
    [0, 2]
    """
    alike: dict[tuple[str, int], list[int]] = {}
    for i, text in enumerate(texts):
        alike.setdefault((text[:1], len(text)), []).append(i)
    asked: dict[int, tuple[Kind, list[int]]] = {}
    for (first, length), some in alike.items():
        for form, rows in forms_of(first, length):
            places = [i for i in some if form.fullmatch(texts[i])]
            for row in rows:
                if places and (row.joins or not pieces):
                    asked.setdefault(id(row), (row, []))[1].extend(places)
    answers: list[list[Reading]] = [[] for _ in texts]
    order = {id(row): place for place, row in enumerate(KINDS)}
    for _, (row, places) in sorted(asked.items(), key=lambda item: order[item[0]]):
        chain, network = row.chain, row.network
        strength, unchecked = row.strength.value, Strength.NONE.value
        for i, found in zip(places, row.read([texts[i] for i in places]), strict=True):
            if found is not None:
                kind, (canonical, tag, checked) = found
                sure = strength if checked else unchecked
                answers[i].append(Reading(chain, kind, network, canonical, sure, tag))
    return answers


def read_address(text: str) -> list[Reading]:
    """Return everything that a text may be as an address.

    One text can be an address of several chains and networks; which of them was meant, only the
    place where it stood can tell.

    Parameters
    ----------
    text : str
        Nothing is stripped or mended.

    Returns
    -------
    list of Reading
        In the order of the registry; empty where the text is no address, or one of a chain that
        ADDRESSES.md does not have. A reading holds all that its kind checks.

    Examples
    --------
    >>> for reading in read_address("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"):
    ...     print(reading.chain, reading.kind, reading.canonical, reading.strength)
    BTC P2PKH 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2 strong
    BCH P2PKH bitcoincash:qpmmlusvvrjj9ha2xdgv8xcrpfwsqn5rngt3k26ve2 strong
    >>> read_address("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3")
    []
    """
    return read_many([text])[0]
