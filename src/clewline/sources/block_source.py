"""What an import needs from a place where blocks come from: files and nodes both give it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class BlockSource(Protocol):
    """Numbered blocks whose headers are known and whose bytes are read on demand.

    An import walks `parts` in one thread and calls `read` for each of them in others.
    """

    @property
    def header(self) -> NDArray[np.uint8]:
        """Headers as `header_rows` gives them: record i is the block of ``header[i]``."""

    def weight(self, part: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how much work each record is, for progress: bytes, or 1 where not known yet."""

    def parts(self, order: NDArray[np.int64], size: int) -> Generator[NDArray[np.int64]]:
        """Cut a run of records into parts of about `size` bytes, in order."""

    def read(
        self, part: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
        """Return the blocks of a part end to end, and where each starts and ends in that."""

    def place(self, record: int, offset: int = 0) -> str:
        """Say where a record, or a byte of its block, comes from; for error messages."""
