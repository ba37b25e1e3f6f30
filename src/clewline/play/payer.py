"""People who pay a service, and the ways in which their coins get there."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from clewline.play.coins import Coin
from clewline.play.exchange import Account
from clewline.play.keys import Kind
from clewline.play.scene import Scene
from clewline.play.service import Service

_FEE_ROOM: Final = 40_000
"""Satoshi that a wallet asks for beyond a price, for its fees."""


class Manner(StrEnum):
    """How somebody pays."""

    DIRECT = "direct"
    OWN_WALLET = "own_wallet"
    TWO_EXCHANGES = "two_exchanges"
    SHARED_WALLET = "shared_wallet"
    SEVERAL_WALLETS = "several_wallets"
    FRIEND = "friend"


@dataclass(eq=False)
class Wallet:
    """Coins under one key.

    Attributes
    ----------
    scene : Scene
        The stage.
    owner : str
        Who holds it, as the truth file names them.
    kind : Kind
        Script type of its addresses.
    """

    scene: Scene
    owner: str
    kind: Kind
    coins: list[Coin] = field(default_factory=list)

    def fresh(self) -> int:
        """Return a new address."""
        return self.scene.script(self.kind, self.owner)

    @property
    def balance(self) -> int:
        """Satoshi in it."""
        return sum(coin.value for coin in self.coins)

    def pay(self, value: int, script: int, *, with_all: bool = False) -> Coin:
        """Pay from the oldest coins, or from all of them, and keep the change."""
        chosen: list[Coin] = []
        while with_all or sum(coin.value for coin in chosen) < value + _FEE_ROOM:
            chosen.append(self.coins.pop(0))
            if with_all and not self.coins:
                break
        (paid,), change = self.scene.pay(chosen, [(value, script)], self.fresh())
        if change:
            self.coins.append(change)
        return paid

    def move(self, coin: Coin, other: Wallet) -> None:
        """Send one coin whole to another wallet."""
        self.coins.remove(coin)
        other.coins.append(self.scene.gather([coin], other.fresh()))


@dataclass(eq=False)
class Payer:
    """Somebody who pays services.

    Attributes
    ----------
    name : str
        As the truth file names them.
    manner : Manner
        How they pay.
    accounts : list of Account
        Whose accounts feed the payment: their own, or their partner's and friend's too.
    wallets : list of Wallet
        What the money goes through, in order; empty for those who pay straight from an exchange.
    """

    name: str
    manner: Manner
    accounts: list[Account]
    wallets: list[Wallet]

    def buy(self, service: Service, value: int, usd: int) -> None:
        """Start a payment; it arrives in this block or a few blocks later."""
        script = service.address_of(self.name)
        if self.manner is Manner.DIRECT:
            account = self.accounts[0]
            account.exchange.withdraw(
                value,
                script,
                account.customer,
                lambda coin: service.take(coin, self.name, usd, None),
            )
            return
        if self.manner is Manner.OWN_WALLET and self.wallets[0].balance >= value + _FEE_ROOM:
            self.settle(service, value, usd)
            return
        self._withdraw(service, value, usd)

    def settle(self, service: Service, value: int, usd: int) -> None:
        """Pay from the last wallet."""
        wallet = self.wallets[-1]
        with_all = self.manner in (Manner.TWO_EXCHANGES, Manner.SHARED_WALLET)
        paid = wallet.pay(value, service.address_of(self.name), with_all=with_all)
        service.take(paid, self.name, usd, wallet.fresh())

    def _withdraw(self, service: Service, value: int, usd: int) -> None:
        """Let every account pay a part into the first wallet, then go on."""
        wallet = self.wallets[0]
        scene = wallet.scene
        missing = len(self.accounts)
        room = _FEE_ROOM * (1 + len(self.wallets))

        def arrive(coin: Coin) -> None:
            nonlocal missing
            wallet.coins.append(coin)
            missing -= 1
            if missing == 0:
                scene.later(scene.dice.below(3), lambda: self._pass_on(service, value, usd))

        for account in self.accounts:
            share = (value + room) * scene.dice.between(100, 160) // (100 * len(self.accounts))
            account.exchange.withdraw(share, wallet.fresh(), account.customer, arrive)

    def _pass_on(self, service: Service, value: int, usd: int) -> None:
        """Walk the money through the wallets, a transaction each."""
        for wallet, following in zip(self.wallets, self.wallets[1:], strict=False):
            if self.manner is Manner.FRIEND:
                following.coins.append(wallet.pay(value + _FEE_ROOM, following.fresh()))
            else:
                wallet.move(wallet.coins[-1], following)
        wallet = self.wallets[-1]
        # Partners of a shared wallet can both be on their way: who comes second may find it empty.
        if wallet.balance < value + _FEE_ROOM:
            self._withdraw(service, value, usd)
        else:
            self.settle(service, value, usd)
