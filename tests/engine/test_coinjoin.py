from __future__ import annotations

import io
import itertools
import json
import lzma
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.chains import Tx, build, transactions

from clewline.codec import special
from clewline.codec.script import ScriptKind
from clewline.engine.chain import Chain
from clewline.engine.heuristics import coinjoin
from clewline.engine.heuristics.coinjoin import (
    ASSET_LOCK,
    ASSET_UNLOCK,
    RULES,
    CoinJoin,
    classify,
    classify_transaction,
    explain,
    explain_transaction,
    mixes_owners,
)
from clewline.errors import UsageError

PUBKEYHASH, NULLDATA, SEGWIT, TAPROOT = 2, 5, 6, 8
Coins = list[tuple[int, str]]


def kind(script: str) -> int:
    """Kind of a script in hex, as far as the rules care."""
    if script.startswith("6a"):
        return NULLDATA
    if len(script) == 44 and script.startswith("0014"):
        return SEGWIT
    return TAPROOT if len(script) == 68 and script.startswith("5120") else PUBKEYHASH


def columns(inputs: Coins, outputs: Coins) -> tuple[list[int], ...]:
    ids: dict[str, int] = {}
    parts: list[list[int]] = []
    for side in (inputs, outputs):
        parts.append([value for value, _ in side])
        parts.append([ids.setdefault(script, len(ids)) for _, script in side])
        parts.append([kind(script) for _, script in side])
    return tuple(parts)


def family(inputs: Coins, outputs: Coins) -> str:
    return classify_transaction(*columns(inputs, outputs)).name


def coins(values: list[int], name: str, prefix: str = "0014") -> Coins:
    """Give each value a script of its own."""
    return [(v, prefix + f"{name}{i}".encode().hex().ljust(40, "0")) for i, v in enumerate(values)]


def of(ins: list[int], outs: list[int], prefix: str = "0014") -> str:
    return family(coins(ins, "in", prefix), coins(outs, "out", prefix))


# --- each family, its edge, and its look-alikes ------------------------------------------------


@pytest.mark.parametrize("n", [5, 8, 10])
@pytest.mark.parametrize("pool", coinjoin.POOLS)
def test_whirlpool(n: int, pool: int) -> None:
    assert of([pool + 4_000] + [pool] * (n - 1), [pool] * n) == "whirlpool"


@pytest.mark.parametrize(
    ("ins", "outs", "why"),
    [
        ([10**6] * 5, [10**6] * 5, "nobody pays the miner"),
        ([10**6 + 4_000] + [10**6] * 3, [10**6] * 4, "four participants"),
        ([10**6 + 4_000] + [10**6] * 4, [10**6] * 4 + [999_000], "unequal outputs"),
        ([10**6 + 200_000] + [10**6] * 4, [10**6] * 5, "more than a premix excess"),
        ([1_003_000] * 5, [1_002_000] * 5, "no pool amount"),
    ],
)
def test_whirlpool_not(ins: list[int], outs: list[int], why: str) -> None:
    assert of(ins, outs) != "whirlpool", why


def test_whirlpool_is_p2wpkh_only() -> None:
    values = [10**6 + 4_000] + [10**6] * 4, [10**6] * 5
    assert of(*values, prefix="76a9") == "none"
    # The first mix of a pool has nothing but coins that pay.
    assert of([10**6 + 4_000] * 5, [10**6] * 5) == "whirlpool"


def test_whirlpool_needs_distinct_scripts() -> None:
    n, pool = 5, 10**6
    ins, outs = [pool + 9] + [pool] * (n - 1), [pool] * n
    one_script = [(v, coins([v], "same")[0][1]) for v in ins]
    assert family(one_script, coins(outs, "out")) == "none"


