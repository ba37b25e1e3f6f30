"""Exposure of scripts and its hops against a walk in plain fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.random_chains import chain_of, chains

from clewline.engine.chain import Chain
from clewline.engine.exposure import Marks, fill_from, fill_to
from clewline.engine.nearest import exposure_of_scripts, fill_nearest

Tied = dict[int, tuple[Fraction, int]]
"""Script → satoshi that are tied to the listed ones, and over how few transactions."""


def exposed(chain: Chain, listed: set[int], *, to_the_past: bool) -> list[tuple[float, int]]:
    """What the passes say of each script: satoshi and hops."""
    n_script = len(chain.script_kind)
    held = np.array([script in listed for script in range(n_script)], np.uint8)
    marks = Marks(held, np.zeros(chain.n_tx, np.uint8))
    shares = np.zeros(chain.n_tx)
    hops, holder = np.zeros(chain.n_tx, np.uint16), np.zeros(chain.n_tx, np.uint32)
    fill = fill_from if to_the_past else fill_to
    fill(chain, marks, 1, shares, 0, chain.n_tx)
    fill_nearest(chain, marks, 1, hops, holder, to_the_past=to_the_past)
    scripts = np.arange(n_script)
    _received, tied, nearest, _whose = exposure_of_scripts(
        chain, scripts, shares, hops, holder, to_the_past=to_the_past
    )
    return list(zip(tied.tolist(), nearest.tolist(), strict=True))


def walked(chain: Chain, listed: set[int], *, to_the_past: bool) -> Tied:
    """The same, by walking from every output alone."""
    creator = [
        tx for tx in range(chain.n_tx) for _ in range(chain.tx_output[tx], chain.tx_output[tx + 1])
    ]

    def beyond(tx: int) -> tuple[Fraction, int]:
        """Share of what passes a transaction, and hops."""
        inputs = chain.prevout[chain.tx_input[tx] : chain.tx_input[tx + 1]].tolist()
        total = sum(int(chain.value[output]) for output in inputs)
        if not total:
            return Fraction(0), 0
        outputs = range(chain.tx_output[tx], chain.tx_output[tx + 1])
        found = [of_output(output) for output in (inputs if to_the_past else outputs)]
        money = sum((one for one, _hops in found), Fraction(0))
        near = [hops for one, hops in found if one]
        return money / total, min(near, default=-1) + 1

    def of_output(output: int) -> tuple[Fraction, int]:
        """Satoshi of an output that are tied, and hops from it."""
        value = int(chain.value[output])
        if not value:
            return Fraction(0), 0
        if int(chain.script[output]) in listed:
            return Fraction(value), 0
        return over(output)

    def over(output: int) -> tuple[Fraction, int]:
        """The same, the script of the output itself left aside."""
        tx = creator[output] if to_the_past else int(chain.spender[output])
        share, hops = beyond(tx) if tx < chain.n_tx else (Fraction(0), 0)
        return int(chain.value[output]) * share, hops

    answer: Tied = {}
    for output, script in enumerate(chain.script.tolist()):
        money, hops = over(output)
        if money:
            known, near = answer.get(script, (Fraction(0), hops))
            answer[script] = known + money, min(near, hops)
    return answer


@settings(max_examples=60)
@given(chain=chains(), listed=st.sets(st.integers(0, 7), max_size=3), to_the_past=st.booleans())
def test_money_and_hops_are_those_of_a_walk(
    chain: Chain, listed: set[int], *, to_the_past: bool
) -> None:
    expected = walked(chain, listed, to_the_past=to_the_past)
    for script, (tied, hops) in enumerate(exposed(chain, listed, to_the_past=to_the_past)):
        money, near = expected.get(script, (Fraction(0), 0))
        assert abs(tied - float(money)) < 1e-6
        assert hops == near


def test_an_output_without_value_brings_nobody_nearer() -> None:
    """Script 2 gets nothing of script 0 in one transaction, and its money over script 1."""
    blocks = [[([], [(8, 0)]), ([0], [(0, 2), (8, 1)]), ([2], [(8, 2)])]]
    assert exposed(chain_of(blocks), {0}, to_the_past=True)[2] == (8.0, 2)
