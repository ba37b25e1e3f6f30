"""The one way a hot loop is compiled.

A *kernel* is a function over NumPy arrays that Numba compiles on first use; the machine code is
kept on disk, so only the first run after an installation pays for it. Numba looks at the file of a
kernel alone when it judges what is kept, not at the kernels that it calls: code of an earlier
version would run on. So what is kept lies in a directory named after the content of every file
that has kernels, and any change to one of them starts anew. Kernels release
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

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGE: Final = Path(__file__).parent
_KEPT: Final = "kernels-"


def _directory() -> Path | None:
    """Return where the machine code of these very sources is kept; None where nothing can be."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        source = path.read_bytes()
        if b"clewline.jit" in source:
            digest.update(path.name.encode() + b"\0" + source)
    digest.update(Path(__file__).read_bytes())
    directory = _PACKAGE / "__pycache__" / f"{_KEPT}{digest.hexdigest()[:16]}"
    if not directory.is_dir():
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError:
            return None
        for earlier in directory.parent.glob(f"{_KEPT}*"):
            if earlier != directory:
                shutil.rmtree(earlier, ignore_errors=True)
    return directory


_DIRECTORY: Final = _directory()


def _compile(function: F, **options: Any) -> F:
    """Hand a function to Numba with our directory, leaving the setting as it is for others."""
    config: Any = numba.config
    before = config.CACHE_DIR
    if _DIRECTORY is not None:
        config.CACHE_DIR = str(_DIRECTORY)
    try:
        return cast(F, numba.njit(cache=True, nogil=True, **options)(function))
    finally:
        config.CACHE_DIR = before


def kernel(function: F) -> F:
    """Compile `function` with Numba on first call, cached on disk, without the interpreter lock."""
    return _compile(function)


def leaf(function: F) -> F:
    """Compile a kernel that only borrows its arrays: it cannot allocate, slice or return one.

    Without this, each array argument of each call costs two atomic reference counts, more than
    the hashing of a typical transaction or the parsing of an input.
    """
    return _compile(function, _nrt=False)


def inlined(function: F) -> F:
    """Compile a small leaf that its callers absorb: a call passes seven words an array.

    Numba absorbs what it calls, too: it must not reach a kernel that has to stay a call, such as
    the compression function of SHA-256.
    """
    return _compile(function, _nrt=False, forceinline=True)
