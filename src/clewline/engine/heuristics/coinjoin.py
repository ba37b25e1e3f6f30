"""Which transactions have the shape of a CoinJoin, of which family, and why.

A CoinJoin (Maxwell, "CoinJoin: Bitcoin privacy for the real world", 2013) has inputs of several
owners, so it must never join clusters. Nothing on chain says so outright: what is recognised here
is a *shape*, one small function a family, and `RULES` says in words what each function tests.

Three facts carry most of the precision:

- n participants need n distinct input scripts. Inputs of one script are one participant's.
- Each participant brings at least the amount that it gets. A payout that one owner makes from a
  few large coins cannot be split into n such participants.
- Round amounts belong to payouts; mixes have amounts that their protocol computed.

What cannot be seen: PayJoin (by design), CoinJoins without equal outputs, and CoinJoins of an
unknown protocol in which one participant takes several equal outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.engine.chain import Bool, Chain, Int32, Int64, UInt8, UInt32
from clewline.errors import UsageError
from clewline.jit import inlined, kernel


class CoinJoin(IntEnum):
    """The family a transaction belongs to by its shape.

    Examples
    --------
    >>> CoinJoin.wasabi1.family, CoinJoin.none.family
    ('wasabi1', None)
    """

    none = 0
    whirlpool = 1
    whirlpool_tx0 = 2
    wasabi1 = 3
    wasabi2 = 4
    joinmarket = 5
    generic = 6
    mweb = 7
    dash = 8
    credit_unlock = 9
    credit_lock = 10
    shielded = 11

    @property
    def family(self) -> str | None:
        """Name shown to people; None where no shape was recognised."""
        return None if self is CoinJoin.none else self.name

    @property
    def mixes_owners(self) -> bool:
        """Whether money of several owners meets: all families but those of one owner."""
        return self not in _OF_ONE_OWNER

    @property
    def parts_inputs(self) -> bool:
        """Whether inputs are of several owners: they mix, and not in a shielded pool."""
        return self.mixes_owners and self is not CoinJoin.shielded


_OF_ONE_OWNER: Final = (CoinJoin.none, CoinJoin.whirlpool_tx0, CoinJoin.credit_lock)


@dataclass(frozen=True)
class Rule:
    """One family's rule in words; documentation and reasons are made from these."""

    family: CoinJoin
    title: str
    text: str
    source: str


