"""Made-up CoinJoin rounds by their published protocols, and ordinary transactions that look alike.

Every transaction is drawn from a seed and belongs to nobody. Two seeds make two sets: rules are
tuned on `TUNING`, and figures are published from `KEPT_ASIDE`, which no rule was fitted to.

Sources: JoinMarket, ``jmclient`` (``yieldgenerator.py``, ``taker.py``, ``support.py``: makers
keep a change of at least `DUST_THRESHOLD`, earn a relative or an absolute fee and never lose, the
taker pays the miner and may sweep without change); WalletWasabi, ``AmountDecomposer.cs`` and
``DenominationBuilder.cs`` (standard denominations from 5,000 satoshi, largest first, at most ten
outputs a client, a change where the rest is worth one, coins and outputs sorted by size).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from clewline.codec.script import ScriptKind
from clewline.play.coinjoin import DENOMINATIONS
from clewline.play.dice import Dice

TUNING: Final = 1
KEPT_ASIDE: Final = 41

DUST_THRESHOLD: Final = 27_300
_BTC: Final = 100_000_000
_WASABI2_LEAST: Final = 5_000
_WASABI2_MOST_OUTPUTS: Final = 10

_PKH, _SH, _WPKH = ScriptKind.PUBKEYHASH, ScriptKind.SCRIPTHASH, ScriptKind.WITNESS_V0_KEYHASH
_WSH, _TR = ScriptKind.WITNESS_V0_SCRIPTHASH, ScriptKind.WITNESS_V1_TAPROOT

Coin = tuple[int, int, int]
"""Value in satoshi, number of the script, `ScriptKind`."""


@dataclass(frozen=True)
class Emulated:
    """One made-up transaction.

    Attributes
    ----------
    family : str or None
        CoinJoin family by whose protocol it was made; None for a look-alike.
    what : str
        Kind of look-alike, or a class of sizes such as "3 to 4 participants".
    inputs, outputs : tuple of (value, script, kind)
    """

    family: str | None
    what: str
    inputs: tuple[Coin, ...]
    outputs: tuple[Coin, ...]


class _Scripts:
    """Hands out scripts that nobody used before."""

    def __init__(self) -> None:
        self._next = 0

    def coins(self, values: list[int], kind: int) -> list[Coin]:
        """Give each value a script of its own."""
        first = self._next
        self._next += len(values)
        return [(value, first + i, kind) for i, value in enumerate(values)]


def _spread(dice: Dice, low: int, high: int) -> int:
    """Draw an amount whose order of magnitude is even between two amounts."""
    bits = dice.between(low.bit_length(), high.bit_length())
    return min(max(dice.between(1 << (bits - 1), (1 << bits) - 1), low), high)


def _round(dice: Dice) -> int:
    """Draw an amount as people choose it."""
    return dice.pick((1, 2, 25, 3, 5, 10, 15)) * dice.pick((100_000, 1_000_000, 10_000_000))


def _cut(dice: Dice, total: int, parts: int) -> list[int]:
    """Cut an amount into coins, none of them dust, in uneven parts; fewer if it is small."""
    coins = []
    left = total
    for more in range(parts - 1, 0, -1):
        if left < 2 * more * DUST_THRESHOLD:
            break
        part = max(DUST_THRESHOLD, left * dice.between(5, 80) // (100 * min(more, 3)))
        if left - part < DUST_THRESHOLD:
            break
        coins.append(part)
        left -= part
    return [*coins, left]


def _coins_of_maker(dice: Dice) -> int:
    """Draw how many coins somebody brings."""
    chance = dice.below(100)
    return 1 if chance < 55 else 2 if chance < 75 else 3 if chance < 87 else dice.between(4, 9)


def joinmarket(dice: Dice) -> Emulated:
    """Make a JoinMarket CoinJoin of 3 to 20 participants."""
    chance = dice.below(100)
    n = dice.between(*((3, 4) if chance < 30 else (5, 7) if chance < 65 else (8, 11)))
    if chance >= 92:
        n = dice.between(12, 20)
    kind = dice.pick((_PKH, _SH, _WPKH, _WPKH, _WPKH))
    amount = _round(dice) if dice.percent(30) else _spread(dice, 100_000, 20 * _BTC)
    scripts = _Scripts()
    values: list[int] = []
    made: list[Coin] = scripts.coins([amount] * (n - 1), kind)
    paid = 0
    for _ in range(n - 1):
        relative = dice.percent(70)
        fee = amount * dice.pick((0, 1, 2, 5, 10, 20, 30, 100)) // 100_000 if relative else 0
        fee = fee if relative else dice.pick((0, 1, 100, 250, 500, 1_000, 2_000, 5_000))
        fee = fee * dice.between(80, 120) // 100
        change = _spread(dice, DUST_THRESHOLD, max(30 * amount, _BTC))
        values += _cut(dice, amount + change - fee, _coins_of_maker(dice))
        made += scripts.coins([change], kind)
        paid += fee
    own = dice.between(1, 12) if dice.percent(25) else _coins_of_maker(dice)
    size = 11 + 68 * (len(values) + own) + 31 * 2 * n
    fee = size * _spread(dice, 1, 100)
    # The taker sends its equal output wherever it wants; what would be dust goes to the miner.
    made += scripts.coins([amount], dice.pick((kind, kind, kind, _SH, _WPKH, _TR, _WSH)))
    change = 0 if dice.percent(30) else _spread(dice, 1_000, max(10 * amount, _BTC))
    if change >= DUST_THRESHOLD:
        made += scripts.coins([change], kind)
    values += _cut(dice, amount + paid + fee + change, own)
    inputs = dice.shuffled(scripts.coins(values, kind))
    bounds = ((3, 4), (5, 7), (8, 11), (12, 20))
    low, high = next((low, high) for low, high in bounds if low <= n <= high)
    what = f"{low} to {high} participants"
    return Emulated("joinmarket", what, tuple(inputs), tuple(dice.shuffled(made)))


def wasabi2(dice: Dice) -> Emulated:
    """Make a Wasabi 2 round of 14 to 420 inputs."""
    chance = dice.below(100)
    bounds = ((14, 30), (31, 90), (91, 200), (201, 420))
    low, high = bounds[0 if chance < 40 else 1 if chance < 65 else 2 if chance < 85 else 3]
    wanted = dice.between(low, high)
    rate = _spread(dice, 1, 60)
    charges = dice.percent(40)
    scripts = _Scripts()
    inputs: list[Coin] = []
    outputs: list[Coin] = []
    charged = 0
    while len(inputs) < wanted:
        taproot = dice.percent(50)
        number = min(dice.pick((1, 1, 2, 2, 3, 4, 6, 8, 10)), wanted - len(inputs))
        remix = dice.percent(50)
        values = [
            dice.pick([one for one in DENOMINATIONS if one <= 5 * _BTC])
            if remix
            else _spread(dice, 20_000, 10 * _BTC)
            for _ in range(number)
        ]
        for value in values:
            inputs += scripts.coins([value], _TR if taproot and dice.percent(50) else _WPKH)
        fee = 0 if remix or not charges else sum(values) * 3 // 1000
        charged += fee
        left = sum(values) - fee - number * 68 * rate
        outputs += _decompose(dice, left, rate, taproot, scripts)
    if charged > _WASABI2_LEAST:
        outputs += scripts.coins([charged], _WPKH)
    inputs.sort(reverse=True)
    outputs.sort(reverse=True)
    return Emulated("wasabi2", f"{low} to {high} inputs", tuple(inputs), tuple(outputs))


def _decompose(dice: Dice, left: int, rate: int, taproot: bool, scripts: _Scripts) -> list[Coin]:  # noqa: FBT001
    """Break what somebody brings into standard denominations and a change."""
    fee = 37 * rate
    outputs: list[Coin] = []
    skip = dice.below(4)
    while len(outputs) < _WASABI2_MOST_OUTPUTS - 1:
        fitting = [one for one in DENOMINATIONS if one >= _WASABI2_LEAST and one + fee <= left]
        if not fitting:
            break
        amount = fitting[min(skip, len(fitting) - 1)]
        skip = dice.pick((0, 0, 0, 1, 2))
        outputs += scripts.coins([amount], _TR if taproot and dice.percent(50) else _WPKH)
        left -= amount + fee
    if left - fee >= _WASABI2_LEAST:
        outputs += scripts.coins([left - fee], _WPKH)
    return outputs


def _own(dice: Dice, total: int, most: int, kind: int, scripts: _Scripts) -> list[Coin]:
    """Cut a total into coins of one owner, some of them on one script."""
    coins = scripts.coins(_cut(dice, total, dice.between(1, most)), kind)
    if dice.percent(30):
        coins = [
            (value, coins[0][1] if dice.percent(60) else script, k) for value, script, k in coins
        ]
    return coins


def _payout(dice: Dice, amounts: list[int], most_inputs: int) -> Emulated:
    """Pay amounts out of one owner's coins, with change."""
    scripts = _Scripts()
    kind = dice.pick((_PKH, _SH, _WPKH, _WPKH, _WSH, _TR))
    outputs: list[Coin] = []
    for amount in amounts:
        outputs += scripts.coins([amount], dice.pick((_PKH, _SH, _WPKH, _WPKH, _TR)))
    if dice.percent(90):
        outputs += scripts.coins([_spread(dice, 3_000, 20 * _BTC)], kind)
    total = sum(value for value, *_ in outputs) + 150 * len(outputs) * _spread(dice, 1, 60)
    inputs = _own(dice, total, most_inputs, kind, scripts)
    return Emulated(None, "", tuple(inputs), tuple(dice.shuffled(outputs)))


