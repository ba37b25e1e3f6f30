"""What everyone in the story shares: the ledger, chance, the calendar, and who owns what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from clewline.play.coins import Coin, Origin, Part, fifo
from clewline.play.dice import Dice
from clewline.play.keys import INPUT_VBYTES, OUTPUT_VBYTES, Kind
from clewline.play.ledger import Ledger
from clewline.play.people import SMALLEST_PAYMENT

Action = Callable[[], None]

WALLET_KINDS: Final = (
    Kind.P2WPKH,
    Kind.P2WPKH,
    Kind.P2WPKH,
    Kind.P2SH_P2WPKH,
    Kind.P2PKH,
    Kind.P2TR,
)
"""Script types of wallets, as often as people have them."""

_INPUT_VBYTES: Final = {kind: int(INPUT_VBYTES[kind]) for kind in Kind}
_OUTPUT_VBYTES: Final = {kind: int(OUTPUT_VBYTES[kind]) for kind in Kind}


class Scene:
    """The stage of the story.

    Parameters
    ----------
    ledger : Ledger
        The chain being made.
    dice : Dice
        The story's stream of chance.

    Attributes
    ----------
    height : int
        Height of the block being made.
    owner : dict of int to str
        Who holds each script of the story.
    origins : list of Origin
        Where parts of coins come from.
    """

    def __init__(self, ledger: Ledger, dice: Dice) -> None:
        self.ledger = ledger
        self.dice = dice
        self.height = 0
        self.owner: dict[int, str] = {}
        self.origins: list[Origin] = []
        self._calendar: defaultdict[int, list[Action]] = defaultdict(list)

    def script(self, kind: Kind, owner: str) -> int:
        """Invent a script for somebody."""
        number = self.ledger.new_script(kind)
        self.owner[number] = owner
        return number

    def later(self, blocks: int, action: Action) -> None:
        """Let `action` happen so many blocks from now; 0 means in this block."""
        self._calendar[self.height + blocks].append(action)

    def at(self, height: int, action: Action) -> None:
        """Let `action` happen at a height."""
        self._calendar[height].append(action)

    def act(self) -> None:
        """Do what is due in this block."""
        due = self._calendar[self.height]
        while due:
            actions = due[:]
            due.clear()
            for action in actions:
                action()

    def fee(self, coins: Iterable[Coin], scripts: Iterable[int]) -> int:
        """Return a fee of 2 to 20 satoshi a virtual byte."""
        kinds = self.ledger.script_kind.data
        size = 11 + sum(_INPUT_VBYTES[coin.kind] for coin in coins)
        size += sum(_OUTPUT_VBYTES[Kind(int(kinds[script]))] for script in scripts)
        return size * self.dice.between(2, 20)

    def coin(self, output: int, parts: tuple[Part, ...] = ()) -> Coin:
        """Return an output as a coin."""
        ledger = self.ledger
        return Coin(output, int(ledger.value.data[output]), ledger.kind_of(output), parts)

    def origin(self, output: int, exchange: str | None = None, customer: str | None = None) -> Coin:
        """Return an output whose satoshi have their origin in it."""
        self.origins.append(Origin(output, exchange, customer))
        coin = self.coin(output)
        part = Part(len(self.origins) - 1, 0, coin.value)
        return Coin(output, coin.value, coin.kind, (part,))

    def spend(self, coins: Sequence[Coin], outputs: Sequence[tuple[int, int]]) -> list[Coin]:
        """Spend coins to exactly these (satoshi, script) outputs; the rest is the fee."""
        parts = fifo(coins, [value for value, _ in outputs])
        first = self.ledger.add([coin.output for coin in coins], outputs)
        return [self.coin(first + i, piece) for i, piece in enumerate(parts)]

    def gather(self, coins: Sequence[Coin], script: int) -> Coin:
        """Spend coins whole to one script, less the fee."""
        value = sum(coin.value for coin in coins) - self.fee(coins, [script])
        assert value >= SMALLEST_PAYMENT, "coins are worth their fee"
        return self.spend(coins, [(value, script)])[0]

    def pay(
        self, coins: Sequence[Coin], payments: Sequence[tuple[int, int]], change: int
    ) -> tuple[list[Coin], Coin | None]:
        """Pay (satoshi, script) from coins, the change at a place that tells nothing.

        Returns
        -------
        paid : list of Coin
            The payments in their order.
        change : Coin or None
            None where the change would be too small to keep: then the miner has it.
        """
        total = sum(coin.value for coin in coins)
        fee = self.fee(coins, [*(script for _, script in payments), change])
        left = total - sum(value for value, _ in payments) - fee
        outputs = list(payments)
        if left < SMALLEST_PAYMENT:
            assert left + fee >= 0, "a payment exceeds its coins"
            return self.spend(coins, outputs), None
        place = self.dice.below(len(outputs) + 1)
        outputs.insert(place, (left, change))
        made = self.spend(coins, outputs)
        return made[:place] + made[place + 1 :], made[place]
