"""An FIU's own XSD: read without a network, repaired where its patterns mean what no XSD means.

Schemas of goAML are written for a validator that takes regular expressions as Perl does. In XSD
(W3C XML Schema part 2, appendix F) a pattern is anchored by itself, so that ``^`` and ``$`` are
letters, and a hyphen between two characters of a class is a range: ``^[a-z]*$`` matches no name,
and ``[0-9-+]`` is no pattern. `load` repairs these two, says where, and keeps both texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clewline.errors import DataError, UnavailableError, UsageError

_XS: Final = "{http://www.w3.org/2001/XMLSchema}"
_LARGEST: Final = 16 << 20


@dataclass(frozen=True)
class Repair:
    """One pattern that was changed."""

    line: int
    before: str
    after: str


@dataclass(frozen=True)
class Schema:
    """A schema that compiles.

    Attributes
    ----------
    name : str
        Name of its file.
    original, repaired : bytes
        The text as it came, and as it is used.
    repairs : tuple of Repair
        What differs between the two.
    """

    name: str
    original: bytes
    repaired: bytes
    repairs: tuple[Repair, ...]

    def problems(self, document: bytes) -> list[str]:
        """Return what the schema says against a document, a line each; none if it is valid."""
        etree = _etree()
        compiled = etree.XMLSchema(_parsed(self.repaired, self.name))
        compiled.validate(_parsed(document, "draft"))
        return [f"line {entry.line}: {entry.message}" for entry in compiled.error_log]

    def arranged(self, root: str, values: dict[str, Any]) -> tuple[bytes, list[str]]:
        """Write values as a document, its elements in the order of the schema.

        Parameters
        ----------
        root : str
            Name of the outermost element.
        values : dict
            Element → text, mapping, or list of either.

        Returns
        -------
        tuple of bytes and list of str
            The document, and the paths of values for which the schema has no place.

        Raises
        ------
        DataError
            If the schema has no such element.
        """
        tree = _parsed(self.repaired, self.name)
        shape = _Shape(tree)
        declared = shape.elements.get(root)
        if declared is None:
            raise DataError(f"declares no element {root}", where=self.name)
        unplaced: list[str] = []
        element = _etree().Element(root)
        _fill(element, values, shape, declared, root, unplaced)
        document: bytes = _etree().tostring(
            element, xml_declaration=True, encoding="UTF-8", pretty_print=True
        )
        return document, unplaced


def load(file: Path) -> Schema:
    """Read a schema, and repair its patterns.

    Raises
    ------
    UsageError
        If the file cannot be read.
    DataError
        If it is no schema, names other files, or does not compile even so; says where.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(file)) from None
    if len(data) > _LARGEST:
        raise DataError(f"longer than {_LARGEST} bytes", where=str(file))
    etree = _etree()
    tree = _parsed(data, str(file))
    if tree.tag != f"{_XS}schema":
        raise DataError("is no XML schema", where=str(file))
    for away in ("include", "import", "redefine"):
        for node in tree.iter(f"{_XS}{away}"):
            raise DataError(
                f"names another file ({away}): one file is read, and nothing is fetched",
                where=f"{file}, line {node.sourceline}",
            )
    repairs = []
    for node in tree.iter(f"{_XS}pattern"):
        before = node.get("value", "")
        after = xsd_pattern(before)
        if after != before:
            repairs.append(Repair(node.sourceline, before, after))
            node.set("value", after)
    repaired: bytes = etree.tostring(tree, xml_declaration=True, encoding="UTF-8")
    try:
        etree.XMLSchema(_parsed(repaired, str(file)))
    except etree.XMLSchemaParseError as error:
        entry = error.error_log.last_error
        line = entry.line if entry is not None else 0
        raise DataError(f"does not compile: {error}", where=f"{file}, line {line}") from None
    return Schema(file.name, data, repaired if repairs else data, tuple(repairs))


def xsd_pattern(pattern: str) -> str:
    r"""Return what a pattern of another dialect means in XSD.

    Anchors at the ends of an alternative go; a hyphen in a class that would be a range backwards,
    or stands behind a range, is taken for a hyphen.

    Examples
    --------
    >>> xsd_pattern("^[A-Z]{2}$|^x$"), xsd_pattern("[_a-z0-9-+]+"), xsd_pattern(r"a\$b")
    ('[A-Z]{2}|x', '[_a-z0-9\\-+]+', 'a\\$b')
    """
    out: list[str] = []
    at, begins = 0, True
    while at < len(pattern):
        letter = pattern[at]
        if letter == "\\":
            out.append(pattern[at : at + 2])
            at, begins = at + 2, False
        elif letter == "[":
            end = _class_end(pattern, at)
            whole = pattern[at:end]
            out.append(_class(whole) if whole.endswith("]") else whole)
            at, begins = end, False
        elif (letter == "^" and begins) or (
            letter == "$" and pattern[at:].lstrip("$")[:1] in {"", "|", ")"}
        ):
            at += 1
        else:
            out.append(letter)
            begins = letter in "|("
            at += 1
    return "".join(out)


