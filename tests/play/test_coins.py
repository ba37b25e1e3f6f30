from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clewline.play.coins import Coin, Part, fifo
from clewline.play.keys import Kind

coins = st.lists(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(1, 5)), min_size=1).map(
        lambda parts: Coin(0, sum(p[2] for p in parts), Kind.P2TR, tuple(Part(*p) for p in parts))
    ),
    min_size=1,
    max_size=4,
)


@given(coins, st.lists(st.integers(0, 6), max_size=6))
def test_fifo_moves_satoshi_in_queue_order(inputs: list[Coin], wanted: list[int]) -> None:
    queue = [(p.origin, p.hops) for coin in inputs for p in coin.parts for _ in range(p.value)]
    values = []
    for value in wanted:
        values.append(min(value, len(queue) - sum(values)))
    at = 0
    for value, parts in zip(values, fifo(inputs, values), strict=True):
        moved = [(p.origin, p.hops - 1) for p in parts for _ in range(p.value)]
        assert moved == queue[at : at + value]
        at += value


def test_coins_without_parts_give_none() -> None:
    known = Coin(0, 2, Kind.P2TR, (Part(0, 0, 2),))
    assert fifo([known, Coin(1, 2, Kind.P2TR)], [1, 2]) == [(), ()]
