"""A blocks directory as Bitcoin Core writes it: ``blk*.dat`` and ``xor.dat``.

A record is the network's magic, a length, and a block. The whole file is obfuscated with the
eight bytes of ``xor.dat`` by file position (Core 28), except for the tail that Core preallocates,
which stays raw zeros. ``rev*.dat`` is not written: a node would make it while it validates.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.block import merkle_root_into
from clewline.codec.networks import NETWORKS
from clewline.codec.sha256 import new_scratch, sha256d
from clewline.jit import kernel
from clewline.play.keys import obfuscation_key, script_bytes
from clewline.play.ledger import Ledger, subsidy
from clewline.play.transactions import (
    MAX_INPUT_BYTES,
    MAX_OUTPUT_BYTES,
    MAX_TRANSACTION_BYTES,
    encode_transactions,
)

REGTEST: Final = NETWORKS["regtest"]
MAX_FILE_BYTES: Final = 0x8000000
"""Core's `MAX_BLOCKFILE_SIZE`: a block that would not fit starts the next file."""
CHUNK_BYTES: Final = 0x1000000
"""Core's `BLOCKFILE_CHUNK_SIZE`: files are preallocated in steps of 16 MiB."""
SMALL_CHUNK_BYTES: Final = 0x100000
"""What we preallocate while a file is below one of Core's chunks, to keep tests light."""
MAX_WEIGHT: Final = 4_000_000
GENESIS_TIME: Final = 1296688602

_GENESIS_COINBASE: Final = bytes.fromhex(
    "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff"
    "001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e"
    "6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104"
    "678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51e"
    "c112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000"
)
_GENESIS_NONCE: Final = 2
_TARGET: Final = 0x7FFFFF << 8 * (0x20 - 3)  # bits 0x207fffff
_COMMITMENT_HEADER: Final = bytes.fromhex("6a24aa21a9ed")  # BIP-141


