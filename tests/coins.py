"""Tiny chains of Litecoin, Dogecoin, Bitcoin Cash and Dash as their nodes write them (regtest).

Amounts, scripts and times are made up; the genesis blocks are real.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from tests.builders import (
    COIN,
    OP_TRUE,
    REGTEST_BITS,
    Tx,
    coinbase,
    merkle_root,
    sha256d,
    size_prefix,
)

from clewline.codec.networks import NETWORKS

_LITECOIN_KEY = (
    "040184710fa689ad5023690c80f3a49c8f13f8d45b8c857fbcbc8bc4a8e4d3eb4b10f4d4604fa08dce601aaf0f470216"
    "fe1b51850b4acf21b179c45070ac7b03a9"
)
SATOSHI_KEY = (
    "04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112"
    "de5c384df7ba0b8d578a4c702b6bf11d5f"
)
_HEADLINES = {
    "bitcoin": (
        "The Times 03/Jan/2009 Chancellor on brink of second bailout for banks",
        SATOSHI_KEY,
    ),
    "litecoin": (
        "NY Times 05/Oct/2011 Steve Jobs, Apple\u2019s Visionary, Dies at 56",
        _LITECOIN_KEY,
    ),
    "dogecoin": ("Nintondo", _LITECOIN_KEY),
    "dash": (
        "Wired 09/Jan/2014 The Grand Experiment Goes Live: Overstock.com Is Now Accepting Bitcoins",
        _LITECOIN_KEY,
    ),
}
# ``CreateGenesisBlock`` of each chainparams.cpp: headline, time, nonce, bits, coins.
GENESIS = {
    "main": ("bitcoin", 1231006505, 2083236893, 0x1D00FFFF, 50),
    "bitcoin-cash": ("bitcoin", 1231006505, 2083236893, 0x1D00FFFF, 50),
    "bitcoin-cash-test": ("bitcoin", 1296688602, 414098458, 0x1D00FFFF, 50),
    "bitcoin-cash-regtest": ("bitcoin", 1296688602, 2, REGTEST_BITS, 50),
    "litecoin": ("litecoin", 1317972665, 2084524493, 0x1E0FFFF0, 50),
    "litecoin-test": ("litecoin", 1486949366, 293345, 0x1E0FFFF0, 50),
    "litecoin-regtest": ("litecoin", 1296688602, 0, REGTEST_BITS, 50),
    "dogecoin": ("dogecoin", 1386325540, 99943, 0x1E0FFFF0, 88),
    "dogecoin-test": ("dogecoin", 1391503289, 997879, 0x1E0FFFF0, 88),
    "dogecoin-regtest": ("dogecoin", 1296688602, 2, REGTEST_BITS, 88),
    "dash": ("dash", 1390095618, 28917698, 0x1E0FFFF0, 50),
    "dash-test": ("dash", 1390666206, 3861367235, 0x1E0FFFF0, 50),
    "dash-regtest": ("dash", 1417713337, 1096447, REGTEST_BITS, 50),
}


def genesis_block(name: str) -> bytes:
    """Block 0 of a network, from what its node software makes it of."""
    headline, time, nonce, bits, coins = GENESIS[name]
    text, key = _HEADLINES[headline]
    quoted = text.encode()
    push = bytes([len(quoted)]) if len(quoted) < 76 else b"\x4c" + bytes([len(quoted)])
    script_sig = bytes.fromhex("04ffff001d0104") + push + quoted
    tx = Tx(
        ((bytes(32), 0xFFFFFFFF),),
        ((coins * COIN, b"\x41" + bytes.fromhex(key) + b"\xac"),),
        script_sig,
        version=1,
    )
    head = struct.pack("<i", 1) + bytes(32) + tx.txid + struct.pack("<III", time, bits, nonce)
    return head + b"\x01" + tx.serialize()


def scrypt(header: bytes) -> bytes:
    """Litecoin's proof-of-work hash."""
    return hashlib.scrypt(header, salt=header, n=1024, r=1, p=1, dklen=32)


def easy(name: bytes) -> bool:
    """Whether a hash is below the regtest target."""
    return name[31] < 0x7F


def header_of(
    version: int,
    previous: bytes,
    root: bytes,
    time: int,
    work: Callable[[bytes], bytes],
) -> bytes:
    """A header with regtest work."""
    head = struct.pack("<I", version) + previous + root + struct.pack("<II", time, REGTEST_BITS)
    return next(
        header
        for header in (head + struct.pack("<I", nonce) for nonce in range(1000))
        if easy(work(header))
    )


@dataclass(frozen=True)
class Raw:
    """A transaction of which the serialised forms are given: in a block, and for its id."""

    whole: bytes
    hashed: bytes = b""

    def serialize(self) -> bytes:
        return self.whole

    @property
    def txid(self) -> bytes:
        return sha256d(self.hashed or self.whole)


