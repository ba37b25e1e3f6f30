"""Peel chains: runs of transactions that each split a coin into one large and one small output.

The holder of a large coin pays a small part and keeps the rest, again and again. The chain shows
the split; that the *large* output is the one kept is the heuristic. Signs that speak for or against
it are named step by step, and the run ends where they speak against.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from clewline.engine.chain import Chain, Int64, outputs_of_each
from clewline.engine.heuristics.coinjoin import family_mixes_owners
from clewline.engine.taint import NO_ENTITY, Stops, entities_of
from clewline.errors import UsageError

RULE: Final = "peel"

DUST: Final = 1_000
"""Satoshi below which an output is no payment: anybody can send it to anybody."""

LEAST_RATIO: Final = 2
"""Where signs do not tell, the large output holds at least this many times the small one."""


class PeelSign(StrEnum):
    """What speaks for one of two outputs being the one kept."""

    SAME_SCRIPT = "same_script"
    """It pays the script that the coin came from."""
    SAME_KIND = "same_kind"
    """Its script is of the coin's kind, the other's is not."""
    FRESH = "fresh_script"
    """It is the first that its script ever received, the other is not."""
    OTHER_AT_SERVICE = "other_at_service"
    """The other one pays a labelled service."""


class PeelStop(StrEnum):
    """Why a run goes no further."""

    UNSPENT = "unspent"
    """No transaction spends the coin."""
    NOT_LOADED = "not_loaded"
    """In a part of a chain: what spends the coin is not in it."""
    SERVICE = "service"
    """The coin belongs to a labelled service."""
    COINJOIN = "coinjoin"
    """A CoinJoin spends the coin."""
    JOINED = "joined"
    """Half or more of what is spent together with the coin is other money."""
    ONE_OUTPUT = "one_output"
    """The coin moves on undivided."""
    SEVERAL_OUTPUTS = "several_outputs"
    """The coin is split into three outputs or more."""
    EVEN_SPLIT = "even_split"
    """Neither output is at least twice the other, and signs do not tell them apart."""
    SIGNS_AGAINST = "signs_against"
    """More signs say that the small output is the one kept than that the large one is."""
    MAX_STEPS = "max_steps"
    """As many steps were taken as were allowed."""


@dataclass(frozen=True)
class Peel:
    """One step of a run.

    Attributes
    ----------
    tx : int
        The transaction.
    coin, kept, peeled : int
        Outputs: what was spent, the large one that is followed, the small one.
    signs_for, signs_against : tuple of PeelSign
        That the large output is the one kept; that the small one is.
    """

    tx: int
    coin: int
    kept: int
    peeled: int
    signs_for: tuple[PeelSign, ...]
    signs_against: tuple[PeelSign, ...]


@dataclass(frozen=True)
class PeelChain:
    """A run of peels from an output, and why it ends.

    Attributes
    ----------
    peels : list of Peel
        In chain order; each spends what the one before kept.
    last : int
        The output at which the run ends.
    stop : PeelStop
        Why.
    """

    peels: list[Peel]
    last: int
    stop: PeelStop


def follow_peels(chain: Chain, stops: Stops, output: int, max_steps: int = 10_000) -> PeelChain:
    """Follow the peel chain that begins with an output.

    Method: Meiklejohn et al., "A Fistful of Bitcoins" (IMC 2013), section 5, which follows the
    change output; here the change is the larger of the two, and named signs may contradict.
    Outputs under `DUST` satoshi are ignored: they are neither payments nor in the count.

    Parameters
    ----------
    chain : Chain
        The chain.
    stops : Stops
        Services and CoinJoins, at which a run ends.
    output : int
        Where to begin.
    max_steps : int
        Most transactions to follow.

    Returns
    -------
    PeelChain
        Along the run values fall and transactions ascend.

    Raises
    ------
    UsageError
        If the output is not in the chain.

    Limits
    ------
    Somebody who pays more than half of a coin keeps the smaller output: then a step without signs
    leads to the payee. Signs name what is at hand; none of them proves anything.

    Cost
    ----
    The inputs and outputs of the transactions on the run.
    """
    if not 0 <= output < chain.n_output:
        raise UsageError(f"output {output}; allowed is 0 to {chain.n_output - 1}", where="output")
    peels: list[Peel] = []
    coin = output
    while True:
        step = _step(chain, stops, coin)
        if isinstance(step, PeelStop):
            return PeelChain(peels, coin, step)
        if len(peels) == max_steps:
            return PeelChain(peels, coin, PeelStop.MAX_STEPS)
        peels.append(step)
        coin = step.kept


def _step(chain: Chain, stops: Stops, coin: int) -> Peel | PeelStop:
    """Return the peel that spends a coin, or why it is none."""
    if entities_of(stops, chain.script[coin : coin + 1])[0] != NO_ENTITY:
        return PeelStop.SERVICE
    tx = int(chain.spender[coin])
    if tx >= chain.n_tx:
        known = chain.settled.size == 0 or chain.settled[coin]
        return PeelStop.UNSPENT if known else PeelStop.NOT_LOADED
    if stops.coinjoin.size and family_mixes_owners(stops.coinjoin[tx]):
        return PeelStop.COINJOIN
    spent = chain.prevout[chain.tx_input[tx] : chain.tx_input[tx + 1]]
    if 2 * chain.value[coin] <= chain.value[spent].sum():
        return PeelStop.JOINED
    made = np.arange(chain.tx_output[tx], chain.tx_output[tx + 1])
    paid = made[chain.value[made] >= DUST]
    if paid.size != 2:
        return PeelStop.ONE_OUTPUT if paid.size < 2 else PeelStop.SEVERAL_OUTPUTS
    small, large = paid[np.argsort(chain.value[paid], kind="stable")].tolist()
    outputs = np.array([large, small])
    speaks_for, speaks_against = (
        tuple(sign for sign, said in zip(PeelSign, row, strict=True) if said)
        for row in _signs(chain, stops, coin, outputs)
    )
    balance = len(speaks_for) - len(speaks_against)
    if balance < 0:
        return PeelStop.SIGNS_AGAINST
    if balance == 0 and chain.value[large] < LEAST_RATIO * chain.value[small]:
        return PeelStop.EVEN_SPLIT
    return Peel(tx, coin, large, small, speaks_for, speaks_against)


def _signs(chain: Chain, stops: Stops, coin: int, outputs: Int64) -> list[list[bool]]:
    """Return which signs, in the order of `PeelSign`, speak for each of two outputs."""
    script = chain.script[outputs]
    own = script == chain.script[coin]
    kind = chain.script_kind[script] == chain.script_kind[chain.script[coin]]
    fresh = outputs_of_each(chain, script, 1)[1] == outputs
    if own.any() or chain.settled.size:
        # Who reuses the coin's script wants no fresh one; a part of a chain does not tell.
        fresh[:] = False
    service = entities_of(stops, script) != NO_ENTITY
    said = np.array(
        [
            own,
            kind & ~kind[::-1],
            fresh & ~fresh[::-1],
            service[::-1] & ~service,
        ]
    )
    signs: list[list[bool]] = said.T.tolist()
    return signs
