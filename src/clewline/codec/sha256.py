"""SHA-256 (FIPS 180-4) inside kernels: transaction ids, block hashes, address checksums.

An import hashes every byte of the chain, so this is written for other kernels to call: byte
arrays in, digest bytes out, nothing allocated on the way. Two compression functions share one
interface, and one of them is chosen at import: `_compress_sha_ni` where the processor has the
x86 SHA extensions, `_compress_portable` everywhere else. Outside kernels, `hashlib` is as fast.

Digests are in *internal* byte order; a transaction id is shown reversed.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final, NamedTuple

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import config
from numba.extending import intrinsic
from numpy.typing import NDArray

from clewline.jit import kernel, leaf

DIGEST_SIZE: Final = 32
_BLOCK: Final = 64

# FIPS 180-4, 4.2.2: first 32 bits of the fractional parts of the cube roots of 64 primes.
_K: Final = np.frombuffer(
    bytes.fromhex(
        """
    428a2f98 71374491 b5c0fbcf e9b5dba5 3956c25b 59f111f1 923f82a4 ab1c5ed5
    d807aa98 12835b01 243185be 550c7dc3 72be5d74 80deb1fe 9bdc06a7 c19bf174
    e49b69c1 efbe4786 0fc19dc6 240ca1cc 2de92c6f 4a7484aa 5cb0a9dc 76f988da
    983e5152 a831c66d b00327c8 bf597fc7 c6e00bf3 d5a79147 06ca6351 14292967
    27b70a85 2e1b2138 4d2c6dfc 53380d13 650a7354 766a0abb 81c2c92e 92722c85
    a2bfe8a1 a81a664b c24b8b70 c76c51a3 d192e819 d6990624 f40e3585 106aa070
    19a4c116 1e376c08 2748774c 34b0bcb5 391c0cb3 4ed8aa4a 5b9cca4f 682e6ff3
    748f82ee 78a5636f 84c87814 8cc70208 90befffa a4506ceb bef9a3f7 c67178f2
    """
    ),
    dtype=">u4",
).astype(np.uint32)
# FIPS 180-4, 5.3.3: the same of the square roots of 8 primes.
_INITIAL: Final = np.frombuffer(
    bytes.fromhex("6a09e667 bb67ae85 3c6ef372 a54ff53a 510e527f 9b05688c 1f83d9ab 5be0cd19"),
    dtype=">u4",
).astype(np.uint32)


class Scratch(NamedTuple):
    """Work memory of one hash at a time; make one with `new_scratch` and keep it for a loop.

    Attributes
    ----------
    words : ndarray of uint32, shape (24,)
        The state A to H, then 16 words of message schedule.
    tail : ndarray of uint8, shape (64,)
        The block being filled.
    """

    words: NDArray[np.uint32]
    tail: NDArray[np.uint8]


@kernel
def new_scratch() -> Scratch:
    """Return fresh work memory for the hashes of one loop in one thread.

    Examples
    --------
    >>> new_scratch().tail.size
    64
    """
    return Scratch(np.empty(24, np.uint32), np.empty(64, np.uint8))


def _sha_ni_block(_typing: Any, words: Any, data: Any, position: Any) -> tuple[Any, Any] | None:
    """Emit one compression with the x86 SHA instructions: words[:8] absorbs 64 bytes of data."""
    if not (
        isinstance(words, types.Array)
        and isinstance(data, types.Array)
        and data.dtype == types.uint8
        and data.layout == words.layout == "C"
    ):
        return None

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        # These are SSE instructions. Inlined into a caller with AVX code they run with dirty
        # upper register halves, each paying a transition: sixty times slower.
        builder.function.attributes.add("noinline")
        word, offset = ir.IntType(32), ir.IntType(64)
        vector = ir.VectorType(word, 4)

        def instruction(name: str, operands: int) -> Any:
            """Declare an LLVM intrinsic over vectors of four words."""
            known = builder.module.globals.get(name)
            signature = ir.FunctionType(vector, [vector] * operands)
            return known or ir.Function(builder.module, signature, name)

        def shuffle(low: Any, high: Any, lanes: tuple[int, int, int, int]) -> Any:
            """Pick four of the eight lanes of two vectors."""
            mask = ir.Constant(ir.VectorType(word, 4), [ir.Constant(word, i) for i in lanes])
            return builder.shuffle_vector(low, high, mask)

        def array_data(index: int) -> Any:
            """Return the pointer to the first element of an array argument."""
            return context.make_array(signature.args[index])(
                context, builder, arguments[index]
            ).data

        rounds2 = instruction("llvm.x86.sha256rnds2", 3)
        schedule1 = instruction("llvm.x86.sha256msg1", 2)
        schedule2 = instruction("llvm.x86.sha256msg2", 2)
        swap_bytes = instruction("llvm.bswap.v4i32", 1)

        state = builder.bitcast(array_data(0), vector.as_pointer())
        message = builder.bitcast(builder.gep(array_data(1), [arguments[2]]), vector.as_pointer())
        state_high = builder.gep(state, [ir.Constant(offset, 1)])
        abcd, efgh = builder.load(state, align=4), builder.load(state_high, align=4)
        # The instructions want A, B, E, F in one register and C, D, G, H in the other, A highest.
        first_abef = abef = shuffle(abcd, efgh, (5, 4, 1, 0))
        first_cdgh = cdgh = shuffle(abcd, efgh, (7, 6, 3, 2))
        window = [
            builder.call(
                swap_bytes,
                [builder.load(builder.gep(message, [ir.Constant(offset, i)]), align=1)],
            )
            for i in range(4)
        ]
        for quad in range(16):
            if quad >= 4:
                sum1 = builder.call(schedule1, [window[0], window[1]])
                seventh = shuffle(window[2], window[3], (1, 2, 3, 4))
                window.append(builder.call(schedule2, [builder.add(sum1, seventh), window[3]]))
                window.pop(0)
            scheduled = window[min(quad, 3)]
            constants = ir.Constant(vector, [int(k) for k in _K[4 * quad : 4 * quad + 4]])
            low = builder.add(scheduled, constants)
            high = shuffle(low, low, (2, 3, 0, 0))
            # Two rounds turn C, D, G, H into the next A, B, E, F; the old one takes its place.
            cdgh = builder.call(rounds2, [cdgh, abef, low])
            abef = builder.call(rounds2, [abef, cdgh, high])
        abef, cdgh = builder.add(abef, first_abef), builder.add(cdgh, first_cdgh)
        builder.store(shuffle(abef, cdgh, (3, 2, 7, 6)), state, align=4)
        builder.store(shuffle(abef, cdgh, (1, 0, 5, 4)), state_high, align=4)
        return context.get_dummy_value()

    return types.void(words, data, types.intp), codegen


_absorb_block: Any = intrinsic(_sha_ni_block)


@leaf
def _compress_sha_ni(
    words: NDArray[np.uint32], data: NDArray[np.uint8], position: int, blocks: int
) -> None:
    """Absorb `blocks` blocks of 64 bytes with the x86 SHA extensions."""
    for i in range(blocks):
        _absorb_block(words, data, position + i * _BLOCK)


@leaf
def _rotate(x: np.uint32, bits: int) -> np.uint32:
    """Rotate right (FIPS 180-4, 3.2)."""
    return np.uint32((x >> np.uint32(bits)) | (x << np.uint32(32 - bits)))


@leaf
def _compress_portable(
    words: NDArray[np.uint32], data: NDArray[np.uint8], position: int, blocks: int
) -> None:
    """Absorb `blocks` blocks of 64 bytes with plain 32-bit arithmetic (FIPS 180-4, 6.2.2)."""
    schedule = words[8:]
    for block in range(blocks):
        start = position + block * _BLOCK
        for i in range(16):
            at = start + 4 * i
            schedule[i] = (
                np.uint32(data[at]) << np.uint32(24)
                | np.uint32(data[at + 1]) << np.uint32(16)
                | np.uint32(data[at + 2]) << np.uint32(8)
                | np.uint32(data[at + 3])
            )
        a, b, c, d = words[0], words[1], words[2], words[3]
        e, f, g, h = words[4], words[5], words[6], words[7]
        for i in range(64):
            slot = i & 15
            if i >= 16:
                old = schedule[(i + 1) & 15]
                recent = schedule[(i + 14) & 15]
                sigma0 = _rotate(old, 7) ^ _rotate(old, 18) ^ (old >> np.uint32(3))
                sigma1 = _rotate(recent, 17) ^ _rotate(recent, 19) ^ (recent >> np.uint32(10))
                schedule[slot] = np.uint32(
                    schedule[slot] + sigma0 + schedule[(i + 9) & 15] + sigma1
                )
            sum1 = _rotate(e, 6) ^ _rotate(e, 11) ^ _rotate(e, 25)
            choice = (e & f) ^ (~e & g)
            step1 = np.uint32(h + sum1 + choice + _K[i] + schedule[slot])
            sum0 = _rotate(a, 2) ^ _rotate(a, 13) ^ _rotate(a, 22)
            majority = (a & b) ^ (a & c) ^ (b & c)
            h, g, f, e = g, f, e, np.uint32(d + step1)
            d, c, b, a = c, b, a, np.uint32(step1 + sum0 + majority)
        words[0] = np.uint32(words[0] + a)
        words[1] = np.uint32(words[1] + b)
        words[2] = np.uint32(words[2] + c)
        words[3] = np.uint32(words[3] + d)
        words[4] = np.uint32(words[4] + e)
        words[5] = np.uint32(words[5] + f)
        words[6] = np.uint32(words[6] + g)
        words[7] = np.uint32(words[7] + h)


def _has_sha_instructions() -> bool:
    """Tell whether Numba may emit the x86 SHA instructions on this machine."""
    chosen: str | None = vars(config)["CPU_FEATURES"]  # NUMBA_CPU_FEATURES, NUMBA_CPU_NAME=generic
    if chosen is not None:
        return "+sha" in chosen.split(",")
    if not llvm.get_process_triple().startswith(("x86_64", "i686", "i386")):
        return False
    return bool(llvm.get_host_cpu_features().get("sha", False))


_compress = _compress_sha_ni if _has_sha_instructions() else _compress_portable


@leaf
def _begin(scratch: Scratch) -> None:
    """Set the initial hash value."""
    for i in range(8):
        scratch.words[i] = _INITIAL[i]


@leaf
def _absorb(scratch: Scratch, filled: int, data: NDArray[np.uint8], start: int, length: int) -> int:
    """Absorb a range after `filled` waiting bytes of the tail; return how many wait now."""
    end = start + length
    if filled > 0:
        take = min(_BLOCK - filled, length)
        for i in range(take):
            scratch.tail[filled + i] = data[start + i]
        filled += take
        if filled < _BLOCK:
            return filled
        _compress(scratch.words, scratch.tail, 0, 1)
        start += take
    blocks = (end - start) // _BLOCK
    _compress(scratch.words, data, start, blocks)
    start += blocks * _BLOCK
    for i in range(end - start):
        scratch.tail[i] = data[start + i]
    return end - start


@leaf
def _pad(scratch: Scratch, filled: int, total: int) -> None:
    """Absorb the tail, a one bit, zeros and the length in bits (FIPS 180-4, 5.1.1)."""
    tail = scratch.tail
    tail[filled] = 0x80
    for i in range(filled + 1, _BLOCK):
        tail[i] = 0
    if filled >= 56:
        _compress(scratch.words, tail, 0, 1)
        for i in range(56):
            tail[i] = 0
    bits = total * 8
    for i in range(8):
        tail[63 - i] = (bits >> (8 * i)) & 0xFF
    _compress(scratch.words, tail, 0, 1)


@leaf
def _write_digest(scratch: Scratch, out: NDArray[np.uint8], start: int) -> None:
    """Write the state as 32 bytes, most significant byte of each word first."""
    for i in range(8):
        word = scratch.words[i]
        out[start + 4 * i] = (word >> np.uint32(24)) & np.uint32(0xFF)
        out[start + 4 * i + 1] = (word >> np.uint32(16)) & np.uint32(0xFF)
        out[start + 4 * i + 2] = (word >> np.uint32(8)) & np.uint32(0xFF)
        out[start + 4 * i + 3] = word & np.uint32(0xFF)


@leaf
def _hash_again(scratch: Scratch) -> None:
    """Replace the state by the hash of its digest."""
    _write_digest(scratch, scratch.tail, 0)
    _begin(scratch)
    _pad(scratch, DIGEST_SIZE, DIGEST_SIZE)


@leaf
def sha256_into(
    data: NDArray[np.uint8],
    start: int,
    length: int,
    out: NDArray[np.uint8],
    out_start: int,
    scratch: Scratch,
) -> None:
    """Write SHA-256 of a byte range (FIPS 180-4).

    Parameters
    ----------
    data : ndarray of uint8, C-contiguous
        Bytes; may be read-only.
    start, length : int
        The range; must lie inside `data` (not checked).
    out : ndarray of uint8, C-contiguous
        Receives 32 bytes from `out_start` on; may be `data`.
    out_start : int
        Where the digest goes.
    scratch : Scratch
        From `new_scratch`; overwritten.

    Examples
    --------
    >>> out = np.empty(32, np.uint8)
    >>> sha256_into(np.frombuffer(b"abc", np.uint8), 0, 3, out, 0, new_scratch())
    >>> out.tobytes().hex()[:16]
    'ba7816bf8f01cfea'
    """
    _begin(scratch)
    _pad(scratch, _absorb(scratch, 0, data, start, length), length)
    _write_digest(scratch, out, out_start)


@leaf
def sha256d_into(
    data: NDArray[np.uint8],
    start: int,
    length: int,
    out: NDArray[np.uint8],
    out_start: int,
    scratch: Scratch,
) -> None:
    """Write SHA-256 of SHA-256 of a byte range (Bitcoin Core ``CHash256``).

    Parameters are those of `sha256_into`.

    Examples
    --------
    >>> out = np.empty(32, np.uint8)
    >>> sha256d_into(np.frombuffer(b"abc", np.uint8), 0, 3, out, 0, new_scratch())
    >>> out.tobytes() == sha256d(b"abc")
    True
    """
    _begin(scratch)
    _pad(scratch, _absorb(scratch, 0, data, start, length), length)
    _hash_again(scratch)
    _write_digest(scratch, out, out_start)


@leaf
def sha256d_ranges3_into(
    data: NDArray[np.uint8],
    start0: int,
    length0: int,
    start1: int,
    length1: int,
    start2: int,
    length2: int,
    out: NDArray[np.uint8],
    out_start: int,
    scratch: Scratch,
) -> None:
    """Write the double SHA-256 of three ranges taken as one message.

    The id of a witness transaction (BIP-141) hashes version, inputs with outputs, and lock time:
    three ranges of its bytes, without marker, flag and witness between them.

    Parameters
    ----------
    data : ndarray of uint8, C-contiguous
        Bytes; may be read-only.
    start0, length0, start1, length1, start2, length2 : int
        The ranges, each inside `data` (not checked), in message order; any may be empty.
    out : ndarray of uint8, C-contiguous
        Receives 32 bytes from `out_start` on; may be `data`.
    out_start : int
        Where the digest goes.
    scratch : Scratch
        From `new_scratch`; overwritten.

    Examples
    --------
    >>> data, out = np.frombuffer(b"ab--c-def", np.uint8), np.empty(32, np.uint8)
    >>> sha256d_ranges3_into(data, 0, 2, 4, 1, 6, 3, out, 0, new_scratch())
    >>> out.tobytes() == sha256d(b"abcdef")
    True
    """
    _begin(scratch)
    filled = _absorb(scratch, 0, data, start0, length0)
    filled = _absorb(scratch, filled, data, start1, length1)
    filled = _absorb(scratch, filled, data, start2, length2)
    _pad(scratch, filled, length0 + length1 + length2)
    _hash_again(scratch)
    _write_digest(scratch, out, out_start)


@kernel
def sha256d_many(
    data: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Return the double SHA-256 of each of many byte ranges.

    Parameters
    ----------
    data : ndarray of uint8, C-contiguous
        Bytes; may be read-only.
    starts, lengths : ndarray of int64, shape (n,)
        The ranges, in any order, each inside `data` (not checked).

    Returns
    -------
    ndarray of uint8, shape (n, 32)
        One digest a row, internal byte order.

    Examples
    --------
    >>> data = np.frombuffer(b"abc", np.uint8)
    >>> digests = sha256d_many(data, np.array([0, 1]), np.array([3, 2]))
    >>> digests[1].tobytes() == sha256d(b"bc")
    True
    """
    digests = np.empty(starts.size * DIGEST_SIZE, np.uint8)
    scratch = new_scratch()
    for i in range(starts.size):
        sha256d_into(data, starts[i], lengths[i], digests, i * DIGEST_SIZE, scratch)
    return digests.reshape((starts.size, DIGEST_SIZE))


def sha256d(data: bytes) -> bytes:
    """Return the double SHA-256 of `data`, internal byte order.

    Examples
    --------
    >>> sha256d(b"").hex()[:16]
    '5df6e0e2761359d3'
    """
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()