def _salaries(dice: Dice) -> Emulated:
    """Pay several people, some of them the same amount."""
    equal = [_round(dice) if dice.percent(60) else _spread(dice, 50_000, 2 * _BTC)]
    amounts = equal * dice.between(2, 12)
    amounts += [_spread(dice, 20_000, 5 * _BTC) for _ in range(dice.between(0, 15))]
    return _payout(dice, amounts, 15)


def _withdrawals(dice: Dice) -> Emulated:
    """Pay out customers of an exchange, who like round amounts."""
    amounts = [
        _round(dice) if dice.percent(40) else _spread(dice, 20_000, 5 * _BTC)
        for _ in range(dice.between(2, 100))
    ]
    return _payout(dice, amounts, 40)


def _faucet(dice: Dice) -> Emulated:
    """Pay many people the same small amount."""
    return _payout(dice, [_spread(dice, 600, 200_000)] * dice.between(5, 150), 6)


def _airdrop(dice: Dice) -> Emulated:
    """Pay the same amount to many from coins of one size, as a token sale or a raffle does."""
    scripts = _Scripts()
    amount, n = _round(dice), dice.between(5, 80)
    number = dice.between(1, 12)
    share = (amount * n + 40_000) // number + 1
    outputs = scripts.coins([amount] * n, dice.pick((_PKH, _WPKH, _TR)))
    inputs = scripts.coins([share] * number, _WPKH)
    return Emulated(None, "", tuple(inputs), tuple(outputs))


