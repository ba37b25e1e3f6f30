"""Tiny regtest chains as Bitcoin Core writes them, in plain Python: an independent second hand.

Amounts, scripts and times are made up.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

REGTEST_MAGIC = bytes.fromhex("fabfb5da")
REGTEST_BITS = 0x207FFFFF
COIN = 100_000_000
GENESIS_TIME = 1_296_688_602
OP_TRUE = b"\x51"
GENESIS = bytes.fromhex(
    "01000000" + "00" * 32 + "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a"
    "dae5494dffff7f2002000000"
    "01"
    "01000000" + "01" + "00" * 32 + "ffffffff"
    "4d04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e2062"
    "72696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73"
    "ffffffff"
    "01" + "00f2052a01000000"
    "434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e5"
    "1ec112de5c384df7ba0b8d578a4c702b6bf11d5fac"
    "00000000"
)


def sha256d(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def size_prefix(number: int) -> bytes:
    """CompactSize."""
    if number < 253:
        return bytes([number])
    if number < 0x10000:
        return b"\xfd" + struct.pack("<H", number)
    return b"\xfe" + struct.pack("<I", number)


def p2pkh(number: int) -> bytes:
    """A pay-to-public-key-hash script that is another for each number."""
    return b"\x76\xa9\x14" + hashlib.sha1(b"%d" % number).digest() + b"\x88\xac"  # noqa: S324


@dataclass(frozen=True)
class Tx:
    """A transaction: inputs are (txid, index), outputs (value, script)."""

    inputs: tuple[tuple[bytes, int], ...]
    outputs: tuple[tuple[int, bytes], ...]
    script_sig: bytes = b""
    witness: tuple[tuple[bytes, ...], ...] = ()
    version: int = 2
    locktime: int = 0
    sequence: int = 0xFFFFFFFF

    def serialize(self, *, witness: bool = True) -> bytes:
        parts = [struct.pack("<i", self.version)]
        if witness and self.witness:
            parts.append(b"\x00\x01")
        parts.append(size_prefix(len(self.inputs)))
        for txid, index in self.inputs:
            parts += [txid, struct.pack("<I", index), size_prefix(len(self.script_sig))]
            parts += [self.script_sig, struct.pack("<I", self.sequence)]
        parts.append(size_prefix(len(self.outputs)))
        for value, script in self.outputs:
            parts += [struct.pack("<q", value), size_prefix(len(script)), script]
        if witness and self.witness:
            for stack in self.witness:
                parts.append(size_prefix(len(stack)))
                parts += [size_prefix(len(item)) + item for item in stack]
        parts.append(struct.pack("<I", self.locktime))
        return b"".join(parts)

    @property
    def txid(self) -> bytes:
        return sha256d(self.serialize(witness=False))

    @property
    def wtxid(self) -> bytes:
        return sha256d(self.serialize())


def spend(*outpoints: tuple[Tx, int], to: Iterable[tuple[int, bytes]], witness: bool = False) -> Tx:
    """Spend outputs of given transactions; the signature is only as long as one."""
    stacks = ((b"\x30" * 71, b"\x02" * 33),) * len(outpoints) if witness else ()
    inputs = tuple((tx.txid, index) for tx, index in outpoints)
    return Tx(inputs, tuple(to), b"" if witness else b"\x30" * 72, stacks)


def merkle_root(hashes: Sequence[bytes]) -> bytes:
    level = list(hashes)
    while len(level) > 1:
        level += level[-1:] * (len(level) % 2)
        level = [sha256d(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


def coinbase(
    height: int, outputs: Iterable[tuple[int, bytes]], tag: bytes = b"", *, commit: bytes = b""
) -> Tx:
    """A coinbase; `commit` is the witness commitment's hash."""
    script = b"\x02" + struct.pack("<H", height) + tag
    outputs = tuple(outputs)
    if not commit:
        return Tx(((b"\x00" * 32, 0xFFFFFFFF),), outputs, script)
    outputs += ((0, b"\x6a\x24\xaa\x21\xa9\xed" + commit),)
    return Tx(((b"\x00" * 32, 0xFFFFFFFF),), outputs, script, ((b"\x00" * 32,),))


def mine(previous: bytes, root: bytes, time: int, *, lowest: int = 1, version: int = 4) -> bytes:
    """Find a header below the regtest target; of `lowest` found, the one with the lowest hash."""
    head = struct.pack("<i", version) + previous + root + struct.pack("<II", time, REGTEST_BITS)
    found: list[tuple[bytes, bytes]] = []
    nonce = 0
    while len(found) < lowest:
        header = head + struct.pack("<I", nonce)
        name = sha256d(header)[::-1]
        if name[0] < 0x80:
            found.append((name, header))
        nonce += 1
    return min(found)[1]


@dataclass(frozen=True)
class Block:
    header: bytes
    transactions: tuple[Tx, ...]
    raw: bytes
    height: int
    time: int

    @property
    def hash(self) -> bytes:
        return sha256d(self.header)


@dataclass
class Branch:
    """A chain of blocks under construction; `fork` starts another on top of one of its blocks."""

    blocks: list[Block] = field(
        default_factory=lambda: [Block(GENESIS[:80], (), GENESIS, 0, GENESIS_TIME)]
    )

    def add(
        self,
        *transactions: Tx,
        reward: Iterable[tuple[int, bytes]] = (),
        tag: bytes = b"",
        first: Tx | None = None,
        lowest: int = 1,
    ) -> Block:
        """Mine a block; its coinbase pays 50 to a script of its own, or `reward`, or is `first`."""
        height = len(self.blocks)
        outputs = tuple(reward) or ((50 * COIN, p2pkh(height)),)
        commit = b""
        if any(tx.witness for tx in transactions):
            wtxids = [b"\x00" * 32, *(tx.wtxid for tx in transactions)]
            commit = sha256d(merkle_root(wtxids) + b"\x00" * 32)
        txs = (first or coinbase(height, outputs, tag, commit=commit), *transactions)
        root = merkle_root([tx.txid for tx in txs])
        time = GENESIS_TIME + 600 * height
        header = mine(self.blocks[-1].hash, root, time, lowest=lowest)
        raw = header + size_prefix(len(txs)) + b"".join(tx.serialize() for tx in txs)
        self.blocks.append(Block(header, txs, raw, height, time))
        return self.blocks[-1]

    def fork(self, height: int) -> Branch:
        """A branch that shares the blocks up to `height`."""
        return Branch(self.blocks[: height + 1])

    @property
    def raw(self) -> list[bytes]:
        return [block.raw for block in self.blocks]


def record(block: bytes, magic: bytes = REGTEST_MAGIC) -> bytes:
    return magic + struct.pack("<I", len(block)) + block


def obfuscate(data: bytes, key: bytes) -> bytes:
    return bytes(byte ^ key[i % 8] for i, byte in enumerate(data))


def write_blocks(
    directory: Path,
    *files: Sequence[bytes],
    key: bytes | None = None,
    tail: int = 0,
    magic: bytes = REGTEST_MAGIC,
) -> Path:
    """Write a blocks directory: a ``blk`` file for each sequence of blocks, in the order given.

    `tail` zeros follow the records, raw even where a key obfuscates them, as Core leaves them.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for number, blocks in enumerate(files):
        content = b"".join(record(block, magic) for block in blocks)
        if key is not None:
            content = obfuscate(content, key)
        (directory / f"blk{number:05}.dat").write_bytes(content + bytes(tail))
    if key is not None:
        (directory / "xor.dat").write_bytes(key)
    return directory
