"""Taking block files apart into records and writing them anew, to break them in known places."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

HEAD = 8
"""Magic and length."""


def xor(data: bytes, key: bytes) -> bytes:
    """Obfuscate, or undo it, from the start of a file."""
    return bytes(byte ^ k for byte, k in zip(data, cycle(key), strict=False))


@dataclass(frozen=True)
class Records:
    """The records of a blocks directory's one file, plain, and its key."""

    key: bytes
    blocks: tuple[bytes, ...]

    def write(self, directory: Path, tail: bytes = b"") -> Path:
        """Write the records as one file with its key; `tail` as it is."""
        directory.mkdir()
        (directory / "xor.dat").write_bytes(self.key)
        (directory / "blk00000.dat").write_bytes(xor(b"".join(self.blocks), self.key) + tail)
        return directory

    def at(self, number: int) -> int:
        """Return the byte at which a block begins in the file, after magic and length."""
        return sum(map(len, self.blocks[:number])) + HEAD


def read_records(directory: Path) -> Records:
    """Read the only block file of a directory."""
    (path,) = directory.glob("blk*.dat")
    key = (directory / "xor.dat").read_bytes()
    data = xor(path.read_bytes(), key)
    blocks, at = [], 0
    while data[at : at + 4] == data[:4]:
        end = at + HEAD + int.from_bytes(data[at + 4 : at + HEAD], "little")
        blocks.append(data[at:end])
        at = end
    return Records(key, tuple(blocks))
