"""A first import in passes gives what an import that appends gives: bytes, indexes, faults."""

from __future__ import annotations

import errno
import random
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import COIN, OP_TRUE, Branch, Tx, dice, p2pkh, spend, write_blocks
from tests.store.chains import canonical_bytes, checked, story

from clewline.errors import ClewlineError, StorageError, TooLargeError, UsageError
from clewline.play import make_play
from clewline.store import bulk, link_passes, passes, script_passes
from clewline.store.memory import LEAST, Memory, bytes_of
from clewline.store.partitions import Partitions, Queue, SpillFile
from clewline.store.reader import ChainStore
from clewline.store.schema import INDEXES, columns
from clewline.store.writer import StoreWriter
from clewline.workspace import import_blocks, importing

MAX_MONEY: Final = 21_000_000 * COIN
SCRIPTS: Final = (
    *(p2pkh(number) for number in range(6)),
    *(b"\x6a" * length for length in (0, 1, 7, 8, 9, 31, 34, 35, 36, 37, 40, 41, 64, 600)),
)


def import_with(
    blocks: Path,
    store: Path,
    *,
    in_passes: bool = True,
    batch_bytes: int = 8 << 20,
    part_bytes: int = 1 << 21,
    range_log2: int = 14,
    spill: bool = False,
) -> str | None:
    """Import in passes or by appending, with everything small if wanted; return the fault."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StoreWriter, "batch_bytes", batch_bytes)
        patch.setattr(Memory, "batch_bytes", batch_bytes)
        patch.setattr(bulk, "_PART_BYTES", part_bytes)
        patch.setattr(passes, "_MIN_RANGE_LOG2", range_log2)
        if spill:
            patch.setattr(Memory, "share", lambda _self, _part: 0)
        if not in_passes:
            patch.setattr(
                importing, "BulkWriter", lambda path, kind, _memory: StoreWriter(path, kind)
            )
        try:
            import_blocks(store, blocks)
        except ClewlineError as error:
            return f"{type(error).__name__} {error}"
    return None


SMALL: Final[dict[str, Any]] = {
    "batch_bytes": 700,
    "part_bytes": 16,
    "range_log2": 6,
    "spill": True,
}


def indexes(store: Path) -> dict[str, Any]:
    """Return the index columns whose bytes the chain decides: all but hash tables."""
    tip = ChainStore.open(store)
    names = [name for name, _rows, _column in columns(INDEXES) if not name.endswith("slots")]
    return {
        "overwritten": tip.manifest.overwritten,
        **{name: tip.column(name).tolist() for name in names},
    }


def random_chain(rng: random.Random, *, faults: bool) -> Branch:
    """A chain that spends at random; with faults, now and then something that must not be."""
    chain = Branch()
    unspent: list[tuple[Tx, int]] = []
    spent: list[tuple[Tx, int]] = []
    coinbases: list[Tx] = []
    odds = rng.choice((0, 0, 0.05, 0.3)) if faults else 0
    for _height in range(rng.randrange(1, 12)):
        transactions = []
        for _number in range(rng.randrange(5)):
            count = min(len(unspent), rng.randrange(1, 4))
            if not count:
                break
            coins = [unspent.pop(rng.randrange(len(unspent))) for _coin in range(count)]
            total = sum(tx.outputs[index][0] for tx, index in coins)
            if rng.random() < odds:
                wrong = rng.randrange(4)
                at = rng.randrange(count)
                if wrong == 0 and spent:
                    coins[at] = rng.choice(spent)
                elif wrong == 1:
                    coins[at] = (coins[at][0], len(coins[at][0].outputs) + rng.randrange(3))
                elif wrong == 2:
                    coins[at] = (Tx((), ((1, b""),)), 0)
                else:
                    total = min(MAX_MONEY, total + 1 + rng.randrange(1000))
            total = min(total, MAX_MONEY)
            to = []
            for _output in range(rng.randrange(1, 5)):
                value = rng.randrange(total + 1)
                total -= value
                to.append((value, rng.choice(SCRIPTS)))
            if rng.random() < odds:
                to.append((total, OP_TRUE))
            tx = spend(*coins, to=to, witness=rng.random() < 0.3)
            # No id but that of a coinbase comes twice.
            tx = replace(tx, locktime=len(spent) + 1000 * chain.blocks[-1].height)
            transactions.append(tx)
            spent += coins
            unspent += [(tx, index) for index in range(len(to))]
        value = MAX_MONEY if rng.random() < odds else 50 * COIN
        first = rng.choice(coinbases) if coinbases and rng.random() < 0.1 else None
        if first and any(first.txid == txid for tx in transactions for txid, _ in tx.inputs):
            first = None
        witness = any(tx.witness for tx in transactions)
        reward = [(value, rng.choice(SCRIPTS)), (0, rng.choice(SCRIPTS))]
        block = chain.add(*transactions, reward=reward, first=None if witness else first)
        made = block.transactions[0]
        if not witness:
            coinbases.append(made)
        # What an earlier coinbase of the same id paid is out of reach.
        unspent = [(tx, index) for tx, index in unspent if tx.txid != made.txid]
        spent = [(tx, index) for tx, index in spent if tx.txid != made.txid]
        unspent += [(made, 0), (made, 1)]
    return chain


@given(seed=st.integers(0, 1 << 32), small=st.booleans())
@settings(max_examples=30, deadline=None)
def test_equal_to_appending(
    tmp_path_factory: pytest.TempPathFactory, seed: int, *, small: bool
) -> None:
    path = tmp_path_factory.mktemp("equal")
    chain = random_chain(dice(seed), faults=False)
    blocks = write_blocks(path / "blocks", chain.raw)
    assert import_with(blocks, path / "appended", in_passes=False) is None
    assert import_with(blocks, path / "bulk", **(SMALL if small else {})) is None
    assert canonical_bytes(path / "bulk") == canonical_bytes(path / "appended")
    assert indexes(path / "bulk") == indexes(path / "appended")
    assert checked(path / "bulk")[0].wrong == []


@given(seed=st.integers(0, 1 << 32), batch_bytes=st.sampled_from((500, 2000, 1 << 20)))
@settings(max_examples=60, deadline=None)
def test_same_first_fault_as_appending(
    tmp_path_factory: pytest.TempPathFactory, seed: int, batch_bytes: int
) -> None:
    path = tmp_path_factory.mktemp("faults")
    rng = dice(seed)
    raw = random_chain(rng, faults=True).raw
    if rng.random() < 0.3:
        # A block that does not match its hashes, behind whatever else there is.
        raw[-1] = raw[-1][:-1] + bytes([raw[-1][-1] ^ 1])
    blocks = write_blocks(path / "blocks", raw)
    same = {"batch_bytes": batch_bytes}
    expected = import_with(blocks, path / "appended", in_passes=False, **same)
    assert import_with(blocks, path / "bulk", **{**SMALL, **same}) == expected
    assert (path / "bulk").exists() == (expected is None)


def test_random_chains_show_every_fault(tmp_path: Path) -> None:
    """The test above sees all kinds of faults, and chains without."""
    wanted = {
        None,
        "the chain before it",
        "transaction does not have",
        "that is spent already",
        "than the outputs pay",
        "than there can be",
    }
    seen: set[str | None] = set()
    for seed in range(200):
        blocks = write_blocks(tmp_path / f"{seed}", random_chain(dice(seed), faults=True).raw)
        fault = import_with(blocks, tmp_path / f"store{seed}")
        seen.add(fault and " ".join(fault.split()[-4:]))
        if seen == wanted:
            break
    assert seen == wanted


def test_crowded_tables_wrap_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slots that run over the end of a part go on in the next, and behind the last in the first."""

    def crowded(rows: int) -> int:
        return max(1024, 1 << rows.bit_length())

    chain = Branch()
    for _ in range(4):
        chain.add(reward=[(1, p2pkh(1000 * len(chain.blocks) + i)) for i in range(240)])
    made = [chain.blocks[1].transactions[0]]
    for _ in range(4):
        chain.add(*(spend((made[0], i), to=[(1, OP_TRUE)]) for i in range(0, 240)), reward=[])
        made = [chain.blocks[len(chain.blocks) - 4].transactions[0]]
    blocks = write_blocks(tmp_path / "blocks", chain.raw)
    late: list[int] = []
    put = passes.put_late

    def counting(slots: Any, given_late: list[tuple[int, Any]]) -> None:
        late.extend(behind % slots.size for behind, entries in given_late for _ in entries)
        put(slots, given_late)

    monkeypatch.setattr(passes, "put_late", counting)
    monkeypatch.setattr(link_passes, "capacity_for", crowded)
    monkeypatch.setattr(script_passes, "capacity_for", crowded)
    assert import_with(blocks, tmp_path / "store", part_bytes=16) is None
    assert len(late) > 50
    assert checked(tmp_path / "store")[0].wrong == []