@dataclass(frozen=True)
class Reason:
    """Why one transaction got its family.

    Attributes
    ----------
    family : CoinJoin
        The verdict, from the deciding code itself.
    rule : Rule or None
        The rule that matched; None for `CoinJoin.none`.
    text : str
        One sentence with this transaction's numbers.
    numbers : mapping of str to int
        The same numbers; amounts in satoshi.
    """

    family: CoinJoin
    rule: Rule | None
    text: str
    numbers: Mapping[str, int]


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        CoinJoin.whirlpool,
        "Whirlpool mix",
        "5 to 10 inputs and as many outputs, all P2WPKH, all scripts distinct; every output is "
        "exactly one pool amount (0.001, 0.01, 0.025, 0.05, 0.25 or 0.5 BTC); every input is that "
        "amount or up to 0.001 BTC more, and at least one is more (it pays the miner).",
        "Samourai Whirlpool protocol; Stütz et al., Adoption and Actual Privacy of Decentralized "
        "CoinJoin Implementations in Bitcoin (AFT 2022); Ficsor, Dumplings, Scanner.cs",
    ),
    Rule(
        CoinJoin.wasabi2,
        "Wasabi 2 (WabiSabi) round",
        "At least 5 distinct input scripts, all of them P2WPKH or P2TR, and at least 5 outputs; "
        "at least 60 % of the outputs are standard denominations (2^k, 3^k, 2*3^k, 1, 2 or 5 "
        "times 10^k satoshi, from 5,000); at least 25 % and three different ones are not decimal, "
        "which people do not choose as amounts.",
        "WalletWasabi, DenominationBuilder.cs and SmartTransaction.IsWasabi2Cj (which asks for 50 "
        "inputs and 80 %, and so misses small rounds); Ficsor et al., WabiSabi (2021)",
    ),
    Rule(
        CoinJoin.whirlpool_tx0,
        "Whirlpool preparation (Tx0)",
        "One OP_RETURN output; one or more equal outputs of a pool amount plus up to 0.001 BTC "
        "(and a quarter of the pool amount at most) for later miner fees; at most five others, "
        "the smallest of them (the pool's fee) at most 6 % of the pool amount. One owner's "
        "transaction: named, but it mixes nobody.",
        "Samourai Whirlpool protocol; Stütz et al. (AFT 2022)",
    ),
    Rule(
        CoinJoin.wasabi1,
        "Wasabi 1 (ZeroLink) round",
        "All inputs and outputs P2WPKH; the most frequent output amount lies in 0.01 to 0.12 BTC "
        "and occurs n times, n at least 5 (at least 10 where it is a multiple of 0.001 BTC, as "
        "payouts are); at least n distinct input scripts, with funds for n participants; other "
        "outputs, but not more than n changes, one coordinator fee, and (not for such multiples) "
        "groups of larger equal amounts, the higher levels of later versions. Where one "
        "participant could have paid for all the others, it is JoinMarket's.",
        "Ficsor, ZeroLink (2017) and Dumplings, Scanner.cs; Schnoering and Vazirgiannis, "
        "Heuristics for Detecting CoinJoin Transactions on the Bitcoin Blockchain (2023)",
    ),
    Rule(
        CoinJoin.joinmarket,
        "JoinMarket CoinJoin",
        "n equal outputs (n at least 2, from 27,300 satoshi) and n or n - 1 change outputs, all "
        "to distinct scripts; the input scripts can be shared out among n participants so that "
        "each brings its equal output and change, n - 1 of them (makers) gain at most 1 % or "
        "10,000 satoshi, and one (the taker, who alone may go without change) pays the rest. "
        "Where n is under 5 the gain must be so small that fewer than one in 50 payouts could be "
        "shared out so by mere chance (as many as not where the amount is no multiple of 1,000 "
        "satoshi, as the amounts of payouts are); where n is 2 it must also be under a quarter of "
        "the smaller change and of the changes' difference. Where 20,000 trials do not settle it "
        "and n is at least 5, it counts as JoinMarket's: a missing link in a cluster is the "
        "lesser harm.",
        "JoinMarket protocol (Belcher, 2015), DUST_THRESHOLD; Goldfeder et al., When the cookie "
        "meets the blockchain (PoPETs 2018); Möser and Böhme, Join Me on a Market "
        "for Anonymity (WEIS 2016)",
    ),
    Rule(
        CoinJoin.generic,
        "CoinJoin of equal outputs",
        "n equal outputs (n at least 3, from 27,300 satoshi) and 1 to n others, all to distinct "
        "scripts; at least n distinct input scripts, not all with the same amount, which can be "
        "shared out among n participants so that each brings its equal output and change and "
        "pays a part of the fee; where n is under 5, a fee so small that chance does not explain "
        "it. Where 20,000 trials do not settle that and n is at least 5, it counts as a CoinJoin.",
        "Meiklejohn and Orlandi, Privacy-Enhancing Overlays in Bitcoin (2015); Goldfeder et al. "
        "(PoPETs 2018)",
    ),
    Rule(
        CoinJoin.mweb,
        "Litecoin extension block (HogEx)",
        "The first output is of type witness_mweb_hogaddr: the one transaction of a block by which "
        "value enters and leaves the MimbleWimble extension block, where owners and amounts are "
        "hidden. Only on Litecoin.",
        "Litecoin improvement proposals LIP-2 and LIP-3",
    ),
    Rule(
        CoinJoin.dash,
        "Dash CoinJoin (PrivateSend)",
        "At least 3 inputs and as many outputs, all of one amount, which is a denomination "
        "(0.00100001, 0.0100001, 0.100001, 1.00001, 10.0001 or, in early years, 100.001 DASH); "
        "all output scripts distinct; at least 2 input scripts. So there is no fee: the protocol "
        "takes it elsewhere. How many of the inputs are one participant's cannot be seen (up to "
        "9), nor who made the denominations before, or spent them after, which are ordinary "
        "payments of one owner. Only on Dash.",
        "Dash Core, coinjoin/common.h (denominations) and CCoinJoinBaseSession::"
        "IsValidInOuts; Dash documentation, Core features: CoinJoin",
    ),
    Rule(
        CoinJoin.credit_unlock,
        "Withdrawal from Dash's credit pool",
        "A special transaction of type 9 (asset unlock): without inputs, its outputs come out of "
        "the credit pool of Dash Platform, in which owners change hidden from this chain. Only on "
        "Dash.",
        "Dash improvement proposal DIP-27",
    ),
    Rule(
        CoinJoin.credit_lock,
        "Payment into Dash's credit pool",
        "A special transaction of type 8 (asset lock): its output of script 6a00 is what goes "
        "into the pool, and traces stop there. One owner's transaction: it mixes nobody, and its "
        "other outputs are ordinary. Only on Dash.",
        "Dash improvement proposal DIP-27",
    ),
    Rule(
        CoinJoin.shielded,
        "Shielded parts (Zcash)",
        "The transaction, no coinbase, has JoinSplits, Sapling spends or outputs, or Orchard "
        "actions: value enters a shielded pool or leaves it, and owners and amounts inside are "
        "hidden. Its transparent inputs are one owner's, as in other transactions. Only on Zcash.",
        "Zcash protocol specification, 7.1; ZIP-225; Kappos et al., An Empirical Analysis of "
        "Anonymity in Zcash (USENIX Security 2018)",
    ),
)
"""In the order in which they are tried: the first that matches names the transaction."""

