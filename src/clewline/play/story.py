"""The story: who is there, what they do in which block, and what the miner does meanwhile.

`WARM_UP` blocks hold nothing but a coinbase each, because a coinbase can be spent a hundred blocks
later only. Then everything happens in `Plan.active` blocks: exchanges get the first coins from the
miner, people withdraw, pay the site and its look-alikes, mix; services sweep and sell; and people
without a part in the story fill the blocks up to the size that was asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from clewline.play import coinjoin
from clewline.play.calendar import DAYS, day_of
from clewline.play.coinjoin import Mix, Participant
from clewline.play.coins import Coin
from clewline.play.dice import Dice
from clewline.play.exchange import BTC, Account, Exchange
from clewline.play.keys import Kind
from clewline.play.ledger import Ledger
from clewline.play.payer import Manner, Payer, Wallet
from clewline.play.people import People
from clewline.play.scene import WALLET_KINDS, Scene
from clewline.play.service import Service

WARM_UP: Final = 110
MATURITY: Final = 100
"""Core's `COINBASE_MATURITY`."""
SITE_PAYMENTS: Final = 7300
"""Payments in 33 months to one site that court records describe."""
_SMALLEST_ACTIVE: Final = 24
_MOST_ACTIVE: Final = DAYS
"""A block a day of the 33 months, for cases of 50,000 to two million transactions."""
_BUSY_BLOCK: Final = 49
"""Transactions a block, until there are so many blocks."""
_TRANSACTIONS_A_BLOCK: Final = 2000
_SETTLING: Final = 9
"""Blocks at the end in which nobody buys any more and what is left is swept and sold."""
_LAST_BLOCK_ROOM: Final = 20
_ACCOUNT_SHARE: Final = 30
"""Of a thousand payments of ordinary people, how many go into an account at an exchange."""

_EXCHANGE_KINDS: Final = (
    Kind.P2WPKH,
    Kind.P2SH_P2WPKH,
    Kind.P2PKH,
    Kind.P2TR,
    Kind.P2WSH,
    Kind.P2WPKH,
)
_CASH_OUT_EXCHANGES: Final = 3
_PRICES: Final = (20,) * 31 + (30,) + (50,) * 46 + (100,) * 22
"""US dollars; 51 on average."""
_MANNERS: Final = (
    *(Manner.DIRECT,) * 42,
    *(Manner.OWN_WALLET,) * 24,
    *(Manner.TWO_EXCHANGES,) * 9,
    *(Manner.SHARED_WALLET,) * 6,
    *(Manner.SEVERAL_WALLETS,) * 12,
    *(Manner.FRIEND,) * 7,
)
_PURCHASES_OF_A_BUYER: Final = (1,) * 55 + (2,) * 25 + (3,) * 12 + (4,) * 5 + (6,) * 3
_ANY_AMOUNT: Final = tuple(range(3, 90))


@dataclass(frozen=True)
class _LookAlike:
    """A harmless service: what labels say, its script type, and how people pay it.

    `share` is its payments for each hundred of the site's, `prices` what they cost in US dollars,
    `months` for how many months in a row a customer pays.
    """

    name: str
    category: str
    kind: Kind
    share: int
    prices: tuple[int, ...]
    months: tuple[int, ...] = (1,)
    one_address: bool = False
    gives_away: bool = False


