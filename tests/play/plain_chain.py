"""A plain reader of block files and its own rules: shares nothing with the code under test."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path


def sha256d(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


@dataclass
class Tx:
    txid: str
    wtxid: bytes
    inputs: list[tuple[str, int]]
    scripts: list[bytes]
    sequences: list[int]
    outputs: list[tuple[int, bytes]]
    witness: list[list[bytes]]
    version: int
    locktime: int
    size: int
    stripped: int
    height: int = 0

    @property
    def is_coinbase(self) -> bool:
        return self.inputs[0][0] == "00" * 32


@dataclass
class Block:
    raw: bytes
    hash: bytes
    previous: bytes
    merkle_root: bytes
    time: int
    bits: int
    txs: list[Tx] = field(default_factory=list)


class Reader:
    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def take(self, count: int) -> bytes:
        assert self.at + count <= len(self.data)
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "little")

    def size(self) -> int:
        first = self.number(1)
        return first if first < 253 else self.number(2 << (first - 253))

    def tx(self) -> Tx:
        start = self.at
        version = self.take(4)
        segwit = self.data[self.at : self.at + 2] == b"\x00\x01"
        if segwit:
            self.take(2)
        body = self.at
        inputs, scripts, sequences, outputs = [], [], [], []
        for _ in range(self.size()):
            inputs.append((self.take(32)[::-1].hex(), self.number(4)))
            scripts.append(self.take(self.size()))
            sequences.append(self.number(4))
        for _ in range(self.size()):
            value = self.number(8)
            outputs.append((value, self.take(self.size())))
        body_end = self.at
        witness = [[self.take(self.size()) for _ in range(self.size())] for _ in inputs if segwit]
        locktime = self.take(4)
        stripped = version + self.data[body:body_end] + locktime
        return Tx(
            txid=sha256d(stripped)[::-1].hex(),
            wtxid=sha256d(self.data[start : self.at]),
            inputs=inputs,
            scripts=scripts,
            sequences=sequences,
            outputs=outputs,
            witness=witness,
            version=int.from_bytes(version, "little"),
            locktime=int.from_bytes(locktime, "little"),
            size=self.at - start,
            stripped=len(stripped),
        )


def read_blocks(directory: Path) -> tuple[list[Block], list[int]]:
    """Return the blocks in file order, and the length of each file's tail."""
    key = (directory / "xor.dat").read_bytes()
    blocks, tails = [], []
    for path in sorted(directory.glob("blk*.dat")):
        disk = path.read_bytes()
        plain = bytes(byte ^ key[i % 8] for i, byte in enumerate(disk))
        at = 0
        while plain[at : at + 4] == bytes.fromhex("fabfb5da"):
            length = int.from_bytes(plain[at + 4 : at + 8], "little")
            blocks.append(read_block(plain[at + 8 : at + 8 + length]))
            at += 8 + length
        assert not any(disk[at:]), "the preallocated tail is raw zeros"
        tails.append(len(disk) - at)
    for height, block in enumerate(blocks):
        for tx in block.txs:
            tx.height = height
    return blocks, tails


def read_block(raw: bytes) -> Block:
    reader = Reader(raw, 4)
    block = Block(
        raw=raw,
        hash=sha256d(raw[:80]),
        previous=reader.take(32),
        merkle_root=reader.take(32),
        time=reader.number(4),
        bits=reader.number(4),
    )
    reader.take(4)
    block.txs = [reader.tx() for _ in range(reader.size())]
    assert reader.at == len(raw)
    return block


def merkle_root(hashes: list[bytes]) -> bytes:
    while len(hashes) > 1:
        if len(hashes) % 2:
            hashes = [*hashes, hashes[-1]]
        hashes = [sha256d(a + b) for a, b in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]