def _consolidation(dice: Dice) -> Emulated:
    """Merge many coins into one or two."""
    scripts = _Scripts()
    kind = dice.pick((_PKH, _SH, _WPKH, _TR))
    values = [_spread(dice, 5_000, _BTC) for _ in range(dice.between(5, 300))]
    total = sum(values) - 70 * len(values)
    first = total * dice.between(20, 100) // 100
    outputs = scripts.coins([one for one in (first, total - first) if one > 600], kind)
    return Emulated(None, "", tuple(scripts.coins(values, kind)), tuple(outputs))


def _tokens(dice: Dice) -> Emulated:
    """Move tokens that sit on outputs of the least allowed amount."""
    scripts = _Scripts()
    least = dice.pick((294, 330, 546, 547, 600, 2_730, 10_000))
    n = dice.between(2, 40)
    kind = dice.pick((_TR, _TR, _WPKH, _PKH))
    funds = _spread(dice, 50_000, _BTC)
    outputs = scripts.coins([least] * n + [funds], kind)
    if dice.percent(40):
        outputs.append((0, 1_000_000, ScriptKind.NULLDATA))
    inputs = scripts.coins([least] * dice.between(1, n) + [funds + n * least + 9_000], kind)
    return Emulated(None, "", tuple(inputs), tuple(outputs))


def _dusting(dice: Dice) -> Emulated:
    """Send dust to strangers."""
    scripts = _Scripts()
    amount, n = dice.pick((546, 547, 555, 888, 1_000, 5_460)), dice.between(10, 400)
    outputs = scripts.coins([amount] * n, _PKH) + scripts.coins([_spread(dice, 1_000, _BTC)], _PKH)
    total = sum(value for value, *_ in outputs) + 40 * n
    return Emulated(None, "", tuple(_own(dice, total, 5, _PKH, scripts)), tuple(outputs))


