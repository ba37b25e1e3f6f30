"""A column of texts as bytes, and what is computed of all of them at once: form, chains, key.

A batch of a million addresses is never a million Python strings. It is the bytes of a column and
where each text begins and ends; kernels do the rest.

A text is looked up by a *key*, 64 bits over its folded bytes: letters in lower case, the prefix of
a CashAddr text left out, both alphabets of base64 alike. What has the key of a listed spelling is
then compared byte for byte, so a key alone never makes a hit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.base58 import (
    base58_decode_into,
    base58_limbs,
    base58check_is_valid,
)
from clewline.codec.bech32 import BECH32, BECH32M, CHARSET
from clewline.codec.cashaddr import cashaddr_decode_into
from clewline.codec.keccak import permute
from clewline.codec.networks import NETWORKS
from clewline.codec.sha256 import new_scratch
from clewline.jit import kernel, leaf

UInt8 = NDArray[np.uint8]
UInt64 = NDArray[np.uint64]
Int64 = NDArray[np.int64]

UNREAD: Final = 0
"""Form of a text that kernels do not know; `clewline.intake` reads it, one by one."""
NO_TEXT: Final = 1
"""Form of an empty text."""

_BECH32_FORM: Final = 2
_BASE58CHECK_FORM: Final = 3
_EVM_FORM: Final = 4
_CASHADDR_FORM: Final = 5
_KEY_FORM: Final = 6  # base58 of 32 bytes without a checksum

_LONGEST: Final = 128
_LONGEST_BASE58: Final = 44
_CHECKED_SIZES: Final = (25, 26)
"""Bytes of a 20-byte hash with version and checksum. Longer ones (X-addresses) carry a tag."""
_KEY_SIZE: Final = 32
_SHORTEST_KEY: Final = 36
_EVM_LENGTH: Final = 42
_CHECKSUM: Final = 6
_BASIS: Final = np.uint64(0xCBF29CE484222325)
_PRIME: Final = np.uint64(0x100000001B3)
_SEED: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(29)
_COLON: Final = ord(":")

_LOWER: Final = np.arange(256).astype(np.uint8)
_LOWER[ord("A") : ord("Z") + 1] |= 0x20
_FOLDED: Final = _LOWER.copy()
_FOLDED[ord("-")], _FOLDED[ord("_")] = ord("+"), ord("/")
_GROUPS: Final = np.full(256, -1, np.int64)
for _value, _letter in enumerate(CHARSET):
    _GROUPS[ord(_letter)] = _GROUPS[ord(_letter.upper())] = _value
_NIBBLES: Final = np.full(256, -1, np.int64)
for _letter in "0123456789abcdefABCDEF":
    _NIBBLES[ord(_letter)] = int(_letter, 16)
_XRP: Final = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_BITCOIN: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_FROM_XRP: Final = np.zeros(256, np.uint8)
for _letter, _own in zip(_XRP, _BITCOIN, strict=True):
    _FROM_XRP[ord(_letter)] = ord(_own)

# As in clewline.codec.bech32: what leaves at the top feeds back as a sum of generators (BIP-173).
_FEEDBACK: Final = np.zeros(32, np.int64)
for _bit, _word in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
    _FEEDBACK[(np.arange(32) >> _bit & 1) == 1] ^= _word

_CASHADDR_PREFIXES: Final = sorted(
    {one.cashaddr_prefix for one in NETWORKS.values() if one.cashaddr_prefix}
)
_PREFIXES: Final = np.frombuffer("".join(_CASHADDR_PREFIXES).encode(), np.uint8)
_PREFIX_ENDS: Final = np.cumsum([0, *map(len, _CASHADDR_PREFIXES)])


@dataclass(frozen=True)
class Texts:
    """Texts end to end; text k is ``data[begins[k] : ends[k]]``.

    Attributes
    ----------
    data : ndarray of uint8
        Bytes; there may be others between the texts.
    begins, ends : ndarray of int64, shape (n,)
        Where each begins and ends, white space around it left out.
    """

    data: UInt8
    begins: Int64
    ends: Int64

    def __len__(self) -> int:
        """Return the number of texts."""
        return self.begins.size

    def text(self, number: int) -> str:
        """Return one of the texts; what is not UTF-8 is replaced."""
        return (
            self.data[self.begins[number] : self.ends[number]].tobytes().decode("utf8", "replace")
        )

    @classmethod
    def of(cls, texts: list[str]) -> Texts:
        """Return a column of some strings.

        Examples
        --------
        >>> Texts.of(["one ", "", "two"]).text(0)
        'one'
        """
        encoded = [text.encode("utf8", "surrogateescape") for text in texts]
        bounds = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, encoded), np.int64, len(texts)), out=bounds[1:])
        data = np.frombuffer(b"".join(encoded) or b"\0", np.uint8)
        return cls.stripped(data, bounds[:-1], bounds[1:])

    @classmethod
    def stripped(cls, data: UInt8, begins: Int64, ends: Int64) -> Texts:
        """Return texts without the white space around them."""
        begins, ends = begins.copy(), ends.copy()
        _strip(data, begins, ends)
        return cls(data, begins, ends)


@leaf
def _strip(data: UInt8, begins: Int64, ends: Int64) -> None:
    """Move the ends of texts over white space."""
    for i in range(begins.size):
        begin, end = begins[i], ends[i]
        while begin < end and data[begin] <= 32:
            begin += 1
        while end > begin and data[end - 1] <= 32:
            end -= 1
        begins[i], ends[i] = begin, end


@leaf
def _mixed(state: np.uint64, value: np.uint64) -> np.uint64:
    """Add one number to a hash (FNV-1a with a shift, so that high bits depend on all)."""
    state = (state ^ value) * _PRIME
    return state ^ (state >> _SHIFT)


@leaf
def _unprefixed(data: UInt8, begin: int, end: int) -> int:
    """Return where a text goes on behind the prefix of a CashAddr text, if it has one."""
    first = _LOWER[data[begin]]
    if ord("a") <= first <= ord("z"):
        for i in range(begin + 1, min(end, begin + 16)):
            if data[i] == _COLON:
                return i + 1
    return begin


@leaf
def _key(data: UInt8, begin: int, end: int) -> np.uint64:
    """Return the key of a text."""
    state = _BASIS
    for i in range(_unprefixed(data, begin, end), end):
        state = (state ^ np.uint64(_FOLDED[data[i]])) * _PRIME
    state = _mixed(state, np.uint64(end - begin))
    return _mixed(state, _SEED)


@kernel
def keys_of(data: UInt8, begins: Int64, ends: Int64) -> UInt64:
    """Return the keys of texts.

    Parameters
    ----------
    data : ndarray of uint8
        Their bytes.
    begins, ends : ndarray of int64, shape (n,)
        Where they are.

    Returns
    -------
    ndarray of uint64, shape (n,)
        Equal for texts that differ in case, or in a prefix that CashAddr leaves open, alone.

    Examples
    --------
    >>> one = Texts.of(["BC1PFEESSRAWGF", "bc1pfeessrawgf"])
    >>> len(set(keys_of(one.data, one.begins, one.ends).tolist()))
    1
    """
    keys = np.empty(begins.size, np.uint64)
    for i in range(begins.size):
        # The length is that of what is hashed, so that a prefix makes no difference.
        begin = _unprefixed(data, begins[i], ends[i]) if ends[i] > begins[i] else begins[i]
        keys[i] = _key(data, begin, ends[i])
    return keys


@kernel
def _evm_is_valid(data: UInt8, begin: int, state: UInt64, sums: UInt64) -> bool:
    """Tell whether 40 hex digits of both cases have those of ERC-55."""
    state[:] = 0
    for i in range(40):
        letter = np.uint64(_LOWER[data[begin + i]])
        state[i >> 3] ^= letter << np.uint64((i & 7) * 8)
    # Keccak's own padding: 0x01 behind the text, 0x80 at the end of the block of 136 bytes.
    state[5] ^= np.uint64(1)
    state[16] ^= np.uint64(0x8000000000000000)
    permute(state, sums)
    for i in range(40):
        byte = (state[i >> 4] >> np.uint64(((i >> 1) & 7) * 8)) & np.uint64(0xFF)
        nibble = np.int64(byte) >> 4 if i & 1 == 0 else np.int64(byte) & 15
        character = np.int64(data[begin + i])
        if character > ord("9") and (character < ord("a")) != (nibble >= 8):
            return False
    return True


@leaf
def _bech32_form(data: UInt8, begin: int, end: int) -> np.uint64:
    """Return the form of a bech32 or bech32m text whose checksum is right, else `UNREAD`."""
    separator = end - 1
    while separator > begin and data[separator] != ord("1"):
        separator -= 1
    if separator == begin or end - separator - 1 < _CHECKSUM:
        return np.uint64(UNREAD)
    lower = upper = False
    for i in range(begin, end):
        lower |= ord("a") <= data[i] <= ord("z")
        upper |= ord("A") <= data[i] <= ord("Z")
    if lower and upper:
        return np.uint64(UNREAD)
    checksum, form = np.int64(1), np.uint64(_BECH32_FORM)
    for i in range(begin, separator):
        letter = np.int64(_LOWER[data[i]])
        form = _mixed(form, np.uint64(letter))
        checksum = (checksum & 0x1FFFFFF) << 5 ^ letter >> 5 ^ _FEEDBACK[checksum >> 25]
    checksum = (checksum & 0x1FFFFFF) << 5 ^ _FEEDBACK[checksum >> 25]
    for i in range(begin, separator):
        letter = np.int64(_LOWER[data[i]]) & 31
        checksum = (checksum & 0x1FFFFFF) << 5 ^ letter ^ _FEEDBACK[checksum >> 25]
    group = np.int64(0)
    for i in range(separator + 1, end):
        group = _GROUPS[data[i]]
        if group < 0:
            return np.uint64(UNREAD)
        checksum = (checksum & 0x1FFFFFF) << 5 ^ group ^ _FEEDBACK[checksum >> 25]
    if checksum not in (BECH32, BECH32M):
        return np.uint64(UNREAD)
    # What else a kind looks at: its length, the version or header in front, whether the bits that
    # fill up the last group are zero.
    form = _mixed(form, np.uint64(checksum))
    form = _mixed(form, np.uint64(end - separator))
    form = _mixed(form, np.uint64(upper))
    groups = end - separator - 1 - _CHECKSUM
    if groups > 0:
        form = _mixed(form, np.uint64(_GROUPS[data[separator + 1]]))
        form = _mixed(form, np.uint64(_GROUPS[data[end - _CHECKSUM - 1]] & 31))
    if groups > 1:
        form = _mixed(form, np.uint64(_GROUPS[data[separator + 2]]))
    return form


@kernel
def forms_of(data: UInt8, begins: Int64, ends: Int64) -> UInt64:
    """Return the form of each text: texts of one form are addresses of the same chains, or of none.

    Parameters
    ----------
    data : ndarray of uint8
        Their bytes.
    begins, ends : ndarray of int64, shape (n,)
        Where they are.

    Returns
    -------
    ndarray of uint64, shape (n,)
        `NO_TEXT`; `UNREAD` where no checksum known here is right; else a hash over all that a kind
        of address looks at but its checksum, which is right. So one text of each form, read by
        `clewline.intake`, answers for all.

    Notes
    -----
    Cost: half a microsecond a text: base58 with SHA-256d, bech32, CashAddr, ERC-55 with Keccak.
    """
    forms = np.empty(begins.size, np.uint64)
    scratch, limbs = new_scratch(), base58_limbs(_LONGEST)
    decoded, digest = np.empty(_LONGEST + 8, np.uint8), np.empty(32, np.uint8)
    translated = np.empty(_LONGEST, np.uint8)
    state, sums = np.zeros(25, np.uint64), np.empty(5, np.uint64)
    for k in range(begins.size):
        begin, end = begins[k], ends[k]
        length = end - begin
        forms[k] = UNREAD
        if length == 0:
            forms[k] = NO_TEXT
            continue
        if length > _LONGEST:
            continue
        if length == _EVM_LENGTH and data[begin] == ord("0") and data[begin + 1] == ord("x"):
            lower = upper = False
            hexadecimal = True
            for i in range(begin + 2, end):
                hexadecimal &= _NIBBLES[data[i]] >= 0
                lower |= data[i] >= ord("a")
                upper |= ord("A") <= data[i] <= ord("F")
            if hexadecimal and (
                not (lower and upper) or _evm_is_valid(data, begin + 2, state, sums)
            ):
                forms[k] = _EVM_FORM
            continue
        form = _bech32_form(data, begin, end)
        if form != np.uint64(UNREAD):
            forms[k] = form
            continue
        if length <= _LONGEST_BASE58:
            size = base58_decode_into(data, begin, length, decoded, 0, limbs)
            if size in _CHECKED_SIZES and base58check_is_valid(decoded, size, digest, scratch):
                form = _mixed(np.uint64(_BASE58CHECK_FORM), np.uint64(size))
                form = _mixed(form, np.uint64(length))
                form = _mixed(form, np.uint64(decoded[0]))
                # A version may be of two bytes.
                forms[k] = _mixed(form, np.uint64(decoded[1] if size > 25 else 0))
                continue
            if size == _KEY_SIZE and length >= _SHORTEST_KEY:
                lower = upper = False
                for i in range(begin, end):
                    lower |= data[i] >= ord("a")
                    upper |= ord("A") <= data[i] <= ord("Z")
                forms[k] = _mixed(np.uint64(_KEY_FORM), np.uint64(lower and upper))
                forms[k] = _mixed(forms[k], np.uint64(length))
                continue
            if data[begin] == ord("r"):
                for i in range(length):
                    translated[i] = _FROM_XRP[data[begin + i]]
                size = base58_decode_into(translated, 0, length, decoded, 0, limbs)
                if size == 25 and base58check_is_valid(decoded, size, digest, scratch):
                    form = _mixed(np.uint64(_BASE58CHECK_FORM), np.uint64(ord("r")))
                    forms[k] = _mixed(form, np.uint64(decoded[0]))
                    forms[k] = _mixed(forms[k], np.uint64(length))
                    continue
        skipped = _unprefixed(data, begin, end) - begin
        if length - skipped == 42:
            for which in range(_PREFIX_ENDS.size - 1):
                prefix = _PREFIXES[_PREFIX_ENDS[which] : _PREFIX_ENDS[which + 1]]
                named = skipped == prefix.size + 1
                for i in range(prefix.size if named else 0):
                    named &= _LOWER[data[begin + i]] == prefix[i]
                if skipped and not named:
                    continue
                checksum, version, size = cashaddr_decode_into(
                    data, begin + skipped, length - skipped, 0, prefix, decoded, 0
                )
                if checksum == 0:
                    form = _mixed(np.uint64(_CASHADDR_FORM), np.uint64(which))
                    form = _mixed(form, np.uint64(version & 0xFF))
                    # Whether the prefix is in the case of the rest is for the reader to say.
                    form = _mixed(form, np.uint64(size & 0xFF))
                    forms[k] = _mixed(form, np.uint64(skipped > 0))
    return forms


@leaf
def _same(
    data: UInt8, begin: int, end: int, other: UInt8, first: int, last: int, exact: int
) -> bool:
    """Compare a text with a spelling, letter by letter."""
    if exact == 0:
        begin = _unprefixed(data, begin, end)
        first = _unprefixed(other, first, last)
    if end - begin != last - first:
        return False
    same = True
    for i in range(end - begin):
        one, two = data[begin + i], other[first + i]
        same &= one == two if exact == 1 else _FOLDED[one] == _FOLDED[two]
    return same


@kernel
def find_spellings(
    data: UInt8,
    begins: Int64,
    ends: Int64,
    sieve: UInt64,
    keys: UInt64,
    spelled: UInt8,
    bounds: Int64,
    exact: UInt8,
) -> Int64:
    """Return which listed spelling each text is.

    Parameters
    ----------
    data : ndarray of uint8
        Bytes of the texts.
    begins, ends : ndarray of int64, shape (n,)
        Where they are.
    sieve : ndarray of uint64, shape (2 ** k,)
        From `sieve_of` of the keys.
    keys : ndarray of uint64, shape (m,), ascending
        Keys of the spellings.
    spelled : ndarray of uint8
        Their bytes, end to end.
    bounds : ndarray of int64, shape (m + 1,)
        Where each begins.
    exact : ndarray of uint8, shape (m,)
        1 where case tells addresses apart.

    Returns
    -------
    ndarray of int64, shape (n,)
        Index of the spelling, -1 where a text is none of them. Bytes were compared.
    """
    found = np.full(begins.size, -1, np.int64)
    if keys.size == 0:
        return found
    mask = np.uint64(sieve.size * 64 - 1)
    for k in range(begins.size):
        if ends[k] == begins[k]:
            continue
        key = _key(data, _unprefixed(data, begins[k], ends[k]), ends[k])
        bit = key & mask
        if sieve[np.int64(bit >> np.uint64(6))] >> (bit & np.uint64(63)) & np.uint64(1) == 0:
            continue
        low, high = 0, keys.size
        while low < high:
            middle = (low + high) // 2
            if keys[middle] < key:
                low = middle + 1
            else:
                high = middle
        while low < keys.size and keys[low] == key:
            first, last = bounds[low], bounds[low + 1]
            if _same(data, begins[k], ends[k], spelled, first, last, exact[low]):
                found[k] = low
                break
            low += 1
    return found


@kernel
def sieve_of(keys: UInt64, bits: int) -> UInt64:
    """Return a table of ``2 ** bits`` bits with one set for each key: most texts end there."""
    sieve = np.zeros(1 << (bits - 6), np.uint64)
    mask = np.uint64((1 << bits) - 1)
    for i in range(keys.size):
        bit = keys[i] & mask
        sieve[np.int64(bit >> np.uint64(6))] |= np.uint64(1) << (bit & np.uint64(63))
    return sieve


@kernel
def distinct(keys: UInt64) -> tuple[Int64, NDArray[np.int32]]:
    """Return the first place of each distinct key, in order of appearance, and its number for each.

    Parameters
    ----------
    keys : ndarray of uint64, shape (n,)
        Any.

    Returns
    -------
    first : ndarray of int64, shape (m,)
        Place of the first of each.
    number : ndarray of int32, shape (n,)
        Index into `first`.

    Examples
    --------
    >>> first, number = distinct(np.array([7, 9, 7], np.uint64))
    >>> first.tolist(), number.tolist()
    ([0, 1], [0, 1, 0])
    """
    number = np.empty(keys.size, np.int32)
    first = np.empty(1024, np.int64)
    slots = np.full(4096, -1, np.int64)
    count = 0
    for k in range(keys.size):
        mask = np.uint64(slots.size - 1)
        at = np.int64((keys[k] ^ (keys[k] >> np.uint64(32))) & mask)
        while slots[at] >= 0 and keys[first[slots[at]]] != keys[k]:
            at = (at + 1) & (slots.size - 1)
        if slots[at] < 0:
            slots[at] = count
            first[count] = k
            count += 1
            if count == first.size:
                larger = np.empty(first.size * 2, np.int64)
                larger[:count] = first
                first = larger
                slots = np.full(slots.size * 2, -1, np.int64)
                mask = np.uint64(slots.size - 1)
                for i in range(count):
                    key = keys[first[i]]
                    place = np.int64((key ^ (key >> np.uint64(32))) & mask)
                    while slots[place] >= 0:
                        place = (place + 1) & (slots.size - 1)
                    slots[place] = i
            number[k] = count - 1
        else:
            number[k] = slots[at]
    return first[:count].copy(), number


@kernel
def plain_ascii(data: UInt8, begins: Int64, ends: Int64) -> UInt8:
    """Return 1 for each text that JSON and CSV take as it is.

    That is printable ASCII without quotes, backslashes and commas.

    Nor does it begin with what a spreadsheet takes for a formula.
    """
    plain = np.ones(begins.size, np.uint8)
    for k in range(begins.size):
        for i in range(begins[k], ends[k]):
            byte = data[i]
            if byte < 32 or byte > 126 or byte in (34, 92, 44):
                plain[k] = 0
        if ends[k] > begins[k] and data[begins[k]] in (ord("="), ord("+"), ord("-"), ord("@")):
            plain[k] = 0
    return plain
