"""The chain in other people's forms: Parquet tables, and SQL over a store.

Needs the extra ``tables`` (pyarrow, DuckDB); `require` says so where it is missing, and nothing
outside this room imports either.
"""

from __future__ import annotations

from importlib.util import find_spec

from clewline.errors import UnavailableError

EXTRA = "tables"


def require(*modules: str) -> None:
    """Refuse to go on without the modules of the extra ``tables``.

    Parameters
    ----------
    *modules : str
        What is about to be imported.

    Raises
    ------
    UnavailableError
        If one is not installed; names it and the extra.

    Examples
    --------
    >>> require("no_such_module")
    Traceback (most recent call last):
    clewline.errors.UnavailableError: this needs no_such_module, which is not installed \
(install it with: pip install 'clewline[tables]')
    """
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise UnavailableError(
            f"this needs {' and '.join(missing)}, which is not installed",
            hint=f"install it with: pip install 'clewline[{EXTRA}]'",
        )
