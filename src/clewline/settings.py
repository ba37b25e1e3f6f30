"""Every setting in one table: name, environment variable, default, help.

Command-line options that share a setting read it from here; the page of settings is generated
from `SETTINGS`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """One setting and how it is given."""

    name: str
    env: str
    default: str | None
    help: str
    secret: bool = False


SETTINGS: tuple[Setting, ...] = (
    Setting("store", "CLEWLINE_STORE", None, "Directory of the chain store that commands use."),
    Setting(
        "format",
        "CLEWLINE_FORMAT",
        "table",
        "How the answer is printed on standard output.",
    ),
    Setting(
        "max_transactions",
        "CLEWLINE_MAX_TRANSACTIONS",
        "500000",
        "A trace crosses at most this many transactions (a few seconds, some 100 MB); what is left "
        "is reported as capped.",
    ),
    Setting(
        "fixtures",
        "CLEWLINE_FIXTURES",
        None,
        "Directory of real test data; tests that want it skip, and say so, without it.",
    ),
)


def setting(name: str) -> Setting:
    """Return the setting called `name`.

    Raises
    ------
    KeyError
        If there is none.

    Examples
    --------
    >>> setting("store").env
    'CLEWLINE_STORE'
    """
    return {entry.name: entry for entry in SETTINGS}[name]
