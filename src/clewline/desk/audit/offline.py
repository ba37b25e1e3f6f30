"""Verify an export of an audit log with nothing but files: no desk, no database, no network."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from clewline.desk.audit import anchors
from clewline.desk.audit.anchors import Anchor
from clewline.desk.audit.chain import GENESIS, Fault, Kind, Row, Verdict, read_lines, verify
from clewline.errors import UsageError


def verify_export(
    file: Path, *, directory: Path | None = None, public_key: Path | None = None
) -> Verdict:
    """Verify an export of a whole log against anchors that were dropped outside.

    Parameters
    ----------
    file : Path
        JSON lines, one an event.
    directory : Path, optional
        Where the anchors are.
    public_key : Path, optional
        PEM file of the key whose anchors count; needed where there are anchors.

    Raises
    ------
    DataError
        If an input is none.
    UsageError
        If there are anchors and no key.
    """
    found, trusted = given_anchors(directory, public_key)
    if found and not trusted:
        raise UsageError("anchors count for nothing without a key", where="--public-key")

    def rows(first: int) -> Iterable[Row]:
        return (row for row in read_lines(file) if row.seq >= first)

    return verify_with(rows, found, trusted)


def given_anchors(directory: Path | None, public_key: Path | None) -> tuple[list[Anchor], set[str]]:
    """Return the anchors in a directory and the keys that count, as files give them."""
    found = anchors.read_directory(directory) if directory else []
    trusted = (
        {anchors.public_key(public_key.read_bytes(), str(public_key))} if public_key else set()
    )
    return found, trusted


def verify_with(
    rows: Callable[[int], Iterable[Row]], found: Iterable[Anchor], trusted: Collection[str]
) -> Verdict:
    """Verify a log; an anchor that is not genuine is a fault before anything is read."""
    genuine = []
    for anchor in found:
        if anchor.key not in trusted or not anchor.is_genuine():
            text = "it was changed, or signed with a key that does not count"
            return Verdict(0, GENESIS, "", 0, 0, Fault(anchor.seq, Kind.FORGED, text))
        genuine.append(anchor)
    return verify(rows, genuine)
