"""Importing made-up chains: the same store whatever the files, the order and the steps."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import (
    COIN,
    GENESIS,
    OP_TRUE,
    Branch,
    Tx,
    coinbase,
    dice,
    p2pkh,
    spend,
    write_blocks,
)
from tests.store.chains import (
    KEY,
    all_files,
    canonical_bytes,
    checked,
    digest,
    shown_branch,
    shown_store,
    story,
)

from clewline.engine.chain import outputs_of
from clewline.errors import BlockFileError, ChainError, StoreMissingError, UsageError
from clewline.store.index_files import clear
from clewline.store.reader import ChainStore, block_sizes
from clewline.store.schema import IN_PLACE, INDEXES, TABLES, columns
from clewline.workspace import import_blocks
from clewline.workspace.importing import chain_of


def assert_sound(store: Path) -> None:
    report, _ = checked(store)
    assert report.wrong == []


def test_store_holds_what_the_blocks_say(tmp_path: Path) -> None:
    chain, stale = story()
    blocks = write_blocks(tmp_path / "blocks", [*chain.raw, stale.raw[-1]], key=KEY, tail=500)
    result = import_blocks(tmp_path / "store", blocks)
    assert (result.appended, result.removed, result.stale, result.cut) == (8, 0, 1, ())
    assert shown_store(tmp_path / "store") == shown_branch(chain)
    store = ChainStore.open(tmp_path / "store")
    assert store.manifest.tip == chain.blocks[-1].hash[::-1].hex()
    assert block_sizes(store).tolist() == [len(raw) for raw in chain.raw]
    assert [row.tobytes() for row in store.column("block.header")] == [
        block.header for block in chain.blocks
    ]
    assert_sound(tmp_path / "store")


def test_ids_are_dense_and_in_chain_order(tmp_path: Path) -> None:
    chain, _ = story()
    import_blocks(tmp_path / "store", write_blocks(tmp_path / "blocks", chain.raw))
    store = ChainStore.open(tmp_path / "store")
    blob, start = store.column("script.bytes"), store.column("script.start")
    scripts = [blob[a:b].tobytes() for a, b in pairwise(start)]
    outputs = [tx.outputs for block in chain.blocks[1:] for tx in block.transactions]
    paid = [script for part in outputs for _value, script in part]
    assert scripts[1:] == list(dict.fromkeys(paid))
    assert [scripts[script] for script in store.column("output.script")[1:]] == paid
    chain_columns = chain_of(store)
    for script in range(len(scripts)):
        received = np.flatnonzero(store.column("output.script") == script)
        assert outputs_of(chain_columns, script).tolist() == received.tolist()
        assert store.column("receiving.last")[script] == received[-1]


def test_find_txids_and_scripts(tmp_path: Path) -> None:
    chain, _ = story()
    import_blocks(tmp_path / "store", write_blocks(tmp_path / "blocks", chain.raw))
    store = ChainStore.open(tmp_path / "store")
    ids = [row.tobytes() for row in store.column("tx.txid")]
    assert store.find_txids(ids).tolist() == list(range(len(ids)))
    almost = [name[:8] + bytes(24) for name in ids]  # the same key, another id
    assert store.find_txids(almost).tolist() == [-1] * len(ids)
    assert store.find_txids([]).tolist() == []
    wanted = p2pkh(3) + p2pkh(12345) + OP_TRUE
    starts = np.array([0, 25, 50, 51])
    script = store.column("output.script")[store.column("tx.output_start")[3]]
    assert store.find_scripts(np.frombuffer(wanted, np.uint8), starts)[:2].tolist() == [script, -1]


def test_several_steps_and_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    chain, stale = story()
    one = digest(tmp_path / "one", write_blocks(tmp_path / "all", [*chain.raw, stale.raw[-1]]))
    expected = canonical_bytes(tmp_path / "one")
    rng = dice(1)
    for case in range(6):
        directory, store = tmp_path / f"blocks{case}", tmp_path / f"store{case}"
        for height in (*sorted(rng.sample(range(8), 3)), 8):
            blocks = [*chain.raw[: height + 1], *chain.raw[:2]]  # some are in the files twice
            blocks += [stale.raw[-1]] * (height > 3)
            rng.shuffle(blocks)
            cut = rng.randrange(len(blocks) + 1)
            write_blocks(directory, blocks[:cut], blocks[cut:], key=rng.randbytes(8), tail=9)
            last = digest(store, directory)
        assert last == one
        assert canonical_bytes(store) == expected
        assert_sound(store)


def fork_of_a_story(lengths: tuple[int, int]) -> tuple[Branch, Branch]:
    """Two branches on a common chain, each with a spend of its own; the first arrives first."""
    common = Branch()
    first = common.add().transactions[0]
    common.add(spend((first, 0), to=[(COIN, p2pkh(1)), (COIN, p2pkh(2))]))
    source = common.blocks[2].transactions[1]
    branches = (common.fork(2), common.fork(2))
    for number, (branch, length) in enumerate(zip(branches, lengths, strict=True)):
        branch.add(spend((source, number), to=[(COIN, p2pkh(50 + number))]), tag=b"%d" % number)
        for _ in range(length - 1):
            branch.add(tag=b"%d" % number)
    return branches


@pytest.mark.parametrize("lengths", [(1, 2), (2, 3), (1, 1), (2, 2), (3, 1)])
def test_branch_that_becomes_stale_leaves_no_trace(
    tmp_path: Path, lengths: tuple[int, int]
) -> None:
    early, late = fork_of_a_story(lengths)
    both = [*early.raw, *late.raw[3:]]
    one = digest(tmp_path / "one", write_blocks(tmp_path / "both", both))
    write_blocks(tmp_path / "blocks", early.raw)
    digest(tmp_path / "two", tmp_path / "blocks")
    write_blocks(tmp_path / "blocks", both)
    assert digest(tmp_path / "two", tmp_path / "blocks") == one
    assert canonical_bytes(tmp_path / "two") == canonical_bytes(tmp_path / "one")
    winner = max(
        (early, late),
        key=lambda branch: (len(branch.raw), [-b for b in branch.blocks[-1].hash[::-1]]),
    )
    assert shown_store(tmp_path / "two") == shown_branch(winner)
    assert_sound(tmp_path / "two")
    # What follows a reorganisation grows on it.
    winner.add()
    write_blocks(tmp_path / "blocks", [*both, winner.raw[-1]])
    digest(tmp_path / "two", tmp_path / "blocks")
    assert shown_store(tmp_path / "two") == shown_branch(winner)


def test_at_equal_work_the_lower_hash_wins_whatever_came_first(tmp_path: Path) -> None:
    first, second = fork_of_a_story((1, 1))
    low, high = sorted((first, second), key=lambda branch: branch.blocks[-1].hash[::-1])
    for name, begin, end in (("a", low, high), ("b", high, low)):
        write_blocks(tmp_path / name, begin.raw)
        digest(tmp_path / f"store-{name}", tmp_path / name)
        write_blocks(tmp_path / name, begin.raw, end.raw[-1:])
        digest(tmp_path / f"store-{name}", tmp_path / name)
        tip = ChainStore.open(tmp_path / f"store-{name}").manifest.tip
        assert tip == low.blocks[-1].hash[::-1].hex()


def test_genesis_alone_and_coinbases_alone(tmp_path: Path) -> None:
    chain = Branch()
    write_blocks(tmp_path / "blocks", [GENESIS])
    result = import_blocks(tmp_path / "store", tmp_path / "blocks")
    assert (result.manifest.height, result.appended) == (0, 1)
    assert shown_store(tmp_path / "store") == []
    assert ChainStore.open(tmp_path / "store").unspent() == (0, 0)
    assert_sound(tmp_path / "store")
    for _ in range(3):
        chain.add()
    write_blocks(tmp_path / "blocks", chain.raw)
    import_blocks(tmp_path / "store", tmp_path / "blocks")
    assert shown_store(tmp_path / "store") == shown_branch(chain)
    assert ChainStore.open(tmp_path / "store").unspent() == (3, 150 * COIN)
    assert_sound(tmp_path / "store")


def test_import_of_nothing_new_changes_nothing(tmp_path: Path) -> None:
    chain, _ = story()
    blocks = write_blocks(tmp_path / "blocks", chain.raw)
    first = import_blocks(tmp_path / "store", blocks)
    before = all_files(tmp_path / "store")
    again = import_blocks(tmp_path / "store", blocks)
    assert (again.appended, again.removed, again.manifest) == (0, 0, first.manifest)
    # A directory that is behind takes nothing away.
    import_blocks(tmp_path / "store", write_blocks(tmp_path / "behind", chain.raw[:3]))
    assert all_files(tmp_path / "store") == before


def test_pruned_directory_is_taken_on_top_of_a_store_only(tmp_path: Path) -> None:
    chain, _ = story()
    one = digest(tmp_path / "one", write_blocks(tmp_path / "all", chain.raw))
    pruned = write_blocks(tmp_path / "pruned", chain.raw[4:])
    with pytest.raises(ChainError, match="genesis block of network regtest"):
        import_blocks(tmp_path / "store", pruned)
    assert not (tmp_path / "store").exists()
    digest(tmp_path / "store", write_blocks(tmp_path / "some", chain.raw[:3]))
    with pytest.raises(ChainError, match=r"byte \d+: a gap in the chain: the parent"):
        import_blocks(tmp_path / "store", pruned)
    digest(tmp_path / "store", write_blocks(tmp_path / "some", chain.raw[:4]))
    assert digest(tmp_path / "store", pruned) == one


def test_gap_names_the_block_whose_parent_is_missing(tmp_path: Path) -> None:
    chain, _ = story()
    blocks = write_blocks(tmp_path / "blocks", chain.raw[:3], chain.raw[4:])
    parent = chain.blocks[3].hash[::-1].hex()
    place = f"{blocks}/blk00001.dat, byte 8: a gap in the chain: the parent {parent}"
    with pytest.raises(ChainError, match=place):
        import_blocks(tmp_path / "store", blocks)


def test_repeated_coinbase_overwrites_the_earlier(tmp_path: Path) -> None:
    """BIP-30: as at heights 91,842 and 91,880 of the main network."""
    chain = Branch()
    twin = coinbase(7, [(50 * COIN, p2pkh(1))])
    chain.add(first=twin)
    spent = coinbase(8, [(50 * COIN, p2pkh(2))])
    chain.add(first=spent)
    chain.add(spend((spent, 0), to=[(50 * COIN, p2pkh(3))]))
    chain.add(first=twin)
    chain.add(first=spent)  # the earlier one is spent already: BIP-30 allows it
    chain.add(first=twin)
    late = spend((twin, 0), (spent, 0), to=[(COIN, p2pkh(4))])
    chain.add(late)
    one = digest(tmp_path / "one", write_blocks(tmp_path / "blocks", chain.raw))
    store = ChainStore.open(tmp_path / "one")
    assert store.manifest.overwritten == [1, 2, 5]
    found = store.find_txids([twin.txid, spent.txid, late.txid]).tolist()
    assert found == [7, 6, 9]
    assert (store.overwritten_twins(7), store.overwritten_twins(6)) == ([1, 5], [2])
    assert store.overwritten_twins(9) == []
    # Unspent: the coinbase of block 3, block 3's spend, and the last; not two overwritten ones.
    assert store.unspent() == (4, 50 * COIN + 50 * COIN + 50 * COIN + COIN)
    assert_sound(tmp_path / "one")
    for steps in (range(1, 9), (2, 5, 8)):
        for height in steps:
            last = digest(
                tmp_path / f"steps{len(steps)}",
                write_blocks(tmp_path / "some", chain.raw[: height + 1]),
            )
        assert last == one
        stepped = ChainStore.open(tmp_path / f"steps{len(steps)}")
        assert stepped.manifest.overwritten == [1, 2, 5]
        assert_sound(tmp_path / f"steps{len(steps)}")


def test_reorganisation_takes_an_overwriting_coinbase_back(tmp_path: Path) -> None:
    chain = Branch()
    twin = coinbase(7, [(50 * COIN, p2pkh(1))])
    chain.add(first=twin)
    other = chain.fork(1)
    chain.add(first=twin)
    for _ in range(2):
        other.add()
    write_blocks(tmp_path / "blocks", chain.raw)
    digest(tmp_path / "store", tmp_path / "blocks")
    write_blocks(tmp_path / "blocks", chain.raw, other.raw[2:])
    digest(tmp_path / "store", tmp_path / "blocks")
    store = ChainStore.open(tmp_path / "store")
    assert store.manifest.overwritten == []
    assert store.find_txids([twin.txid]).tolist() == [1]
    assert store.unspent() == (3, 150 * COIN)


def test_reorganisation_keeps_an_overwriting_coinbase_below_it(tmp_path: Path) -> None:
    chain = Branch()
    twin = coinbase(7, [(50 * COIN, p2pkh(1))])
    for _ in range(2):
        chain.add(first=twin)
    other = chain.fork(2)
    chain.add()
    other.add(tag=b"1")
    other.add(tag=b"2")
    write_blocks(tmp_path / "blocks", chain.raw)
    digest(tmp_path / "store", tmp_path / "blocks")
    write_blocks(tmp_path / "blocks", chain.raw, other.raw[3:])
    digest(tmp_path / "store", tmp_path / "blocks")
    store = ChainStore.open(tmp_path / "store")
    assert store.manifest.overwritten == [1]
    assert (store.find_txids([twin.txid]).tolist(), store.overwritten_twins(2)) == ([2], [1])
    assert_sound(tmp_path / "store")


def bad_spends() -> list[tuple[str, Branch]]:
    """Chains that break one rule of spending each, in their last block."""
    base = Branch()
    paid = base.add().transactions[0]
    base.add()
    unknown = coinbase(99, [(1, OP_TRUE)])
    within = spend((paid, 0), to=[(COIN, OP_TRUE)])
    cases = {
        "not on the chain before it": [spend((unknown, 0), to=[(1, OP_TRUE)])],
        "does not have": [spend((paid, 1), to=[(1, OP_TRUE)])],
        "spent already": [within, spend((paid, 0), to=[(1, p2pkh(1))])],
        "less than the outputs pay": [spend((paid, 0), to=[(50 * COIN + 1, OP_TRUE)])],
        "on the chain before": [spend((within, 0), to=[(1, OP_TRUE)]), within],
    }
    cases["is spent already"] = [spend((paid, 0), (paid, 0), to=[(1, OP_TRUE)])]
    chains = []
    for text, transactions in cases.items():
        chain = base.fork(2)
        chain.add(*transactions)
        chains.append((text, chain))
    rich = Branch()
    much = 21_000_000 * COIN
    coins = [rich.add(reward=[(much, OP_TRUE)]).transactions[0] for _ in range(2)]
    rich.add(spend((coins[0], 0), (coins[1], 0), to=[(much, OP_TRUE)]))
    return [*chains, ("more than there can be", rich)]


@pytest.mark.parametrize(("text", "chain"), bad_spends())
def test_spend_of_what_is_not_there(tmp_path: Path, text: str, chain: Branch) -> None:
    good = write_blocks(tmp_path / "good", chain.raw[:-1])
    digest(tmp_path / "store", good)
    before = all_files(tmp_path / "store")
    blocks = write_blocks(tmp_path / "blocks", chain.raw)
    at = sum(8 + len(raw) for raw in chain.raw[:-1]) + 8
    name = chain.blocks[-1].transactions[-1].txid[::-1].hex()
    place = rf"blk00000.dat, byte {at}: input \d of transaction "
    for store in ("store", "new"):
        with pytest.raises(ChainError, match=text) as caught:
            import_blocks(tmp_path / store, blocks)
        assert caught.match(place)
        assert name in str(caught.value) or len(chain.blocks[-1].transactions) > 2
    assert not (tmp_path / "new").exists()
    after = all_files(tmp_path / "store")
    assert {name: content for name, (content, _) in after.items()} == {
        name: content for name, (content, _) in before.items()
    }


def test_refused_directories(tmp_path: Path) -> None:
    chain, _ = story()
    blocks = write_blocks(tmp_path / "blocks", chain.raw[:2])
    (tmp_path / "file").write_text("something else")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("something else")
    with pytest.raises(UsageError, match="is a file"):
        import_blocks(tmp_path / "file", blocks)
    with pytest.raises(UsageError, match=r"not empty \(it holds 'letter.txt'\)"):
        import_blocks(tmp_path / "full", blocks)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["letter.txt"]
    with pytest.raises(StoreMissingError):
        ChainStore.open(tmp_path / "none")


def test_failed_first_import_leaves_an_empty_directory_empty(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with pytest.raises(ChainError):
        import_blocks(tmp_path / "store", write_blocks(tmp_path / "b", Branch().raw[1:], [OTHER]))
    assert list((tmp_path / "store").iterdir()) == []


OTHER = fork_of_a_story((1, 1))[0].raw[-1]


def test_another_network_is_refused(tmp_path: Path) -> None:
    chain, _ = story()
    import_blocks(tmp_path / "store", write_blocks(tmp_path / "blocks", chain.raw))
    before = all_files(tmp_path / "store")
    main = bytes.fromhex("f9beb4d9")
    with pytest.raises(UsageError, match="the store holds network regtest, the blocks are of main"):
        import_blocks(tmp_path / "store", write_blocks(tmp_path / "m", chain.raw, magic=main))
    with pytest.raises(BlockFileError, match="a record of network regtest"):
        import_blocks(tmp_path / "store", tmp_path / "blocks", "main")
    assert all_files(tmp_path / "store") == before


def test_record_cut_at_every_byte_of_the_last_block(tmp_path: Path) -> None:
    chain, _ = story()
    blocks = write_blocks(tmp_path / "blocks", chain.raw[:4], key=KEY)
    path = blocks / "blk00000.dat"
    whole = path.read_bytes()
    begin = len(whole) - 8 - len(chain.raw[3])
    short = digest(tmp_path / "store", write_blocks(tmp_path / "short", chain.raw[:3]))
    for size in range(begin + 1, len(whole), 7):
        path.write_bytes(whole[:size])
        result = import_blocks(tmp_path / "store", blocks)
        assert result.cut == (f"{path}, byte {begin}",)
        assert (result.appended, result.manifest.digest) == (0, short)
    path.write_bytes(whole)
    assert import_blocks(tmp_path / "store", blocks).appended == 1


def test_length_that_swallows_whole_records_is_found(tmp_path: Path) -> None:
    """A stale record whose wrong length ends where a later record ends must not hide the tip."""
    chain, stale = story()
    files = [*chain.raw[:7], stale.raw[-1], *chain.raw[7:]]
    blocks = write_blocks(tmp_path / "blocks", files)
    path = blocks / "blk00000.dat"
    content = bytearray(path.read_bytes())
    at = sum(8 + len(raw) for raw in files[:7])
    longer = sum(8 + len(raw) for raw in files[7:]) - 8
    content[at + 4 : at + 8] = longer.to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(BlockFileError, match=r"byte .*bytes are left after the last transaction"):
        import_blocks(tmp_path / "store", blocks)
    # The same, where the swallowing block is stored already.
    digest(tmp_path / "store", write_blocks(tmp_path / "some", chain.raw[:7]))
    write_blocks(blocks, chain.raw)
    content = bytearray(path.read_bytes())
    at = sum(8 + len(raw) for raw in chain.raw[:6])
    longer = sum(8 + len(raw) for raw in chain.raw[6:]) - 8
    content[at + 4 : at + 8] = longer.to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(BlockFileError, match=rf"byte {at + 8}: a record of {longer:,} bytes"):
        import_blocks(tmp_path / "store", blocks)


def test_reader_keeps_its_tip_while_others_are_published(tmp_path: Path) -> None:
    early, late = fork_of_a_story((2, 3))
    write_blocks(tmp_path / "blocks", early.raw[:4])
    digest(tmp_path / "store", tmp_path / "blocks")
    names = [name for name, _rows, _column in columns(TABLES + INDEXES)]
    reader = ChainStore.open(tmp_path / "store")
    before = {name: reader.column(name).tobytes() for name in names}

    def seen() -> dict[str, bytes]:
        """Read everything; what names rows beyond the tip says *none* to this reader."""
        entries = {name: reader.written(name).copy() for name in IN_PLACE}
        clear(entries, reader.column("receiving.first"), reader.manifest.counts)
        return {name: entries.get(name, reader.column(name)).tobytes() for name in names}

    for blocks in (early.raw, [*early.raw, *late.raw[3:]]):
        write_blocks(tmp_path / "blocks", blocks)
        digest(tmp_path / "store", tmp_path / "blocks")
        assert seen() == before
    assert ChainStore.open(tmp_path / "store").manifest.height == 5


@settings(max_examples=40)
@given(data=st.data())
def test_random_chains(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Any chain, in any number of steps, is stored as it was built."""
    rng = dice(data.draw(st.integers(0, 1 << 30)))
    chain = Branch()
    unspent: list[tuple[Tx, int]] = []
    for _ in range(rng.randrange(1, 6)):
        transactions = []
        for _ in range(rng.randrange(4)):
            if not unspent:
                break
            rng.shuffle(unspent)
            taken = [unspent.pop() for _ in range(rng.randrange(1, len(unspent) + 1))]
            held = sum(tx.outputs[index][0] for tx, index in taken)
            values = sorted(rng.randrange(held + 1) for _ in range(rng.randrange(1, 5)))
            to = [
                (b - a, p2pkh(rng.randrange(8))) for a, b in zip([0, *values], values, strict=False)
            ]
            made = spend(*taken, to=to, witness=rng.random() < 0.5)
            unspent += [(made, index) for index in range(len(to))]
            transactions.append(made)
        block = chain.add(*transactions)
        unspent.append((block.transactions[0], 0))
    tmp_path = tmp_path_factory.mktemp("random")
    for height in sorted({rng.randrange(len(chain.raw)), len(chain.raw) - 1}):
        write_blocks(tmp_path / "blocks", chain.raw[: height + 1], key=rng.randbytes(8))
        import_blocks(tmp_path / "store", tmp_path / "blocks")
    assert shown_store(tmp_path / "store") == shown_branch(chain)
    left = sum(tx.outputs[index][0] for tx, index in unspent)
    assert ChainStore.open(tmp_path / "store").unspent() == (len(unspent), left)
    assert_sound(tmp_path / "store")