@given(
    sizes=st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3), max_size=6),
    room=st.sampled_from((0, 100, 1 << 20)),
)
def test_partitions_give_back_rows(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[list[int]], room: int
) -> None:
    held = Partitions(tmp_path_factory.mktemp("rows") / "spilled", 3, 2, room)
    expected: list[list[int]] = [[], [], []]
    number = 0
    for chunk in sizes:
        rows = np.arange(number, number + 2 * sum(chunk), dtype=np.uint64)
        held.append(rows, np.cumsum([0, *chunk]))
        for part, count in enumerate(chunk):
            expected[part] += range(number, number + 2 * count)
            number += 2 * count
    for part in (2, 0, 1):
        rows, starts = held.read(part)
        assert rows.tolist() == expected[part]
        assert np.diff(starts).tolist() == [chunk[part] for chunk in sizes]
    held.close()


@given(
    sizes=st.lists(st.integers(0, 9), max_size=9),
    taken=st.lists(st.integers(0, 20), max_size=9),
    room=st.sampled_from((0, 40, 1 << 20)),
)
def test_queue_gives_back_elements_in_order(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], taken: list[int], room: int
) -> None:
    queue = Queue(tmp_path_factory.mktemp("queue") / "spilled", np.dtype(np.uint32), room)
    total = 0
    for size in sizes:
        queue.append(np.arange(total, total + size, dtype=np.uint32))
        total += size
    at = 0
    for wanted in taken:
        count = min(wanted, total - at)
        assert queue.take(count).tolist() == list(range(at, at + count))
        at += count
    queue.close()


