"""The first look at every byte of a text: where words stand, and where a broken address may begin.

Fast, and generous: what it names is looked at more closely by others, what it leaves out is none.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clewline.jit import kernel

_OTHER, _DIGIT, _CAPITAL, _SMALL = 0, 1, 2, 3
_CLASSES: Final = np.zeros(256, np.int64)
_CLASSES[ord("0") : ord("9") + 1] = _DIGIT
_CLASSES[ord("A") : ord("Z") + 1] = _CAPITAL
_CLASSES[ord("a") : ord("z") + 1] = _SMALL
_NOWHERE: Final = 1 << 62


class Places(NamedTuple):
    """What `scan` found, each in ascending order.

    Attributes
    ----------
    words : ndarray of int64, shape (n, 2)
        Start and end of each run of letters and digits that is long enough.
    beginnings : ndarray of int64
        Starts of runs that begin and go on as asked for.
    """

    words: NDArray[np.int64]
    beginnings: NDArray[np.int64]


@kernel
def scan(text: NDArray[np.uint8], shortest: int, firsts: NDArray[np.bool_], window: int) -> Places:
    """Find the runs of ASCII letters and digits that may be addresses or the beginnings of some.

    Parameters
    ----------
    text : ndarray of uint8
        ASCII, something else than a letter or digit for any other character; may be read-only.
    shortest : int
        Length of the runs that are wanted.
    firsts : ndarray of bool, shape (256,)
        What a beginning begins with.
    window : int
        A beginning is one only if so many characters from it something is *odd*, that is, not as
        in prose: a digit beside a letter, a capital after a small letter, or two runs of one
        character each in a row.

    Returns
    -------
    Places
        Found in one pass from the end. Cost: some nanoseconds a byte.

    Examples
    --------
    >>> text = np.frombuffer(b"An old word: 1Bv MSEY", np.uint8)
    >>> firsts = np.isin(np.arange(256), [ord("1"), ord("o")])
    >>> places = scan(text, 4, firsts, 8)
    >>> places.words.tolist(), places.beginnings.tolist()
    ([[8, 12], [17, 21]], [13])
    """
    words, beginnings = [], []
    odd, end = _NOWHERE, text.size
    after, was_single = _OTHER, False
    for i in range(text.size - 1, -1, -1):
        now = _CLASSES[text[i]]
        if now == _OTHER:
            end, after = i, now
            continue
        if after not in (_OTHER, now) and not (now == _CAPITAL and after == _SMALL):
            odd = i
        if i == 0 or _CLASSES[text[i - 1]] == _OTHER:
            single = end - i == 1
            if single and was_single:
                odd = i
            was_single = single
            if end - i >= shortest:
                words.append((i, end))
            if firsts[text[i]] and odd - i <= window:
                beginnings.append(i)
        after = now
    spans = np.empty((len(words), 2), np.int64)
    for k in range(len(words)):
        spans[len(words) - 1 - k, 0], spans[len(words) - 1 - k, 1] = words[k]
    starts = np.empty(len(beginnings), np.int64)
    for k in range(len(beginnings)):
        starts[len(beginnings) - 1 - k] = beginnings[k]
    return Places(spans, starts)


@kernel
def long_runs(
    text: NDArray[np.uint8], shortest: int, members: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Find the runs of some characters that are long enough.

    Parameters
    ----------
    text : ndarray of uint8
        May be read-only.
    shortest : int
        Length of the runs that are wanted, 1 or more.
    members : ndarray of bool, shape (256,)
        Characters that a run consists of.

    Returns
    -------
    ndarray of int64, shape (n, 2)
        Start and end of each, ascending.

    Examples
    --------
    >>> members = np.isin(np.arange(256), [ord("a")])
    >>> long_runs(np.frombuffer(b"aa aaa", np.uint8), 3, members).tolist()
    [[3, 6]]
    """
    found = []
    start = 0
    for i in range(text.size + 1):
        if i == text.size or not members[text[i]]:
            if i - start >= shortest:
                found.append((start, i))
            start = i + 1
    spans = np.empty((len(found), 2), np.int64)
    for k in range(len(found)):
        spans[k, 0], spans[k, 1] = found[k]
    return spans


def byte_a_character(text: str) -> NDArray[np.uint8]:
    r"""Return a text as one byte a character, so that places are the same; ``?`` for non-ASCII.

    Examples
    --------
    >>> byte_a_character("a\\u20ac\\ud800").tobytes()
    b'a??'
    """
    return np.frombuffer(text.encode("ascii", "replace"), np.uint8)