def _treasury(dice: Dice) -> Emulated:
    """Move coins of one size between vaults that need several signatures."""
    scripts = _Scripts()
    kind = dice.pick((_SH, _WSH))
    amount, n = _round(dice) * dice.pick((1, 10)), dice.between(2, 20)
    outputs = scripts.coins([amount] * n, kind)
    number = n if dice.percent(40) else dice.between(1, 2 * n)
    total = amount * n + 400 * n + (0 if number == n else _spread(dice, 10_000, 5 * _BTC))
    change = total - amount * n - 400 * n
    if change:
        outputs += scripts.coins([change], kind)
    share = total // number
    values = [share] * (number - 1) + [total - share * (number - 1)]
    return Emulated(None, "", tuple(scripts.coins(values, kind)), tuple(dice.shuffled(outputs)))


def _split(dice: Dice) -> Emulated:
    """Split one owner's coins into equal ones and a rest."""
    scripts = _Scripts()
    amount = _round(dice) if dice.percent(70) else _spread(dice, 50_000, 2 * _BTC)
    outputs = scripts.coins([amount] * dice.between(2, 60) + [_spread(dice, 1_000, _BTC)], _WPKH)
    total = sum(value for value, *_ in outputs) + 2_000
    return Emulated(None, "", tuple(_own(dice, total, 8, _WPKH, scripts)), tuple(outputs))


def _stonewall(dice: Dice) -> Emulated:
    """Pay with two sets of one owner's coins and a decoy of the paid amount (Samourai)."""
    scripts = _Scripts()
    amount = _round(dice) if dice.percent(50) else _spread(dice, 50_000, _BTC)
    fee = 2 * dice.between(100, 10_000)
    changes = [_spread(dice, 1_000, _BTC) for _ in range(2)]
    inputs: list[Coin] = []
    for change in changes:
        parts = _cut(dice, amount + change + fee // 2, dice.between(1, 4))
        inputs += scripts.coins(parts, _WPKH)
    outputs = scripts.coins([amount, amount, *changes], _WPKH)
    return Emulated(None, "", tuple(inputs), tuple(dice.shuffled(outputs)))


def _ordinary(dice: Dice) -> Emulated:
    """Pay one or two, with change."""
    amounts = [
        _round(dice) if dice.percent(30) else _spread(dice, 5_000, 5 * _BTC)
        for _ in range(dice.pick((1, 1, 1, 2)))
    ]
    return _payout(dice, amounts, 12)


MIXES: Final[Mapping[str, Callable[[Dice], Emulated]]] = {
    "joinmarket": joinmarket,
    "wasabi2": wasabi2,
}
"""Protocol by family."""

LOOK_ALIKES: Final[Mapping[str, Callable[[Dice], Emulated]]] = {
    "payment": _ordinary,
    "salaries": _salaries,
    "exchange withdrawals": _withdrawals,
    "faucet": _faucet,
    "airdrop": _airdrop,
    "consolidation": _consolidation,
    "token transfer": _tokens,
    "dusting": _dusting,
    "treasury move": _treasury,
    "split": _split,
    "Stonewall": _stonewall,
}
"""What looks alike, by its name."""


def rounds(family: str, seed: int, count: int) -> Iterator[Emulated]:
    """Yield rounds of a family.

    Parameters
    ----------
    family : {"joinmarket", "wasabi2"}
        Whose protocol.
    seed : int
        `TUNING`, `KEPT_ASIDE` or another; the same seed gives the same rounds.
    count : int
        How many.

    Yields
    ------
    Emulated
        With a class of sizes as `what`.

    Examples
    --------
    >>> one, = rounds("wasabi2", TUNING, 1)
    >>> one.family, len(one.inputs) >= 14
    ('wasabi2', True)
    """
    dice = Dice(seed, list(MIXES).index(family))
    for _ in range(count):
        yield MIXES[family](dice)


def look_alikes(what: str, seed: int, count: int) -> Iterator[Emulated]:
    """Yield transactions of one owner that look like CoinJoins.

    Parameters
    ----------
    what : str
        A key of `LOOK_ALIKES`.
    seed : int
        As for `rounds`.
    count : int
        How many.

    Yields
    ------
    Emulated
        Without a family.

    Examples
    --------
    >>> one, = look_alikes("Stonewall", TUNING, 1)
    >>> one.family, len(one.outputs)
    (None, 4)
    """
    dice = Dice(seed, len(MIXES) + list(LOOK_ALIKES).index(what))
    for _ in range(count):
        made = LOOK_ALIKES[what](dice)
        yield Emulated(None, what, made.inputs, made.outputs)
