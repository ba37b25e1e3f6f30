"""Each format's own validator, asked about a file: a second opinion beside our readers.

The libraries are of the extra `share` and are imported when asked. They are given the file and
nothing else; none of them opens a connection.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from clewline.errors import SharedFileError, UsageError
from clewline.labels.tagpack import read_tagpack
from clewline.sharing import formats, ftm
from clewline.sharing.json_file import parsed


def faults(name: str, data: bytes) -> list[str]:
    """Return what is wrong with a file of a format, nothing where it is valid.

    Parameters
    ----------
    name : str
        Name of a format.
    data : bytes
        The file.

    Returns
    -------
    list of str
        What our reader says; if it finds nothing, what the format's own library says: stix2 of
        each object and pattern, PyMISP's lax schema and strict object templates, the label
        importer for TagPacks, our check of FollowTheMoney's properties.

    Raises
    ------
    UsageError
        If there is no such format, or its library is not installed.

    Examples
    --------
    >>> faults("json", b"{}")
    ['file: is no list: format, format_version, list, items']
    """
    formats.format_named(name)
    try:
        formats.read(name, data)
        return list(_OWN[name](data)) if name in _OWN else []
    except SharedFileError as error:
        return [str(error)]
    except ImportError:
        raise UsageError(
            f"the validator of {name} is not installed", hint="pip install 'clewline[share]'"
        ) from None


def _stix(data: bytes) -> Iterator[str]:
    """Ask stix2 about every object: properties, types, patterns, references."""
    import stix2
    from stix2.exceptions import STIXError

    _register_wallet()
    objects = parsed(data)["objects"]
    there = {one["id"] for one in objects}
    for one in objects:
        try:
            stix2.parse(one, version="2.1")
        except (STIXError, ValueError, TypeError) as error:
            yield f"{one['id']}: {error}"
        for name, value in one.items():
            if name.endswith(("_ref", "_refs")):
                missing = set(value if name.endswith("_refs") else [value]) - there
                yield from (f"{one['id']}: {name} {ref} is missing" for ref in sorted(missing))


@cache
def _register_wallet() -> None:
    """Tell stix2 of the object that is in no standard, in either dialect."""
    from stix2 import properties
    from stix2.v21 import CustomObservable

    class Wallet:
        """Nothing but what stix2 adds."""

    known = [
        ("value", properties.StringProperty(required=True)),
        ("holder_ref", properties.ReferenceProperty(valid_types="identity", spec_version="2.1")),
    ]
    CustomObservable("cryptocurrency-wallet", known, ["value"])(Wallet)


def _misp(data: bytes) -> Iterator[str]:
    """Ask PyMISP: its lax schema for the event, the template for each object."""
    import jsonschema
    import pymisp

    event = parsed(data)
    schema = Path(pymisp.__file__).parent / "data" / "schema-lax.json"
    try:
        jsonschema.validate(event, json.loads(schema.read_text(encoding="utf-8")))
    except jsonschema.ValidationError as error:
        yield f"{error.json_path}: {error.message[:200]}"
        return
    for one in event["Event"].get("Object", []):
        try:
            made: Any = pymisp.MISPObject(one["name"], strict=True)
            for attribute in one["Attribute"]:
                kind = made._definition["attributes"][attribute["object_relation"]]
                if kind["misp-attribute"] != attribute["type"]:
                    yield f"{one['uuid']}: {attribute['object_relation']} is no {attribute['type']}"
                made.add_attribute(attribute["object_relation"], attribute["value"])
            made.to_dict(strict=True)
        except (pymisp.PyMISPError, KeyError) as error:
            yield f"{one.get('uuid')}: {error}"


def _tagpack(data: bytes) -> Iterator[str]:
    """Ask the importer of label sets."""
    yield from map(str, read_tagpack(data, "file", "main").refusals)


def _ftm(data: bytes) -> Iterator[str]:
    """Check each entity, and that none refers to one that is not there."""
    entities = [parsed(line) for line in data.splitlines()]
    there = {one["id"] for one in entities}
    for one in entities:
        ftm.check(one)
        missing = set(one["properties"].get("entity", ())) - there
        yield from (f"{one['id']}: {name} is missing" for name in sorted(missing))


_OWN: Final = MappingProxyType[str, Callable[[bytes], Iterator[str]]](
    {"stix": _stix, "misp": _misp, "tagpack": _tagpack, "ftm": _ftm}
)