_LOOK_ALIKES: Final = (
    _LookAlike("Gambling 1", "gambling", Kind.P2SH_P2WPKH, 20, (5, 10, 20, 50, 75, 150)),
    _LookAlike("VPN 1", "vpn", Kind.P2WPKH, 15, (5, 5, 12, 60), months=(1, 3, 6)),
    _LookAlike("Shop 1", "shop", Kind.P2PKH, 10, _ANY_AMOUNT),
    _LookAlike("Donations 1", "donation", Kind.P2WPKH, 9, (5, 10, 20, 25, 50), one_address=True),
    _LookAlike("Tips 1", "donation", Kind.P2WPKH, 8, (2, 3, 5, 10), one_address=True),
    _LookAlike("File host 1", "filesharing", Kind.P2WPKH, 10, (10, 15, 25), months=(1, 3, 6)),
    _LookAlike("Vouchers 1", "shop", Kind.P2TR, 6, (20, 25, 50, 100)),
    _LookAlike("Faucet 1", "faucet", Kind.P2WPKH, 2, (3, 5), gives_away=True),
)
"""All that METHODS §5 names: gambling, tipping, donations, VPN and file-host subscriptions,
vouchers, faucets; on the chain they look like the site."""
_MONTH_DAYS: Final = 30

_MIXING_BUYERS: Final = 4
"""Purchases that are paid with coins from a mix: one of each protocol's."""
_DUST: Final = 600


@dataclass(frozen=True)
class _Size:
    """People in a mix, coins that each brings, and their least and most hundredths of a BTC.

    `kind` is the script type that the protocol's wallets use, and so all inputs and outputs.
    """

    people: int
    coins: int
    least: int
    most: int
    kind: Kind = Kind.P2WPKH