def test_whirlpool_tx0_is_named_and_mixes_nobody() -> None:
    outs = [*coins([50_000, 289_224] + [1_007_562] * 10, "out"), (0, "6a4c50")]
    assert family(coins([2_050_911, 2_743_463, 6_000_000], "in"), outs) == "whirlpool_tx0"
    assert family(coins([11_000_000], "in"), outs) == "whirlpool_tx0"
    assert family(coins([11_000_000], "in"), outs[:-1]) == "none"
    assert not CoinJoin.whirlpool_tx0.mixes_owners


def wasabi1(n: int, amount: int) -> tuple[list[int], list[int]]:
    changes = [10**6 + 7_919 * i for i in range(n - 2)]
    ins = [amount + c + 2_500 for c in changes] + [amount + 1_700, amount + 1_900]
    return ins, [amount] * n + changes + [12_345]


def test_wasabi1() -> None:
    assert of(*wasabi1(30, 10_001_244)) == "wasabi1"
    assert of(*wasabi1(6, 8_797_488)) == "wasabi1"
    # Later versions mixed larger levels in the same round.
    ins, outs = wasabi1(30, 10_001_244)
    assert of(ins + [20_010_000] * 3, outs + [20_002_488] * 3) == "wasabi1"


def test_wasabi1_not_by_payouts_of_round_amounts() -> None:
    ins, outs = wasabi1(6, 5_000_000)
    assert of(ins, outs) != "wasabi1"
    # One owner, one large coin: cannot be ten participants.
    assert of([200_000_000] + [10_000] * 20, [10_001_244] * 12 + [70_000_000]) == "none"
    # Not a P2WPKH wallet: the same shape is at most another kind of CoinJoin.
    assert of(*wasabi1(30, 10_001_244), prefix="76a9") != "wasabi1"


WASABI2_OUT = [65_536, 65_536, 118_098, 131_072, 50_000, 50_000, 531_441, 1_062_882, 777_777]


def test_wasabi2() -> None:
    assert of([300_000] * 9 + [700_000], WASABI2_OUT) == "wasabi2"
    assert of([300_000] * 9 + [700_000], WASABI2_OUT, prefix="5120" + "00" * 12) == "wasabi2"


@pytest.mark.parametrize(
    ("outs", "why"),
    [
        ([50_000, 100_000, 200_000, 1_000_000, 20_000, 10_000, 5_000_000], "people's amounts"),
        ([65_536] * 7, "one denomination only"),
        ([*WASABI2_OUT, *range(777_000, 777_010)], "most are not standard"),
    ],
)
def test_wasabi2_not(outs: list[int], why: str) -> None:
    assert of([3_000_000] * 10, outs) != "wasabi2", why


def test_wasabi2_not_by_one_script() -> None:
    one = [(300_000, coins([1], "same")[0][1])] * 10
    assert family(one, coins(WASABI2_OUT, "out")) == "none"


