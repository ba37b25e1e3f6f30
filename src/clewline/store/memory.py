"""How much memory an import may hold: a limit on the process's anonymous resident memory.

Pages of mapped files do not count: the system takes them back when it needs them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
from pathlib import Path
from typing import Final

from clewline.errors import TooLargeError, UsageError
from clewline.settings import setting, value_of

_STATUS: Final = Path("/proc/self/status")
_MEMORY: Final = Path("/proc/meminfo")
_UNKNOWN_OWN: Final = 200 << 20
_MIN_FREE: Final = 64 << 20
_M_MMAP_THRESHOLD: Final = -3
_LARGE_ARRAY: Final = 1 << 21
_MIN_BATCH: Final = 1 << 20
MAX_BATCH: Final = 8 << 20

LEAST: Final = 384 << 20
"""An import cannot do with less: the interpreter, compiled kernels, a few batches of blocks."""


_UNITS: Final = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def bytes_of(text: str, where: str) -> int:
    """Read a number of bytes.

    Parameters
    ----------
    text : str
        A number, with K, M, G or T behind it for powers of 1024.
    where : str
        Who gave it, for the error.

    Raises
    ------
    UsageError
        If it is not one.

    Examples
    --------
    >>> bytes_of("1.5G", "--memory")
    1610612736
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)B?", text.strip().upper())
    if not match:
        raise UsageError(
            f"{text!r} is not a number of bytes", where=where, hint="write it as 4G or 500M"
        )
    return int(float(match[1]) * _UNITS.get(match[2], 1))


def _kilobytes(path: Path, name: str) -> int | None:
    """Read a line of the kernel's; None on a system that has none."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), None)


def anonymous_bytes() -> int:
    """Return the anonymous resident memory of this process, a guess where the system cannot say.

    Examples
    --------
    >>> anonymous_bytes() > 0
    True
    """
    held = _kilobytes(_STATUS, "RssAnon")
    return _UNKNOWN_OWN if held is None else held << 10


def default_limit() -> int:
    """Return what the setting ``memory_limit`` says, or half of the memory that is free, in bytes.

    Raises
    ------
    UsageError
        If the setting is no number of bytes.

    Examples
    --------
    >>> default_limit() >= LEAST
    True
    """
    given = value_of("memory_limit")
    if given is not None:
        return bytes_of(given, setting("memory_limit").env)
    free = _kilobytes(_MEMORY, "MemAvailable")
    if free is None:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return max(total // 4, LEAST)
    return max((free << 10) // 2, LEAST)


def _return_large_arrays() -> None:
    """Have the allocator give arrays back to the system when they are freed, where it can be told.

    That of glibc raises its threshold to the largest array that it has seen freed, up to 32 MB, and
    keeps what is smaller: then as much is held as was ever in use in each thread. It costs a fifth
    more time, for memory that is new each time.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_ARRAY)


class Memory:
    """What is left below a limit, and how a bulk import divides it.

    Parameters
    ----------
    limit : int, optional
        Bytes, at least `LEAST`; `default_limit` if not given.

    Attributes
    ----------
    limit : int
        Bytes.
    free : int
        Bytes that were left when it was made.

    Raises
    ------
    UsageError
        If the limit is less than `LEAST`.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.limit = default_limit() if limit is None else limit
        if self.limit < LEAST:
            raise UsageError(
                f"an import cannot do with {self.limit:,} bytes of memory",
                where="--memory",
                hint=f"allowed is {LEAST >> 20}M and more",
            )
        self.free = max(self.limit - anonymous_bytes(), _MIN_FREE)

    @property
    def batch_bytes(self) -> int:
        """Bytes of blocks that are worked on at once; several times as much is held meanwhile."""
        return min(max(self.share(1 / 64), _MIN_BATCH), MAX_BATCH)

    @property
    def part_bytes(self) -> int:
        """Bytes of blocks whose rows may be joined at once; several such joins run side by side."""
        return self.share(1 / 8)

    def expect(self, block_bytes: int) -> None:
        """Prepare for about so many bytes of blocks: where they are many, memory is given back."""
        if block_bytes > self.free // 2:
            _return_large_arrays()

    def share(self, part: float) -> int:
        """Return a part of what is free, in bytes.

        Examples
        --------
        >>> memory = Memory(1 << 40)
        >>> memory.share(0.5) == memory.free // 2
        True
        """
        return int(self.free * part)

    def require(self, needed: int, what: str) -> None:
        """Refuse what would need more than the limit.

        Parameters
        ----------
        needed : int
            Bytes.
        what : str
            Who needs them, for the error.

        Raises
        ------
        TooLargeError
            If they exceed what is left of the limit now.
        """
        with contextlib.suppress(AttributeError, OSError):
            ctypes.CDLL(None).malloc_trim(0)  # glibc: what is free goes back to the system
        held = anonymous_bytes()
        if needed > self.limit - held:
            raise TooLargeError(
                f"{what} needs {needed / 1e6:,.0f} MB of memory besides the {held / 1e6:,.0f} MB "
                f"that are in use; the limit is {self.limit / 1e6:,.0f} MB",
                where="--memory",
                hint="give a higher limit, or import on a larger machine; the store can then be "
                "read on this one",
            )