@kernel
def _merkle_root(hashes: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """Return the Merkle root of flat hashes, which have room for one more and are destroyed."""
    root = np.empty(32, np.uint8)
    merkle_root_into(hashes, count, root, new_scratch())
    return root


def _compact_size(number: int) -> bytes:
    """Return a count below 65,536 as CompactSize."""
    return bytes([number]) if number < 253 else b"\xfd" + number.to_bytes(2, "little")


def _height_script(height: int) -> bytes:
    """Return the start of a coinbase script (BIP-34): the height as CScript's ``<<`` writes it."""
    if height <= 16:
        return bytes([0x50 + height, 0])  # OP_1 to OP_16; two bytes are the least
    number = height.to_bytes((height.bit_length() + 8) // 8, "little")
    return bytes([len(number)]) + number


def _coinbase(
    height: int, reward: int, script: bytes, commitment: bytes
) -> tuple[bytes, bytes, int]:
    """Return a coinbase with its witness, its id, and its length without witness."""
    script_sig = _height_script(height) + b"\x04" + height.to_bytes(4, "big")
    inputs = b"\x01" + bytes(32) + b"\xff" * 4 + bytes([len(script_sig)]) + script_sig + b"\xff" * 4
    outputs = b"\x02" + reward.to_bytes(8, "little") + bytes([len(script)]) + script
    outputs += bytes(8) + bytes([38]) + _COMMITMENT_HEADER + commitment
    version, locktime = (2).to_bytes(4, "little"), bytes(4)
    stripped = version + inputs + outputs + locktime
    witness = b"\x01\x20" + bytes(32)  # BIP-141: one item, the reserved value
    full = version + b"\x00\x01" + inputs + outputs + witness + locktime
    return full, sha256d(stripped), len(stripped)


def _mine(version: int, previous: bytes, merkle_root: bytes, time: int) -> bytes:
    """Return a header whose hash meets regtest's target, by the lowest nonce."""
    head = struct.pack("<i32s32sII", version, previous, merkle_root, time, REGTEST.pow_limit_bits)
    begun = hashlib.sha256(head)
    nonce = 0
    while True:
        last = nonce.to_bytes(4, "little")
        inner = begun.copy()
        inner.update(last)
        if int.from_bytes(hashlib.sha256(inner.digest()).digest(), "little") <= _TARGET:
            return head + last
        nonce += 1


class BlockFiles:
    """Writes the blocks of a ledger, one after the other, from the genesis block on.

    Parameters
    ----------
    directory : Path
        The ``blocks`` directory; must exist and be empty.
    ledger : Ledger
        What the blocks hold; its transaction ids are filled in as blocks are written.

    Attributes
    ----------
    tip : bytes
        Hash of the last block, internal order.
    height : int
        Its height.
    bytes_written : int
        Length of all records.
    """

    def __init__(self, directory: Path, ledger: Ledger) -> None:
        self._directory = directory
        self._ledger = ledger
        key = obfuscation_key(ledger.seed)
        (directory / "xor.dat").write_bytes(key)
        self._key = np.frombuffer(key, np.uint8)
        self._number = 0
        self._position = 0
        self.bytes_written = 0
        self.height = 0
        coinbase_id = sha256d(_GENESIS_COINBASE)
        header = struct.pack(
            "<i32s32sIII",
            1, bytes(32), coinbase_id, GENESIS_TIME, REGTEST.pow_limit_bits, _GENESIS_NONCE,
        )  # fmt: skip
        self.tip = sha256d(header)
        assert self.tip == REGTEST.genesis, "the genesis block must be Core's"
        self._append(header + b"\x01" + _GENESIS_COINBASE)

    def write_block(self, time: int) -> None:
        """Set the coinbase's reward in the ledger's present block, mine the block and write it.

        Parameters
        ----------
        time : int
            Header time, UTC seconds; above that of the block before.
        """
        ledger = self._ledger
        self.height += 1
        coinbase = ledger.first_tx
        count = ledger.transactions - coinbase
        wtxid = np.zeros(32 * (count + 1), np.uint8)  # the coinbase counts as zeros (BIP-141)
        body, stripped = self._encode(wtxid[32:])
        witness_root = _merkle_root(wtxid, count).tobytes()
        output = int(ledger.tx_output.data[coinbase])
        script, _ = script_bytes(
            ledger.script.data[output : output + 1],
            np.array([ledger.kind_of(output)], np.uint8),
            ledger.seed,
        )
        reward = subsidy(self.height) + ledger.fees()
        ledger.value.data[output] = reward
        first, txid, first_stripped = _coinbase(
            self.height, reward, script.tobytes(), sha256d(witness_root + bytes(32))
        )
        ledger.txid.data[32 * coinbase : 32 * coinbase + 32] = np.frombuffer(txid, np.uint8)
        ids = np.zeros(32 * (count + 1), np.uint8)
        ids[: 32 * count] = ledger.txid.data[32 * coinbase : 32 * ledger.transactions]
        header = _mine(0x20000000, self.tip, _merkle_root(ids, count).tobytes(), time)
        block = header + _compact_size(count) + first + body.tobytes()
        light = len(header) + len(_compact_size(count)) + first_stripped + stripped
        assert 3 * light + len(block) <= MAX_WEIGHT, "the block is too heavy"
        self.tip = sha256d(header)
        self._append(block)

    def close(self) -> None:
        """Preallocate the tail of the last file, as Core does; it stays raw zeros."""
        chunk = CHUNK_BYTES if self._position >= CHUNK_BYTES else SMALL_CHUNK_BYTES
        with self._path().open("r+b") as file:
            file.truncate(min(-(-self._position // chunk) * chunk, MAX_FILE_BYTES))

    def _encode(self, wtxid: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
        """Return the block's transactions but the coinbase, and their length without witness."""
        ledger = self._ledger
        first = ledger.first_tx + 1
        outputs = ledger.value.count - int(ledger.tx_output.data[ledger.first_tx])
        room = (
            MAX_TRANSACTION_BYTES * (ledger.transactions - first)
            + MAX_INPUT_BYTES * ledger.prevout.count
            + MAX_OUTPUT_BYTES * outputs
        )
        buffer = np.empty(room, np.uint8)
        length, stripped = encode_transactions(
            first,
            ledger.transactions,
            ledger.tx_input.data,
            ledger.prevout.count,
            ledger.prevout.data,
            ledger.tx_output.data,
            ledger.value.count,
            ledger.value.data,
            ledger.script.data,
            ledger.output_tx.data,
            ledger.script_kind.data,
            ledger.txid.data,
            wtxid,
            buffer,
            self.height,
            ledger.inputs,
            np.uint64(ledger.seed),
        )
        return buffer[:length], stripped

    def _path(self) -> Path:
        """Return the path of the file being written."""
        return self._directory / f"blk{self._number:05d}.dat"

    def _append(self, block: bytes) -> None:
        """Write one record, obfuscated by its position in the file."""
        record = REGTEST.magic + len(block).to_bytes(4, "little") + block
        if self._position + len(record) > MAX_FILE_BYTES:
            self._number += 1
            self._position = 0
        plain = np.frombuffer(record, np.uint8)
        mask = np.tile(np.roll(self._key, -(self._position % 8)), -(-plain.size // 8))
        with self._path().open("ab") as file:
            file.write((plain ^ mask[: plain.size]).tobytes())
        self._position += len(record)
        self.bytes_written += len(record)
