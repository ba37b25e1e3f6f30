"""An exchange: accounts with deposit addresses, a hot and a cold wallet, withdrawals."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from clewline.play.coins import Coin
from clewline.play.keys import Kind
from clewline.play.scene import Scene

BTC: Final = 1_0000_0000
_HOT_ADDRESSES: Final = 4
_LARGEST_BATCH: Final = 24
_LARGEST_SWEEP: Final = 150
_MOST_HOT_COINS: Final = 30
_HOT_HIGH: Final = 200 * BTC
_HOT_LOW: Final = 20 * BTC
_TO_COLD: Final = 100 * BTC


@dataclass(eq=False, slots=True)
class Account:
    """A customer's account.

    Attributes
    ----------
    exchange : Exchange
        Where it is.
    customer : str
        The exchange's own number of the customer.
    person : str
        Who the customer is.
    deposit : int or None
        Script of its deposit address, once one was assigned.
    """

    exchange: Exchange
    customer: str
    person: str
    deposit: int | None = None

    def deposit_script(self) -> int:
        """Return the deposit address, assigned on first use. The exchange holds its key."""
        if self.deposit is None:
            exchange = self.exchange
            self.deposit = exchange.scene.script(exchange.kind, exchange.name)
        return self.deposit


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A withdrawal that waits: how much, to which script, for whom, and what happens then."""

    value: int
    script: int
    customer: str | None
    then: Callable[[Coin], None]


class Exchange:
    """One exchange.

    Parameters
    ----------
    scene : Scene
        The stage.
    name : str
        As labels show it.
    kind : Kind
        Script type of all its addresses.

    Attributes
    ----------
    hot, cold : list of int
        Scripts of its two wallets.
    accounts : list of Account
        In order of opening.
    """

    def __init__(self, scene: Scene, name: str, kind: Kind) -> None:
        self.scene = scene
        self.name = name
        self.kind = kind
        self.hot = [scene.script(kind, name) for _ in range(_HOT_ADDRESSES)]
        self.cold = [scene.script(Kind.P2WSH, name)]
        self.accounts: list[Account] = []
        self.balance = 0
        self._coins: deque[Coin] = deque()
        self._cold_coins: list[Coin] = []
        self._deposits: list[Coin] = []
        self._withdrawals: list[Withdrawal] = []
        self._sweep_at = 8

    def open_account(self, person: str) -> Account:
        """Open an account for somebody."""
        number = f"{self.name[-1]}-{len(self.accounts) + 1:06d}"
        self.accounts.append(Account(self, number, person))
        return self.accounts[-1]

    def deposit_scripts(self) -> list[int]:
        """Return the deposit addresses assigned so far, in order of account."""
        return [account.deposit for account in self.accounts if account.deposit is not None]

    def fund(self, coin: Coin) -> None:
        """Put a coin paid to a hot address into the hot wallet."""
        self._coins.append(coin)
        self.balance += coin.value

    def hot_script(self) -> int:
        """Return one of the hot addresses."""
        return self.scene.dice.pick(self.hot)

    def deposit(self, coin: Coin) -> None:
        """Take a coin paid to a deposit address; it is swept later."""
        self._deposits.append(coin)

    def withdraw(
        self, value: int, script: int, customer: str | None, then: Callable[[Coin], None]
    ) -> None:
        """Ask for a withdrawal; `then` gets the coin once it is paid.

        Parameters
        ----------
        value : int
            Satoshi.
        script : int
            Where to.
        customer : str or None
            Whose account; None for people without a part in the story, whose coins carry no origin.
        then : callable
            Called in the block that pays.
        """
        self._withdrawals.append(Withdrawal(value, script, customer, then))

    def pay_out(self) -> int:
        """Pay what waits, singly or in batches, as far as the money goes; return how many times."""
        waiting, self._withdrawals = self._withdrawals, []
        dice = self.scene.dice
        start = 0
        paid = 0
        while start < len(waiting):
            left = len(waiting) - start
            size = min(left, dice.between(2, _LARGEST_BATCH)) if dice.percent(90) else 1
            batch = waiting[start : start + size]
            start += size
            if sum(one.value for one in batch) + BTC > self.balance:
                self._withdrawals += batch
                continue
            self._pay_batch(batch)
            paid += 1
        return paid

    def housekeeping(self, *, last: bool) -> None:
        """Sweep deposits and move money between the wallets.

        Parameters
        ----------
        last : bool
            Sweep everything, however little.
        """
        while self._deposits and (last or len(self._deposits) >= self._sweep_at):
            self._sweep()
        if self.balance > _HOT_HIGH:
            self._cold_coins += self._pay_hot([(_TO_COLD, self.cold[0])])
        elif self.balance < _HOT_LOW and self._cold_coins:
            self.fund(self.scene.gather([self._cold_coins.pop()], self.hot_script()))

    def _pay_batch(self, batch: list[Withdrawal]) -> None:
        """Pay withdrawals in one transaction."""
        paid = self._pay_hot([(one.value, one.script) for one in batch])
        for one, coin in zip(batch, paid, strict=True):
            if one.customer is None:
                one.then(coin)
            else:
                one.then(self.scene.origin(coin.output, self.name, one.customer))

    def _pay_hot(self, payments: list[tuple[int, int]]) -> list[Coin]:
        """Pay from the hot wallet, oldest coins first."""
        needed = sum(value for value, _ in payments) + BTC // 100
        coins: list[Coin] = []
        crowded = len(self._coins) > _MOST_HOT_COINS
        while needed > 0 or (crowded and len(coins) < 5):
            coins.append(self._coins.popleft())
            needed -= coins[-1].value
        paid, change = self.scene.pay(coins, payments, self.hot_script())
        self.balance -= sum(coin.value for coin in coins)
        if change:
            self.fund(change)
        return paid

    def _sweep(self) -> None:
        """Move deposits to the hot wallet, together with one of its coins.

        The hot coin is what joins deposit addresses and hot wallet in one cluster.
        """
        swept, self._deposits = self._deposits[:_LARGEST_SWEEP], self._deposits[_LARGEST_SWEEP:]
        hot = self._coins.popleft()
        self.balance -= hot.value
        self.fund(self.scene.gather([*swept, hot], self.hot_script()))
        self._sweep_at = self.scene.dice.between(8, 40)
