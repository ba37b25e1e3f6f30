"""Bitcoin Core's undo data, ``rev*.dat``: what each block's inputs spent, as the node saw it.

A record is ``magic (4) | length (4) | data (length) | checksum (32)``; the checksum is the double
SHA-256 of the parent's hash and the data (Core's ``node/blockstorage.cpp``). Nothing says which
block a record belongs to but that checksum. Read by ``chain check`` only: an import resolves inputs
on its own, and this is the second opinion.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.networks import Network
from clewline.errors import BlockFileError
from clewline.sources.block_files import (
    RECORD_HEAD,
    map_file,
    numbered_files,
    plain,
    read_key,
)

CHECKSUM_BYTES: Final = 32


@dataclass(frozen=True)
class UndoRecord:
    """One record: where it is, its data, its checksum."""

    place: str
    data: NDArray[np.uint8]
    checksum: bytes


def undo_records(directory: Path, network: Network) -> Iterator[UndoRecord]:
    """Yield the undo records of a blocks directory, in file order.

    Parameters
    ----------
    directory : Path
        Holds ``rev*.dat`` and, since Core 28, ``xor.dat``.
    network : Network
        The only network whose records are accepted.

    Yields
    ------
    UndoRecord
        Without obfuscation; the checksum is not looked at.

    Raises
    ------
    BlockFileError
        With file and byte, where the framing is broken or there is no undo file.
    """
    key = read_key(directory)
    for path in numbered_files(directory, "rev"):
        raw = map_file(path)
        position = 0
        while position < raw.size and raw[position : position + RECORD_HEAD].any():
            head = plain(raw[position : position + RECORD_HEAD], key, position).tobytes()
            length = int.from_bytes(head[4:], "little")
            end = position + RECORD_HEAD + length + CHECKSUM_BYTES
            place = f"{path}, byte {position}"
            if head[:4] != network.magic:
                raise BlockFileError(f"no undo record starts here: {head[:4].hex()}", where=place)
            if end > raw.size:
                raise BlockFileError("the file ends inside this undo record", where=place)
            body = plain(raw[position + RECORD_HEAD : end], key, position + RECORD_HEAD)
            yield UndoRecord(place, body[:length], body[length:].tobytes())
            position = end
        if raw[position:].any():
            raise BlockFileError(
                "a byte that is not zero in the preallocated tail", where=f"{path}, byte {position}"
            )
