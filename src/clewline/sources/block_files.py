"""Bitcoin Core's blocks directory: ``blk*.dat``, obfuscated by ``xor.dat`` where there is one.

A file is a run of records, each ``magic (4) | length (4, little-endian) | block``, then possibly
a preallocated tail. Core obfuscates what it writes (since version 28) with an 8-byte key by file
position, but preallocates with *raw* zeros, so the tail is zero on disk in either case. The last
record of a file may be cut where a copy was interrupted. Anything else is an error: a skipped
record could be the tip, and would shorten the chain in silence.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.block import BlockFault, Fault, parse_blocks
from clewline.codec.header import HEADER_BYTES, LONGEST_HEADER, header_hashes, header_rows
from clewline.codec.networks import NETWORKS, Network, networks_by_magic
from clewline.errors import BlockFileError
from clewline.jit import leaf

RECORD_HEAD: Final = 8
"""Magic and length before each block."""
_KEY_BYTES: Final = 8


@dataclass(frozen=True)
class BlockRecords:
    """Where each block of a directory lies, in file order.

    Attributes
    ----------
    files : sequence of Path
    key : ndarray of uint8, shape (8,)
        Obfuscation key; zeros where there is none.
    file : ndarray of int64, shape (n,)
        Index into `files`.
    start, end : ndarray of int64, shape (n,)
        Bytes of the block (without magic and length) within its file.
    header : ndarray of uint8, shape (n, 80) or (n, 112)
        As `header_rows` gives them.
    cut : sequence of (Path, int)
        Files that end inside their last record, and where that record begins; it is not listed.
    """

    files: Sequence[Path]
    key: NDArray[np.uint8]
    file: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    header: NDArray[np.uint8]
    cut: Sequence[tuple[Path, int]]

    def place(self, record: int, offset: int = 0) -> str:
        """Return 'file, byte n' of a record's block, or of a byte in it."""
        return f"{self.files[self.file[record]]}, byte {self.start[record] + offset}"

    def weight(self, part: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the bytes of each record's block."""
        return self.end[part] - self.start[part]

    def parts(self, order: NDArray[np.int64], size: int) -> Generator[NDArray[np.int64]]:
        """Cut a run of records into parts of about `size` bytes, at least one record each.

        Parameters
        ----------
        order : ndarray of int64
            Records.
        size : int
            Bytes.

        Yields
        ------
        ndarray of int64
            Records, in order.
        """
        sizes = self.weight(order)
        ends = np.cumsum(sizes)
        first = 0
        while first < sizes.size:
            begin = ends[first] - sizes[first]
            last = max(first + 1, int(np.searchsorted(ends, begin + size, side="right")))
            yield order[first:last]
            first = last

    def read(
        self, part: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
        """Read some records, end to end and without obfuscation.

        Parameters
        ----------
        part : ndarray of int64, shape (n,)
            Which, in the order wanted; n is at least 1.

        Returns
        -------
        data : ndarray of uint8
            The blocks.
        start, end : ndarray of int64, shape (n,)
            Each block within `data`.

        Raises
        ------
        BlockFileError
            If a file cannot be read, or lost bytes since it was listed.
        """
        end = np.cumsum(self.end[part] - self.start[part])
        start = end - (self.end[part] - self.start[part])
        data = np.empty(int(end[-1]), np.uint8)
        # Mapped for this call only: a chain has more files than a process may hold open.
        files = {file: map_file(self.files[file]) for file in np.unique(self.file[part]).tolist()}
        for record, first, last in zip(part.tolist(), start.tolist(), end.tolist(), strict=True):
            at = int(self.start[record])
            source = files[int(self.file[record])][at : at + last - first]
            if source.size != last - first:
                raise BlockFileError("the file became shorter", where=self.place(record))
            deobfuscate(source, self.key, at, data[first:last])
        return data, start, end


@leaf
def deobfuscate(
    data: NDArray[np.uint8], key: NDArray[np.uint8], position: int, out: NDArray[np.uint8]
) -> None:
    """Write ``data ^ key`` to `out`, the key running from file offset `position`.

    Parameters
    ----------
    data : ndarray of uint8
        Bytes as they lie in the file.
    key : ndarray of uint8, shape (8,)
        From `read_key`.
    position : int
        Offset of ``data[0]`` in its file.
    out : ndarray of uint8
        As long as `data`.
    """
    # Eight named bytes become one vector operation; an index into the key would not.
    k0, k1, k2, k3 = (
        key[position & 7],
        key[position + 1 & 7],
        key[position + 2 & 7],
        key[position + 3 & 7],
    )
    k4, k5, k6, k7 = (
        key[position + 4 & 7],
        key[position + 5 & 7],
        key[position + 6 & 7],
        key[position + 7 & 7],
    )
    whole = data.size & ~7
    for i in range(0, whole, 8):
        out[i] = data[i] ^ k0
        out[i + 1] = data[i + 1] ^ k1
        out[i + 2] = data[i + 2] ^ k2
        out[i + 3] = data[i + 3] ^ k3
        out[i + 4] = data[i + 4] ^ k4
        out[i + 5] = data[i + 5] ^ k5
        out[i + 6] = data[i + 6] ^ k6
        out[i + 7] = data[i + 7] ^ k7
    for i in range(whole, data.size):
        out[i] = data[i] ^ key[(position + i) & 7]


def plain(data: NDArray[np.uint8], key: NDArray[np.uint8], position: int) -> NDArray[np.uint8]:
    """Return bytes that begin at offset `position` of their file, without obfuscation."""
    out = np.empty(data.size, np.uint8)
    deobfuscate(data, key, position, out)
    return out


# What `_scan` reports.
_END: Final = 0
_CUT: Final = 1
_BAD_MAGIC: Final = 2
_BAD_LENGTH: Final = 3
_DIRTY_TAIL: Final = 4
_FULL: Final = 5


@leaf
def _scan(
    data: NDArray[np.uint8],
    key: NDArray[np.uint8],
    magic: NDArray[np.uint8],
    max_bytes: int,
    position: int,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    header: NDArray[np.uint8],
) -> tuple[int, int, int]:
    """List records from `position` on: (status, position, number of records)."""
    found = 0
    size = data.size
    while True:
        if position == size:
            return _END, position, found
        zero = True
        for i in range(position, min(position + 4, size)):
            zero = zero and data[i] == 0
        if zero:
            for i in range(position, size):
                if data[i] != 0:
                    return _DIRTY_TAIL, i, found
            return _END, position, found
        for i in range(min(4, size - position)):
            if data[position + i] ^ key[(position + i) & 7] != magic[i]:
                return _BAD_MAGIC, position, found
        if position + RECORD_HEAD > size:
            return _CUT, position, found
        length: Any = np.int64(0)
        for i in range(4):
            at = position + 4 + i
            length |= np.int64(data[at] ^ key[at & 7]) << 8 * i
        if length <= HEADER_BYTES or length > max_bytes:
            return _BAD_LENGTH, position, found
        if position + RECORD_HEAD + length > size:
            return _CUT, position, found
        if found == start.size:
            return _FULL, position, found
        begin = position + RECORD_HEAD
        start[found] = begin
        end[found] = begin + length
        for i in range(min(header.shape[1], length)):
            header[found, i] = data[begin + i] ^ key[(begin + i) & 7]
        found += 1
        position = begin + length


def read_key(directory: Path) -> NDArray[np.uint8]:
    """Return the obfuscation key of a blocks directory, zeros where there is none.

    Raises
    ------
    BlockFileError
        If ``xor.dat`` is not 8 bytes long.
    """
    path = directory / "xor.dat"
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        return np.zeros(_KEY_BYTES, np.uint8)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(key) != _KEY_BYTES:
        raise BlockFileError(
            f"is {len(key)} bytes long; an obfuscation key has {_KEY_BYTES}", where=str(path)
        )
    return np.frombuffer(key, np.uint8)


def numbered_files(directory: Path, prefix: str) -> list[Path]:
    """Return the files ``<prefix>00000.dat``, … of a directory, ordered by number.

    Raises
    ------
    BlockFileError
        If `directory` is none, cannot be read, or holds no such file; the hint names a ``blocks/``
        inside it.
    """
    name = re.compile(rf"{prefix}\d{{5,}}\.dat")
    try:
        if not directory.is_dir():
            raise BlockFileError("is not a directory", where=str(directory))
        paths = [path for path in directory.iterdir() if name.fullmatch(path.name)]
        inner = [
            path
            for path in (directory / "blocks", *sorted(directory.glob("*/blocks")))
            if path.is_dir()
        ]
    except OSError as error:
        raise _unreadable(directory, error) from error
    if not paths:
        raise BlockFileError(
            f"holds no {prefix}00000.dat and the like",
            where=str(directory),
            hint=f"did you mean {inner[0]}?" if inner else None,
        )
    return sorted(paths, key=lambda path: (len(path.name), path.name))


def _unreadable(path: Path, error: OSError) -> BlockFileError:
    """Return the error for what the operating system does not let us read."""
    return BlockFileError(f"cannot be read: {error.strerror}", where=str(path))


def map_file(path: Path) -> NDArray[np.uint8]:
    """Return the bytes of a file as a read-only mapping (an empty array for an empty file)."""
    try:
        with path.open("rb") as file:
            if not path.stat().st_size:
                return np.empty(0, np.uint8)
            return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    except OSError as error:
        raise _unreadable(path, error) from error


def network_of(directory: Path) -> Network:
    """Tell the network of a blocks directory from the magic of its first record.

    Where networks share it, the first block decides if it is the genesis block of one of them, and
    otherwise Bitcoin's is meant: Bitcoin Cash, which shares both, has to be asked for.

    Raises
    ------
    BlockFileError
        If the first four bytes are the magic of no known network (a wrong ``xor.dat`` looks so).
    """
    key = read_key(directory)
    for path in numbered_files(directory, "blk"):
        head = plain(map_file(path)[: RECORD_HEAD + HEADER_BYTES], key, 0)
        if head.size >= 4 and map_file(path)[:4].any():
            magic = head[:4].tobytes()
            found = networks_by_magic(magic)
            if not found:
                raise _unknown_magic(path, 0, magic, directory)
            return next((one for one in found if _begins(one, head[RECORD_HEAD:])), found[0])
    raise BlockFileError("its block files are empty", where=str(directory))


def _begins(network: Network, head: NDArray[np.uint8]) -> bool:
    """Tell whether a header is that of a network's genesis block."""
    if head.size < HEADER_BYTES:
        return False
    row = header_rows(head, np.zeros(1, np.int64), np.array([head.size]), network.coin.form)
    return header_hashes(row).tobytes() == network.genesis


def _unknown_magic(path: Path, position: int, magic: bytes, directory: Path) -> BlockFileError:
    """Return the error for four bytes that start no record."""
    others = networks_by_magic(magic)
    if others:
        return BlockFileError(
            f"a record of network {' or '.join(one.name for one in others)} (magic {magic.hex()})",
            where=f"{path}, byte {position}",
            hint="one store holds one network",
        )
    known = ", ".join(f"{network.name} {network.magic.hex()}" for network in NETWORKS.values())
    key = directory / "xor.dat"
    return BlockFileError(
        f"no record starts here: found {magic.hex()}, expected a magic ({known}) "
        "or a tail of zeros",
        where=f"{path}, byte {position}",
        hint=f"is {key} the key that these files were written with?"
        if key.exists()
        else "the files may be obfuscated: xor.dat is missing beside them",
    )


def scan_directory(directory: Path, network: Network) -> BlockRecords:
    """List every block record of a Bitcoin Core blocks directory.

    Parameters
    ----------
    directory : Path
        Holds ``blk*.dat`` and, since Core 28, ``xor.dat``.
    network : Network
        The only network whose records are accepted.

    Returns
    -------
    BlockRecords
        In file order; stale blocks and repeated ones are among them.

    Raises
    ------
    BlockFileError
        With file and byte: a record of another network, a wrong key, bytes between records,
        an impossible length, a tail that is not zero.

    Notes
    -----
    Cost: touches 88 bytes a block and the preallocated tail.
    """
    key = read_key(directory)
    magic = np.frombuffer(network.magic, np.uint8)
    most = network.coin.max_block_bytes
    width = LONGEST_HEADER if network.coin.form.shielded else HEADER_BYTES
    paths = numbered_files(directory, "blk")
    file_parts: list[NDArray[np.int64]] = []
    start_parts: list[NDArray[np.int64]] = []
    end_parts: list[NDArray[np.int64]] = []
    header_parts: list[NDArray[np.uint8]] = []
    cut: list[tuple[Path, int]] = []
    for number, path in enumerate(paths):
        data = map_file(path)
        position, status = 0, _FULL
        while status == _FULL:
            start = np.empty(4096, np.int64)
            end = np.empty_like(start)
            header = np.zeros((start.size, width), np.uint8)
            status, position, found = _scan(data, key, magic, most, position, start, end, header)
            file_parts.append(np.full(found, number, np.int64))
            start_parts.append(start[:found])
            end_parts.append(end[:found])
            first = width * np.arange(found)
            rows = header_rows(header.reshape(-1), first, first + width, network.coin.form)
            header_parts.append(rows)
        where = f"{path}, byte {position}"
        if status == _BAD_MAGIC:
            found_magic = plain(data[position : position + 4], key, position)
            raise _unknown_magic(path, position, found_magic.tobytes(), directory)
        if status == _BAD_LENGTH:
            raise BlockFileError(
                f"a record whose length is not within 81 to {most:,} bytes", where=where
            )
        if status == _DIRTY_TAIL:
            raise BlockFileError("a byte that is not zero in the preallocated tail", where=where)
        if status == _CUT:
            _check_cut(path, data, key, position, network)
            cut.append((path, position))
    return BlockRecords(
        files=paths,
        key=key,
        file=np.concatenate(file_parts),
        start=np.concatenate(start_parts),
        end=np.concatenate(end_parts),
        header=np.concatenate(header_parts),
        cut=cut,
    )


def _check_cut(
    path: Path,
    data: NDArray[np.uint8],
    key: NDArray[np.uint8],
    position: int,
    network: Network,
) -> None:
    """Refuse a record that runs past the end of its file although its block does not.

    A copy that was interrupted loses the end of a block. Where the whole block is there, it is
    the length that is wrong, and dropping the block would drop a tip in silence.
    """
    block = plain(data[position + RECORD_HEAD :], key, position + RECORD_HEAD)
    if block.size <= HEADER_BYTES:
        return
    end = np.array([block.size], np.int64)
    parsed = parse_blocks(block, np.zeros(1, np.int64), end, network.coin.form)
    if isinstance(parsed, BlockFault) and parsed.fault == Fault.TRUNCATED:
        return
    raise BlockFileError(
        "a record whose length runs past the end of the file, though its block is complete",
        where=f"{path}, byte {position}",
    )
