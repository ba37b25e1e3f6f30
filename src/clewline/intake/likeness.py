"""How alike the wording of two pages is, told from sketches that no wording can be read from.

A text becomes the set of its runs of four words. A sketch keeps, for each of 128 keyed orders of
all possible runs, which of the text's own comes first (MinHash, Broder 1997): two texts agree in
an order as often as their sets overlap. Without the key nobody can tell from a sketch whether a
text holds some words. What changes from visitor to visitor does not count: words with digits in
them (prices, dates, addresses) and very long words all read as one.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clewline.errors import DataError, UsageError
from clewline.intake.unfold import INVISIBLE

SHINGLE: Final = 4
"""Words in a run; of scripts without spaces, each character is a word."""
FEWEST: Final = 20
"""A text with fewer different runs has no sketch: too many texts would look like it."""
ORDERS: Final = 128
"""Orders in a sketch: the standard error of a likeness is 0.044 at most."""
ROWS: Final = 4
"""Minima in a band."""

_VERSION: Final = b"\x01"
_KEY_SHORTEST: Final = 16
_LONGEST_WORD: Final = 24
_AT_ONCE: Final = 1 << 15
_MASK: Final = ""

# Chinese, Japanese, Thai, Lao, Tibetan, Burmese, Khmer.
_SPACELESS: Final = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD: Final = re.compile(rf"[{_SPACELESS}]|[^\W{_SPACELESS}]+")
_UNSEEN: Final = re.compile(f"[{INVISIBLE}]+")
# Normalising sorts the marks on a letter in the square of their number: a few at a time.
_NOT_ASCII: Final = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]{1,64}")
_DIGIT: Final = re.compile(r"\d")


class Sketch(NamedTuple):
    """What is kept of a wording.

    Attributes
    ----------
    minima : bytes
        128 numbers of 32 bits, little-endian: the first of the text's runs in each keyed order.
    """

    minima: bytes

    def to_bytes(self) -> bytes:
        """Return the sketch as it is stored: one byte of version, 512 of minima."""
        return _VERSION + self.minima

    @classmethod
    def from_bytes(cls, data: bytes) -> Sketch:
        """Return the sketch that was stored.

        Parameters
        ----------
        data : bytes
            From `to_bytes`.

        Raises
        ------
        DataError
            If it is of another version or length.

        Examples
        --------
        >>> Sketch.from_bytes(b"x")
        Traceback (most recent call last):
        ...
        clewline.errors.DataError: a sketch of 1 bytes, version 120 (513 bytes of version 1 are one)
        """
        if len(data) != 1 + 4 * ORDERS or data[:1] != _VERSION:
            version = f", version {data[0]}" if data else ""
            raise DataError(
                f"a sketch of {len(data)} bytes{version}",
                hint=f"{1 + 4 * ORDERS} bytes of version 1 are one",
            )
        return cls(bytes(data[1:]))


class TooShort(NamedTuple):
    """Why a text has no sketch: it has so few different runs of words."""

    shingles: int

    @property
    def reason(self) -> str:
        """Say it, for people.

        Examples
        --------
        >>> TooShort(3).reason
        'too short to compare: 3 different runs of 4 words, of 20 that it takes'
        """
        return (
            f"too short to compare: {self.shingles} different runs of {SHINGLE} words, "
            f"of {FEWEST} that it takes"
        )


class Likeness(NamedTuple):
    """Which share of the runs of two texts is common to both, and the standard error of that."""

    share: float
    error: float


def _words(text: str) -> list[str]:
    """Return the words of a text: plain forms, small letters, nothing invisible."""
    if not text.isascii():
        text = _NOT_ASCII.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
        text = _UNSEEN.sub("", text)
    return _WORD.findall(text.casefold())


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return 64-bit numbers mixed well (the finaliser of SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _shingles(text: str, key: bytes) -> NDArray[np.uint64]:
    """Return keyed hashes of the different runs of words, ascending."""
    words = _words(text)
    hashes: dict[str, int] = {}
    masked = hashlib.blake2b(_MASK.encode(), digest_size=8, key=key).digest()
    for word in set(words):
        data = masked
        if len(word) <= _LONGEST_WORD and not _DIGIT.search(word):
            data = hashlib.blake2b(
                word.encode("utf-8", "surrogatepass"), digest_size=8, key=key
            ).digest()
        hashes[word] = int.from_bytes(data, "little")
    row = np.fromiter(map(hashes.__getitem__, words), np.uint64, len(words))
    # What is masked counts once, in however many pieces it stands.
    same = row == np.uint64(int.from_bytes(masked, "little"))
    row = row[~(same & np.concatenate(([False], same[:-1])))]
    if row.size < SHINGLE:
        return np.empty(0, np.uint64)
    runs = np.zeros(row.size - SHINGLE + 1, np.uint64)
    for i in range(SHINGLE):
        runs = _mixed(runs + row[i : i + runs.size])
    return np.unique(runs)


def sketch(text: str, key: bytes) -> Sketch | TooShort:
    """Return the sketch of a wording.

    Method: MinHash over runs of four words, each hashed to 64 bits by BLAKE2b under the key; the
    orders are multiplications by odd keyed numbers. Compatible forms, case and invisible
    characters do not matter (NFKC, case folding), nor does space or punctuation.

    Parameters
    ----------
    text : str
        What a reader sees, such as `PageReading.text`.
    key : bytes
        A secret of 16 to 64 bytes; only sketches under one key can be compared.

    Returns
    -------
    Sketch or TooShort
        Equal for equal wording under one key.

    Raises
    ------
    UsageError
        If the key is shorter or longer.

    Limits
    ------
    Translations of one text are not alike. Neither are two texts of which one holds the other and
    much more. Pages made from one template are alike whoever runs them.

    Cost: linear; 2 to 4 MB a second.

    Examples
    --------
    >>> sketch("much too short", bytes(16))
    TooShort(shingles=0)
    """
    if not _KEY_SHORTEST <= len(key) <= hashlib.blake2b.MAX_KEY_SIZE:
        raise UsageError(
            f"a key of {len(key)} bytes for sketches",
            hint=f"give a secret of {_KEY_SHORTEST} to {hashlib.blake2b.MAX_KEY_SIZE} bytes",
        )
    runs = _shingles(text, key)
    if runs.size < FEWEST:
        return TooShort(int(runs.size))
    drawn = hashlib.shake_256(b"orders of a sketch" + key).digest(16 * ORDERS)
    factors, offsets = np.frombuffer(drawn, "<u8").reshape(2, ORDERS).astype(np.uint64)
    factors |= np.uint64(1)
    minima = np.full(ORDERS, np.iinfo(np.uint64).max, np.uint64)
    for at in range(0, runs.size, _AT_ONCE):
        part = runs[at : at + _AT_ONCE]
        for i in range(ORDERS):
            minima[i] = min(minima[i], (part * factors[i] + offsets[i]).min())
    return Sketch((minima >> np.uint64(32)).astype("<u4").tobytes())


def similarity(one: Sketch, other: Sketch) -> Likeness:
    """Return how alike two wordings are.

    Parameters
    ----------
    one, other : Sketch
        Under the same key; under different keys they are not alike, whatever the texts.

    Returns
    -------
    Likeness
        The share of orders that agree estimates the Jaccard index of the two sets of runs without
        bias; its standard error is that of a share of 128 (Agresti and Coull's, so that it is not
        0 where all or none agree).

    Examples
    --------
    >>> words = " ".join(f"{a}{b}" for a in "abcdef" for b in "uvwxyz")
    >>> whole, half = sketch(words, bytes(16)), sketch(words[:80], bytes(16))
    >>> similarity(whole, whole).share, round(similarity(whole, half).share, 1)
    (1.0, 0.7)
    """
    agreeing = int(
        np.count_nonzero(np.frombuffer(one.minima, "<u4") == np.frombuffer(other.minima, "<u4"))
    )
    smoothed = (agreeing + 2) / (ORDERS + 4)
    return Likeness(agreeing / ORDERS, math.sqrt(smoothed * (1 - smoothed) / ORDERS))


def bands(one: Sketch) -> tuple[bytes, ...]:
    """Return what an index looks sketches up by: alike wordings have a band in common.

    Parameters
    ----------
    one : Sketch
        Of a text.

    Returns
    -------
    tuple of bytes
        32 keys of 8 bytes, different in each band. Of two texts with likeness s one is equal with
        probability `found_with(s)`: 0.23 at 0.3, 0.87 at 0.5, more than 0.999 at 0.7.

    Examples
    --------
    >>> one = Sketch(bytes(512))
    >>> len(bands(one)), len(set(bands(one))), len(bands(one)[0])
    (32, 32, 8)
    """
    size = 4 * ROWS
    return tuple(
        hashlib.blake2b(
            one.minima[at : at + size], digest_size=8, salt=(at // size).to_bytes(2, "big")
        ).digest()
        for at in range(0, len(one.minima), size)
    )


def found_with(share: float) -> float:
    """Return how probably two texts of some likeness have a band in common.

    Source: Leskovec, Rajaraman and Ullman, *Mining of Massive Datasets*, section 3.4.2: one
    minus (1 - s^r)^b, for b bands of r rows.

    Parameters
    ----------
    share : float
        Likeness, 0 to 1.

    Returns
    -------
    float
        0 to 1.

    Examples
    --------
    >>> [round(found_with(share), 3) for share in (0.1, 0.3, 0.5, 0.7, 0.9)]
    [0.003, 0.229, 0.873, 1.0, 1.0]
    """
    return float(1 - (1 - share**ROWS) ** (ORDERS // ROWS))