# `clewline.codec.script.ScriptKind`; the engine knows no codec, a test holds the two together.
NULLDATA: Final = 5
WITNESS_V0_KEYHASH: Final = 6
WITNESS_V1_TAPROOT: Final = 8
WITNESS_MWEB_HOGADDR: Final = 11

POOLS: Final = (100_000, 1_000_000, 2_500_000, 5_000_000, 25_000_000, 50_000_000)
"""Whirlpool pools in satoshi: Samourai's four, and 0.025 and 0.25 BTC of its 2025 successor."""
PREMIX_EXCESS: Final = 100_000
WASABI1_LOWEST: Final = 1_000_000
WASABI1_HIGHEST: Final = 12_000_000
ROUND_AMOUNT: Final = 100_000
CHOSEN_AMOUNT: Final = 1_000
"""Satoshi; amounts that people type are multiples of it."""
SMALLEST_EQUAL: Final = 27_300
"""JoinMarket's DUST_THRESHOLD; below it equal outputs are dust or carry tokens."""
DENOMINATIONS: Final = (100_001, 1_000_010, 10_000_100, 100_001_000, 1_000_010_000, 10_000_100_000)
"""Amounts of Dash's CoinJoin, in its base units."""
# `clewline.codec.special`; a test holds the two together.
ASSET_LOCK: Final = 8
ASSET_UNLOCK: Final = 9
LARGEST_FEE: Final = 10_000
"""Satoshi that a maker may earn whatever the amount: JoinMarket takers' usual absolute limit."""
TRIALS: Final = 20_000

_CANNOT: Final = 0
_SHARED: Final = 1
_ONE_PAYS: Final = 2
_UNSETTLED: Final = 3


def _denominations(factors_and_bases: tuple[tuple[int, int], ...]) -> Int64:
    """List factor * base^k from 5,000 satoshi to 21 million BTC, ascending."""
    found = {f * b**k for f, b in factors_and_bases for k in range(60)}
    return np.array(sorted(v for v in found if 5_000 <= v <= 21 * 10**14), dtype=np.int64)


_DECIMAL = _denominations(((1, 10), (2, 10), (5, 10)))
_BINARY_OR_TERNARY = _denominations(((1, 2), (1, 3), (2, 3)))


@kernel
def _contains(ascending: Int64, value: int) -> bool:
    """Return whether a sorted array holds a value."""
    at = np.searchsorted(ascending, value)
    return bool(at < len(ascending) and ascending[at] == value)


@kernel
def _distinct(ids: UInt32) -> int:
    """Count the distinct ids."""
    ordered = np.sort(ids)
    count = 1 if len(ordered) else 0
    for i in range(1, len(ordered)):
        if ordered[i] != ordered[i - 1]:
            count += 1
    return count


@kernel
def _most_frequent(values: Int64) -> tuple[int, int]:
    """Return the most frequent amount above zero and its count; the larger amount of equals."""
    ordered = np.sort(values)
    best_value, best_count, run = 0, 0, 0
    for i in range(len(ordered)):
        run = run + 1 if i and ordered[i] == ordered[i - 1] else 1
        if ordered[i] > 0 and run >= best_count:
            best_value, best_count = ordered[i], run
    return best_value, best_count


@kernel
def _funds(values: Int64, scripts: UInt32) -> Int64:
    """Sum the inputs of each script, largest sum first."""
    order = np.argsort(scripts, kind="mergesort")
    sums = np.empty(len(values), np.int64)
    count = 0
    for i in range(len(order)):
        if i and scripts[order[i]] == scripts[order[i - 1]]:
            sums[count - 1] += values[order[i]]
        else:
            sums[count] = values[order[i]]
            count += 1
    return np.sort(sums[:count])[::-1].copy()


