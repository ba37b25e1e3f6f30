"""A small made-up chain in which money moves on: some addresses busy, some used once."""

from __future__ import annotations

from tests.builders import COIN, Branch, Tx, dice, p2pkh, spend

BUSY = p2pkh(1_000)
"""The script of an address with more transactions than one page of an Esplora server lists."""
FRESH = range(2_000, 2_400)


def made_up_branch(blocks: int = 40, seed: int = 3) -> Branch:
    """Mine blocks with a few payments each, out of coins of any age."""
    chance = dice(seed)
    branch = Branch()
    coins: list[tuple[Tx, int]] = []
    fresh = iter(FRESH)
    for _ in range(blocks):
        made: list[Tx] = []
        for _payment in range(chance.randint(0, 4) if len(coins) > 8 else 0):
            spent = [coins.pop(chance.randrange(len(coins))) for _ in range(chance.randint(1, 3))]
            value = sum(tx.outputs[index][0] for tx, index in spent) - 1_000
            parts = chance.randint(1, 4)
            scripts = [
                BUSY if chance.random() < 0.3 else p2pkh(next(fresh, 2_000)) for _ in range(parts)
            ]
            outputs = [(value // parts, script) for script in scripts]
            if chance.random() < 0.2:
                outputs.append((0, b"\x6a\x04made"))
            tx = spend(*spent, to=outputs, witness=chance.random() < 0.5)
            made.append(tx)
            # Some of it can be spent in the same block.
            coins += [(tx, index) for index in range(parts)]
        block = branch.add(*made, reward=[(50 * COIN, p2pkh(100 + len(branch.blocks)))])
        coins.append((block.transactions[0], 0))
    return branch