@pytest.mark.parametrize("name", ["transactions", "script_bytes", "spends", "matches", "paid"])
def test_spill_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    chain, _stale = story()
    blocks = write_blocks(tmp_path / "blocks", chain.raw)
    make = SpillFile.__init__

    class Full:
        def write(self, _view: memoryview) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None: ...

    def full(self: Any, path: Path) -> None:
        make(self, path)
        if path.name == f"{name}.spilled":
            self._file.close()
            self._file = Full()

    monkeypatch.setattr(SpillFile, "__init__", full)
    expected = rf"StorageError .*{name}\.spilled: cannot be written: No space left on device"
    with pytest.raises(AssertionError, match=expected):
        assert import_with(blocks, tmp_path / "store", **SMALL) is None
    assert not (tmp_path / "store").exists()


def test_spill_that_cannot_be_read(tmp_path: Path) -> None:
    file = SpillFile(tmp_path / "spilled")
    file.append(np.zeros(2, np.uint64))
    with pytest.raises(StorageError, match="spilled: is shorter than what was written"):
        file.read(8, np.zeros(2, np.uint64))
    assert list(tmp_path.iterdir()) == [], "it has no name"
    file.close()
    with pytest.raises(StorageError, match="spilled: cannot be written"):
        SpillFile(tmp_path / "nowhere" / "spilled")


def test_memory_that_cannot_be() -> None:
    with pytest.raises(UsageError, match=f"allowed is {LEAST >> 20}M and more"):
        Memory(LEAST - 1)


def test_clustering_beyond_the_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the import where the blocks show it, and before clustering where the scripts do."""
    made = make_play(tmp_path / "play", 300, 1)
    limit = 1 << 40
    for factor in (1, 1e-12):
        with monkeypatch.context() as patch:
            patch.setattr(importing, "_FOREST_BYTES", limit)
            patch.setattr(importing, "_FEWEST_SCRIPTS", factor)
            with pytest.raises(TooLargeError, match=r"clustering.* needs .* MB of memory besides"):
                import_blocks(tmp_path / "store", made.blocks, memory=limit)
        assert not (tmp_path / "store").exists()
    assert import_blocks(tmp_path / "store", made.blocks).appended == made.height + 1


_IMPORT = """
    import sys
    from pathlib import Path
    from clewline.workspace import import_blocks
    import_blocks(Path(sys.argv[1]), Path(sys.argv[2]), memory=int(sys.argv[3]))
"""


def peak_anonymous_bytes(*arguments: str) -> int:
    """Run the script above; return the most anonymous memory that it was seen to hold."""
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(_IMPORT), *arguments])
    peak = 0
    while process.poll() is None:
        try:
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        except OSError:
            break
        peak = max(peak, *(int(line.split()[1]) for line in lines if line.startswith("RssAnon")), 0)
        time.sleep(0.01)
    assert process.wait() == 0
    return peak << 10


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is seen on Linux only")
def test_memory_stays_below_the_limit(tmp_path: Path) -> None:
    made = make_play(tmp_path / "play", 1_000_000, 1)
    digests = set()
    for number, limit in enumerate((400 << 20, 8 << 30)):
        store = tmp_path / f"store{number}"
        assert peak_anonymous_bytes(str(store), str(made.blocks), str(limit)) < limit
        digests.add(ChainStore.open(store).manifest.digest)
    assert len(digests) == 1


@pytest.mark.parametrize("text", ["", "4 apples", "-1", "1e9", "G", "4G5"])
def test_size_that_is_none(text: str) -> None:
    with pytest.raises(UsageError, match=r"--memory: .* is not a number of bytes"):
        bytes_of(text, "--memory")


def test_limit_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEWLINE_MEMORY_LIMIT", "512m")
    assert Memory().limit == 512 << 20
    monkeypatch.setenv("CLEWLINE_MEMORY_LIMIT", "much")
    with pytest.raises(UsageError, match="CLEWLINE_MEMORY_LIMIT"):
        Memory()