def _class_end(pattern: str, start: int) -> int:
    """Return where a class that opens at `start` has ended."""
    at = start + 1
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return min(at + 1, len(pattern))


def _class(text: str) -> str:
    """Return a class in which every hyphen that is no range is written as one."""
    items: list[str] = []
    at = 1
    while at < len(text) - 1:
        size = 2 if text[at] == "\\" else 1
        items.append(text[at : at + size])
        at += size
    out: list[str] = []
    place = 0
    while place < len(items):
        item = items[place]
        is_range = (
            place + 2 < len(items)
            and items[place + 1] == "-"
            and len(item) == len(items[place + 2]) == 1
            and "-" not in (item, items[place + 2])
            and item <= items[place + 2]
        )
        if is_range:
            out += [item, "-", items[place + 2]]
            place += 3
            continue
        is_edge = place in (0, len(items) - 1)
        out.append("\\-" if item == "-" and not is_edge else item)
        place += 1
    return f"[{''.join(out)}]"


class _Shape:
    """Which elements a schema declares, and in which order they stand."""

    def __init__(self, tree: Any) -> None:
        self.elements = {node.get("name"): node for node in tree.findall(f"{_XS}element")}
        self._types = {node.get("name"): node for node in tree.findall(f"{_XS}complexType")}
        self._groups = {node.get("name"): node for node in tree.findall(f"{_XS}group")}

    def children(self, declared: Any) -> list[Any]:
        """Return the declarations of an element's children, in their order."""
        kind = declared.get("type", "").rpartition(":")[2]
        inner = declared.find(f"{_XS}complexType")
        node = inner if inner is not None else self._types.get(kind)
        return [] if node is None else list(self._within(node, 0))

    def _within(self, node: Any, depth: int) -> Any:
        """Yield the declarations inside a type, sequence, choice or group."""
        if depth > 50:
            raise DataError("types that contain themselves without an element between")
        for child in node:
            if child.tag == f"{_XS}element":
                named = child.get("ref", "").rpartition(":")[2]
                yield self.elements.get(named, child)
            elif child.tag == f"{_XS}group" and child.get("ref"):
                yield from self._within(
                    self._groups[child.get("ref").rpartition(":")[2]], depth + 1
                )
            elif child.tag == f"{_XS}extension":
                base = self._types.get(child.get("base", "").rpartition(":")[2])
                if base is not None:
                    yield from self._within(base, depth + 1)
                yield from self._within(child, depth + 1)
            elif isinstance(child.tag, str):
                yield from self._within(child, depth + 1)


def _fill(
    element: Any,
    values: dict[str, Any],
    shape: _Shape,
    declared: Any,
    path: str,
    unplaced: list[str],
) -> None:
    """Put values under an element in the order of the schema."""
    placed: set[str] = set()
    for child in shape.children(declared):
        name = child.get("name")
        if name in placed or name not in values:
            continue
        placed.add(name)
        value = values[name]
        for one in value if isinstance(value, list) else [value]:
            below = _etree().SubElement(element, name)
            if isinstance(one, dict):
                _fill(below, one, shape, child, f"{path}/{name}", unplaced)
            else:
                try:
                    below.text = str(one)
                except ValueError:
                    raise DataError(
                        "holds a character that XML has not", where=f"{path}/{name}"
                    ) from None
    unplaced += [f"{path}/{name}" for name in values if name not in placed]


def _parsed(data: bytes, where: str) -> Any:
    """Parse XML that may be hostile: no entities, no DTD, no network, no huge trees."""
    etree = _etree()
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        tree = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise DataError(f"is no XML: {error.msg}", where=f"{where}, line {error.lineno}") from None
    if tree.getroottree().docinfo.doctype:
        raise DataError("has a document type, which is not read", where=where)
    return tree


def _etree() -> Any:
    """Import the parser where it is needed; it is an extra."""
    try:
        from lxml import etree
    except ImportError:
        raise UnavailableError(
            "goAML needs the extra screen", hint="pip install 'clewline[screen]'"
        ) from None
    return etree
