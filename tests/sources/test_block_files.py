"""Reading blocks directories, and what is refused in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.builders import GENESIS, Branch, dice, obfuscate, record, write_blocks

from clewline.codec.networks import NETWORKS
from clewline.errors import BlockFileError
from clewline.sources.block_files import (
    deobfuscate,
    network_of,
    numbered_files,
    read_key,
    scan_directory,
)

REGTEST = NETWORKS["regtest"]
KEY = bytes.fromhex("0badc0de00c0ffee")


@pytest.fixture(scope="module")
def chain() -> Branch:
    chain = Branch()
    for _ in range(4):
        chain.add()
    return chain


@pytest.mark.parametrize("key", [None, KEY, bytes(8)])
@pytest.mark.parametrize("tail", [0, 3, 100])
def test_records_in_file_order(chain: Branch, tmp_path: Path, key: bytes | None, tail: int) -> None:
    parts: tuple[list[bytes], ...] = (chain.raw[3:], [], chain.raw[:3], [GENESIS])
    directory = write_blocks(tmp_path, *parts, key=key, tail=tail)
    found = scan_directory(directory, REGTEST)
    blocks = [raw for part in parts for raw in part]
    data, start, end = found.read(np.arange(len(blocks)))
    assert [data[a:b].tobytes() for a, b in zip(start, end, strict=True)] == blocks
    assert [row.tobytes() for row in found.header] == [raw[:80] for raw in blocks]
    assert found.file.tolist() == [0] * 2 + [2] * 3 + [3]
    assert found.cut == []
    assert found.place(2) == f"{directory}/blk00002.dat, byte 8"
    assert found.place(2, 5) == f"{directory}/blk00002.dat, byte 13"
    data, _start, end = found.read(np.array([4, 1]))
    assert data.tobytes() == blocks[4] + blocks[1]
    assert network_of(directory) is REGTEST


def test_more_records_than_one_pass_lists(tmp_path: Path) -> None:
    directory = write_blocks(tmp_path, [GENESIS] * 5000, [GENESIS])
    found = scan_directory(directory, REGTEST)
    assert found.start.size == 5001
    assert found.start[4999] == 4999 * (8 + len(GENESIS)) + 8


def test_deobfuscate_equals_the_definition() -> None:
    rng = dice(1)
    key = np.frombuffer(rng.randbytes(8), np.uint8)
    for size in (0, 1, 7, 8, 9, 1000):
        for position in (0, 1, 7, 13):
            data = rng.randbytes(size)
            out = np.empty(size, np.uint8)
            deobfuscate(np.frombuffer(data, np.uint8), key, position, out)
            shifted = np.roll(key, -(position % 8)).tobytes()
            assert out.tobytes() == obfuscate(data, shifted)


def test_files_are_in_order_of_number(tmp_path: Path) -> None:
    names = ["blk99999.dat", "blk100000.dat", "blk00007.dat"]
    for name in (*names, "blk1.dat", "rev00007.dat", "blk00007.dat.bak", "ablk00001.dat"):
        (tmp_path / name).touch()
    found = [path.name for path in numbered_files(tmp_path, "blk")]
    assert found == ["blk00007.dat", "blk99999.dat", "blk100000.dat"]


def test_directory_without_blocks(tmp_path: Path) -> None:
    with pytest.raises(BlockFileError, match="nowhere: is not a directory"):
        network_of(tmp_path / "nowhere")
    with pytest.raises(BlockFileError, match=r"holds no blk00000.dat and the like$"):
        network_of(tmp_path)
    (tmp_path / "regtest" / "blocks").mkdir(parents=True)
    with pytest.raises(BlockFileError, match=r"did you mean .*/regtest/blocks\?"):
        scan_directory(tmp_path, REGTEST)
    (tmp_path / "blk00000.dat").write_bytes(bytes(1000))
    with pytest.raises(BlockFileError, match="its block files are empty"):
        network_of(tmp_path)
    (tmp_path / "blk00001.dat").mkdir()
    with pytest.raises(BlockFileError, match=r"blk00001.dat: cannot be read"):
        scan_directory(tmp_path, REGTEST)


def test_key(tmp_path: Path) -> None:
    assert read_key(tmp_path).tolist() == [0] * 8
    (tmp_path / "xor.dat").write_bytes(KEY)
    assert read_key(tmp_path).tobytes() == KEY
    (tmp_path / "xor.dat").write_bytes(KEY + b"1")
    with pytest.raises(BlockFileError, match="is 9 bytes long; an obfuscation key has 8"):
        read_key(tmp_path)


def refused(directory: Path, content: bytes, text: str, at: int) -> None:
    (directory / "blk00000.dat").write_bytes(content)
    with pytest.raises(BlockFileError, match=text) as caught:
        scan_directory(directory, REGTEST)
    assert caught.value.where == f"{directory}/blk00000.dat, byte {at}"


def test_framing_is_strict(chain: Branch, tmp_path: Path) -> None:
    first, second = record(GENESIS), record(chain.raw[1])
    after = len(first)
    refused(tmp_path, first + b"x", "xor.dat is missing", after)
    refused(
        tmp_path,
        first + b"\xfa\xbf\xb4\xda" + second,
        "no record starts here: found fabfb4da",
        after,
    )
    refused(tmp_path, first + bytes(3) + second, "no record starts here", after)
    refused(tmp_path, first + bytes(9) + b"\x01" + bytes(9), "not zero in the prealloc", after + 9)
    refused(tmp_path, first + bytes(4) + second, "not zero in the prealloc", after + 4)
    main = record(GENESIS, bytes.fromhex("f9beb4d9"))
    refused(tmp_path, first + main, "a record of network main.*one store holds one network", after)
    for length in (0, 80, 4_000_001, 0xFFFFFFFF):
        head = first[:4] + length.to_bytes(4, "little")
        refused(tmp_path, first + head + bytes(100), "not within 81 to 4,000,000", after)


def test_length_beyond_the_file_is_not_taken_for_a_cut(chain: Branch, tmp_path: Path) -> None:
    """Else a flipped byte in the length of the tip would drop the tip in silence."""
    first, second = record(GENESIS), record(chain.raw[1])
    for more in (1, 256, 65536):
        longer = (len(chain.raw[1]) + more).to_bytes(4, "little")
        content = first + second[:4] + longer + second[8:]
        refused(tmp_path, content, "though its block is complete", len(first))


def test_wrong_key_is_suspected(chain: Branch, tmp_path: Path) -> None:
    directory = write_blocks(tmp_path, chain.raw, key=KEY)
    (directory / "xor.dat").write_bytes(KEY[::-1])
    with pytest.raises(BlockFileError, match=r"is .*xor.dat the key that these files"):
        network_of(directory)
    (directory / "xor.dat").unlink()
    with pytest.raises(BlockFileError, match=r"xor.dat is missing beside them"):
        scan_directory(directory, REGTEST)


def test_file_that_shrinks_after_it_was_listed(chain: Branch, tmp_path: Path) -> None:
    directory = write_blocks(tmp_path, chain.raw)
    found = scan_directory(directory, REGTEST)
    path = directory / "blk00000.dat"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BlockFileError, match="the file became shorter"):
        found.read(np.array([4]))
