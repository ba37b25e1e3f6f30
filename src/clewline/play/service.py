"""A business that takes payments: the site of the case, and its harmless look-alikes.

All of them give each customer a fresh address, sweep what was paid into one main address, and sell
it at exchanges. On the chain they differ in nothing that says what they sell; only the site hands
its money on along a peel chain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from clewline.play.coins import Coin, Part
from clewline.play.exchange import Account
from clewline.play.keys import Kind
from clewline.play.scene import Scene

_SWEEPS_PER_SALE: Final = 3
_PEELS: Final = 6
_SMALLEST_SALE: Final = 100_000
_REFUND_PERCENT: Final = 1
_VISITORS: Final = 12


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment by a customer, as it truly was.

    Attributes
    ----------
    output, value, script : int
        The output, its satoshi, and whose address it paid.
    payer : str
        Who paid.
    usd : int
        The price.
    height : int
        Block.
    parts : tuple of Part
        Where each satoshi came from.
    """

    output: int
    value: int
    script: int
    payer: str
    usd: int
    height: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Sale:
    """Money sold at an exchange: the output paid to one of the operator's accounts."""

    account: Account
    coin: Coin


@dataclass
class Service:
    """One business.

    Attributes
    ----------
    scene : Scene
        The stage.
    name, category : str
        As labels show it.
    kind : Kind
        Script type of its addresses.
    accounts : list of Account
        Where it sells, in turn.
    sweep_at : int
        Payments that wait before they are swept.
    peels : bool
        Whether money takes a peel chain to the exchanges.
    one_address : bool
        Whether all pay to the main address, as donors do.
    gives_away : bool
        Whether it gives its takings away in small amounts, as faucets do, and sells nothing.
    """

    scene: Scene
    name: str
    category: str
    kind: Kind
    accounts: list[Account]
    sweep_at: int
    peels: bool = False
    one_address: bool = False
    gives_away: bool = False
    main: int = field(init=False)
    address: dict[str, int] = field(init=False, default_factory=dict)
    payments: list[Payment] = field(init=False, default_factory=list)
    sweeps: list[tuple[Coin, int]] = field(init=False, default_factory=list)
    sales: list[Sale] = field(init=False, default_factory=list)
    peel_chains: list[list[tuple[Coin, Coin]]] = field(init=False, default_factory=list)
    refunds: list[Coin] = field(init=False, default_factory=list)
    _waiting: list[Coin] = field(init=False, default_factory=list)
    _kept: list[Coin] = field(init=False, default_factory=list)
    _peeling: Coin | None = field(init=False, default=None)
    _unsold: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.main = self.scene.script(self.kind, self.name)

    def address_of(self, customer: str) -> int:
        """Return the script that a customer pays to, made on first use."""
        if self.one_address:
            return self.main
        if customer not in self.address:
            self.address[customer] = self.scene.script(self.kind, self.name)
        return self.address[customer]

    def keep(self, coin: Coin) -> None:
        """Put a coin of its own among those that it keeps, such as the first one.

        With a coin of the main address in each sweep, all addresses are one cluster.
        """
        self._kept.append(Coin(coin.output, coin.value, coin.kind))

    def take(self, coin: Coin, payer: str, usd: int, refund_script: int | None) -> None:
        """Take a payment; one in a hundred customers gets a part of it back."""
        scene = self.scene
        script = int(scene.ledger.script.data[coin.output])
        self.payments.append(
            Payment(coin.output, coin.value, script, payer, usd, scene.height, coin.parts)
        )
        self._waiting.append(Coin(coin.output, coin.value, coin.kind))
        if refund_script is not None and scene.dice.percent(_REFUND_PERCENT):
            scene.later(2, lambda: self._refund(coin.value // 5, refund_script))

    def lend(self, value: int) -> Coin | None:
        """Split a coin of about `value` off the kept money, to an address of its own."""
        if not self._kept or self._kept[-1].value < 2 * value:
            return None
        script = self.scene.script(self.kind, self.name)
        (coin,), change = self.scene.pay([self._kept.pop()], [(value, script)], self.main)
        if change:
            self._kept.append(change)
        return coin

    def housekeeping(self, *, last: bool) -> None:
        """Sweep and sell; `last` sweeps everything, however little."""
        if self._peeling:
            self._peel(self._peeling)
        if len(self._waiting) >= (1 if last else self.sweep_at):
            self._sweep()
        if self._unsold >= (1 if last else _SWEEPS_PER_SALE) and not self._peeling:
            self._sell()

    def _sweep(self) -> None:
        """Gather waiting payments and kept coins into one coin of the main address."""
        coins = [*self._waiting, *self._kept]
        swept = self.scene.gather(coins, self.main)
        self.sweeps.append((swept, len(coins)))
        self._waiting = []
        self._kept = [swept]
        self._unsold += 1

    def _sell(self) -> None:
        """Send nine tenths of the kept money on its way to an exchange."""
        coin = self._kept[-1]
        value = coin.value * 9 // 10
        if value < _SMALLEST_SALE:
            return
        self._unsold = 0
        if self.gives_away:
            self._give_away(value)
            return
        self._kept.pop()
        if self.peels:
            target = self.scene.script(self.kind, self.name)
        else:
            account = self._next_account()
            target = account.deposit_script()
        (sent,), change = self.scene.pay([coin], [(value, target)], self.main)
        if change:
            self._kept.append(change)
        if self.peels:
            self._peeling = sent
            self.peel_chains.append([])
        else:
            self._sold(account, sent)

    def _give_away(self, value: int) -> None:
        """Pay equal small amounts to visitors, who keep them."""
        visitors = [
            self.scene.script(Kind.P2WPKH, f"visitor of {self.name}") for _ in range(_VISITORS)
        ]
        gifts = [(value // _VISITORS, visitor) for visitor in visitors]
        _, change = self.scene.pay([self._kept.pop()], gifts, self.main)
        if change:
            self._kept.append(change)

    def _peel(self, coin: Coin) -> None:
        """Cut one sale off the peel chain."""
        chain = self.peel_chains[-1]
        account = self._next_account()
        percent = self.scene.dice.between(80, 115) // (_PEELS - len(chain) + 1)
        sale = (coin.value * percent // 100, account.deposit_script())
        (sold,), rest = self.scene.pay([coin], [sale], self.scene.script(self.kind, self.name))
        assert rest is not None, "a peel leaves more than it takes"
        self._sold(account, sold)
        chain.append((sold, rest))
        self._peeling = rest
        if len(chain) == _PEELS:
            self._peeling = None
            self._kept.append(rest)

    def _sold(self, account: Account, coin: Coin) -> None:
        """Hand a coin to the exchange."""
        self.sales.append(Sale(account, coin))
        account.exchange.deposit(coin)

    def _next_account(self) -> Account:
        """Return the operator's accounts in turn."""
        return self.accounts[len(self.sales) % len(self.accounts)]

    def _refund(self, value: int, script: int) -> None:
        """Pay a part of a price back."""
        if self._kept and self._kept[-1].value > 2 * value:
            (refund,), change = self.scene.pay([self._kept.pop()], [(value, script)], self.main)
            self.refunds.append(refund)
            if change:
                self._kept.append(change)
