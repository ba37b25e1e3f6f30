"""One CoinJoin of each shape, each input of them owned by somebody known.

The shapes follow the protocols: Whirlpool with its preparing
transactions (Tx0), Wasabi 1 (ZeroLink), Wasabi 2 (WabiSabi), JoinMarket, and a plain one with equal
outputs. Each function takes who takes part and with which coins, and returns what happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from clewline.play.coins import Coin
from clewline.play.keys import Kind
from clewline.play.payer import Wallet
from clewline.play.scene import Scene

WHIRLPOOL_POOL: Final = 500_0000
_WHIRLPOOL_FEE: Final = 175_000
_PREMIX: Final = WHIRLPOOL_POOL + 2_500
_WASABI1_FEE: Final = 3  # of 100,000 of the amount, for each of the equal outputs
_WASABI2_LEAST: Final = 5_000
_WASABI2_MOST_OUTPUTS: Final = 8


@dataclass(frozen=True)
class Mix:
    """A CoinJoin as it truly was.

    Attributes
    ----------
    family : str
        Shape; ``whirlpool_tx0`` mixes nobody.
    output : int
        First output of its transaction.
    participants : list of (str, list of Coin)
        Who brought which inputs.
    """

    family: str
    output: int
    participants: list[tuple[str, list[Coin]]]


@dataclass
class Participant:
    """Somebody in a round: the wallet that gets the outputs, and the coins brought in."""

    wallet: Wallet
    coins: list[Coin]

    @property
    def total(self) -> int:
        """Satoshi brought in."""
        return sum(coin.value for coin in self.coins)


Output = tuple[int, int, Participant | None]
"""Satoshi, script, and whose; the coordinator has no part in the mix."""


def _standard_denominations() -> list[int]:
    """Return WabiSabi's amounts, largest first (WalletWasabi ``DenominationBuilder``)."""
    amounts: set[int] = set()
    for base, factors in ((2, (1,)), (3, (1, 2)), (10, (1, 2, 5))):
        for exponent in range(40):
            amounts.update(factor * base**exponent for factor in factors)
    return sorted((a for a in amounts if _WASABI2_LEAST <= a <= 10**11), reverse=True)


DENOMINATIONS: Final = _standard_denominations()


def _mix(
    scene: Scene,
    family: str,
    participants: Sequence[Participant],
    outputs: Sequence[Output],
    coins: Sequence[Coin],
) -> Mix:
    """Spend `coins`; each output goes to its owner's wallet, with the mix as its origin."""
    for one in participants:
        for coin in one.coins:
            if coin in one.wallet.coins:
                one.wallet.coins.remove(coin)
    made = scene.spend(coins, [(value, script) for value, script, _ in outputs])
    for coin, (_, _, owner) in zip(made, outputs, strict=True):
        if owner is not None:
            owner.wallet.coins.append(scene.origin(coin.output))
    brought = [(one.wallet.owner, one.coins) for one in participants]
    return Mix(family, made[0].output, brought)


def _shuffle_and_mix(
    scene: Scene,
    family: str,
    participants: Sequence[Participant],
    outputs: Sequence[Output],
) -> Mix:
    """Put inputs and outputs in an order that tells nothing, and mix."""
    coins = scene.dice.shuffled([coin for one in participants for coin in one.coins])
    return _mix(scene, family, participants, scene.dice.shuffled(outputs), coins)


def whirlpool_tx0(scene: Scene, participant: Participant, coordinator: Wallet) -> tuple[Mix, int]:
    """Prepare coins for the pool: pool fee, OP_RETURN, two equal outputs, change.

    Returns
    -------
    mix : Mix
        The transaction; it mixes nobody.
    count : int
        How many coins for the pool were added, last, to the participant's wallet.
    """
    wallet = participant.wallet
    count = 2
    outputs = [
        (0, scene.ledger.new_script(Kind.NULL_DATA)),
        (_WHIRLPOOL_FEE, coordinator.fresh()),
        *((_PREMIX, wallet.fresh()) for _ in range(count)),
    ]
    change = wallet.fresh()
    fee = scene.fee(participant.coins, [*(script for _, script in outputs), change])
    rest = participant.total - sum(value for value, _ in outputs) - fee
    outputs.append((rest, change))
    outputs.sort()  # BIP-69
    for coin in participant.coins:
        wallet.coins.remove(coin)
    made = scene.spend(participant.coins, outputs)
    wallet.coins += [coin for coin in made if coin.value == rest]
    wallet.coins += [coin for coin in made if coin.value == _PREMIX]
    return Mix("whirlpool_tx0", made[0].output, [(wallet.owner, participant.coins)]), count


