"""A journal: a file to which events are appended, a line each, chained by hashes.

Each line is canonical JSON and names the SHA-256 of the line before it, so that a line taken out,
changed or moved shows. Who may write the file can make a whole new one; a copy of its last line
elsewhere tells.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from clewline.errors import DataError

_GENESIS: Final = "0" * 64
_LONGEST_LINE: Final = 1 << 20


def canonical(value: Any) -> bytes:
    """Return canonical JSON (RFC 8785) of text, whole numbers, lists and mappings.

    Examples
    --------
    >>> canonical({"b": 1, "a": ["x"]})
    b'{"a":["x"],"b":1}'
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


class Journal:
    """A journal.

    Parameters
    ----------
    file : Path
        Made with the first event.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def write(self, at: str, event: str, **what: str | int) -> None:
        """Append one event; it is on disk when this returns.

        A line that a crash left half written is taken off first: its event did not happen.

        Parameters
        ----------
        at : str
            ISO 8601, UTC.
        event : str
            What happened.
        **what : str or int
            More of it, by name.
        """
        with self.file.open("a+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            end = _end_of_lines(stream)
            stream.truncate(end)
            last = _last_line(stream, end)
            before = hashlib.sha256(last).hexdigest() if last else _GENESIS
            number = json.loads(last)["seq"] + 1 if last else 1
            line = {"at": at, "before": before, "event": event, "seq": number, **what}
            stream.write(canonical(line) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield the events in their order, each held against the one before it.

        A last line that a crash left half written did not happen.

        Raises
        ------
        DataError
            At the first line that does not follow.
        """
        before = _GENESIS
        if not self.file.exists():
            return
        with self.file.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                if not line.endswith(b"\n"):
                    return
                where = f"{self.file}, line {number}"
                try:
                    event = json.loads(line)
                    follows = event["before"] == before and event["seq"] == number
                except (ValueError, KeyError, TypeError):
                    raise DataError("is no event", where=where) from None
                if not follows:
                    raise DataError(
                        "does not follow the line before it: something was changed, taken out or "
                        "moved",
                        where=where,
                    )
                before = hashlib.sha256(line.rstrip(b"\n")).hexdigest()
                yield event


def _end_of_lines(stream: Any) -> int:
    """Return where the last whole line ends."""
    size: int = stream.seek(0, os.SEEK_END)
    start = max(size - _LONGEST_LINE, 0)
    stream.seek(start)
    return start + int(stream.read().rfind(b"\n")) + 1


def _last_line(stream: Any, end: int) -> bytes:
    """Return the last whole line without its end."""
    start = max(end - _LONGEST_LINE, 0)
    stream.seek(start)
    lines: bytes = stream.read(end - start)
    return lines.rstrip(b"\n").rpartition(b"\n")[2]
