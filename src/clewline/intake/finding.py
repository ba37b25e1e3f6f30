"""Addresses in running text: whole ones, encoded ones, broken ones, and near misses.

Four passes, each over what those before have left: words as they stand; words of the text with its
encodings read (`unfold`); pieces that make an address when they are put together; words that would
be one with another character. Only a checksum decides what pieces belong together, so kinds without
one must stand in one piece.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Final, NamedTuple

import numpy as np

from clewline.codec.address import one_slip_away
from clewline.intake.reading import Reading, read_many, rows_of
from clewline.intake.refused import masked, refused
from clewline.intake.registry import BASE58, KINDS, Kind, Strength
from clewline.intake.scan import Places, byte_a_character, scan
from clewline.intake.unfold import unfold


class Finding(NamedTuple):
    """Something in a text that is an address, or almost.

    Attributes
    ----------
    start, end : int
        Where it stands in the text that was given, as in a slice.
    text : str
        What stands there, as it stands there.
    readings : tuple of Reading
        All that it may be; empty where it is no address.
    did_you_mean : tuple of str
        Addresses one slip away from something that is none; never more than a proposal.
    checked : bool
        False where it has the form of an address but no right checksum, and was not looked at for
        slips any more, because too many before it were.
    """

    start: int
    end: int
    text: str
    readings: tuple[Reading, ...]
    did_you_mean: tuple[str, ...] = ()
    checked: bool = True


class _Candidate(NamedTuple):
    """Where something stands, and the text that it makes."""

    start: int
    end: int
    text: str


MOST_NEAR_MISSES: Final = 200
"""So many words of a text are looked at for slips; a word costs 2 to 50 milliseconds."""

_AT_ONCE: Final = 1 << 12
_ALNUM: Final = "0-9A-Za-z"
# The shortest address: a witness program of two bytes, as in pay-to-anchor.
_SHORTEST: Final = 14
# What may stand before a word and belong to it: of CashAddr, of Cardano's test network, of TON.
_BEFORE: Final = re.compile(
    rf"(?<![{_ALNUM}])(?:(?i:bitcoincash|bchtest|bchreg):|(?:addr|stake)_|0:|-1:)\Z"
)
_LONGEST_BEFORE: Final = 13
# The one alphabet that has more than letters and digits.
_BASE64: Final = re.compile(
    r"[EUk0](?<![0-9A-Za-z][EUk0])[Qf][0-9A-Za-z+/_-]{46}(?![0-9A-Za-z+/_=-])"
)
_HASH: Final = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_HASH_LENGTHS: Final = (32, 40, 48, 56, 64, 96, 128)


def _words(text: str, places: Places) -> Iterator[_Candidate]:
    """Yield what stands in one piece and is as long as an address."""
    for match in _BASE64.finditer(text):
        yield _Candidate(*match.span(), match[0])
    for start, end in places.words.tolist():
        yield _Candidate(start, end, text[start:end])
        if start and text[start - 1] in ":_":
            before = _BEFORE.search(text[max(start - _LONGEST_BEFORE, 0) : start])
            if before is not None:
                first = start - len(before[0])
                yield _Candidate(first, end, text[first:end])


def _is_hash(text: str) -> bool:
    """Tell whether a text is what hashes, ids and keys look like: hex of a usual length."""
    return len(text) in _HASH_LENGTHS and _HASH.fullmatch(text) is not None


def _read_all(candidates: Iterator[_Candidate], *, pieces: bool = False) -> list[Finding]:
    """Return those that are addresses: of those that overlap the first, and the longest of it."""
    good: list[Finding] = []
    while some := list(islice(candidates, _AT_ONCE)):
        some = [one for one in some if not _is_hash(one.text)]
        readings = read_many([one.text for one in some], pieces=pieces)
        good += [
            Finding(*one, tuple(read)) for one, read in zip(some, readings, strict=True) if read
        ]
    good.sort(key=lambda one: (one.start, -one.end))
    apart: list[Finding] = []
    for one in good:
        if not apart or one.start >= apart[-1].end:
            apart.append(one)
    return apart


# Between pieces: what is neither letter nor digit, a dot in words, a tag. NUL is what was masked.
_GAP: Final = (
    rf"(?>(?:<[^<>\0]{{1,200}}>|[\[(](?i:dot)[\])]|[^{_ALNUM}\0<]|<(?![^<>\0]{{1,200}}>)){{1,24}}+)"
)
_GAP_OF_BASE64: Final = r"(?>[^0-9A-Za-z\0+/_-]{1,24}+)"
_PIECE: Final = re.compile(rf"(?P<gap>{_GAP})|[{_ALNUM}]++")
_PIECE_OF_BASE64: Final = re.compile(rf"(?P<gap>{_GAP_OF_BASE64})|[0-9A-Za-z+/_-]++")
# Words of prose have no digit beside a letter and no capital after a small letter.
_ODD: Final = re.compile(rf"[0-9][A-Za-z]|[A-Za-z][0-9]|[a-z][A-Z]|(?:[{_ALNUM}][^{_ALNUM}]+){{6}}")
_FEWEST, _SHORT, _MIDDLE = 25, 48, 130  # characters
_LONG_PIECE: Final = 20  # of what is longer than `_MIDDLE`: broken into lines, not into groups
_FEW_PIECES: Final = 3
_FEWEST_CHARACTERS: Final = 8


# What is spelt out letter by letter begins where the letters do, but for a word of one letter.
_SPELT_BEFORE: Final = re.compile(
    rf"(?:(?<![{_ALNUM}])[{_ALNUM}][^{_ALNUM}]{{1,4}}){{3}}[{_ALNUM}](?![{_ALNUM}]).?\Z", re.DOTALL
)
_SPELT_LENGTH: Final = 15


class _Broken(NamedTuple):
    """How kinds of one alphabet and about one length look in pieces."""

    firsts: str
    pattern: re.Pattern[str]
    piece: re.Pattern[str]
    shortest: int
    longest: int


def _spread(words: Sequence[str], gap: str, *, any_case: bool) -> str:
    """Return an expression for one of some words, with gaps allowed between their characters."""
    below: dict[str, list[str]] = {}
    for word in words:
        below.setdefault(word[0], []).append(word[1:])
    parts = []
    for first, rests in sorted(below.items()):
        shown = f"[{first}{first.upper()}]" if any_case else re.escape(first)
        rest = sorted({one for one in rests if one})
        tail = f"(?:{gap})?+(?:{_spread(rest, gap, any_case=any_case)})" if rest else ""
        parts.append(shown + (f"(?:{tail})?" if "" in rests and tail else tail))
    return "|".join(parts)


def _broken_kinds() -> list[_Broken]:
    """Return the expressions for addresses in pieces, from the registry."""
    groups: dict[tuple[str, tuple[bool, ...]], list[Kind]] = {}
    for kind in KINDS:
        if kind.joins and not kind.for_tests:
            size = kind.shortest < _FEWEST, kind.longest > _SHORT, kind.longest > _MIDDLE
            groups.setdefault((kind.alphabet, size), []).append(kind)
    found = []
    for (alphabet, _), rows in groups.items():
        specials = "_" in alphabet
        gap, piece = (_GAP_OF_BASE64, _PIECE_OF_BASE64) if specials else (_GAP, _PIECE)
        starts = sorted({start for row in rows for start in row.starts})
        first = _spread(starts, gap, any_case=rows[0].any_case)
        shortest = max(min(row.shortest for row in rows), _FEWEST)
        longest = max(row.longest for row in rows)
        if longest > _MIDDLE:
            some = f"[{alphabet}]{{{_LONG_PIECE},}}+"
            rest = f"[{alphabet}]{{{_LONG_PIECE - 8},}}+(?:{gap}{some}){{0,200}}+"
            rest += f"(?:{gap}[{alphabet}]++)?"
        else:
            least = shortest - max(map(len, starts))
            rest = f"(?:(?:{gap})?+[{alphabet}]){{{least},{longest}}}+"
        before = "0-9A-Za-z+/_-" if specials else _ALNUM
        pattern = re.compile(f"(?<![{before}])((?:{first}){rest})")
        firsts = "".join(start[0] for start in starts)
        firsts += firsts.upper() if rows[0].any_case else ""
        found.append(_Broken(firsts, pattern, piece, shortest, longest))
    return found


_BROKEN: Final = _broken_kinds()
_BROKEN_BY_FIRST: Final = {
    first: [broken for broken in _BROKEN if first in broken.firsts]
    for first in "".join(broken.firsts for broken in _BROKEN)
}
_FIRSTS: Final = np.isin(np.arange(256), [ord(first) for first in _BROKEN_BY_FIRST])
_WINDOW: Final = 64


def _scanned(text: str) -> Places:
    """Return where words and beginnings are."""
    return scan(byte_a_character(text), _SHORTEST, _FIRSTS, _WINDOW)


def _pieces(text: str, broken: _Broken, match: re.Match[str]) -> Iterator[_Candidate]:
    """Yield what the first two and more pieces of a match make, up to each whole piece."""
    start, stop = match.span(1)
    joined, count = "", 0
    while start < stop or (count and start < len(text)):
        piece = broken.piece.match(text, start)
        if piece is None or len(joined) >= broken.longest:
            return
        start = piece.end()
        if piece["gap"] is None:
            joined += piece[0]
            count += 1
            if count > 1 and broken.shortest <= len(joined) <= broken.longest:
                yield _Candidate(match.start(1), start, joined)


def _put_together(text: str, places: Places) -> Iterator[_Candidate]:
    """Yield what pieces make that begin like an address and do not all look like words."""
    for start in places.beginnings.tolist():
        if _SPELT_BEFORE.search(text[max(start - _SPELT_LENGTH, 0) : start + 2]):
            continue
        for broken in _BROKEN_BY_FIRST.get(text[start], ()):
            match = broken.pattern.match(text, start)
            if match is None:
                continue
            raw = match[1]
            if not raw.isalnum() and len(set(raw)) >= _FEWEST_CHARACTERS and _ODD.search(raw):
                yield from _pieces(text, broken, match)


def _joined(text: str, places: Places) -> list[Finding]:
    """Return the addresses that pieces make.

    Of many pieces a strong checksum must tell that they belong together, or a weak one after a
    beginning of two characters or more: among enough random pieces, some pass a weak one.
    """
    found = []
    for one in _read_all(_put_together(text, places), pieces=True):
        few = len(re.findall(f"[{_ALNUM}]+", text[one.start : one.end])) <= _FEW_PIECES
        strengths = {read.strength for read in one.readings}
        begun = any(row.joins and len(row.starts[0]) > 1 for row in rows_of(one.text))
        if few or Strength.STRONG in strengths or (Strength.WEAK in strengths and begun):
            found.append(one)
    return found


def _almost(text: str) -> list[Kind]:
    """Return the kinds of which a text has the beginning and the length, and all but a character.

    Base58 without a digit, a small letter or a capital is a word or a number.
    """
    if _is_hash(text):
        return []
    plain = re.search("[0-9]", text) and text not in (text.lower(), text.upper())
    found = []
    for kind in KINDS:
        if kind.for_tests or not kind.joins or not kind.shortest <= len(text) <= kind.longest:
            continue
        shown = text.lower() if kind.any_case else text
        strange = len(re.sub(f"[{kind.alphabet}]", "", shown.removeprefix(kind.starts[0])))
        # An EVM account has no alphabet of its own: only the mixed case makes it one.
        if shown.startswith(kind.starts) and strange <= 1 and (plain or kind.alphabet != BASE58):
            found.append(kind)
    return found


def _did_you_mean(text: str, kinds: Sequence[Kind]) -> tuple[str, ...]:
    """Return the addresses of these kinds that are one slip away from a text."""
    meant: dict[str, None] = {}
    recased: dict[str, None] = {}
    for kind in kinds:
        shown = text.lower() if kind.any_case else text
        slips = [one for one in one_slip_away(shown, kind.characters) if kind.fits(one)]
        for slip, found in zip(slips, kind.read(slips), strict=True):
            if found is not None and found[1].checked:
                meant[slip] = None
            elif found is not None and slip == text.lower():
                recased[found[1].canonical] = None
    return tuple(meant or recased)


def _near_misses(text: str, places: Places) -> Iterator[Finding]:
    """Yield words that are one slip away from an address, and those that were not looked at."""
    known: dict[str, tuple[str, ...]] = {}
    for one in _words(text, places):
        if one.text not in known:
            kinds = _almost(one.text)
            if kinds and len(known) >= MOST_NEAR_MISSES:
                yield Finding(*one, (), checked=False)
            if not kinds or len(known) >= MOST_NEAR_MISSES:
                continue
            known[one.text] = _did_you_mean(one.text, kinds)
        if known[one.text]:
            yield Finding(*one, (), known[one.text])


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the collector of cycles away: there are none, and it would look at each find often."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@_uncollected()
def find(text: str) -> list[Finding]:
    """Find the addresses of every chain of the registry in running text, HTML or source.

    Read as they stand; with entities, percent-encoding, escapes and invisible characters read;
    put together from pieces between which anything but letters and digits stands (spaces, hyphens,
    ``[.]``, line breaks, tags), where a checksum tells that they belong together; and, where a word
    is one wrong character or two swapped ones away from an address, as a proposal.

    Limits: nothing tells an address from a text that was made to look like one; an address whose
    beginning is mistyped is not found; a text read aright may belong to several chains. At most
    `MOST_NEAR_MISSES` different words are looked at for slips.

    Cost: linear; some tens of megabytes a second in prose, a few microseconds an address.

    Parameters
    ----------
    text : str
        Anything that somebody pasted, lone surrogates included. Data URIs and base64 blobs are
        passed over (`clewline.intake.refused.refused`).

    Returns
    -------
    list of Finding
        In order of place, apart from each other. The same text gives the same list. Hex of the
        length of a hash, UUIDs and ids are not found, nor addresses of test networks in pieces.

    Examples
    --------
    >>> text = "1BvB-MSEY-stWe-tqTF-n5Au-4m4G-Fg7x-JaNV-N2 or 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3"
    >>> for found in find(text):
    ...     print(found.start, found.end, [one.chain for one in found.readings], found.did_you_mean)
    0 42 ['BTC', 'BCH'] ()
    46 80 [] ('1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2',)
    """
    rest = masked(text, [one[:2] for one in refused(text)])
    found = _read_all(_words(rest, _scanned(rest)))
    view = unfold(masked(rest, [one[:2] for one in found]))
    seen, places = view.text, _scanned(view.text)
    more: list[Finding] = []
    if view.text_differs:
        more = _read_all(_words(seen, places))
        seen = masked(seen, [one[:2] for one in more])
    joined = _joined(seen, places)
    seen = masked(seen, [one[:2] for one in joined])
    for one in (*more, *joined, *_near_misses(seen, places)):
        start, end = view.span(one.start, one.end)
        found.append(one._replace(start=start, end=end, text=text[start:end]))
    return sorted(found)
