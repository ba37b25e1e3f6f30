"""Rows of a bulk import: what of a batch is needed to link it, grouped by partition.

Three kinds, each of `ROW_WORDS` words of 64 bits. Numbers are those of the batch; the passes after
know where it stands in the chain. A row belongs to the partition that the highest bits of its key
name: the first 8 bytes of a transaction id (little-endian), or the hash of a script.

- a *transaction*: its id (4 words); low half number, high half outputs; first output.
- an *input*: the id that it spends (4 words); low half index there, high half spending transaction;
  number.
- an *output*: its script (4 words and the low half of a fifth, of which the last byte is the
  length; of a script of more than `MAX_LITERAL` bytes the SHA-256, and a length that none has);
  high half number; key.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clewline.codec.block import ParsedBlocks
from clewline.codec.compact_size import read_u32
from clewline.codec.sha256 import Scratch, new_scratch, sha256_into
from clewline.jit import inlined, leaf
from clewline.store.hash_index import Bytes, Int, Offsets, head_word, script_key, txid_key
from clewline.store.partitions import Words
from clewline.store.words import put_word, word_at

ROW_WORDS: Final = 6
MAX_LITERAL: Final = 35
COPY_BYTES: Final = 40
"""Enough for most scripts."""
_HASHED: Final = 0xFF
_LOW: Final = 0xFFFFFFFF


class BatchRows(NamedTuple):
    """What linking needs of a batch.

    Attributes
    ----------
    transactions, inputs, outputs : tuple of ndarray
        Rows end to end, and where each partition begins, shape (parts + 1,).
    script_bytes : ndarray of uint8
        The scripts of the outputs, end to end.
    script_length : ndarray of uint32, shape (n_output,)
        Bytes of each.
    """

    transactions: tuple[Words, Offsets]
    inputs: tuple[Words, Offsets]
    outputs: tuple[Words, Offsets]
    script_bytes: Bytes
    script_length: NDArray[np.uint32]


@inlined
def _part(key: np.uint64, parts: int) -> Any:
    """Return the partition of a key: its highest bits."""
    return np.int64((key >> np.uint64(32)) * np.uint64(parts) >> np.uint64(32))


@inlined
def add_up(starts: Offsets) -> None:
    """Turn the number of rows of each partition, in the entry after its own, into its first row.

    Whoever places a row there counts on, and leaves the first row of the next partition: when all
    are placed, each entry holds the first row of its own.
    """
    total = np.int64(0)
    for part in range(1, starts.size):
        count = starts[part]
        starts[part] = total
        total += count


@leaf
def _group_transactions(txid: Bytes, tx_output: Offsets, starts: Offsets, rows: Words) -> None:
    """Fill the rows of transactions."""
    parts = starts.size - 1
    for tx in range(txid.size // 32):
        starts[_part(txid_key(txid, 32 * tx), parts) + 1] += 1
    add_up(starts)
    for tx in range(txid.size // 32):
        part = _part(txid_key(txid, 32 * tx), parts)
        at = ROW_WORDS * starts[part + 1]
        starts[part + 1] += 1
        for word in range(4):
            rows[at + word] = txid_key(txid, 32 * tx + 8 * word)
        count = np.uint64(tx_output[tx + 1] - tx_output[tx])
        rows[at + 4] = np.uint64(tx) | count << np.uint64(32)
        rows[at + 5] = np.uint64(tx_output[tx])


@leaf
def _group_inputs(
    data: Bytes,
    prevout_at: Offsets,
    tx_input: Offsets,
    outpoints: Words,
    starts: Offsets,
    rows: Words,
) -> None:
    """Fill the rows of inputs; `outpoints` is work memory, 5 words an input."""
    parts = starts.size - 1
    # The blocks are larger than the cache: one look at them.
    for row in range(prevout_at.size):
        source, at = prevout_at[row], 5 * row
        for word in range(4):
            outpoints[at + word] = txid_key(data, source + 8 * word)
        outpoints[at + 4] = np.uint64(read_u32(data, source + 32))
        starts[_part(outpoints[at], parts) + 1] += 1
    add_up(starts)
    for tx in range(tx_input.size - 1):
        for row in range(tx_input[tx], tx_input[tx + 1]):
            source = 5 * row
            part = _part(outpoints[source], parts)
            at = ROW_WORDS * starts[part + 1]
            starts[part + 1] += 1
            for word in range(4):
                rows[at + word] = outpoints[source + word]
            rows[at + 4] = outpoints[source + 4] | np.uint64(tx) << np.uint64(32)
            rows[at + 5] = np.uint64(row)


@leaf
def _group_outputs(
    data: Bytes,
    script_at: Offsets,
    script_length: Offsets,
    seed: np.uint64,
    keys: Words,
    starts: Offsets,
    rows: Words,
    script_bytes: Bytes,
    lengths: NDArray[np.uint32],
    digest: Bytes,
    scratch: Scratch,
) -> None:
    """Fill the rows of outputs, and copy their scripts end to end."""
    parts = starts.size - 1
    position = np.int64(0)
    for output in range(script_at.size):
        at, length = script_at[output], script_length[output]
        copy_bytes(data, at, length, script_bytes, position)
        keys[output] = script_key(script_bytes, position, length, seed)
        starts[_part(keys[output], parts) + 1] += 1
        lengths[output] = np.uint32(length)
        position += length
    add_up(starts)
    at = np.int64(0)
    for output in range(script_at.size):
        key = keys[output]
        part = _part(key, parts)
        to = ROW_WORDS * starts[part + 1]
        starts[part + 1] += 1
        length = np.int64(lengths[output])
        if length <= MAX_LITERAL:
            for word in range(4):
                rows[to + word] = head_word(script_bytes, at + 8 * word, length - 8 * word)
            end = head_word(script_bytes, at + 32, length - 32) | np.uint64(length) << np.uint64(24)
        else:
            sha256_into(script_bytes, int(at), int(length), digest, 0, scratch)
            for word in range(4):
                rows[to + word] = txid_key(digest, 8 * word)
            end = np.uint64(_HASHED) << np.uint64(24)
        rows[to + 4] = end | np.uint64(output) << np.uint64(32)
        rows[to + 5] = key
        at += length


@inlined
def copy_bytes(data: Bytes, at: Int, length: Int, out: Bytes, to: Int) -> None:
    """Copy a slice; where there is room for more, a fixed length, which is faster.

    So what follows in `out` must still be to be written.
    """
    if length <= COPY_BYTES and at + COPY_BYTES <= data.size and to + COPY_BYTES <= out.size:
        for i in range(0, COPY_BYTES, 8):
            put_word(out, to + i, word_at(data, at + i))
    else:
        for i in range(length):
            out[to + i] = data[at + i]


def group_batch(parsed: ParsedBlocks, script_seed: int, parts: int) -> BatchRows:
    """Make the rows of a batch.

    Parameters
    ----------
    parsed : ParsedBlocks
        Verified.
    script_seed : int
        Key of the script hash.
    parts : int
        Number of partitions, a power of two.

    Returns
    -------
    BatchRows
        Grouped; within a partition in chain order.

    Notes
    -----
    Cost: two passes over transactions, inputs and outputs.
    """
    n_tx, n_input, n_output = parsed.txid.shape[0], parsed.prevout_at.size, parsed.value.size
    tx_starts, input_starts, output_starts = np.zeros((3, parts + 1), np.int64)
    tx_rows = np.empty(ROW_WORDS * n_tx, np.uint64)
    input_rows = np.empty(ROW_WORDS * n_input, np.uint64)
    output_rows = np.empty(ROW_WORDS * n_output, np.uint64)
    size = int(parsed.script_length.sum())
    # Room to copy a fixed length to the last place, too.
    script_bytes = np.empty(size + COPY_BYTES, np.uint8)
    lengths = np.empty(n_output, np.uint32)
    _group_transactions(parsed.txid.reshape(-1), parsed.tx_output, tx_starts, tx_rows)
    _group_inputs(
        parsed.data,
        parsed.prevout_at,
        parsed.tx_input,
        np.empty(5 * n_input, np.uint64),
        input_starts,
        input_rows,
    )
    _group_outputs(
        parsed.data,
        parsed.script_at,
        parsed.script_length,
        np.uint64(script_seed),
        np.empty(n_output, np.uint64),
        output_starts,
        output_rows,
        script_bytes,
        lengths,
        np.empty(32, np.uint8),
        new_scratch(),
    )
    return BatchRows(
        (tx_rows, tx_starts),
        (input_rows, input_starts),
        (output_rows, output_starts),
        script_bytes[:size],
        lengths,
    )
