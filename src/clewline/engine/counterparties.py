"""Counterparties: who was paid by, or paid, each of some subjects, and whom they have in common.

A *party* is a number that the caller gives to scripts: an entity, a cluster. A *dealing* is all
that went one way between one subject and one party.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from clewline.engine.chain import Bool, Chain, Int64
from clewline.engine.taint import Flow


@dataclass(frozen=True)
class Dealings:
    """One row a subject, party and direction; by party, then subject, received before paid.

    Attributes
    ----------
    party : ndarray of int64, shape (n,)
        The party.
    subject : ndarray of int64, shape (n,)
        Position of the subject among those given.
    paid : ndarray of bool, shape (n,)
        Whether the party paid the subject; else it received from the subject.
    value : ndarray of int64, shape (n,)
        Satoshi, by the rule of the walks.
    outputs : ndarray of int64, shape (n,)
        Outputs of the party that held them.
    hops : ndarray of int64, shape (n,)
        Least number of transactions between the two; 1 is direct.
    first_tx, last_tx : ndarray of int64, shape (n,)
        First and last transaction by which it received, or paid.
    script : ndarray of int64, shape (n,)
        The script of the party that held most in one output; a tie: the earliest output.
    """

    party: Int64
    subject: Int64
    paid: Bool
    value: Int64
    outputs: Int64
    hops: Int64
    first_tx: Int64
    last_tx: Int64
    script: Int64

    def rows(self, chosen: Bool | Int64) -> Dealings:
        """Return some of the rows.

        Parameters
        ----------
        chosen : ndarray of bool or int64
            A mask, or positions.

        Returns
        -------
        Dealings
            The chosen rows, in the order of the positions.
        """
        return Dealings(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})


def dealings(chain: Chain, flow: Flow, subject: int, parties: Int64, own: Int64) -> Dealings:
    """Sum up what one walk from a subject reached, by party.

    Parameters
    ----------
    chain : Chain
        The chain.
    flow : Flow
        A walk from all outputs of the subject: forward for those that received from it, backward
        for those that paid it. Its `max_hops` says how far a counterparty may be.
    subject : int
        Position of the subject.
    parties : ndarray of int64, shape (n_reached,)
        Party of each output of ``flow.reached``.
    own : ndarray of int64
        Parties that are the subject itself: change, and what it paid to itself.

    Returns
    -------
    Dealings
        Σ value counts money again at each hop, as it passes from hand to hand.

    Cost
    ----
    n log n in the outputs reached.
    """
    met = (flow.reached_hops > 0) & ~np.isin(parties, own)
    output, value, party = flow.reached[met], flow.reached_value[met], parties[met]
    if flow.to_the_past:
        tx = chain.spender[output].astype(np.int64)
    else:
        tx = np.searchsorted(chain.tx_output, output, side="right") - 1
    order = np.lexsort((output, -value, party))
    output, value, party, tx = output[order], value[order], party[order], tx[order]
    first = np.flatnonzero(np.diff(party, prepend=-1))
    if not first.size:
        none = np.empty(0, np.int64)
        return Dealings(none, none, none.astype(np.bool_), *(none for _ in range(6)))
    return Dealings(
        party=party[first],
        subject=np.full(first.size, subject, np.int64),
        paid=np.full(first.size, flow.to_the_past, np.bool_),
        value=np.add.reduceat(value, first),
        outputs=np.diff(first, append=party.size),
        hops=np.minimum.reduceat(flow.reached_hops[met][order].astype(np.int64), first),
        first_tx=np.minimum.reduceat(tx, first),
        last_tx=np.maximum.reduceat(tx, first),
        script=chain.script[output[first]].astype(np.int64),
    )


def in_common(found: Sequence[Dealings]) -> Dealings:
    """Keep the dealings of parties that two or more subjects dealt with.

    Parameters
    ----------
    found : sequence of Dealings
        Of each subject and direction.

    Returns
    -------
    Dealings
        Rows by party (the one with most subjects first, then by value, then by number), subject
        and direction.
    """
    rows = Dealings(
        **{
            field.name: np.concatenate([getattr(one, field.name) for one in found])
            for field in fields(Dealings)
        }
    )
    party, number = np.unique(rows.party, return_inverse=True)
    pairs = np.unique(np.column_stack((number, rows.subject)), axis=0)
    subjects = np.bincount(pairs[:, 0], minlength=party.size)
    value = np.zeros(party.size, np.int64)
    np.add.at(value, number, rows.value)
    shared = np.flatnonzero(subjects[number] > 1)
    at = number[shared]
    order = np.lexsort(
        (rows.paid[shared], rows.subject[shared], party[at], -value[at], -subjects[at])
    )
    return rows.rows(shared[order])
