"""Tiny chains of Zcash as zcashd writes them (regtest), with shielded parts of made-up bytes.

Proofs, ciphertexts and solutions are noise of the right length; the genesis block is real.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import count
from pathlib import Path

from tests.builders import COIN, OP_TRUE, Tx, dice, merkle_root, sha256d, size_prefix
from tests.coins import SATOSHI_KEY

from clewline.codec.networks import NETWORKS

NETWORK = NETWORKS["zcash-regtest"]
BITS = 0x200F0F0F
NULL = (bytes(32), 0xFFFFFFFF)
GROUPS = {3: 0x03C48270, 4: 0x892F2085, 5: 0x26A7270A}
BRANCH = 0xC2D6D0B4
_HEADLINE = b"Zcash0b9c4eef8b7cc417ee5001e3500984b6fea35683a7cac141a043c42064835d34"
_GENESIS_SOLUTION = bytes.fromhex(
    "01936b7db1eb4ac39f151b8704642d0a8bda13ec547d54cd5e43ba142fc6d8877cab07b3"
)


def noise(length: int, seed: object) -> bytes:
    return dice(str(seed)).randbytes(length)


@dataclass(frozen=True)
class Shielded:
    """A transaction of any version; amounts are what its parts say."""

    version: int
    inputs: Sequence[tuple[bytes, int]] = ()
    outputs: Sequence[tuple[int, bytes]] = ()
    joinsplits: Sequence[tuple[int, int]] = ()
    spends: int = 0
    made: int = 0
    sapling: int = 0
    actions: int = 0
    orchard: int = 0
    script_sig: bytes = b"\x30" * 72
    locktime: int = 0

    def transparent(self) -> bytes:
        plain = Tx(tuple(self.inputs), tuple(self.outputs), self.script_sig, version=1)
        return plain.serialize()[4:-4]

    def parts(self) -> dict[str, bytes]:
        """The pieces of the shielded parts, by name; empty where there are none."""
        cut = {
            "spends": 96 * self.spends,
            "made": 756 * self.made,
            "sapling_anchor": 32 * (self.spends > 0),
            "sapling_proofs": 256 * self.spends + 192 * self.made,
            "sapling_signature": 64 * (self.spends + self.made > 0),
            "actions": 820 * self.actions,
            "orchard_anchor": 32 * (self.actions > 0),
            "proofs": 300 * (self.actions > 0),
            "signatures": 64 * (self.actions + 1) * (self.actions > 0),
        }
        return {name: noise(length, (name, self)) for name, length in cut.items()}

    def head(self) -> bytes:
        head = struct.pack("<II", self.version | 1 << 31, GROUPS[self.version])
        if self.version == 5:
            head += struct.pack("<III", BRANCH, self.locktime, 0)
        return head

    def serialize(self) -> bytes:
        if self.version == 5:
            return self._version_5()
        ending = struct.pack("<I", self.locktime)
        if self.version not in GROUPS:
            body = struct.pack("<I", self.version) + self.transparent() + ending
        else:
            body = self.head() + self.transparent() + ending + bytes(4)
        if self.version == 4:
            body += struct.pack("<q", self.sapling) + size_prefix(self.spends)
            body += noise(384 * self.spends, ("spends", self)) + size_prefix(self.made)
            body += noise(948 * self.made, ("made", self))
        if self.version > 1:
            body += size_prefix(len(self.joinsplits))
            for old, new in self.joinsplits:
                rest = (1698 if self.version == 4 else 1802) - 16
                body += struct.pack("<qq", old, new) + noise(rest, (old, new, self.inputs))
            body += noise(96 * (len(self.joinsplits) > 0), "signed")
        if self.version == 4:
            body += noise(64 * (self.spends + self.made > 0), "bound")
        return body

    def _version_5(self) -> bytes:
        parts = self.parts()
        body = self.head() + self.transparent()
        body += size_prefix(self.spends) + parts["spends"]
        body += size_prefix(self.made) + parts["made"]
        if self.spends + self.made:
            body += struct.pack("<q", self.sapling) + parts["sapling_anchor"]
            body += parts["sapling_proofs"] + parts["sapling_signature"]
        body += size_prefix(self.actions) + parts["actions"]
        if self.actions:
            body += b"\x03" + struct.pack("<q", self.orchard) + parts["orchard_anchor"]
            body += size_prefix(300) + parts["proofs"] + parts["signatures"]
        return body

    @property
    def txid(self) -> bytes:
        return id_of_version_5(self) if self.version == 5 else sha256d(self.serialize())


def _digest(name: str, *pieces: bytes) -> bytes:
    return blake2b(b"".join(pieces), digest_size=32, person=name.encode()).digest()


def id_of_version_5(tx: Shielded) -> bytes:
    """ZIP-244 in plain Python."""
    parts = tx.parts()
    plain = Tx(tuple(tx.inputs), tuple(tx.outputs), tx.script_sig, version=1)
    outpoints = [txid + struct.pack("<I", index) for txid, index in tx.inputs]
    paid = [struct.pack("<q", v) + size_prefix(len(s)) + s for v, s in tx.outputs]
    transparent = [
        _digest("ZTxIdPrevoutHash", *outpoints),
        _digest("ZTxIdSequencHash", *(struct.pack("<I", plain.sequence) for _ in outpoints)),
        _digest("ZTxIdOutputsHash", *paid),
    ]
    sapling, orchard = [], []
    if tx.spends + tx.made:
        spends = [parts["spends"][96 * i :][:96] for i in range(tx.spends)]
        made = [parts["made"][756 * i :][:756] for i in range(tx.made)]
        anchor = parts["sapling_anchor"]
        of_spends = [
            _digest("ZTxIdSSpendCHash", *(one[32:64] for one in spends)),
            _digest("ZTxIdSSpendNHash", *(one[:32] + anchor + one[64:] for one in spends)),
        ]
        of_made = [
            _digest("ZTxIdSOutC__Hash", *(one[32:148] for one in made)),
            _digest("ZTxIdSOutM__Hash", *(one[148:660] for one in made)),
            _digest("ZTxIdSOutN__Hash", *(one[:32] + one[660:] for one in made)),
        ]
        sapling = [
            _digest("ZTxIdSSpendsHash", *(of_spends if spends else ())),
            _digest("ZTxIdSOutputHash", *(of_made if made else ())),
            struct.pack("<q", tx.sapling),
        ]
    if tx.actions:
        actions = [parts["actions"][820 * i :][:820] for i in range(tx.actions)]
        orchard = [
            _digest("ZTxIdOrcActCHash", *(one[32:64] + one[96:212] for one in actions)),
            _digest("ZTxIdOrcActMHash", *(one[212:724] for one in actions)),
            _digest("ZTxIdOrcActNHash", *(o[:32] + o[64:96] + o[724:] for o in actions)),
            b"\x03" + struct.pack("<q", tx.orchard) + parts["orchard_anchor"],
        ]
    top = [
        _digest("ZTxIdHeadersHash", tx.head()),
        _digest("ZTxIdTranspaHash", *(transparent if outpoints or paid else ())),
        _digest("ZTxIdSaplingHash", *sapling),
        _digest("ZTxIdOrchardHash", *orchard),
    ]
    name = b"ZcashTxHash_" + struct.pack("<I", BRANCH)
    return blake2b(b"".join(top), digest_size=32, person=name).digest()


def header_of(previous: bytes, root: bytes, time: int, *, solution: int = 36) -> bytes:
    """A header with regtest work; its solution solves nothing."""
    head = struct.pack("<i", 4) + previous + root + noise(32, (previous, root))
    head += struct.pack("<II", time, BITS)
    tail = size_prefix(solution) + noise(solution, root)
    found = (head + struct.pack("<Q", nonce) + bytes(24) + tail for nonce in count())
    return next(one for one in found if sha256d(one)[31] < 0x0F)


def genesis_block() -> bytes:
    """Block 0 of regtest, from what zcashd makes it of (``CreateGenesisBlock``)."""
    script = bytes.fromhex("04ffff071f0104") + bytes([len(_HEADLINE)]) + _HEADLINE
    output = (0, b"\x41" + bytes.fromhex(SATOSHI_KEY) + b"\xac")
    first = Tx((NULL,), (output,), script, version=1)
    head = struct.pack("<i", 4) + bytes(32) + first.txid + bytes(32)
    head += struct.pack("<II", 1296688602, BITS) + struct.pack("<Q", 9) + bytes(24)
    return head + b"\x24" + _GENESIS_SOLUTION + b"\x01" + first.serialize()


def header_length(block: bytes) -> int:
    """How long the header of a block is."""
    return 177 if block[140] == 36 else 1487


@dataclass
class Chain:
    """A chain under construction."""

    blocks: list[bytes] = field(default_factory=lambda: [genesis_block()])
    name: str = NETWORK.name

    def add(
        self,
        *transactions: Shielded,
        reward: Iterable[tuple[int, bytes]] = ((50 * COIN, OP_TRUE),),
        first: Shielded | None = None,
        solution: int = 36,
    ) -> Shielded:
        """Add a block; return its coinbase."""
        height = len(self.blocks)
        script = b"\x02" + struct.pack("<H", height)
        coinbase = first or Shielded(1, (NULL,), tuple(reward), script_sig=script)
        listed = [coinbase, *transactions]
        root = merkle_root([tx.txid for tx in listed])
        last = self.blocks[-1]
        previous = sha256d(last[: header_length(last)])
        header = header_of(previous, root, 1_600_000_000 + 75 * height, solution=solution)
        body = b"".join(tx.serialize() for tx in listed)
        self.blocks.append(header + size_prefix(len(listed)) + body)
        return coinbase

    def fork(self, height: int) -> Chain:
        """The chain up to a height, to go on differently."""
        return replace(self, blocks=self.blocks[: height + 1])

    def write(self, directory: Path) -> Path:
        """Write the chain as a blocks directory."""
        directory.mkdir(parents=True, exist_ok=True)
        records = (NETWORK.magic + struct.pack("<I", len(block)) + block for block in self.blocks)
        (directory / "blk00000.dat").write_bytes(b"".join(records))
        return directory
