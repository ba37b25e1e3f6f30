"""Directories: a safe name for each exchange, and a report that appears whole or not at all."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from clewline.errors import StorageError, UsageError
from clewline.reports.record import MANIFEST_SCHEMA

MANIFEST: Final = "manifest.json"

_SLUG_LENGTH: Final = 48
# Names that Windows keeps for devices, in any directory.
_RESERVED: Final = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))]
)


def slugs(names: Iterable[str]) -> dict[str, str]:
    """Give each name a directory name that is safe on every file system.

    Returns
    -------
    dict of str to str
        By name. Only a-z, 0-9 and "-", never empty, at most 113 characters, all different, and
        independent of the order of `names`. Where the plain form is empty, reserved or taken, a
        part of the name's SHA-256 is added.

    Examples
    --------
    >>> slugs(["Exchange A", "../etc"])
    {'../etc': 'etc', 'Exchange A': 'exchange-a'}
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in sorted(set(names)):
        plain = _plain(name)
        digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
        choices = [plain, *(f"{plain or 'exchange'}-{digest[:n]}" for n in (8, 16, 64))]
        slug = next(c for c in choices if c and c not in taken and c not in _RESERVED)
        taken.add(slug)
        found[name] = slug
    return found


def _plain(name: str) -> str:
    """Return the letters and digits of a name as ASCII words joined by '-'."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall("[a-z0-9]+", ascii_name))[:_SLUG_LENGTH].strip("-")


def write_directory(out: Path, files: Mapping[str, bytes]) -> None:
    """Write files, by relative path, as the whole content of a directory.

    They are written beside `out` and renamed, so that `out` holds the old report or the new one,
    and never a part. The directory is readable by its owner alone: a request names a case.

    Raises
    ------
    UsageError
        `out` is not a directory, or holds anything but an unchanged earlier report.
    StorageError
        The disk refused a write; `out` is as it was.
    """
    out = out.absolute()
    work: Path | None = None
    try:
        check_replaceable(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        fresh = work / "new"
        fresh.mkdir(mode=0o700)
        for path, data in files.items():
            target = fresh / path
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(data)
        _replace(out, fresh, work / "old")
    except OSError as error:
        raise StorageError(
            f"the report could not be written: {error.strerror}; nothing was changed",
            where=str(out),
            hint="make room or choose another directory",
        ) from error
    finally:
        # Where an earlier report was moved away and could not be put back, it stays there.
        if work is not None and (out.exists() or not (work / "old").exists()):
            shutil.rmtree(work, ignore_errors=True)


def _replace(out: Path, fresh: Path, old: Path) -> None:
    """Put `fresh` in the place of `out`; put `out` back if that fails."""
    if out.exists():
        out.rename(old)
    try:
        fresh.rename(out)
    except OSError:
        if old.exists():
            old.rename(out)
        raise


def check_replaceable(out: Path) -> None:
    """Refuse a directory in which somebody's work would be lost.

    An earlier report may be replaced while each of its files is as Clewline wrote it: a sheet that
    came back filled, or a file put beside it, is not thrown away.

    Raises
    ------
    UsageError
        Names what stands in the way.
    """
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise UsageError("a report needs a directory of its own", where=str(out))
    if not out.exists():
        return
    hashes = _earlier(out / MANIFEST)
    # Without a manifest the first name is enough: the directory may be large.
    found = out.rglob("*") if hashes else sorted(out.iterdir())[:1]
    for path in found:
        if not _is_ours(path, path.relative_to(out).as_posix(), hashes):
            raise UsageError(
                f"the directory holds {path.name!r}, which is no unchanged part of an earlier "
                "report",
                where=str(out),
                hint="name a new directory",
            )


def _is_ours(path: Path, name: str, hashes: Mapping[str, str]) -> bool:
    """Tell whether an entry is a directory or file of an earlier report, as it was written."""
    if path.is_symlink():
        return False
    if path.is_dir():
        return any(known.startswith(f"{name}/") for known in hashes)
    if name == MANIFEST and hashes:
        return True
    return hashes.get(name) == hashlib.sha256(path.read_bytes()).hexdigest()


def _earlier(manifest: Path) -> dict[str, str]:
    """Return SHA-256 by path of an earlier report; nothing where there is none."""
    try:
        record = json.loads(manifest.read_bytes())
        if record["schema"] == MANIFEST_SCHEMA:
            return {str(entry["path"]): str(entry["sha256"]) for entry in record["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return {}
