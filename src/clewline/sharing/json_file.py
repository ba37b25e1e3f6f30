"""The plain form: one JSON document, canonical in the spirit of RFC 8785.

Keys are sorted, there are no spaces, amounts are text and no number is beyond 2^53, so that any
reader gets the same values and the same bytes hash alike. Reading is strict: a key that is there
twice, a number that is none, or a document that is too large or too deep is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

from clewline.errors import SharedFileError, UsageError
from clewline.sharing.item import (
    LIST_FIELDS,
    SharedItem,
    SharedList,
    item_from_plain,
    plain,
    read_time,
    written_time,
)

MOST_BYTES: Final = 64 << 20
MOST_DEPTH: Final = 32
FORMAT_VERSION: Final = 1
_MOST_DIGITS: Final = 16


def canonical(document: Any) -> bytes:
    """Return a document of text, whole numbers, booleans, lists and tables as canonical JSON.

    Examples
    --------
    >>> canonical({"b": "1.50", "a": [1, None]})
    b'{"a":[1,null],"b":"1.50"}'
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def parsed(data: bytes, where: str = "file") -> Any:
    """Read JSON from outside.

    Parameters
    ----------
    data : bytes
        At most 64 MiB of UTF-8, nested at most 32 deep.
    where : str
        Name for errors.

    Raises
    ------
    SharedFileError
        If it is no JSON, has a key twice, or is beyond these bounds; names line and column.

    Examples
    --------
    >>> parsed(b'{"a":1,"a":2}')
    Traceback (most recent call last):
        ...
    clewline.errors.SharedFileError: file: 'a' is there twice
    """
    if len(data) > MOST_BYTES:
        raise SharedFileError(f"has more than {MOST_BYTES >> 20} MiB", where=where)

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(found)
        if len(table) != len(found):
            names = [name for name, _ in found]
            twice = next(name for name in names if names.count(name) > 1)
            raise SharedFileError(f"{twice[:40]!r} is there twice", where=where)
        return table

    def whole(digits: str) -> int:
        if len(digits) > _MOST_DIGITS:
            raise SharedFileError(f"the number {digits[:20]}… is too large", where=where)
        return int(digits)

    def no_number(text: str) -> NoReturn:
        raise SharedFileError(f"{text} is no number", where=where)

    try:
        document = json.loads(
            data.decode("utf-8"), object_pairs_hook=pairs, parse_int=whole, parse_constant=no_number
        )
    except UnicodeDecodeError as error:
        raise SharedFileError(f"is not UTF-8 at byte {error.start}", where=where) from None
    except json.JSONDecodeError as error:
        raise SharedFileError(
            f"is no JSON: {error.msg}", where=f"{where}, line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise SharedFileError(f"is nested more than {MOST_DEPTH} deep", where=where) from None
    level = [document]
    for _ in range(MOST_DEPTH):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return document
    raise SharedFileError(f"is nested more than {MOST_DEPTH} deep", where=where)


def _inside(value: Any) -> Iterator[Any]:
    """Yield what stands in a list or table, leaves left out."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        if isinstance(one, dict | list):
            yield one


def list_plain(shared: SharedList) -> dict[str, str | int]:
    """Return what a list says of itself, as text and whole numbers."""
    values = {name: getattr(shared, name) for name in LIST_FIELDS}
    values["made_at"] = written_time(shared.made_at)
    return {name: value for name, value in values.items() if value is not None}


def list_from_plain(
    values: Any, items: Iterator[SharedItem] | tuple[SharedItem, ...], where: str
) -> SharedList:
    """Return the list that `list_plain` was made of.

    Raises
    ------
    UsageError
        If a field is unknown, missing or does not hold what it must.
    """
    needed = {name for name, one in LIST_FIELDS.items() if one.core}
    if not isinstance(values, Mapping) or not needed <= set(values) <= set(LIST_FIELDS):
        raise UsageError(
            f"what the list says of itself is {', '.join(LIST_FIELDS)}", where=f"{where}, list"
        )
    made_at = read_time(values["made_at"])
    if made_at is None:
        raise UsageError("made_at is no time", where=f"{where}, list")
    return SharedList(**{**values, "made_at": made_at}, items=tuple(items))


def write(shared: SharedList) -> bytes:
    """Return a list as canonical JSON."""
    document = {
        "format": "clewline-shared-list",
        "format_version": FORMAT_VERSION,
        "list": list_plain(shared),
        "items": [plain(item) for item in shared.items],
    }
    return canonical(document) + b"\n"


def read(data: bytes) -> SharedList:
    """Read what `write` wrote.

    Raises
    ------
    SharedFileError, UsageError
        If it is no such document; names the item by its number, from 1.
    """
    document = parsed(data)
    if not isinstance(document, dict) or set(document) != {
        "format",
        "format_version",
        "list",
        "items",
    }:
        raise SharedFileError("is no list: format, format_version, list, items", where="file")
    if document["format"] != "clewline-shared-list" or document["format_version"] != FORMAT_VERSION:
        raise SharedFileError(f"is not of format {FORMAT_VERSION}", where="file")
    if not isinstance(document["items"], list):
        raise SharedFileError("items is no list", where="file")
    items = tuple(
        item_from_plain(_table(values, f"item {number}"), f"item {number}")
        for number, values in enumerate(document["items"], start=1)
    )
    return list_from_plain(document["list"], items, "file")


def _table(values: Any, where: str) -> Mapping[str, Any]:
    """Return a table, which an item must be."""
    if not isinstance(values, dict):
        raise SharedFileError("is no table of fields", where=where)
    return values
