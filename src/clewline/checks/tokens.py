"""Who may ask the service what: tokens, of which only hashes are kept.

A token that may *register* learns nothing of what is found: it is for the systems that customers
can see through. One that may *review* reads alerts: it is for those who decide.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Final

from clewline.errors import DataError, UsageError

_BYTES: Final = 32
_LONGEST_NAME: Final = 60


class Scope(StrEnum):
    """What a token may."""

    REGISTER = "register"
    REVIEW = "review"


def make_token(file: Path, name: str, scope: Scope) -> str:
    """Add a token to the file and return it; it is shown this once.

    Raises
    ------
    UsageError
        If the name is taken or none.
    DataError
        If the file is damaged.
    """
    if not name.isprintable() or not 0 < len(name) <= _LONGEST_NAME:
        raise UsageError(f"a name has 1 to {_LONGEST_NAME} printable characters", where=name)
    known = _read(file)
    if any(row["name"] == name for row in known):
        raise UsageError("there is a token of this name", where=name)
    token = secrets.token_urlsafe(_BYTES)
    known.append({"name": name, "scope": scope.value, "sha256": _hash(token)})
    _write(file, known)
    return token


def remove_token(file: Path, name: str) -> None:
    """Take a token away; a service that runs must be started again.

    Raises
    ------
    UsageError
        If there is none of this name.
    """
    known = _read(file)
    kept = [row for row in known if row["name"] != name]
    if len(kept) == len(known):
        names = ", ".join(sorted(row["name"] for row in known)) or "none"
        raise UsageError(f"no token of this name; there are: {names}", where=name)
    _write(file, kept)


def read_tokens(file: Path) -> dict[str, Scope]:
    """Return what each token may, by the token's hash.

    Raises
    ------
    DataError
        If the file is damaged.
    """
    return {row["sha256"]: Scope(row["scope"]) for row in _read(file)}


def scope_of(tokens: dict[str, Scope], header: str) -> Scope | None:
    """Return what the bearer of an ``Authorization`` header may; None for nobody known.

    Tokens are random and looked up by hash, so the time says nothing of how much of one is right.
    """
    kind, _, token = header.partition(" ")
    return tokens.get(_hash(token.strip())) if kind.casefold() == "bearer" else None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _read(file: Path) -> list[dict[str, str]]:
    """Return the rows of a file of tokens."""
    try:
        rows = json.loads(file.read_text("utf-8"))
        for row in rows:
            Scope(row["scope"])
            _ = row["name"], row["sha256"]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError("is no file of tokens", where=str(file)) from None
    return list(rows)


def _write(file: Path, rows: list[dict[str, str]]) -> None:
    """Write the file whole or not at all, for its owner alone."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    part.replace(file)
