"""The words of a record's fields, from ``records.yaml``; nothing else is stored in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

import yaml

from clewline.errors import DataError, UsageError

_FILE: Final = "vocab/records.yaml"


@dataclass(frozen=True)
class Field:
    """A field whose values are a closed list.

    Attributes
    ----------
    id : str
        Name of the field.
    title : str
        Words that people read.
    words : mapping of str to str
        Value that is stored → title, in the order in which a form offers them.
    """

    id: str
    title: str
    words: Mapping[str, str]


def read_fields(text: str, where: str = _FILE) -> Mapping[str, Field]:
    """Read and check a file of fields.

    Raises
    ------
    DataError
        If a field or word is not as it must be; names the field.
    """
    table: Any = yaml.safe_load(text)
    if not isinstance(table, dict) or table.get("version") != 1:
        raise DataError("must be a table with version: 1", where=where)
    fields: dict[str, Field] = {}
    for name, entry in table["fields"].items():
        words: dict[str, str] = {}
        for word in entry["words"]:
            if set(word) != {"id", "title"} or not all(isinstance(v, str) for v in word.values()):
                raise DataError(f"a word of {name} has an id and a title, both text", where=where)
            if word["id"] in words:
                raise DataError(f"{name} has {word['id']!r} twice", where=where)
            words[word["id"]] = word["title"]
        fields[name] = Field(name, entry["title"], MappingProxyType(words))
    return MappingProxyType(fields)


@cache
def record_fields() -> Mapping[str, Field]:
    """Return the fields with a closed list of words, by name.

    Examples
    --------
    >>> list(record_fields()["tlp"].words)
    ['clear', 'green', 'amber', 'amber_strict', 'red']
    """
    text = resources.files(__package__).joinpath("records.yaml").read_text(encoding="utf-8")
    return read_fields(text)


def words(field: str) -> Mapping[str, str]:
    """Return the words of one field: value → title.

    Raises
    ------
    UsageError
        If there is no such field.

    Examples
    --------
    >>> words("rail")["crypto"]
    'Cryptocurrency'
    """
    try:
        return record_fields()[field].words
    except KeyError:
        raise UsageError(f"no field {field!r}", hint=f"{_FILE} lists all") from None
