"""Backups: every row and every wrapped key of a desk at one moment, in one sealed file.

Inside the seal is a zip: ``tables/APP.MODEL.jsonl`` of each table, ``vault.jsonl``, and last
``manifest.json`` with counts and SHA-256 of each. The desk's own keys are not in it. It is the same
for SQLite and PostgreSQL, so either restores what the other wrote.

What erasure would take of a record (`retention/takes.py`) is sealed with the record's own key, in
the clear columns as well: once the key is destroyed no backup says more than the tombstone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final
from uuid import UUID

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, connections, models, transaction

from clewline import __version__
from clewline.desk.audit import services as audit
from clewline.desk.audit.chain import verify
from clewline.desk.audit.models import Event
from clewline.desk.home import DeskHome
from clewline.desk.keeping.sealed_file import SealedWriter, unseal_file
from clewline.desk.retention import erasing
from clewline.desk.retention.takes import emptied, key_path
from clewline.desk.vault import Vault, Wrapped, open_vault
from clewline.errors import BackupError, ErasedError, UsageError

_FORMAT: Final = 3
_SNAPSHOT: Final = "snapshot"
_TAKEN: Final = "taken"
"""Where a row keeps, sealed with its record's key, what erasure would take of it."""
_TAKEN_WITH: Final = "taken_with"
"""Where a row without a key of its own names the one of its record."""
_LEFT_OUT: Final = frozenset({"auth", "contenttypes", "sessions"})
"""Apps whose rows migrations make anew, or whom nobody should find again: who was signed in."""
_AT_ONCE: Final = 2_000
_LINE_AT_MOST: Final = 64 << 20

Model = type[models.Model]


def tables() -> dict[str, Model]:
    """Return name → model of every table that a backup holds, those between two others too."""
    found = [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label not in _LEFT_OUT and model._meta.managed and not model._meta.proxy
    ]
    return {model._meta.label: model for model in sorted(found, key=lambda one: one._meta.label)}


def back_up(home: DeskHome, file: Path, by: str) -> dict[str, Any]:
    """Write a backup of a desk while people go on working in it; return its manifest.

    The file appears under its name once it is whole.

    Parameters
    ----------
    home : DeskHome
        The desk, on which Django is set up.
    file : Path
        File to make.
    by : str
        Who does it, for the audit log.

    Raises
    ------
    UsageError
        If the file is there already or cannot be written.
    """
    if file.exists():
        raise UsageError("is there already; it is not replaced", where=str(file))
    audit.write(actor=by, action="desk.backup")
    partial = file.with_name(file.name + ".partial")
    try:
        with os.fdopen(os.open(partial, _NEW, 0o600), "wb") as stream:
            writer = SealedWriter(stream, home.key("root"))
            with zipfile.ZipFile(writer, "w", zipfile.ZIP_DEFLATED) as archive:
                manifest = _fill(archive, home)
            writer.finish()
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UsageError(f"cannot be written: {error.strerror}", where=str(file)) from error
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    partial.replace(file)
    return manifest


_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def _fill(archive: zipfile.ZipFile, home: DeskHome) -> dict[str, Any]:
    """Write all parts of a backup and then its manifest."""
    parts: dict[str, dict[str, Any]] = {}
    vault = open_vault(home)
    with _snapshot() as using:
        for name, model in tables().items():
            lines = _lines(model, using, vault)
            parts[f"tables/{name}.jsonl"] = _part(archive, f"tables/{name}.jsonl", lines)
        head = Event.objects.using(using).order_by("-seq").values("seq", "hash").first()
        # Read after the rows: a record's key is made before the record, so none is missing.
        keys = (row._asdict() for row in vault.rows())
        parts["vault.jsonl"] = _part(archive, "vault.jsonl", keys)
    manifest = {
        "format": _FORMAT,
        "clewline": __version__,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "database": connection.vendor,
        "play": home.is_play,
        "audit": head or {"seq": 0, "hash": ""},
        "parts": parts,
    }
    archive.writestr("manifest.json", json.dumps(manifest, indent=1, sort_keys=True))
    return manifest