def whirlpool(scene: Scene, participants: Sequence[Participant]) -> Mix:
    """Mix five coins into five outputs of exactly the pool's amount."""
    outputs: list[Output] = [(WHIRLPOOL_POOL, one.wallet.fresh(), one) for one in participants]
    return _shuffle_and_mix(scene, "whirlpool", participants, outputs)


def wasabi1(scene: Scene, participants: Sequence[Participant], coordinator: Wallet) -> Mix:
    """Make equal outputs of about 0.1 BTC, a change each, and the coordinator's fee."""
    amount = 1000_0000 + scene.dice.between(1_001, 48_999)
    number = len(participants)
    share = amount * _WASABI1_FEE * number // 100_000
    miner = scene.fee(
        [coin for one in participants for coin in one.coins],
        [coordinator.fresh()] * (2 * number),
    )
    outputs: list[Output] = [(share * number, coordinator.fresh(), None)]
    for one in participants:
        outputs.append((amount, one.wallet.fresh(), one))
        rest = one.total - amount - share - miner // number
        outputs.append((rest, one.wallet.fresh(), one))
    return _shuffle_and_mix(scene, "wasabi1", participants, outputs)


def wasabi2(scene: Scene, participants: Sequence[Participant]) -> Mix:
    """Break everyone's coins into standard denominations; inputs and outputs by size."""
    outputs: list[Output] = []
    for one in participants:
        left = one.total - scene.fee(one.coins, [])
        for count in range(_WASABI2_MOST_OUTPUTS):
            script = one.wallet.fresh()
            left -= scene.fee([], [script])
            fitting = [amount for amount in DENOMINATIONS if amount <= left]
            if not fitting:
                break
            # Not always the largest: several people should end up with the same amounts.
            amount = fitting[min(scene.dice.below(3) if count == 0 else 0, len(fitting) - 1)]
            outputs.append((amount, script, one))
            left -= amount
    outputs.sort(key=lambda output: (-output[0], output[1]))
    coins = [coin for one in participants for coin in one.coins]
    coins.sort(key=lambda coin: (-coin.value, coin.output))
    return _mix(scene, "wasabi2", participants, outputs, coins)


def joinmarket(scene: Scene, taker: Participant, makers: Sequence[Participant]) -> Mix:
    """Let a taker mix with makers: equal outputs, a change each; the taker pays everyone."""
    amount = 654_3210 + scene.dice.below(100_000)
    outputs: list[Output] = []
    paid = 0
    for maker in makers:
        reward = scene.dice.between(500, 2_000)
        paid += reward
        outputs.append((amount, maker.wallet.fresh(), maker))
        outputs.append((maker.total - amount + reward, maker.wallet.fresh(), maker))
    everyone = [taker, *makers]
    coins = [coin for one in everyone for coin in one.coins]
    own, change = taker.wallet.fresh(), taker.wallet.fresh()
    fee = scene.fee(coins, [own] * (2 * len(everyone)))
    outputs.append((amount, own, taker))
    outputs.append((taker.total - amount - paid - fee, change, taker))
    return _shuffle_and_mix(scene, "joinmarket", everyone, outputs)


def equal_outputs(scene: Scene, participants: Sequence[Participant]) -> Mix:
    """Make equal outputs and a change each; everyone pays the same share of the fee."""
    amount = 201_7017
    coins = [coin for one in participants for coin in one.coins]
    script = participants[0].wallet.fresh()
    fee = scene.fee(coins, [script] * (2 * len(participants))) // len(participants)
    outputs: list[Output] = []
    for one in participants:
        outputs.append((amount, one.wallet.fresh(), one))
        outputs.append((one.total - amount - fee, one.wallet.fresh(), one))
    return _shuffle_and_mix(scene, "generic", participants, outputs)
