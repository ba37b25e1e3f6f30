"""The one way a hot loop is compiled.

A *kernel* is a function over NumPy arrays that Numba compiles on first use; the machine code is
kept beside the source, so only the first run after an installation pays for it. Kernels release
the interpreter lock, hold no state and never raise: they return a code that their caller turns
into an error with a place and a cause.

Three traps shape every kernel of this project:

- Numba turns ``uint64`` mixed with ``int64`` (any literal) into ``float64``. Ids and offsets are
  therefore stored as ``int64`` (never negative) or ``uint32``; ``uint64`` stays inside hashing.
- ``int(x)`` keeps the type of an element, so ``int(data[0]) << 8`` is unsigned; ``np.int64(x)`` is
  what it looks like.
- A read-only array is another type than a writable one and compiles again. Arrays of a store are
  read-only everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile `function` with Numba on first call, cached on disk, without the interpreter lock."""
    return cast(F, numba.njit(cache=True, nogil=True)(function))


def leaf(function: F) -> F:
    """Compile a kernel that only borrows its arrays: it cannot allocate, slice or return one.

    Without this, each array argument of each call costs two atomic reference counts, more than
    the hashing of a typical transaction or the parsing of an input.
    """
    options: dict[str, Any] = {"cache": True, "nogil": True, "_nrt": False}
    return cast(F, numba.njit(**options)(function))


def inlined(function: F) -> F:
    """Compile a small leaf that its callers absorb: a call passes seven words an array.

    Numba absorbs what it calls, too: it must not reach a kernel that has to stay a call, such as
    the compression function of SHA-256.
    """
    options: dict[str, Any] = {"cache": True, "nogil": True, "_nrt": False, "forceinline": True}
    return cast(F, numba.njit(**options)(function))