@contextmanager
def _snapshot() -> Iterator[str]:
    """Open the database as it is now, for reading alone; writers neither wait nor are seen."""
    snapshot = connection.copy()
    if connection.vendor == "postgresql":
        from django.db.backends.postgresql.psycopg_any import IsolationLevel

        snapshot.settings_dict["OPTIONS"]["isolation_level"] = IsolationLevel.REPEATABLE_READ
    else:
        snapshot.settings_dict["OPTIONS"]["transaction_mode"] = "DEFERRED"
    connections[_SNAPSHOT] = snapshot
    try:
        with transaction.atomic(using=_SNAPSHOT):
            yield _SNAPSHOT
    finally:
        snapshot.close()
        del connections[_SNAPSHOT]


def _lines(model: Model, using: str, vault: Vault) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table as column → value; what erasure takes is under the record's key."""
    names = [field.attname for field in model._meta.concrete_fields]
    empty, name = emptied(model), model._meta.label
    path = key_path(name) if empty else ""
    rows = model._base_manager.using(using).order_by("pk")
    asked = [*names, path] if path else names
    for values in rows.values_list(*asked).iterator(chunk_size=_AT_ONCE):
        row = dict(zip(names, values, strict=False))
        key = values[-1] if path else ""
        # Once the row is empty its key may be gone.
        if key and any(row[column] != value for column, value in empty.items()):
            taken = _line({column: row.pop(column) for column in empty})
            try:
                sealed = vault.seal_row(key, taken, f"{name} {row['id']}")
            except ErasedError:  # between the snapshot and this line
                row |= empty
            else:
                row[_TAKEN], row[_TAKEN_WITH] = base64.b64encode(sealed).decode(), key
        yield row