@kernel
def _can_fund(funds: Int64, amount: int, n: int) -> bool:
    """Return whether `funds` could be n participants with `amount` each (an upper bound)."""
    rich, small = 0, 0
    for fund in funds:
        if fund >= amount:
            rich += 1
        else:
            small += fund
    return bool(rich + small // amount >= n)


@kernel
def _all_keyhash(kinds: UInt8) -> bool:
    """Return whether all scripts are P2WPKH, the only kind that some protocols know."""
    return bool(np.all(kinds == WITNESS_V0_KEYHASH))


@kernel
def is_whirlpool(
    input_values: Int64,
    input_scripts: UInt32,
    input_kinds: UInt8,
    output_values: Int64,
    output_scripts: UInt32,
    output_kinds: UInt8,
) -> bool:
    """Tell a Whirlpool mix: see `RULES`. Reason: n coins of one pool go in and come out."""
    n = len(output_values)
    if len(input_values) != n or n < 5 or n > 10:
        return False
    if not (_all_keyhash(input_kinds) and _all_keyhash(output_kinds)):
        return False
    pool = output_values[0]
    known = False
    for amount in POOLS:
        known = known or pool == amount
    if not known:
        return False
    payers = 0
    for i in range(n):
        excess = input_values[i] - pool
        if output_values[i] != pool or excess < 0 or excess > PREMIX_EXCESS:
            return False
        if excess > 0:
            payers += 1
    return payers > 0 and _distinct(input_scripts) == n and _distinct(output_scripts) == n


@kernel
def is_whirlpool_tx0(output_values: Int64, output_kinds: UInt8) -> bool:
    """Tell a Whirlpool Tx0: see `RULES`. Reason: premix amounts exist for a pool to come."""
    nulldata = 0
    for kind in output_kinds:
        if kind == NULLDATA:
            nulldata += 1
    if nulldata != 1:
        return False
    for pool in POOLS:
        # Premix outputs of one Tx0 are equal: the first that fits the pool is the amount.
        premix, premixes, others, smallest = 0, 0, 0, np.int64(2**62)
        for i in range(len(output_values)):
            value = output_values[i]
            excess = value - pool
            if output_kinds[i] == NULLDATA:
                continue
            if 0 < excess <= min(PREMIX_EXCESS, pool // 4) and premix in (0, value):
                premix = value
                premixes += 1
            else:
                others += 1
                smallest = min(smallest, value)
        if premixes >= 1 and 1 <= others <= 5 and smallest <= pool * 6 // 100:
            return True
    return False


@kernel
def is_wasabi1(
    input_values: Int64,
    input_scripts: UInt32,
    input_kinds: UInt8,
    output_values: Int64,
    output_kinds: UInt8,
) -> bool:
    """Tell a Wasabi 1 round: see `RULES`. Reason: one denomination each, change to itself."""
    amount, n = _most_frequent(output_values)
    if n < 5 or not WASABI1_LOWEST <= amount <= WASABI1_HIGHEST:
        return False
    is_round = amount % ROUND_AMOUNT == 0
    if n < 10 and is_round:
        return False
    if not (_all_keyhash(input_kinds) and _all_keyhash(output_kinds)):
        return False
    funds = _funds(input_values, input_scripts)
    # A coin mixed before may be a little short of the amount: its owner adds another.
    if len(funds) < n or not _can_fund(funds, amount - amount // 100, n):
        return False
    # Later versions mixed 2, 4, 8, … times the amount in the same transaction; such levels are
    # equal outputs themselves and no participant's change.
    ordered = np.sort(output_values)
    others = 0
    for i in range(len(ordered)):
        alone = (i == 0 or ordered[i] != ordered[i - 1]) and (
            i + 1 == len(ordered) or ordered[i] != ordered[i + 1]
        )
        level = ordered[i] > amount and not alone and not is_round
        if ordered[i] != amount and not level:
            others += 1
    # The coordinator at least is paid.
    return bool(1 <= others <= n + 1)


@kernel
def is_wasabi2(input_scripts: UInt32, input_kinds: UInt8, output_values: Int64) -> bool:
    """Tell a Wasabi 2 round: see `RULES`. Reason: amounts are cut into standard denominations."""
    n = len(output_values)
    if n < 5 or len(input_scripts) < 5:
        return False
    for kind in input_kinds:
        if kind not in (WITNESS_V0_KEYHASH, WITNESS_V1_TAPROOT):
            return False
    standard, odd, odd_values, previous = 0, 0, 0, np.int64(-1)
    for value in np.sort(output_values):
        if _contains(_BINARY_OR_TERNARY, value):
            standard += 1
            odd += 1
            odd_values += 1 if value != previous else 0
        elif _contains(_DECIMAL, value):
            standard += 1
        previous = value
    if standard * 10 < n * 6 or odd * 4 < n or odd_values < 3:
        return False
    return _distinct(input_scripts) >= 5


@kernel
def _share_out(funds: Int64, targets: Int64, n_change: int, fee: int, gain: int) -> int:
    """Share `funds` out among participants that take `targets`; return one of four codes.

    `funds` is descending; the first `n_change` targets include change. A depth-first search puts
    each fund with one participant, largest first; equal participants are tried once. A choice is
    a participant, plus n where the fund does not complete it: makers bring what they get back less
    a small gain, so completing choices are tried first and mostly right.
    """
    n, m = len(targets), len(funds)
    most = fee + (n - 1) * gain
    held = np.zeros(n, np.int64)
    chosen = np.full(m, -1, np.int64)
    left = np.zeros(m + 1, np.int64)
    for i in range(m - 1, -1, -1):
        left[i] = left[i + 1] + funds[i]
    shared = False
    level, trials = 0, 0
    while level >= 0:
        if level == m:
            payers, fair, last_payer = 0, True, -1
            for p in range(n):
                paid = held[p] - targets[p]
                if paid > 0:
                    payers += 1
                    last_payer = p
                fair = fair and 0 < paid <= fee
            if payers == 1 and (n_change == n or (n_change == n - 1 and last_payer == n - 1)):
                return _ONE_PAYS
            shared = shared or fair
            level -= 1
            continue
        if chosen[level] >= 0:
            held[chosen[level] % n] -= funds[level]
        choice = chosen[level] + 1
        while choice < 2 * n:
            trials += 1
            p = choice % n
            over = held[p] + funds[level] - targets[p]
            fits = over <= most and (-gain <= over <= fee) == (choice < n)
            for q in range(p):
                # A participant in the same state as an earlier one leads to the same outcome,
                # but only where it stands the same with respect to change.
                same = targets[q] == targets[p] and held[q] == held[p]
                fits = fits and not (same and (q < n_change) == (p < n_change))
            if fits:
                break
            choice += 1
        if choice == 2 * n:
            chosen[level] = -1
            level -= 1
            continue
        if trials > TRIALS:
            return _SHARED if shared else _UNSETTLED
        chosen[level] = choice
        held[choice % n] += funds[level]
        level += 1
        if level < m:
            chosen[level] = -1
        missing = 0
        for q in range(n):
            missing += max(0, targets[q] - gain - held[q])
        if missing > left[level]:
            level -= 1
    return _SHARED if shared else _CANNOT


@kernel
def _chance_gain(amount: int, n: int, funds: int) -> int:
    """Return the gain up to which few payouts can be shared out by mere chance.

    There are n^funds ways to share coins out, and n - 1 sums that each must fall into a window of
    this width within about `amount`: n^funds * (width / amount)^(n - 1) = 2^-bits of them do.
    Amounts that nobody chooses are rare among payouts to begin with.
    """
    bits = 0.0 if amount % CHOSEN_AMOUNT else 5.65  # 1 in 50
    return int(amount * 2.0 ** (-(funds * np.log2(n) + bits) / (n - 1)))


@kernel
def equal_output_family(
    input_values: Int64,
    input_scripts: UInt32,
    output_values: Int64,
    output_scripts: UInt32,
    output_kinds: UInt8,
    wasabi1: bool,  # noqa: FBT001 - a kernel takes no keywords
) -> int:
    """Tell JoinMarket and other equal-output CoinJoins apart from payouts: see `RULES`.

    Reason: whoever takes part brings its own equal output and its own change.
    """
    amount, n = _most_frequent(output_values)
    n_change = len(output_values) - n
    if n < 2 or amount < SMALLEST_EQUAL or n_change > n or (n == 2 and n_change == 0):
        return 0
    for kind in output_kinds:
        if kind == NULLDATA:
            return 0
    if _distinct(output_scripts) != len(output_scripts):
        return 0
    funds = _funds(input_values, input_scripts)
    if len(funds) < n or not _can_fund(funds, amount - max(amount // 100, LARGEST_FEE), n):
        return 0
    targets = np.full(n, amount, np.int64)
    at = 0
    for value in np.sort(output_values)[::-1]:
        if value != amount:
            targets[at] += value
            at += 1
    fee = input_values.sum() - output_values.sum()
    chance = _chance_gain(amount, n, len(funds))
    gain = max(amount // 100, LARGEST_FEE)
    if n < 5:
        gain = min(gain, chance)
        if gain == 0:
            return 0
    if n == 2:
        # A Stonewall is one owner's: two sets of coins that pay the same. Where the changes are
        # small or alike, the wrong one of two ways to share them out looks like a maker's gain.
        gain = min(gain, (targets[0] - targets[1]) // 4, (targets[1] - amount) // 4)
    found = _share_out(funds, targets, n_change, fee, gain)
    if found == _ONE_PAYS:
        return 5
    if found == _UNSETTLED and n >= 5 and n_change >= n - 1 and not wasabi1:
        return 5
    # Where all bring the same, it is one owner's coins of one size.
    if n_change == 0 or funds[0] - funds[-1] <= amount // 1_000:
        return 0
    if n >= 5 and found != _CANNOT:
        return 6
    return 6 if n >= 3 and found == _SHARED and fee // n <= chance else 0


@kernel
def is_dash(
    input_values: Int64, input_scripts: UInt32, output_values: Int64, output_scripts: UInt32
) -> bool:
    """Tell a mix of Dash's wallet: see `RULES`. Reason: one denomination comes in and goes out."""
    n = len(output_values)
    if n < 3 or len(input_values) != n:
        return False
    amount = output_values[0]
    known = False
    for denomination in DENOMINATIONS:
        known = known or amount == denomination
    if not known:
        return False
    for i in range(n):
        if output_values[i] != amount or input_values[i] != amount:
            return False
    return _distinct(output_scripts) == n and _distinct(input_scripts) >= 2


@kernel
def _special_family(version: int) -> int:
    """Return the `CoinJoin` that the type of a special transaction means (DIP-2)."""
    kind = version >> 16 & 0xFFFF
    if not 3 <= version & 0xFFFF < 0x8000:
        return 0
    return 9 if kind == ASSET_UNLOCK else (10 if kind == ASSET_LOCK else 0)


@kernel
def _family(
    input_values: Int64,
    input_scripts: UInt32,
    input_kinds: UInt8,
    output_values: Int64,
    output_scripts: UInt32,
    output_kinds: UInt8,
    on_dash: bool,  # noqa: FBT001 - a kernel takes no keywords
) -> int:
    """Return the `CoinJoin` of one transaction: the first rule that matches, in `RULES` order."""
    if on_dash and is_dash(input_values, input_scripts, output_values, output_scripts):
        return 8
    if is_whirlpool(
        input_values, input_scripts, input_kinds, output_values, output_scripts, output_kinds
    ):
        return 1
    if is_wasabi2(input_scripts, input_kinds, output_values):
        return 4
    if is_whirlpool_tx0(output_values, output_kinds):
        return 2
    wasabi1 = is_wasabi1(input_values, input_scripts, input_kinds, output_values, output_kinds)
    equal = equal_output_family(
        input_values, input_scripts, output_values, output_scripts, output_kinds, wasabi1
    )
    # Everybody in a Wasabi 1 round pays its coordinator: nobody pays for all the others.
    return 3 if wasabi1 and equal != 5 else equal


@kernel
def _classify(
    first_tx: int,
    tx_input: Int64,
    tx_output: Int64,
    prevout: Int64,
    value: Int64,
    script: UInt32,
    script_kind: UInt8,
    mweb: bool,  # noqa: FBT001 - a kernel takes no keywords
    version: Int32,
    result: UInt8,
) -> None:
    """Fill `result` for the transactions from `first_tx` on."""
    for at in range(len(result)):
        tx = first_tx + at
        n_input = tx_input[tx + 1] - tx_input[tx]
        out, end = tx_output[tx], tx_output[tx + 1]
        if mweb and out < end and script_kind[script[out]] == WITNESS_MWEB_HOGADDR:
            result[at] = CoinJoin.mweb.value
            continue
        if len(version) > 0:
            result[at] = _special_family(version[tx])
            if result[at] > 0:
                continue
        # No other family has fewer than three outputs, and a coinbase has no inputs.
        if n_input == 0 or end - out < 3:
            continue
        output_kinds = np.empty(end - out, np.uint8)
        nulldata = False
        for i in range(end - out):
            output_kinds[i] = script_kind[script[out + i]]
            nulldata = nulldata or output_kinds[i] == NULLDATA
        # One input can only be a Tx0, which has an OP_RETURN.
        if n_input == 1 and not nulldata:
            continue
        input_values = np.empty(n_input, np.int64)
        input_scripts = np.empty(n_input, np.uint32)
        input_kinds = np.empty(n_input, np.uint8)
        for i in range(n_input):
            spent = prevout[tx_input[tx] + i]
            input_values[i] = value[spent]
            input_scripts[i] = script[spent]
            input_kinds[i] = script_kind[script[spent]]
        result[at] = _family(
            input_values,
            input_scripts,
            input_kinds,
            value[out:end].copy(),
            script[out:end].copy(),
            output_kinds,
            len(version) > 0,
        )


def classify(
    chain: Chain, first_tx: int = 0, end_tx: int | None = None, *, mweb: bool = False
) -> UInt8:
    """Name the CoinJoin family of each transaction of a range.

    A verdict depends on that one transaction alone, so the verdicts of new blocks are appended to
    the old ones, and ranges may be classified at once.

    Parameters
    ----------
    chain : Chain
        The chain; ids in chain order.
    first_tx : int, default 0
        First transaction to classify, 0 to n_tx.
    end_tx : int, optional
        First transaction not to classify, `first_tx` to n_tx; n_tx where not given.
    mweb : bool
        Whether the chain has an extension block (Litecoin), whose transactions are looked for.

    Returns
    -------
    ndarray of uint8, shape (end_tx - first_tx,)
        `CoinJoin` values.

    Raises
    ------
    UsageError
        The range is not one of the chain.

    Notes
    -----
    Limits: see the module. Sources: `RULES`. Cost: one streaming pass over inputs and outputs;
    only transactions of three or more outputs are looked at closely, with at most 20,000 trials.

    Examples
    --------
    >>> import numpy as np
    >>> i64, u32 = np.int64, np.uint32
    >>> coinbase_only = Chain(
    ...     block_tx=np.array([0, 1], i64), block_time=np.array([0], i64),
    ...     tx_input=np.array([0, 0], i64), tx_output=np.array([0, 1], i64),
    ...     prevout=np.array([], i64), value=np.array([50], i64), script=np.array([0], u32),
    ...     spender=np.array([0xFFFFFFFF], u32), script_kind=np.array([1], np.uint8),
    ...     first_output=np.array([0], i64), next_output=np.array([-1], i64))
    >>> classify(coinbase_only)
    array([0], dtype=uint8)
    """
    n_tx = len(chain.tx_output) - 1
    end = n_tx if end_tx is None else end_tx
    if not 0 <= first_tx <= end <= n_tx:
        raise UsageError(
            f"{first_tx} to {end} is no range of transactions; allowed is 0 to {n_tx}",
            where="first_tx, end_tx",
        )
    result = np.zeros(end - first_tx, dtype=np.uint8)
    _classify(
        first_tx,
        chain.tx_input,
        chain.tx_output,
        chain.prevout,
        chain.value,
        chain.script,
        chain.script_kind,
        mweb,
        chain.version,
        result,
    )
    begin, stop = np.searchsorted(chain.shielded_tx, (first_tx, end)).tolist()
    shielded = chain.shielded_tx[begin:stop].astype(np.int64)
    result[shielded[~np.isin(shielded, chain.block_tx)] - first_tx] = CoinJoin.shielded
    return result


@inlined
def family_mixes_owners(family: Any) -> bool:
    """Tell a kernel what `mixes_owners` tells of one verdict."""
    return family not in _OF_ONE_OWNER


def mixes_owners(family: UInt8) -> Bool:
    """Tell which verdicts mean that money of several owners meets.

    Parameters
    ----------
    family : ndarray of uint8
        `CoinJoin` values.

    Returns
    -------
    ndarray of bool, same shape
        True for every family but none and those of one owner: `whirlpool_tx0` and `credit_lock`.

    Examples
    --------
    >>> mixes_owners(np.array([0, 1, 2, 6], dtype=np.uint8))
    array([False,  True, False,  True])
    """
    return ~np.isin(family, _OF_ONE_OWNER)


@dataclass(frozen=True)
class _Transaction:
    """One transaction's columns, as the kernels want them."""

    input_values: Int64
    input_scripts: UInt32
    input_kinds: UInt8
    output_values: Int64
    output_scripts: UInt32
    output_kinds: UInt8

    def family(self, version: int | None = None) -> CoinJoin:
        """Return the verdict of the deciding kernels; a version says that the chain is Dash's."""
        if WITNESS_MWEB_HOGADDR in self.output_kinds[:1]:
            return CoinJoin.mweb
        if version is not None and (special := _special_family(version)):
            return CoinJoin(special)
        if len(self.input_values) == 0 or len(self.output_values) == 0:
            return CoinJoin.none
        return CoinJoin(
            _family(
                self.input_values,
                self.input_scripts,
                self.input_kinds,
                self.output_values,
                self.output_scripts,
                self.output_kinds,
                version is not None,
            )
        )


Column = NDArray[Any]


def _transaction(
    input_values: Column,
    input_script_ids: Column,
    input_kinds: Column,
    output_values: Column,
    output_script_ids: Column,
    output_kinds: Column,
) -> _Transaction:
    """Copy six columns into writable arrays of the kernels' types."""
    return _Transaction(
        np.array(input_values, dtype=np.int64),
        np.array(input_script_ids, dtype=np.uint32),
        np.array(input_kinds, dtype=np.uint8),
        np.array(output_values, dtype=np.int64),
        np.array(output_script_ids, dtype=np.uint32),
        np.array(output_kinds, dtype=np.uint8),
    )


def classify_transaction(
    input_values: Column,
    input_script_ids: Column,
    input_kinds: Column,
    output_values: Column,
    output_script_ids: Column,
    output_kinds: Column,
) -> CoinJoin:
    """Name the CoinJoin family of one transaction that is not in a store.

    Parameters
    ----------
    input_values, output_values : array of int64
        Satoshi, in transaction order.
    input_script_ids, output_script_ids : array of uint32
        Any numbering in which equal numbers mean equal scripts.
    input_kinds, output_kinds : array of uint8
        `clewline.codec.script.ScriptKind` of each.

    Returns
    -------
    CoinJoin
        What `classify` says for the same transaction; `none` without inputs or outputs.

    Examples
    --------
    >>> n = 5
    >>> classify_transaction([1_003_000] + [10**6] * 4, range(n), [6] * n,
    ...                      [10**6] * n, range(n, 2 * n), [6] * n).family
    'whirlpool'
    """
    return _transaction(
        input_values, input_script_ids, input_kinds, output_values, output_script_ids, output_kinds
    ).family()


def explain(chain: Chain, tx: int) -> Reason:
    """Say why transaction `tx` got its CoinJoin family, with its numbers.

    Parameters
    ----------
    chain : Chain
        The chain.
    tx : int
        Transaction id.

    Returns
    -------
    Reason
        `family` equals `classify(chain)[tx]`: the same kernel decides.

    Raises
    ------
    UsageError
        No such transaction.
    """
    n_tx = len(chain.tx_output) - 1
    if not 0 <= tx < n_tx:
        raise UsageError(f"transaction {tx}; allowed is 0 to {n_tx - 1}", where="tx")
    spent = chain.prevout[chain.tx_input[tx] : chain.tx_input[tx + 1]]
    out = slice(int(chain.tx_output[tx]), int(chain.tx_output[tx + 1]))
    shielded = classify(chain, tx, tx + 1)[0] == CoinJoin.shielded
    return explain_transaction(
        chain.value[spent],
        chain.script[spent],
        chain.script_kind[chain.script[spent]],
        chain.value[out],
        chain.script[out],
        chain.script_kind[chain.script[out]],
        int(chain.version[tx]) if len(chain.version) else None,
        shielded=bool(shielded),
    )


def explain_transaction(
    input_values: Column,
    input_script_ids: Column,
    input_kinds: Column,
    output_values: Column,
    output_script_ids: Column,
    output_kinds: Column,
    version: int | None = None,
    *,
    shielded: bool = False,
) -> Reason:
    """Say why a transaction that is not in a store gets its family; see `explain`.

    Parameters
    ----------
    input_values, input_script_ids, input_kinds : array
        As for `classify_transaction`.
    output_values, output_script_ids, output_kinds : array
        As for `classify_transaction`.
    version : int, optional
        Of a transaction of Dash: its version field.
    shielded : bool
        Whether it has parts in a shielded pool, and is no coinbase.

    Returns
    -------
    Reason
        The verdict, its rule and this transaction's numbers.

    Examples
    --------
    >>> explain_transaction([70_000], [0], [6], [60_000, 9_000], [1, 2], [6, 6]).text
    'no CoinJoin shape: 1 input of 1 script, 2 outputs'
    """
    tx = _transaction(
        input_values, input_script_ids, input_kinds, output_values, output_script_ids, output_kinds
    )
    family = CoinJoin.shielded if shielded else tx.family(version)
    amount, equal = _most_frequent(tx.output_values)
    standard = np.union1d(_DECIMAL, _BINARY_OR_TERNARY)
    numbers = {
        "inputs": len(tx.input_values),
        "input_scripts": _distinct(tx.input_scripts),
        "outputs": len(tx.output_values),
        "equal_outputs": int(equal),
        "equal_amount": int(amount),
        "standard_denominations": int(np.isin(tx.output_values, standard).sum()),
    }
    size = (
        f"{numbers['inputs']} input{'s'[: numbers['inputs'] != 1]} of "
        f"{numbers['input_scripts']} script{'s'[: numbers['input_scripts'] != 1]}, "
        f"{numbers['outputs']} output{'s'[: numbers['outputs'] != 1]}"
    )
    if family is CoinJoin.none:
        return Reason(family, None, f"no CoinJoin shape: {size}", numbers)
    rule = next(rule for rule in RULES if rule.family is family)
    if family in (
        CoinJoin.mweb,
        CoinJoin.credit_unlock,
        CoinJoin.credit_lock,
        CoinJoin.shielded,
    ):
        return Reason(family, rule, f"{rule.title}: {size}", numbers)
    if family is CoinJoin.wasabi2:
        detail = f"{numbers['standard_denominations']} of them standard denominations"
    else:
        detail = f"{equal} of them of {amount:,} satoshi each"
    return Reason(family, rule, f"{rule.title}: {size}, {detail}", numbers)
