"""What payment pages call things: `marks.yaml`, read, checked, and made into expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

import yaml

from clewline.errors import DataError

SECTIONS: Final = ("currencies", "networks", "periods", "tiers", "rails", "processors")
RAILS: Final = (
    *("crypto", "card", "bank", "money transfer", "gift card", "voucher", "in-app", "other"),
)
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Mark:
    """A thing that pages name: a currency, network, period, tier, rail or processor.

    Attributes
    ----------
    id : str
        As proposals have it: a currency code, or a name.
    title : str
        What it is, for people.
    words : tuple of str
        Whole words that name it, in small letters.
    marks : tuple of str
        What hosts, scripts, classes and attributes have of it, in small letters.
    signs : tuple of str
        Signs of a currency, as they are.
    units : tuple of str
        Of a period: words that count with a number, or after "/" or "per".
    shared : tuple of str
        Signs and words of a currency that also mean one of `others`.
    others : tuple of str
        Currencies that are meant by what is shared.
    chains : tuple of str
        Of a network or coin: chains of the registry that it goes with, where it is none of them.
    days : int
        Length of a period; 0 where it has none.
    rail : str
        Of a rail or processor: one of `RAILS`.
    coin : bool
        Whether a currency is one of a blockchain.
    word : bool
        Whether the code of a currency is also a word: then it counts in capitals alone.
    whole : bool
        Whether amounts of a currency have no fraction.
    """

    id: str
    title: str
    words: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    chains: tuple[str, ...] = ()
    days: int = 0
    rail: str = ""
    coin: bool = False
    word: bool = False
    whole: bool = False


def _mark(entry: Any, where: str) -> Mark:
    """Turn one entry into a mark, each field of its type."""
    types = {field.name: str(field.type) for field in fields(Mark)}
    if not isinstance(entry, dict) or not {"id", "title"} <= set(entry) <= set(types):
        raise DataError(f"fields are {', '.join(types)}; needed: id, title", where=where)
    values: dict[str, Any] = {}
    for name, value in entry.items():
        given: Any = tuple(value) if isinstance(value, list) else value
        wanted: type = {"str": str, "int": int, "bool": bool}.get(types[name], tuple)
        texts = given if isinstance(given, tuple) else ()
        if type(given) is not wanted or not all(isinstance(one, str) and one for one in texts):
            raise DataError(f"{name} must be of type {types[name]}", where=where)
        values[name] = given
    mark = Mark(**values)
    for one in (*mark.words, *mark.marks, *mark.units):
        if one != one.lower():
            raise DataError(f"{one!r} must be in small letters", where=where)
    if mark.rail and mark.rail not in RAILS:
        raise DataError(f"rail must be one of {', '.join(RAILS)}", where=where)
    return mark


def read_marks(text: str, where: str) -> tuple[Mapping[str, tuple[Mark, ...]], tuple[str, ...]]:
    """Read a file of marks and check it.

    Parameters
    ----------
    text : str
        YAML: ``version``, ``per``, and a list for each of `SECTIONS`.
    where : str
        Name of the file, for errors.

    Returns
    -------
    tuple
        Marks by section, in the order of the file; and words that stand before a unit of time.

    Raises
    ------
    DataError
        If a section or field is missing, unknown or of the wrong type, an id stands twice in a
        section, or a word, sign or mark means two things in one section.

    Examples
    --------
    >>> read_marks("{version: 1}", "example")
    Traceback (most recent call last):
        ...
    clewline.errors.DataError: example: a file of marks holds version, currencies, networks, \
periods, tiers, rails, processors, per
    """
    document = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader either way
    keys = ("version", *SECTIONS, "per")
    if not isinstance(document, dict) or set(document) != set(keys):
        raise DataError(f"a file of marks holds {', '.join(keys)}", where=where)
    found = {}
    for section in SECTIONS:
        entries = document[section]
        marks = tuple(
            _mark(entry, f"{where}, {section}, entry {i}") for i, entry in enumerate(entries, 1)
        )
        for name in ("id", "words", "marks", "signs", "units"):
            seen: dict[str, str] = {}
            for mark in marks:
                for one in (mark.id,) if name == "id" else getattr(mark, name):
                    if one in seen:
                        raise DataError(
                            f"{name}: {one!r} is of {seen[one]} and of {mark.id}",
                            where=f"{where}, {section}",
                        )
                    seen[one] = mark.id
        found[section] = marks
    return MappingProxyType(found), tuple(document["per"])


@cache
def _file() -> tuple[Mapping[str, tuple[Mark, ...]], tuple[str, ...]]:
    """Return what `marks.yaml` holds."""
    text = resources.files(__package__).joinpath("marks.yaml").read_text(encoding="utf-8")
    return read_marks(text, "intake/marks.yaml")


def marks_of(section: str) -> tuple[Mark, ...]:
    """Return the marks of a section of `marks.yaml`.

    Examples
    --------
    >>> [mark.id for mark in marks_of("periods")]
    ['one-off', 'daily', 'weekly', 'monthly', 'quarterly', 'yearly', 'lifetime']
    """
    return _file()[0][section]


def words_before_units() -> tuple[str, ...]:
    """Return the words that stand before a unit of time: "per", "/" and the like."""
    return _file()[1]


def by_spelling(section: str, *names: str) -> dict[str, Mark]:
    """Return the marks of a section by what they are spelt like.

    Examples
    --------
    >>> by_spelling("rails", "words")["sepa"].rail
    'bank'
    """
    return {
        one: mark for mark in marks_of(section) for name in names for one in getattr(mark, name)
    }


def one_of(words: Iterable[str]) -> str:
    """Return an expression for the longest of some words that stands at a place.

    It is a tree of their characters, so that a search costs the same for few words and for many.

    Examples
    --------
    >>> one_of(["gold", "go", "vip"])
    '(?:go(?:ld)?|vip)'
    """
    below: dict[str, list[str]] = {}
    for word in words:
        below.setdefault(word[:1], []).append(word[1:])
    last = "" in below
    below.pop("", None)
    parts = [re.escape(first) + one_of(rest) for first, rest in sorted(below.items())]
    if not parts:
        return ""
    plain = len(parts) == 1 and not last
    return parts[0] if plain else f"(?:{'|'.join(parts)}){'?' if last else ''}"


_UNSPACED: Final = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"


def _is_unspaced(word: str, place: int) -> bool:
    """Tell whether a character of a word is of a script that puts no space between words."""
    return re.match(f"[{_UNSPACED}]|[^\\w]", word[place]) is not None


def whole_words(words: Iterable[str], name: str = "") -> str:
    """Return an expression for whole words; in scripts without spaces, words anywhere.

    Parameters
    ----------
    words : iterable of str
        Small letters; the text must be so, too.
    name : str
        Of the group, if it is to have one.

    Examples
    --------
    >>> re.findall(whole_words(["gold", "\u6708"]), "gold golden 3\u6708")
    ['gold', '\u6708']
    """
    given = list(words)
    begin = one_of(one for one in given if not _is_unspaced(one, 0))
    free = one_of(one for one in given if _is_unspaced(one, 0))
    either = "|".join([rf"(?<![^\W_]){begin}"] * bool(begin) + [free] * bool(free))
    group = f"(?P<{name}>{either})" if name else f"(?:{either})"
    return rf"{group}(?:(?![^\W_])|(?<=[{_UNSPACED}\W]))"