def hogex(inputs: Sequence[tuple[bytes, int]], outputs: Sequence[tuple[int, bytes]]) -> Raw:
    """The transaction by which Litecoin's extension block and the rest meet (flag 8)."""
    plain = Tx(tuple(inputs), tuple(outputs)).serialize()
    return Raw(plain[:4] + b"\x00\x08" + plain[4:-4] + b"\x00" + plain[-4:], plain)


def auxpow(
    block_hash: bytes,
    time: int,
    *,
    branch: Sequence[bytes] = (bytes([5]) * 32,),
    chain_branch: Sequence[bytes] = (),
    parent_version: int = 2,
    work: Callable[[bytes], bool] = easy,
) -> bytes:
    """The proof that a parent's block was mined for a block too (``CAuxPow``)."""
    # Two steps of a linear congruential generator, in which nonce 0 and the chain's id go.
    number = ((12345 + 0x62) * 1103515245 + 12345) & 0xFFFFFFFF
    root, index = block_hash, number % (1 << len(chain_branch))
    for height, other in enumerate(chain_branch):
        left = index >> height & 1
        root = sha256d(other + root if left else root + other)
    tree = struct.pack("<II", 1 << len(chain_branch), 0)
    script = b"\x03\x01\x02\x03" + b"\xfa\xbemm" + root[::-1] + tree
    parent_coinbase = Tx(((bytes(32), 0xFFFFFFFF),), ((50 * COIN, OP_TRUE),), script)
    parent_root = parent_coinbase.txid
    for other in branch:
        parent_root = sha256d(parent_root + other)
    head = struct.pack("<I", parent_version) + bytes(32) + parent_root
    head += struct.pack("<II", time, REGTEST_BITS)
    parent = next(
        header
        for header in (head + struct.pack("<I", nonce) for nonce in range(1000))
        if work(scrypt(header))
    )
    return b"".join(
        (
            parent_coinbase.serialize(),
            bytes(32),
            size_prefix(len(branch)),
            *branch,
            struct.pack("<I", 0),
            size_prefix(len(chain_branch)),
            *chain_branch,
            struct.pack("<I", index),
            parent,
        )
    )


def special(kind: int, tx: Tx, payload: bytes = b"made up") -> Raw:
    """A special transaction of Dash (DIP-2)."""
    made = replace(tx, version=3 | kind << 16).serialize()
    return Raw(made + size_prefix(len(payload)) + payload)


def x11(header: bytes) -> bytes:
    """Name and proof of work of Dash's blocks."""
    from clewline.codec.x11 import x11_many

    return x11_many(np.frombuffer(header, np.uint8).reshape(1, -1)).tobytes()


@dataclass
class Chain:
    """A chain under construction on one regtest network."""

    name: str
    blocks: list[bytes] = field(default_factory=list)
    work: Callable[[bytes], bytes] = sha256d
    naming: Callable[[bytes], bytes] = sha256d
    version: int = 4

    def __post_init__(self) -> None:
        self.blocks = self.blocks or [genesis_block(self.name)]

    @property
    def height(self) -> int:
        return len(self.blocks) - 1

    def add(
        self,
        *transactions: Tx | Raw,
        reward: Iterable[tuple[int, bytes]] = ((50 * COIN, OP_TRUE),),
        proof: Callable[[bytes, int], bytes] | None = None,
        tail: bytes = b"",
        commit: bool = False,
        first: Tx | Raw | None = None,
    ) -> Tx | Raw:
        """Add a block; return its coinbase, `first` if given."""
        height = self.height + 1
        first = first or coinbase(height, reward)
        if commit:
            names = [bytes(32), *(_wtxid(tx) for tx in transactions)]
            first = coinbase(height, reward, commit=sha256d(merkle_root(names) + bytes(32)))
        listed: list[Tx | Raw] = [first, *transactions]
        root = merkle_root([tx.txid for tx in listed])
        time = 1_600_000_000 + 600 * height
        version = self.version | (0x620100 if proof else 0)
        work = (lambda _header: bytes(32)) if proof else self.work
        header = header_of(version, self.naming(self.blocks[-1][:80]), root, time, work)
        after = proof(self.naming(header), time) if proof else b""
        body = b"".join(tx.serialize() for tx in listed)
        self.blocks.append(header + after + size_prefix(len(listed)) + body + tail)
        return first

    def fork(self, height: int) -> Chain:
        """The chain up to a height, to go on differently."""
        return replace(self, blocks=self.blocks[: height + 1])

    def write(self, directory: Path) -> Path:
        """Write the chain as a blocks directory."""
        directory.mkdir(parents=True, exist_ok=True)
        magic = NETWORKS[self.name].magic
        records = (magic + struct.pack("<I", len(block)) + block for block in self.blocks)
        (directory / "blk00000.dat").write_bytes(b"".join(records))
        return directory


def _wtxid(tx: Tx | Raw) -> bytes:
    """The id with witness data; a HogEx has none."""
    return tx.txid if isinstance(tx, Raw) else tx.wtxid