@dataclass(frozen=True)
class Plan:
    """How large the case is.

    Attributes
    ----------
    transactions : int
        All of them, coinbases and the genesis block's included.
    active : int
        Blocks after the warm-up.
    purchases : int
        Payments to the site.
    ordinary : int
        About how many transactions are left to people without a part in the story.
    """

    transactions: int
    active: int
    purchases: int
    ordinary: int

    @classmethod
    def of_size(cls, transactions: int) -> Plan:
        """Return the plan of a case of this many transactions.

        Examples
        --------
        >>> Plan.of_size(50_000).purchases, Plan.of_size(1_000_000).purchases
        (7300, 7300)
        """
        active = max(_SMALLEST_ACTIVE, min(transactions // _BUSY_BLOCK, _MOST_ACTIVE))
        active = max(active, -(-transactions // _TRANSACTIONS_A_BLOCK))
        free = transactions - 1 - WARM_UP - active
        purchases = max(6, min((free - 120) * 155 // 1000, SITE_PAYMENTS))
        return cls(transactions, active, purchases, max(free - 4 * purchases, 20))

    @property
    def end(self) -> int:
        """Height of the last block."""
        return WARM_UP + self.active

    def target(self, height: int) -> int:
        """Return how many transactions there should be after an active block.

        The last block has room kept for it: everything unswept is swept there.
        """
        if height == self.end:
            return self.transactions
        start = 1 + WARM_UP
        spread = self.transactions - start - _LAST_BLOCK_ROOM
        return start + spread * (height - WARM_UP) // self.active


class Story:
    """Everyone in the case.

    Parameters
    ----------
    ledger : Ledger
        The chain.
    plan : Plan
        How large it becomes.
    times : list of int
        Header time of each height, UTC seconds.

    Attributes
    ----------
    exchanges, services, buyers : list
        Who is there; the first service is the site.
    mixes : list of Mix
        The CoinJoins that happened.
    sat_per_usd : list of int
        Exchange rate of each day.
    dust : list of Coin
        Unasked outputs sent to addresses of others.
    """

    def __init__(self, ledger: Ledger, plan: Plan, times: list[int]) -> None:
        self.plan = plan
        self._day = [day_of(time) for time in times]
        self.dice = Dice(ledger.seed, 0)
        self.scene = scene = Scene(ledger, self.dice)
        self.miner = scene.script(Kind.P2WPKH, "miner")
        self.commitment = ledger.new_script(Kind.NULL_DATA)
        self.exchanges = [
            Exchange(scene, f"Exchange {letter}", kind)
            for letter, kind in zip("ABCDEF", _EXCHANGE_KINDS, strict=True)
        ]
        self.mixes: list[Mix] = []
        self.dust: list[Coin] = []
        self.services = self._open_services()
        self.site = self.services[0]
        self._exchange_of = {
            account.deposit_script(): account.exchange for account in self._open_people_accounts()
        }
        self.people = People(
            ledger,
            Dice(ledger.seed, 1),
            max(10, plan.ordinary // 25),
            np.array(list(self._exchange_of), np.int64),
        )
        self._rewards: list[int] = []
        self.sat_per_usd = self._exchange_rates()
        self._coordinators = [
            Wallet(scene, f"coordinator {number}", Kind.P2WPKH) for number in (1, 2)
        ]
        self.buyers = self._meet_buyers()
        self._plan_look_alike_payments()
        self._plan_mixes()
        self._plan_dust()

    def step(self, height: int) -> None:
        """Make the next block's transactions, its coinbase first."""
        scene, ledger, plan = self.scene, self.scene.ledger, self.plan
        scene.height = height
        self._rewards.append(ledger.begin_block(self.miner, self.commitment))
        if height <= WARM_UP:
            return
        self._spend_rewards(height)
        scene.act()
        while sum(exchange.pay_out() for exchange in self.exchanges):
            scene.act()
        for service in self.services:
            service.housekeeping(last=height > plan.end - _SETTLING)
        for exchange in self.exchanges:
            exchange.housekeeping(last=height == plan.end)
        done = ledger.transactions + 1  # the genesis block's is not in the ledger
        target = plan.target(height)
        if target > done:
            self._fill(target - done, last=height == plan.end)

    def price(self, usd: int) -> int:
        """Return satoshi for a price now, as roughly as wallets convert."""
        rate = self.sat_per_usd[self._day[self.scene.height]]
        return usd * rate * self.dice.between(992, 1008) // 1000

    def _fill(self, wanted: int, *, last: bool) -> None:
        """Let ordinary people pay each other, and withdraw as much as they pay into accounts."""
        people, ledger = self.people, self.scene.ledger
        share = 0 if last else _ACCOUNT_SHARE
        for output in people.pay_each_other(wanted, account_share=share):
            exchange = self._exchange_of[int(ledger.script.data[output])]
            exchange.deposit(self.scene.coin(output))
        rich = max(self.exchanges, key=lambda exchange: exchange.balance)
        if rich.balance < 30 * BTC:
            return
        for _ in range(-(-wanted * _ACCOUNT_SHARE // 1000)):
            person, script = people.anybody()
            value = self.dice.between(BTC // 400, BTC // 10)
            rich.withdraw(value, script, None, self._receiver(person))

    def _receiver(self, person: int) -> Callable[[Coin], None]:
        """Return what puts a coin into the wallet of an ordinary person."""
        return lambda coin: self.people.receive(person, coin.output)

    def _exchange_rates(self) -> list[int]:
        """Return satoshi per US dollar on each day: a made-up walk around 20,000."""
        rates = [20_000]
        for _ in range(self._day[-1]):
            step = rates[-1] * self.dice.between(-10, 10) // 1000
            rates.append(min(max(rates[-1] + step, 15_000), 25_000))
        return rates

    def _open_services(self) -> list[Service]:
        """Open the site and its look-alikes, each with accounts at exchanges to sell at."""
        scene, purchases = self.scene, self.plan.purchases
        selling = self.exchanges[:_CASH_OUT_EXCHANGES] * 2
        services = [
            Service(
                scene,
                "Site 1",
                "child_sexual_abuse",
                Kind.P2WPKH,
                [exchange.open_account("operator of Site 1") for exchange in selling],
                sweep_at=max(2, min(purchases // 8, 40)),
                peels=True,
            )
        ]
        for number, one in enumerate(_LOOK_ALIKES, 1):
            exchange = self.exchanges[number % len(self.exchanges)]
            services.append(
                Service(
                    scene,
                    one.name,
                    one.category,
                    one.kind,
                    [exchange.open_account(f"operator of {one.name}")],
                    sweep_at=max(2, min(purchases * one.share // 800, 40)),
                    one_address=one.one_address,
                    gives_away=one.gives_away,
                )
            )
        for service in services:
            opening = self.exchanges[3].open_account(f"operator of {service.name}")
            scene.at(WARM_UP + 1, self._first_coin(service, opening))
        return services

    def _first_coin(self, service: Service, account: Account) -> Callable[[], None]:
        """Return what withdraws a first coin to a service's main address."""
        return lambda: account.exchange.withdraw(
            BTC // 50, service.main, account.customer, service.keep
        )

    def _open_people_accounts(self) -> list[Account]:
        """Open the accounts that ordinary people pay into."""
        number = max(2, min(self.plan.ordinary // 400, 1000))
        return [
            exchange.open_account("ordinary people")
            for exchange in self.exchanges
            for _ in range(number)
        ]

    def _account(self, person: str) -> Account:
        """Open an account somewhere."""
        return self.dice.pick(self.exchanges).open_account(person)

    def _wallet(self, owner: str) -> Wallet:
        """Return an empty wallet of some type."""
        return Wallet(self.scene, owner, self.dice.pick(WALLET_KINDS))

    def _payer(self, name: str, manner: Manner) -> Payer:
        """Return somebody who pays in this manner, with accounts and wallets for it."""
        if manner is Manner.DIRECT:
            return Payer(name, manner, [self._account(name)], [])
        if manner is Manner.TWO_EXCHANGES:
            first = self.dice.below(len(self.exchanges))
            second = (first + 1 + self.dice.below(len(self.exchanges) - 1)) % len(self.exchanges)
            accounts = [self.exchanges[i].open_account(name) for i in (first, second)]
            return Payer(name, manner, accounts, [self._wallet(name)])
        if manner is Manner.FRIEND:
            friend = f"friend of {name}"
            return Payer(
                name, manner, [self._account(friend)], [self._wallet(friend), self._wallet(name)]
            )
        number = self.dice.between(2, 3) if manner is Manner.SEVERAL_WALLETS else 1
        return Payer(
            name, manner, [self._account(name)], [self._wallet(name) for _ in range(number)]
        )

    def _partners(self, first: str, second: str) -> list[Payer]:
        """Return two people who share a wallet that both feed."""
        accounts = [self._account(first), self._account(second)]
        wallet = self._wallet(f"{first} and {second}")
        return [Payer(name, Manner.SHARED_WALLET, accounts, [wallet]) for name in (first, second)]

    def _meet_buyers(self) -> list[Payer]:
        """Return the site's buyers and put their purchases into the calendar."""
        buyers: list[Payer] = []
        left = self.plan.purchases - _MIXING_BUYERS
        while left > 0:
            name, next_name = (f"buyer {len(buyers) + i:06d}" for i in (1, 2))
            manner = self.dice.pick(_MANNERS)
            if manner is Manner.SHARED_WALLET:
                new = self._partners(name, next_name)
            else:
                new = [self._payer(name, manner)]
            for buyer in new:
                purchases = min(self.dice.pick(_PURCHASES_OF_A_BUYER), left)
                left -= purchases
                for _ in range(purchases):
                    self._plan_payment(buyer, self.site, self.dice.pick(_PRICES), self._any_block())
            buyers += new
        return buyers

    def _any_block(self) -> int:
        """Return a height at which somebody may buy."""
        return self.dice.between(WARM_UP + 3, self.plan.end - _SETTLING - 4)

    def _plan_payment(self, payer: Payer, service: Service, usd: int, height: int) -> None:
        """Put a payment into the calendar."""
        self.scene.at(height, lambda: payer.buy(service, self.price(usd), usd))

    def _plan_look_alike_payments(self) -> None:
        """Let other people, and one buyer in five, pay the look-alikes."""
        number = 0
        month = max(1, self.plan.active * _MONTH_DAYS // DAYS)
        for service, one in zip(self.services[1:], _LOOK_ALIKES, strict=True):
            left = max(2, self.plan.purchases * one.share // 100)
            while left > 0:
                if self.dice.percent(20):
                    payer = self.dice.pick(self.buyers)
                else:
                    number += 1
                    manner = self.dice.pick((Manner.DIRECT, Manner.OWN_WALLET))
                    payer = self._payer(f"person {number:06d}", manner)
                usd, first = self.dice.pick(one.prices), self._any_block()
                last = min(
                    first + month * self.dice.pick(one.months), self.plan.end - _SETTLING - 3
                )
                for height in range(first, last, month)[:left]:
                    self._plan_payment(payer, service, usd, height)
                    left -= 1

    def _plan_mixes(self) -> None:
        """Put the CoinJoins into the calendar: coins first, then the rounds."""
        first, active = WARM_UP + 1, self.plan.active
        rounds = (
            (4, self._whirlpool),
            (6, self._wasabi1),
            (8, self._wasabi2),
            (10, self._joinmarket),
            (12, self._equal_outputs),
        )
        for part, mix in rounds:
            self.scene.at(first + active * part // _SMALLEST_ACTIVE, mix(first + 1))

    def _group(self, family: str, at: int, size: _Size) -> list[Participant]:
        """Let people withdraw coins for a mix; the first of them is a buyer of the site's."""
        group = []
        for i in range(size.people):
            name = f"{family} buyer" if i == 0 else f"{family} participant {i + 1}"
            wallet = Wallet(self.scene, name, size.kind)
            for _ in range(size.coins):
                value = self.dice.between(size.least, size.most) * BTC // 100
                value -= self.dice.below(BTC // 100)
                self.scene.at(at, self._withdrawal_to(wallet, value))
            group.append(Participant(wallet, []))
        return group

    def _withdrawal_to(self, wallet: Wallet, value: int) -> Callable[[], None]:
        """Return what withdraws a coin from an account somewhere into a wallet."""
        account = self._account(wallet.owner)
        return lambda: account.exchange.withdraw(
            value, wallet.fresh(), account.customer, wallet.coins.append
        )

    def _buy_with_mixed(self, participant: Participant) -> None:
        """Let a participant buy from the site with what the mix paid out last."""
        wallet = participant.wallet
        wallet.coins.reverse()
        account = self._account(wallet.owner)
        buyer = Payer(wallet.owner, Manner.OWN_WALLET, [account], [wallet])
        self.buyers.append(buyer)
        buyer.buy(self.site, self.price(50), 50)

    def _whirlpool(self, funded: int) -> Callable[[], None]:
        """Plan five Tx0 and two mixes, the second with two coins of the first."""
        group = self._group("whirlpool", funded, _Size(people=5, coins=1, least=13, most=20))

        def mix() -> None:
            premixed: list[list[Coin]] = []
            for one in group:
                one.coins = list(one.wallet.coins)
                tx0, count = coinjoin.whirlpool_tx0(self.scene, one, self._coordinators[0])
                self.mixes.append(tx0)
                premixed.append(one.wallet.coins[-count:])
            for number in (0, 1):
                for i, one in enumerate(group):
                    remix = number == 1 and i >= 3
                    one.coins = [one.wallet.coins[-1] if remix else premixed[i][number]]
                self.mixes.append(coinjoin.whirlpool(self.scene, group))
            self._buy_with_mixed(group[0])

        return mix

    def _wasabi1(self, funded: int) -> Callable[[], None]:
        """Plan a round in which the site takes part, if it has the money by then."""
        group = self._group("wasabi1", funded, _Size(people=12, coins=2, least=7, most=14))

        def mix() -> None:
            lent = self.site.lend(BTC * 12 // 100)
            everyone = list(group)
            for one in group:
                one.coins = list(one.wallet.coins)
            if lent:
                wallet = Wallet(self.scene, self.site.name, Kind.P2WPKH, [lent])
                everyone.append(Participant(wallet, [lent]))
            self.mixes.append(coinjoin.wasabi1(self.scene, everyone, self._coordinators[1]))
            for coin in everyone[-1].wallet.coins if lent else ():
                self.site.keep(coin)
            self._buy_with_mixed(group[0])

        return mix

    def _wasabi2(self, funded: int) -> Callable[[], None]:
        """Plan a round of sixty inputs."""
        group = self._group("wasabi2", funded, _Size(people=20, coins=3, least=2, most=6))

        def mix() -> None:
            for one in group:
                one.coins = list(one.wallet.coins)
            self.mixes.append(coinjoin.wasabi2(self.scene, group))
            self._buy_with_mixed(group[0])

        return mix

    def _joinmarket(self, funded: int) -> Callable[[], None]:
        """Plan a taker and four makers; the taker is a buyer."""
        size = _Size(people=5, coins=2, least=7, most=9, kind=Kind.P2SH_P2WPKH)
        group = self._group("joinmarket", funded, size)

        def mix() -> None:
            for one in group:
                one.coins = list(one.wallet.coins)
            self.mixes.append(coinjoin.joinmarket(self.scene, group[0], group[1:]))
            self._buy_with_mixed(group[0])

        return mix

    def _equal_outputs(self, funded: int) -> Callable[[], None]:
        """Plan a plain CoinJoin with equal outputs."""
        size = _Size(people=6, coins=1, least=4, most=6, kind=Kind.P2PKH)
        group = self._group("equal", funded, size)

        def mix() -> None:
            for one in group:
                one.coins = list(one.wallet.coins)
            self.mixes.append(coinjoin.equal_outputs(self.scene, group))

        return mix

    def _plan_dust(self) -> None:
        """Let somebody send dust to a few addresses of the site, a look-alike and buyers."""
        sender = Wallet(self.scene, "dust sender", Kind.P2WPKH)
        self.scene.at(WARM_UP + 2, self._withdrawal_to(sender, BTC // 10))

        def send() -> None:
            targets = [
                script
                for service in self.services[:2]
                for script in list(service.address.values())[2:7]
            ]
            targets += [buyer.wallets[0].fresh() for buyer in self.buyers[:5] if buyer.wallets]
            payments = [(_DUST, script) for script in targets]
            paid, change = self.scene.pay(sender.coins, payments, sender.fresh())
            sender.coins = [change] if change else []
            self.dust += paid

        self.scene.at(WARM_UP + self.plan.active * 3 // 4, send)

    def _spend_rewards(self, height: int) -> None:
        """Let the miner spend mature rewards: to the poorest exchange, or to ordinary people."""
        mature = height - MATURITY
        rewards = [mature]
        if height == WARM_UP + 1:
            rewards = list(range(1, mature + 1))
        for reward in rewards:
            coin = self.scene.coin(self._rewards[reward - 1])
            if height == WARM_UP + 1 and reward <= len(self.exchanges):
                self._fund(self.exchanges[reward - 1], coin)
            elif reward % 2 and height > WARM_UP + 1:
                self._fund(min(self.exchanges, key=lambda exchange: exchange.balance), coin)
            else:
                self._pay_people(coin)

    def _fund(self, exchange: Exchange, coin: Coin) -> None:
        """Let the miner sell a reward."""
        exchange.fund(self.scene.gather([coin], exchange.hot_script()))

    def _pay_people(self, coin: Coin) -> None:
        """Let the miner share a reward out among ordinary people, as pools do."""
        plan, people = self.plan, self.people
        number = max(6, min(plan.ordinary * 15 // 100 // (plan.active // 2), 1500))
        receivers = [people.anybody() for _ in range(number)]
        rest = coin.value - self.scene.fee([coin], [script for _, script in receivers])
        outputs = []
        for left in range(number, 0, -1):
            share = rest // left
            value = rest if left == 1 else share * self.dice.between(50, 150) // 100
            rest -= value
            outputs.append((value, receivers[left - 1][1]))
        made = self.scene.spend([coin], outputs)
        for (person, _), paid in zip(reversed(receivers), made, strict=True):
            people.receive(person, paid.output)
