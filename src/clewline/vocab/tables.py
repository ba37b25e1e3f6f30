"""Read the vocabulary files, check them, and look words up in them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, TypeVar

import yaml

from clewline.errors import DataError, UsageError

_ID: Final = re.compile(r"[a-z][a-z0-9_]*")
_LONGEST: Final = 64
"""No word is longer; comparing long text with every word would take a while."""
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Category:
    """What an entity is, or what an address is used for.

    Attributes
    ----------
    id : str
        Word that label files and answers use.
    title : str
        Words that people read.
    description : str
        One sentence, shown where the word is explained.
    broader : str
        Id of the wider concept; empty at the top.
    service : bool
        A trace stops at an address of this category.
    child_protection : bool
        Labels of this category are shown before all others.
    synonyms : tuple of str
        Other spellings that are taken for `id`.
    """

    id: str
    title: str
    description: str
    broader: str = ""
    service: bool = False
    child_protection: bool = False
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Confidence:
    """A step of the confidence ladder: how the source knows. `level` is 0 to 100."""

    id: str
    level: int
    description: str


@dataclass(frozen=True)
class LabelType:
    """What a label claims: that an address was seen, or that its holder is known."""

    id: str
    title: str
    description: str


Word = TypeVar("Word", Category, Confidence, LabelType)


def read_words(text: str, key: str, word: type[Word], where: str) -> Mapping[str, Word]:
    """Read one vocabulary file and check it.

    Parameters
    ----------
    text : str
        YAML: ``version`` and, under `key`, a list with the fields of `word`.
    key : str
        Name of the list.
    word : type
        `Category`, `Confidence` or `LabelType`.
    where : str
        Name of the file, for errors.

    Returns
    -------
    Mapping
        Words by id, in the order of the file.

    Raises
    ------
    DataError
        If a field is missing, unknown or of the wrong type; an id is malformed or there twice;
        ``broader`` names no id; a level is not within 0 to 100; or a synonym is ambiguous.

    Examples
    --------
    >>> text = "{version: 1, label_types: [{id: mention, title: Mention, description: Seen.}]}"
    >>> read_words(text, "label_types", LabelType, "example")["mention"].title
    'Mention'
    """
    document = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader either way
    if not isinstance(document, dict) or set(document) != {"version", key}:
        raise DataError(f"a vocabulary file holds 'version' and {key!r}", where=where)
    words: dict[str, Word] = {}
    for number, entry in enumerate(document[key], start=1):
        item = _read_word(entry, word, f"{where}, entry {number}")
        if item.id in words:
            raise DataError(f"id {item.id!r} is there twice", where=where)
        words[item.id] = item
    _check_references(words, where)
    return MappingProxyType(words)


def _read_word(entry: Any, word: type[Word], where: str) -> Word:
    """Turn one entry into its dataclass, each field checked against its default's type."""
    known = {field.name: field for field in fields(word)}
    needed = [name for name, field in known.items() if field.default is MISSING]
    if not isinstance(entry, dict) or not set(needed) <= set(entry) <= set(known):
        raise DataError(f"fields are {', '.join(known)}; needed: {', '.join(needed)}", where=where)
    values: dict[str, Any] = {}
    for name, value in entry.items():
        values[name] = tuple(value) if isinstance(value, list) else value
    for name, value in values.items():
        expected = {"bool": bool, "int": int, "tuple[str, ...]": tuple}.get(
            str(known[name].type), str
        )
        if type(value) is not expected:
            raise DataError(f"{name} must be of type {expected.__name__}", where=where)
    for name in (values["id"], *values.get("synonyms", ())):
        if not isinstance(name, str) or not _ID.fullmatch(name):
            raise DataError(f"{name!r} is not lower-case letters, digits and '_'", where=where)
    if not 0 <= values.get("level", 0) <= 100:
        raise DataError("level must be 0 to 100", where=where)
    return word(**values)


def _check_references(words: Mapping[str, Word], where: str) -> None:
    """Check that broader concepts exist and that no spelling means two things."""
    spellings = set(words)
    for item in words.values():
        if not isinstance(item, Category):
            continue
        if item.broader and item.broader not in words:
            raise DataError(f"{item.id}: broader {item.broader!r} is no id", where=where)
        for synonym in item.synonyms:
            if synonym in spellings:
                raise DataError(f"{item.id}: {synonym!r} means something else too", where=where)
            spellings.add(synonym)


def _load(name: str, word: type[Word]) -> Mapping[str, Word]:
    """Read the vocabulary file called `name` of this package."""
    text = resources.files(__package__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    return read_words(text, name, word, f"vocab/{name}.yaml")


@cache
def categories() -> Mapping[str, Category]:
    """Return all categories by id, in the order of the file.

    Examples
    --------
    >>> [c.id for c in categories().values() if c.child_protection]
    ['child_sexual_abuse']
    """
    return _load("categories", Category)


@cache
def confidences() -> Mapping[str, Confidence]:
    """Return the steps of the confidence ladder by id, strongest first.

    Examples
    --------
    >>> confidences()["authority_data"].level
    60
    """
    return _load("confidence", Confidence)


@cache
def label_types() -> Mapping[str, LabelType]:
    """Return the label types by id.

    Examples
    --------
    >>> list(label_types())
    ['mention', 'control']
    """
    return _load("label_types", LabelType)


@cache
def _category_spellings() -> Mapping[str, Category]:
    """Return the categories by each of their spellings."""
    spellings = dict(categories())
    for item in categories().values():
        spellings.update(dict.fromkeys(item.synonyms, item))
    return spellings


def category(name: str) -> Category:
    """Return the category that `name` stands for: its id or a synonym, in any case.

    Raises
    ------
    UsageError
        If there is none; the message lists the nearest spellings.

    Examples
    --------
    >>> category("Mixer").id
    'mixing_service'
    >>> category("exchnage")
    Traceback (most recent call last):
        ...
    clewline.errors.UsageError: unknown category 'exchnage' (did you mean: exchange?)
    """
    spellings = _category_spellings()
    return _word(name, spellings, "category", "vocab/categories.yaml lists all categories")


def confidence(name: str) -> Confidence:
    """Return the step of the confidence ladder called `name`.

    Raises
    ------
    UsageError
        If there is none; the message lists the nearest or all.

    Examples
    --------
    >>> confidence("ownership").level
    100
    """
    allowed = f"allowed: {', '.join(confidences())}, or a number from 0 to 100"
    return _word(name, confidences(), "confidence", allowed)


def label_type(name: str) -> LabelType:
    """Return the label type called `name`.

    Raises
    ------
    UsageError
        If there is none; the message lists those there are.

    Examples
    --------
    >>> label_type("mention").title
    'Mention'
    """
    return _word(name, label_types(), "label type", f"allowed: {', '.join(label_types())}")


def _word(name: str, words: Mapping[str, Word], kind: str, otherwise: str) -> Word:
    """Look `name` up, forgiving about case, spaces and hyphens."""
    key = re.sub(r"[\s-]+", "_", name.strip().casefold())
    if key in words:
        return words[key]
    if len(name) > _LONGEST:
        raise UsageError(f"unknown {kind} {name[:_LONGEST]!r}…", hint=otherwise)
    near = difflib.get_close_matches(key, words, n=3, cutoff=0.7)
    hint = f"did you mean: {', '.join(near)}?" if near else otherwise
    raise UsageError(f"unknown {kind} {name!r}", hint=hint)