def test_joinmarket() -> None:
    amount, changes, gains = 4_000_000, [900_000, 1_300_000, 70_000_000, 250_000], [800, 900, 400]
    makers = [amount + c - g for c, g in zip(changes, gains, strict=False)]
    taker = amount + changes[3] + sum(gains) + 3_000
    assert of([*makers, taker], [amount] * 4 + changes) == "joinmarket"
    # A taker that sweeps has no change; a maker's coins may be several.
    sweep = amount + sum(gains) + 3_000
    split = [makers[0] - 1_000_000, 1_000_000, *makers[1:], sweep]
    assert of(split, [amount] * 4 + changes[:3]) == "joinmarket"
    # Two inputs of one script are one participant's.
    same = coins(makers, "in")[0][1]
    halves = [(makers[0] // 2, same), (makers[0] - makers[0] // 2, same)]
    rest = coins([0, *makers[1:], taker], "in")[1:]
    assert family(halves + rest, coins([amount] * 4 + changes, "out")) == "joinmarket"


def test_joinmarket_of_few_participants_with_many_coins() -> None:
    amount, changes, gains = 1_483_226, [5_000_321, 700_003, 93_017], [296, 250]
    makers = [amount + c + -g for c, g in zip(changes, gains, strict=False)]
    taker = amount + changes[2] + sum(gains) + 4_400
    cut = [makers[0] - 1_200_007, 1_200_007, makers[1] - 911_113, 911_113]
    cut += [taker - 700_001 - 300_009, 700_001, 300_009]
    assert of(cut, [amount] * 3 + changes) == "joinmarket"
    # The same coins and nearly the same outputs, which no three people would have shared so.
    assert of(cut, [amount] * 3 + [4_900_321, 800_003, 93_017]) == "none"


def test_joinmarket_with_the_amounts_of_wasabi1_is_told_by_who_pays() -> None:
    amount, n = 10_001_244, 7
    changes = [300_000 + 77_777 * i for i in range(n)]
    makers = [amount + change - 800 for change in changes[1:]]
    taker = amount + changes[0] + 800 * (n - 1) + 9_000
    assert of([taker, *makers], [amount] * n + changes) == "joinmarket"
    # Everybody pays the coordinator, whose fee is one more output.
    payers = [amount + change + 30_000 for change in changes]
    assert of(payers, [amount] * n + [*changes, 200_000]) == "wasabi1"


def test_generic_where_each_pays_its_share() -> None:
    changes = [6_919_246, 49_971_000, 4_980_000, 4_980_000, 3_980_000]
    ins = [10_000_000 + c + 20_000 for c in changes]
    assert of(ins, [10_000_000] * 5 + changes, prefix="76a9") == "generic"


LOOK_ALIKES = {
    "payout of a few large coins": ([90_000_000, 80_000_000], [5_000_000] * 20 + [69_000_000]),
    "payout, two equal": ([1_448_113, 900_000], [500_000, 500_000, 300_000, 1_040_000]),
    "airdrop": ([10_000_000] * 3, [100_000] * 200),
    "consolidation": ([1_000_000 + i for i in range(80)], [80_000_000]),
    "dust to many": ([40_000, 50_000], [546] * 60 + [50_000]),
    "churn of equal coins": ([100_000] * 11, [100_000] * 10 + [60_140]),
    "equal coins split in two": ([100_000_000] * 2, [50_000_000] * 3 + [49_990_000]),
    "peel": ([5_000_000], [1_000_000, 3_990_000]),
    "Stonewall": ([3_000_000, 2_100_000], [1_900_000] * 2 + [1_098_000, 198_000]),
    "vault": ([30_000_400] * 6, [30_000_000] * 6),
    "vault with change": ([60_000_400] * 5, [50_000_000] * 5 + [50_000_000 - 7]),
    "salaries": ([7_000_000, 9_100_000, 8_800_000], [4_000_000] * 4 + [8_000_000, 880_000]),
}


@pytest.mark.parametrize("name", LOOK_ALIKES)
@pytest.mark.parametrize("prefix", ["0014", "76a9"])
def test_look_alikes_are_not_flagged(name: str, prefix: str) -> None:
    assert of(*LOOK_ALIKES[name], prefix=prefix) == "none"


def test_made_up_payouts_are_not_flagged() -> None:
    """Batch payouts of one owner, half of them round: at most 0.5 % look like a CoinJoin."""
    rng = np.random.default_rng(5)
    flagged: Counter[str] = Counter()
    n = 2_000
    for _ in range(n):
        pays = [
            int(rng.choice([1, 2, 5, 10, 20, 50])) * 10**6
            if rng.random() < 0.5
            else int(rng.lognormal(15, 1.5)) + 1_000
            for _ in range(rng.integers(2, 40))
        ]
        change = int(rng.lognormal(16, 1.5)) + 5_000
        weights = rng.lognormal(0, 1, rng.integers(1, 40))
        ins = [int(x) + 200 for x in weights / weights.sum() * (sum(pays) + change)]
        flagged[of(ins, [*pays, change])] += 1
    assert n - flagged["none"] <= n * 0.005, flagged


# --- the search that shares inputs out --------------------------------------------------------


def share_out_by_trying_all(
    funds: list[int], targets: list[int], n_change: int, fee: int, gain: int
) -> int:
    n, best = len(targets), 0
    for places in itertools.product(range(n), repeat=len(funds)):
        held = [sum(f for f, at in zip(funds, places, strict=True) if at == p) for p in range(n)]
        paid = [h - t for h, t in zip(held, targets, strict=True)]
        if all(0 < p <= fee for p in paid):
            best = max(best, 1)
        payers = [at for at, p in enumerate(paid) if p > 0]
        may_pay = n_change == n or (n_change == n - 1 and payers == [n - 1])
        if len(payers) == 1 and may_pay and all(p >= -gain for p in paid):
            best = 2
    return best


@given(
    st.lists(st.integers(1, 12), min_size=2, max_size=5),
    st.lists(st.integers(0, 6), min_size=2, max_size=3),
    st.integers(0, 3),
    st.integers(0, 2),
)
def test_share_out_equals_trying_all(
    funds: list[int], changes: list[int], fee: int, gain: int
) -> None:
    changes.sort(reverse=True)
    n_change = sum(c > 0 for c in changes)
    amount = max(1, (sum(funds) - fee - sum(changes)) // len(changes))
    targets = [amount + c for c in changes]
    found = coinjoin._share_out(
        np.array(sorted(funds, reverse=True), np.int64),
        np.array(targets, np.int64),
        n_change,
        sum(funds) - sum(targets),
        gain,
    )
    assert found == share_out_by_trying_all(
        funds, targets, n_change, sum(funds) - sum(targets), gain
    )


# --- whole chains -----------------------------------------------------------------------------


def mixed_chain() -> Chain:
    """A chain with one transaction of several families."""
    made = [Tx([], [(v, s) for v, s in coins([1_003_000] + [10**6] * 4, "a")])]
    made.append(Tx([(0, i) for i in range(5)], coins([10**6] * 5, "b")))
    ins, outs = wasabi1(6, 8_797_488)
    made.append(Tx([], coins(ins, "c")))
    made.append(Tx([(2, i) for i in range(len(ins))], coins(outs, "d")))
    tx0 = [*coins([50_000, 200_000, 1_004_000, 1_004_000], "e"), (0, "6a00")]
    made.append(Tx([], coins([2_300_000], "f")))
    made.append(Tx([(4, 0)], tx0))
    return build(made, kinds={"6a00": NULLDATA})


def test_classify_a_chain() -> None:
    verdicts = classify(mixed_chain())
    assert verdicts.dtype == np.uint8
    assert [CoinJoin(v).family for v in verdicts] == [
        *(None, "whirlpool", None, "wasabi1", None, "whirlpool_tx0")
    ]
    assert mixes_owners(verdicts).tolist() == [False, True, False, True, False, False]


@given(transactions(), st.data())
def test_classify_of_a_later_start_is_the_tail(made: list[Tx], data: st.DataObject) -> None:
    chain = build(made)
    first = data.draw(st.integers(0, len(made)))
    assert classify(chain, first).tolist() == classify(chain)[first:].tolist()


def test_classify_refuses_a_start_beyond_the_chain() -> None:
    for first in (-1, 7):
        with pytest.raises(UsageError, match="first_tx"):
            classify(mixed_chain(), first)


def test_shielded_parts_are_a_shape_but_in_coinbases() -> None:
    """Whatever the transparent part looks like."""
    shielded, one_block = np.array([0, 1, 4], np.uint32), np.array([0, 6])
    chain = replace(mixed_chain(), shielded_tx=shielded, block_tx=one_block)
    plain, verdicts = classify(mixed_chain()), classify(chain)
    assert verdicts.tolist() == [
        CoinJoin.shielded if tx in (0, 1, 4) and tx not in chain.block_tx else family
        for tx, family in enumerate(plain.tolist())
    ]
    assert (verdicts == CoinJoin.shielded).sum() == 2
    assert classify(chain, 2, 5).tolist() == verdicts[2:5].tolist()
    assert explain(chain, 1).text.startswith("Shielded parts (Zcash): ")


def test_explain_uses_the_deciding_code() -> None:
    chain = mixed_chain()
    for tx, verdict in enumerate(classify(chain)):
        reason = explain(chain, tx)
        assert reason.family == verdict
        assert (reason.rule is None) == (reason.family is CoinJoin.none)
    reason = explain(chain, 3)
    assert reason.text == (
        "Wasabi 1 (ZeroLink) round: 6 inputs of 6 scripts, 11 outputs, "
        "6 of them of 8,797,488 satoshi each"
    )
    assert reason.numbers["equal_outputs"] == 6
    standard = explain_transaction(*columns(coins([400_000] * 9, "i"), coins(WASABI2_OUT, "o")))
    assert standard.text.endswith("9 outputs, 8 of them standard denominations")
    with pytest.raises(UsageError, match="allowed is 0 to 5"):
        explain(chain, 6)


DENOMINATION = 1_000_010


@pytest.mark.parametrize(
    ("ins", "outs", "expected"),
    [
        ([DENOMINATION] * 3, [DENOMINATION] * 3, "dash"),
        ([100_001] * 20, [100_001] * 20, "dash"),
        ([10_000_100_000] * 5, [10_000_100_000] * 5, "dash"),
        ([DENOMINATION] * 2, [DENOMINATION] * 2, None),  # too few
        ([DENOMINATION] * 4, [DENOMINATION] * 3, None),  # a fee
        ([DENOMINATION + 1] + [DENOMINATION] * 3, [DENOMINATION] * 4, None),
        ([1_000_000] * 4, [1_000_000] * 4, None),  # round
        ([DENOMINATION] * 3 + [100_001], [DENOMINATION] * 3 + [100_001], None),
    ],
)
def test_mixes_of_dash(ins: list[int], outs: list[int], expected: str | None) -> None:
    made = columns(coins(ins, "i", "76a9"), coins(outs, "o", "76a9"))
    assert explain_transaction(*made, version=2).family.family == expected
    # The amounts mean nothing elsewhere.
    assert explain_transaction(*made).family is not CoinJoin.dash


def test_mixes_of_dash_pay_distinct_scripts_from_several() -> None:
    ins, outs = coins([DENOMINATION] * 3, "i", "76a9"), coins([DENOMINATION] * 3, "o", "76a9")
    for inputs, outputs in ((ins[:1] * 3, outs), (ins, outs[:1] * 3)):
        assert explain_transaction(*columns(inputs, outputs), version=2).family is CoinJoin.none


def test_families_by_the_type_of_special_transactions() -> None:
    made = [Tx([], coins([10**9], "a")), Tx([], coins([5], "b")), Tx([(0, 0)], coins([10**9], "c"))]
    versions = np.array([3 | 5 << 16, 3 | ASSET_UNLOCK << 16, 3 | ASSET_LOCK << 16], np.int32)
    chain = replace(build(made), version=versions)
    assert classify(chain).tolist() == [0, CoinJoin.credit_unlock, CoinJoin.credit_lock]
    assert [explain(chain, tx).family for tx in range(3)] == classify(chain).tolist()
    # Before version 3, and below zero, the upper half means nothing.
    for version in (2, 0x8003):
        older = replace(chain, version=(versions & ~0xFFFF) | version)
        assert classify(older).tolist() == [0, 0, 0]
    assert (ASSET_LOCK, ASSET_UNLOCK) == (special.ASSET_LOCK, special.ASSET_UNLOCK)


def test_transaction_without_inputs_or_outputs_is_none() -> None:
    assert classify_transaction([], [], [], [1], [0], [6]) is CoinJoin.none
    assert classify_transaction([1], [0], [6], [], [], []) is CoinJoin.none


def test_every_family_has_one_rule_with_its_source() -> None:
    assert sorted(rule.family for rule in RULES) == [f for f in CoinJoin if f]
    assert all(rule.title and rule.text and rule.source for rule in RULES)


def test_kinds_are_those_of_the_codec() -> None:
    assert coinjoin.NULLDATA == ScriptKind.NULLDATA
    assert coinjoin.WITNESS_V0_KEYHASH == ScriptKind.WITNESS_V0_KEYHASH
    assert coinjoin.WITNESS_V1_TAPROOT == ScriptKind.WITNESS_V1_TAPROOT


# --- real data --------------------------------------------------------------------------------


def labelled(fixtures: Path) -> Iterator[tuple[set[str], Coins, Coins]]:
    with lzma.open(fixtures / "coinjoin" / "labelled.jsonl.xz", "rt") as lines:
        for line in lines:
            tx = json.loads(line)
            sides = [
                [(c["value"], c["script"]) for c in tx[side]] for side in ("inputs", "outputs")
            ]
            yield {name for name, _ in tx["labels"]}, sides[0], sides[1]


def test_labelled_mixes_are_recognised(
    fixtures_dir: Path, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    found: dict[str, Counter[str]] = {"whirlpool_mix": Counter(), "wasabi1_coinjoin": Counter()}
    tx0: Counter[str] = Counter()
    for labels, inputs, outputs in labelled(fixtures_dir):
        for name in labels & found.keys():
            found[name][family(inputs, outputs)] += 1
        if "whirlpool_tx0" in labels and any(s.startswith("6a") for _, s in outputs):
            tx0[family(inputs, outputs)] += 1
    whirlpool = found["whirlpool_mix"]["whirlpool"] / found["whirlpool_mix"].total()
    wasabi = found["wasabi1_coinjoin"]["wasabi1"] / found["wasabi1_coinjoin"].total()
    record_property("whirlpool_recall", whirlpool)
    record_property("wasabi1_recall", wasabi)
    with capsys.disabled():
        print(f"\nlabelled rounds recognised: Whirlpool {whirlpool:.1%}, Wasabi 1 {wasabi:.1%}")  # noqa: T201
    assert whirlpool >= 0.99
    assert wasabi >= 0.98
    assert tx0["whirlpool_tx0"] / tx0.total() >= 0.99


def test_labelled_postmix_is_flagged_only_where_it_is_a_round(fixtures_dir: Path) -> None:
    """The label says that a coin of a round is spent; several are rounds themselves by shape."""
    flagged = others = 0
    for labels, inputs, outputs in labelled(fixtures_dir):
        if "wasabi1_postmix" in labels:
            equal = max(Counter(v for v, _ in outputs).values())
            if equal >= 8 and len({s for _, s in inputs}) >= equal:
                flagged += 1
                assert family(inputs, outputs) == "wasabi1"
            else:
                others += 1
                assert family(inputs, outputs) == "none"
    assert flagged and others


def test_emulated_wasabi2_rounds_are_recognised(fixtures_dir: Path) -> None:
    """No transaction joins inputs of two owners."""
    with tarfile.open(fixtures_dir / "coinjoin" / "wasabi2_emulated.tar.xz") as archive:
        texts = {
            Path(member.name).name: archive.extractfile(member).read().decode()  # type: ignore[union-attr]
            for member in archive
            if member.isfile()
        }
    owner = dict(line.split(",") for line in texts["address_owner.csv"].split()[1:])
    coin: dict[tuple[str, int], tuple[int, str, str | None]] = {}
    rounds = 0
    for line in texts["blocks.jsonl"].splitlines():
        for tx in json.loads(line)["tx"]:
            for output in tx["vout"]:
                script = output["scriptPubKey"]
                value = round(output["value"] * 1e8)
                coin[tx["txid"], output["n"]] = (
                    value,
                    script["hex"],
                    owner.get(script.get("address")),
                )
            if "coinbase" in tx["vin"][0]:
                continue
            inputs = [coin[i["txid"], i["vout"]] for i in tx["vin"]]
            outputs = [coin[tx["txid"], o["n"]][:2] for o in tx["vout"]]
            named = family([c[:2] for c in inputs], outputs)
            if len({c[2] for c in inputs}) > 1:
                rounds += 1
                assert named == "wasabi2"
            else:
                assert named == "none"
    assert rounds == 6


def test_core_regtest_has_one_coinjoin(core_regtest: Path) -> None:
    truth = json.loads((core_regtest / "truth.json").read_text())
    flagged = {}
    for line in (core_regtest / "rpc.jsonl").read_text().splitlines():
        block = json.loads(line)
        for tx in block.get("result", block)["tx"]:
            if "coinbase" not in tx["vin"][0]:
                sides = [i["prevout"] for i in tx["vin"]], tx["vout"]
                ins, outs = (
                    [(round(c["value"] * 1e8), c["scriptPubKey"]["hex"]) for c in side]
                    for side in sides
                )
                if (named := family(ins, outs)) != "none":
                    flagged[tx["txid"]] = named
    assert flagged == {truth["zoo"]["coinjoin"]: "generic"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("whirlpool-coinjoin", "whirlpool"),
        ("wabisabi-coinjoin", "wasabi2"),
        ("joinmarket-coinjoin", "joinmarket"),
        ("batch-withdrawal-143", "none"),
        ("dust-attack-555", "none"),
        ("bare-multisig", "none"),
        ("simple-legacy-p2pkh", "none"),
        ("taproot-script-path", "none"),
        ("taproot-op-return", "none"),
        ("satoshi-genesis-txs", "none"),
    ],
)
def test_well_known_transactions(fixtures_dir: Path, name: str, expected: str) -> None:
    told = json.loads((fixtures_dir / "esplora" / f"{name}.json").read_text())
    for tx in told if isinstance(told, list) else [told]:
        inputs = [(i["prevout"]["value"], i["prevout"]["scriptpubkey"]) for i in tx["vin"]]
        outputs = [(o["value"], o["scriptpubkey"]) for o in tx["vout"]]
        assert family(inputs, outputs) == expected


def block_transactions(raw: bytes) -> Iterator[tuple[list[tuple[str, int]], Coins]]:
    """Read a block by hand, apart from the codec: outpoints spent and outputs made."""
    stream = io.BytesIO(raw)
    stream.seek(80)

    def number(size: int) -> int:
        return int.from_bytes(stream.read(size), "little")

    def compact() -> int:
        first = number(1)
        return number({0xFD: 2, 0xFE: 4, 0xFF: 8}[first]) if first >= 0xFD else first

    for _ in range(compact()):
        stream.seek(4, io.SEEK_CUR)
        count = compact()
        witness = count == 0  # BIP-144: marker 0, flag 1
        if witness:
            stream.seek(1, io.SEEK_CUR)
            count = compact()
        spent = []
        for _ in range(count):
            spent.append((stream.read(32)[::-1].hex(), number(4)))
            stream.seek(compact() + 4, io.SEEK_CUR)
        made = [(number(8), stream.read(compact()).hex()) for _ in range(compact())]
        for _ in range(count if witness else 0):
            for _ in range(compact()):
                stream.seek(compact(), io.SEEK_CUR)
        stream.seek(4, io.SEEK_CUR)
        yield spent, made


@pytest.mark.parametrize("name", ["mainnet_300025", "testnet3_928816"])
def test_ordinary_blocks_are_not_flagged(fixtures_dir: Path, name: str) -> None:
    """Blocks of before CoinJoin wallets; 343 of 888 in the second churn eleven equal coins."""
    folder = fixtures_dir / "bitcoin"
    coin = {}
    with lzma.open(folder / f"{name}.prevouts.jsonl.xz", "rt") as lines:
        for line in lines:
            row = json.loads(line)
            coin[row["prev_txid"], row["prev_vout"]] = row["value"], row["script"]
    found: Counter[str] = Counter()
    for spent, made in block_transactions((folder / f"{name}.block.raw").read_bytes()):
        if all(outpoint in coin for outpoint in spent):
            found[family([coin[outpoint] for outpoint in spent], made)] += 1
    assert found.total() > 400
    assert found.total() - found["none"] <= 0.005 * found.total(), found
