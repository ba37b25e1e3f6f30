"""What a text may be: the set of readings that the registry allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from clewline.intake.registry import BY_FIRST, KINDS, Kind, Strength


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
    ['TRX', 'SOL']
    """
    return [row for row in BY_FIRST.get(text[:1], ()) if row.fits(text)]


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
    asked: dict[int, tuple[Kind, list[int]]] = {}
    for i, text in enumerate(texts):
        for row in rows_of(text):
            if pieces and not row.joins:
                continue
            asked.setdefault(id(row), (row, []))[1].append(i)
    answers: list[list[Reading]] = [[] for _ in texts]
    order = {id(row): place for place, row in enumerate(KINDS)}
    for _, (row, places) in sorted(asked.items(), key=lambda item: order[item[0]]):
        for i, found in zip(places, row.read([texts[i] for i in places]), strict=True):
            if found is not None:
                kind, meaning = found
                strength = row.strength if meaning.checked else Strength.NONE
                answers[i].append(
                    Reading(
                        *(row.chain, kind, row.network, meaning.canonical),
                        *(str(strength), meaning.tag),
                    )
                )
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
    BCH P2PKH bitcoincash:qpmes9gctrfh8m4r63udgtevf0y6wzlwvuunu0pylh strong
    >>> read_address("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3")
    []
    """
    return read_many([text])[0]
