"""What commands of the desk share: files that they read and write, passphrases, who acts."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Annotated

import typer

from clewline.errors import UsageError

PassphraseFile = Annotated[
    Path | None,
    typer.Option("--passphrase-file", help="File with the passphrase; asked for if not given."),
]


def content(file: Path) -> bytes:
    """Return the bytes of a file that the operator named."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(file)) from error


def write_new(file: Path, data: bytes) -> None:
    """Write a file that its owner alone can read; refuse where there is one."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError("is there already; it is not replaced", where=str(file)) from None
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(file)) from error
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def replace_own(file: Path, data: bytes) -> None:
    """Write a file that its owner alone can read, in the place of the one that is there."""
    partial = file.with_name(f"{file.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        write_new(partial, data)
        partial.replace(file)
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(file)) from error


def passphrase(file: Path | None, *, new: bool = False) -> str:
    """Return a passphrase: the first line of a file, or what the person types; twice if `new`."""
    if file is not None:
        given = content(file).decode(errors="replace").splitlines()
        said = given[0] if given else ""
    else:
        said = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True)
    if new and len(said) < 12:
        raise UsageError("a passphrase has 12 characters or more")
    return said


def terminal() -> str:
    """Return who acts, for the audit log: the account at the terminal."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    return f"terminal:{name}"[:40]