def _part(archive: zipfile.ZipFile, name: str, rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Write one part of a backup; return its count and hash."""
    digest, count = hashlib.sha256(), 0
    with archive.open(name, "w", force_zip64=True) as stream:
        for row in rows:
            line = _line(row) + b"\n"
            digest.update(line)
            stream.write(line)
            count += 1
    return {"rows": count, "sha256": digest.hexdigest()}


def _line(row: dict[str, Any]) -> bytes:
    """Return columns as JSON."""
    return json.dumps(row, default=_plain, separators=(",", ":"), sort_keys=True).encode()


def _plain(value: Any) -> str:
    """Return a value of a column as text for JSON."""
    if isinstance(value, bytes | memoryview | bytearray):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    raise TypeError(type(value).__name__)


@contextmanager
def opened(file: Path, root: bytes) -> Iterator[tuple[zipfile.ZipFile, dict[str, Any]]]:
    """Open a backup and hold every part against the manifest; yield archive and manifest.

    The plain bytes lie in a file without a name meanwhile.

    Raises
    ------
    BackupError
        If the key is another, a byte was changed, or it was written by a newer Clewline.
    """
    where = str(file)
    with tempfile.TemporaryFile() as plain:
        with file.open("rb") as sealed:
            unseal_file(sealed, plain, root, where)
        try:
            with zipfile.ZipFile(plain) as archive:
                manifest = json.loads(archive.read("manifest.json"))
                if manifest["format"] > _FORMAT:
                    raise BackupError(
                        f"made by a newer Clewline: {manifest['clewline']}", where=where
                    )
                for name, part in manifest["parts"].items():
                    with archive.open(name) as stream:
                        digest = _digest(stream)
                    if digest != part["sha256"]:
                        raise BackupError("is not what the manifest says", where=f"{where} {name}")
                yield archive, manifest
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise BackupError(f"is incomplete: {error}", where=where) from error


def _digest(stream: IO[bytes]) -> str:
    """Return SHA-256 of what a stream holds."""
    digest = hashlib.sha256()
    while piece := stream.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()


def restore(file: Path, home: DeskHome, by: str) -> dict[str, Any]:
    """Put a backup into an empty desk, all of it or nothing; return its manifest.

    Keys that were destroyed in a vault that is there already stay destroyed.

    Parameters
    ----------
    file : Path
        Backup.
    home : DeskHome
        A desk with the keys of the old one, on which Django is set up; its database is empty.
    by : str
        Who does it, for the audit log.

    Raises
    ------
    BackupError
        If the backup is broken, of a newer version, or its audit log is not whole.
    UsageError
        If the desk is not empty.
    SealError
        If the keys do not open the vault.
    """
    with opened(file, home.key("root")) as (archive, manifest), transaction.atomic():
        known = tables()
        if any(model._base_manager.exists() for model in known.values()):
            raise UsageError("this desk is not empty", where=str(home.path))
        if manifest["format"] > 1 and not (home.tree.exists() or home.escrow.exists()):
            raise UsageError(
                "the tree of keys, without which no record opens, is not here",
                where=str(home.path),
                hint="--escrow DIR, where CLEWLINE_DESK_ESCROW led",
            )
        vault = open_vault(home)
        # First the keys: which of them are destroyed decides what is taken in of the rows.
        vault.merge(_wrapped(row) for row in _read(archive, "vault.jsonl"))
        for name in manifest["parts"]:
            if name.startswith("tables/"):
                model = known.get(name.removeprefix("tables/").removesuffix(".jsonl"))
                if model is None:
                    raise BackupError("this version has no such table", where=name)
                _take_in(model, _read(archive, name), name, vault)
        _check(manifest, file)
        again = erasing.take_up(vault)
        if manifest["play"]:
            home.make(play=True)
        made = {"made_at": manifest["made_at"], "seq": manifest["audit"]["seq"], "erased": again}
        audit.write(actor=by, action="desk.restore", details=made)
    return manifest


def _wrapped(row: dict[str, Any]) -> Wrapped:
    """Return a key from its line in a backup."""
    wrapped = base64.b64decode(row["wrapped"]) if row["wrapped"] else None
    return Wrapped(row["id"], wrapped, row["destroyed_at"], row.get("number"))


def _read(archive: zipfile.ZipFile, name: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a part."""
    with archive.open(name) as stream:
        while line := stream.readline(_LINE_AT_MOST):
            yield json.loads(line)


def _take_in(model: Model, rows: Iterable[dict[str, Any]], where: str, vault: Vault) -> None:
    """Insert the rows of a table exactly as they were; columns of a later version get defaults.

    Of a record whose key was destroyed only what its tombstone says is there to take in.
    """
    fields = {field.attname: field for field in model._meta.concrete_fields}
    batch: list[models.Model] = []
    for row in rows:
        if _TAKEN in row:
            sealed = base64.b64decode(row.pop(_TAKEN))
            key = row.pop(_TAKEN_WITH, None) or row["key_id"]
            try:
                plain = vault.unseal_row(key, sealed, f"{model._meta.label} {row['id']}")
                row.update(json.loads(plain))
            except ErasedError:
                row.update(emptied(model))
        if unknown := set(row) - set(fields):
            raise BackupError(f"this version has no column {min(unknown)}", where=where)
        values = {name: _value(fields[name], value) for name, value in row.items()}
        batch.append(model(**values))
        if len(batch) == _AT_ONCE:
            _insert(model, batch)
            batch = []
    _insert(model, batch)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [model]):
            cursor.execute(statement)


def _value(field: models.Field[Any, Any], value: Any) -> Any:
    """Return a column's value from its text."""
    if value is None or isinstance(field, models.JSONField):
        return value
    return field.to_python(value)


def _insert(model: Model, batch: list[models.Model]) -> None:
    """Insert rows without what saving would add: no fresh time, no check of append-only."""
    fields = list(model._meta.concrete_fields)
    size = max(1, min(len(batch), connection.ops.bulk_batch_size(fields, batch) or len(batch)))
    for start in range(0, len(batch), size):
        some = batch[start : start + size]
        model._base_manager._insert(some, fields=fields, using="default", raw=True)  # type: ignore[attr-defined]


def _check(manifest: dict[str, Any], file: Path) -> None:
    """Hold what was taken in against the manifest: counts, links between tables, audit chain."""
    for name, model in tables().items():
        expected = manifest["parts"].get(f"tables/{name}.jsonl", {"rows": 0})["rows"]
        if model._base_manager.count() != expected:
            raise BackupError(f"{name}: not {expected} rows", where=str(file))
    connection.check_constraints()
    verdict = verify(audit.rows)
    if verdict.fault:
        raise BackupError(
            f"its audit log is broken at event {verdict.fault.seq}: {verdict.fault.kind}",
            where=str(file),
        )
    head = manifest["audit"]
    if verdict.seq != head["seq"] or (head["seq"] and verdict.hash != head["hash"]):
        raise BackupError("its audit log does not end where the manifest says", where=str(file))
