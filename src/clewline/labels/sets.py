"""Named label sets: SQLite files beside a store, to which imports only ever add.

Three tables. ``import`` is the ledger: which file, when, how many labels. ``claim`` holds what is
said, once. ``label`` says of which address or transaction, and which import brought it first; its
primary key makes a label that two files bring one label, and finds an address in microseconds.

Each set has a digest over what it says, whatever the order, the names and the times of the files
that said it.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.networks import network_by_name
from clewline.errors import (
    ClewlineError,
    LabelFileError,
    StorageError,
    StoreDamagedError,
    StoreLockedError,
    StoreVersionError,
    UnknownLabelSetError,
    UsageError,
)
from clewline.labels.addresses import as_shown
from clewline.labels.label import Claim, Label, Refusal, Rows, in_order
from clewline.labels.table import read_table
from clewline.labels.tagpack import read_tagpack

FORMAT_VERSION: Final = 1
"""``PRAGMA user_version`` of a set's file."""

MAX_FILE_BYTES: Final = 256 << 20
"""Label files beyond this are refused unread; the largest public one has 4 MB."""

MAX_LISTED: Final = 100
"""Refusals of one file that a report lists; it counts them all."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_READERS: Final = {".csv": read_table, ".yaml": read_tagpack, ".yml": read_tagpack}
_BUSY_SECONDS: Final = 5.0

_SCHEMA: Final = (
    """CREATE TABLE import (
        id INTEGER PRIMARY KEY, recorded INTEGER NOT NULL, file TEXT NOT NULL,
        sha256 TEXT NOT NULL UNIQUE,
        loaded INTEGER NOT NULL, added INTEGER NOT NULL, refused INTEGER NOT NULL)""",
    """CREATE TABLE claim (
        id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, body TEXT NOT NULL)""",
    """CREATE TABLE label (
        subject TEXT NOT NULL, is_transaction INTEGER NOT NULL, asset TEXT NOT NULL,
        network TEXT NOT NULL, claim INTEGER NOT NULL REFERENCES claim,
        import INTEGER NOT NULL REFERENCES import, position INTEGER NOT NULL, line INTEGER NOT NULL,
        PRIMARY KEY (subject, is_transaction, asset, network, claim)) WITHOUT ROWID""",
    "CREATE TABLE digest (sha256 TEXT NOT NULL)",
)


@dataclass(frozen=True)
class FileReport:
    """What became of one file.

    Attributes
    ----------
    file : str
        Path as given.
    sha256 : str
        Of its bytes, hex.
    loaded : int
        Labels taken.
    added : int
        Those of them that the set did not hold yet.
    refused : int
        Tags or rows not taken.
    known : bool
        The set holds this very file already; nothing was added.
    error : ClewlineError or None
        Why the file as a whole was refused; then nothing of it was taken.
    """

    file: str
    sha256: str
    loaded: int = 0
    added: int = 0
    refused: int = 0
    known: bool = False
    error: ClewlineError | None = None


@dataclass(frozen=True)
class ImportReport:
    """What an import did.

    Attributes
    ----------
    name : str
        Name of the set.
    digest : str or None
        Digest of the set after the import; None if there is no such set.
    files : tuple of FileReport
        In the order of the import.
    refusals : tuple of Refusal
        At most `MAX_LISTED` of each file, by file and position.
    notes : tuple of str
        What was taken otherwise than the file says.
    """

    name: str
    digest: str | None
    files: tuple[FileReport, ...]
    refusals: tuple[Refusal, ...]
    notes: tuple[str, ...]

    @property
    def loaded(self) -> int:
        """Labels taken from all files."""
        return sum(file.loaded for file in self.files)

    @property
    def added(self) -> int:
        """Labels that the set did not hold before."""
        return sum(file.added for file in self.files)

    @property
    def refused(self) -> int:
        """Tags and rows not taken, of all files."""
        return sum(file.refused for file in self.files)

    @property
    def error(self) -> ClewlineError | None:
        """Why the first of the files that were refused as a whole was refused."""
        return next((file.error for file in self.files if file.error), None)


@dataclass(frozen=True)
class MatchedLabels:
    """The labels of one network's addresses as columns, for resolving them in bulk.

    Attributes
    ----------
    addresses : list of str, length n
        As Bitcoin Core shows them; ascending, one entry a label.
    claim : ndarray of int64, shape (n,)
        Index into `claims`.
    claims : tuple of Claim
        Ordered by digest, so that equal sets give equal columns.
    """

    addresses: list[str]
    claim: NDArray[np.int64]
    claims: tuple[Claim, ...]


def import_files(
    paths: Sequence[Path], directory: Path, name: str, network: str, *, recorded: int
) -> ImportReport:
    """Add label files to a set, which is made if there is none: all of it happens, or nothing.

    Parameters
    ----------
    paths : sequence of Path
        ``.yaml`` and ``.yml`` are TagPacks, ``.csv`` tables. A directory stands for all such files
        below it, by name.
    directory : Path
        Where the sets of the store are.
    name : str
        Name of the set: lower-case letters, digits, ``_`` and ``-``, up to 64.
    network : str
        Network of the store: tables are about its addresses.
    recorded : int
        Time of the import, UTC seconds.

    Returns
    -------
    ImportReport
        Of a TagPack the good tags load and the others are listed. Of a table, one bad row refuses
        the file. A file that cannot be read at all is listed as well, the others load. A file that
        the set already holds, byte for byte, adds nothing.

    Raises
    ------
    UsageError
        If the name is no name, or a path is not there or of another kind; nothing was changed.
    StoreLockedError, StoreVersionError, StorageError, StoreDamagedError
        If the set cannot be written; it is as it was.

    Notes
    -----
    Cost: some 30 microseconds a label, and its memory once.
    """
    _check_name(name)
    network_by_name(network)
    files: list[FileReport] = []
    accepted: list[tuple[int, Rows]] = []
    refusals: list[Refusal] = []
    notes: list[str] = []
    known, digest = _state(directory, name)
    for path in _expand(paths):
        report, rows = _read_file(path, network, known)
        refusals += rows.refusals[:MAX_LISTED]
        notes += rows.notes
        if report.error is None and not report.known:
            accepted.append((len(files), rows))
            known.add(report.sha256)
        files.append(report)
    if accepted:
        digest = _append(directory, name, files, accepted, recorded)
    return ImportReport(name, digest, tuple(files), tuple(refusals), tuple(notes))


def _check_name(name: str) -> None:
    """Refuse what is no name of a set; a name becomes a file name."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a label set",
            where="--set",
            hint="lower-case letters, digits, '_' and '-', up to 64, a letter or digit first",
        )


def _expand(paths: Iterable[Path]) -> list[Path]:
    """Check that all paths can be label files, and replace directories by the files in them."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.suffix.lower() in _READERS)
            if not found:
                raise UsageError("no .yaml, .yml or .csv file in it", where=str(path))
            files += found
        elif not path.is_file():
            raise UsageError("no such file", where=str(path))
        elif path.suffix.lower() not in _READERS:
            raise UsageError(
                "a label file ends in .yaml or .yml (TagPack) or .csv (table)", where=str(path)
            )
        else:
            files.append(path)
    return files


def _read_file(path: Path, network: str, known: set[str]) -> tuple[FileReport, Rows]:
    """Read one file, which may turn out to be known, refused, or partly refused."""
    file = str(path)
    digest = ""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise LabelFileError(f"larger than {MAX_FILE_BYTES >> 20} MiB; split it", where=file)
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        if digest in known:
            return FileReport(file, digest, known=True), Rows()
        rows = _READERS[path.suffix.lower()](data, file, network)
    except OSError as error:
        fault = LabelFileError(f"cannot be read: {error.strerror}", where=file)
        return FileReport(file, digest, error=fault), Rows()
    except LabelFileError as error:
        return FileReport(file, digest, error=error), Rows()
    refused = len(rows.refusals)
    if refused and path.suffix.lower() == ".csv":
        first = rows.refusals[0]
        more = f" and {refused - 1} more rows" if refused > 1 else ""
        fault = LabelFileError(
            f"{first.subject!r}: {first.reason}{more}; no row of the table was taken",
            where=f"{file}:{first.line}",
            hint=first.hint,
        )
        return FileReport(file, digest, refused=refused, error=fault), rows
    return FileReport(file, digest, loaded=len(rows.labels), refused=refused), rows


def _state(directory: Path, name: str) -> tuple[set[str], str | None]:
    """Digests of the files that the set holds, and its own digest; None without a set."""
    try:
        with LabelSet.open(directory, name) as existing:
            return {record.sha256 for record in existing.imports()}, existing.digest
    except UnknownLabelSetError:
        return set(), None


def _append(
    directory: Path,
    name: str,
    files: list[FileReport],
    accepted: list[tuple[int, Rows]],
    recorded: int,
) -> str:
    """Write what was read in one transaction, count what was new, return the set's digest."""
    path = directory / f"{name}.sqlite"
    is_new = not path.exists()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(
            sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        ) as database:
            database.execute("BEGIN IMMEDIATE")
            if database.execute("PRAGMA user_version").fetchone() == (0,):
                for statement in _SCHEMA:
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
            _check_version(database, path)
            for index, rows in accepted:
                files[index] = _insert(database, files[index], rows, recorded)
            digest = _compute_digest(database)
            database.execute("DELETE FROM digest")
            database.execute("INSERT INTO digest VALUES (?)", (digest,))
            database.execute("COMMIT")
    except BaseException as error:
        # What was rolled back is empty; what another process has made meanwhile is not.
        if is_new and path.is_file() and path.stat().st_size == 0:
            path.unlink()
        if isinstance(error, sqlite3.Error):
            raise _as_ours(error, path) from error
        if isinstance(error, OSError):
            raise StorageError(f"cannot be written: {error.strerror}", where=str(path)) from error
        raise
    return digest


def _insert(
    database: sqlite3.Connection, report: FileReport, rows: Rows, recorded: int
) -> FileReport:
    """Write the labels of one file and its line in the ledger."""
    cursor = database.execute(
        "INSERT INTO import (recorded, file, sha256, loaded, added, refused)"
        " VALUES (?, ?, ?, ?, 0, ?)",
        (recorded, Path(report.file).name, report.sha256, report.loaded, report.refused),
    )
    import_id = cursor.lastrowid
    # One claim object serves many labels: look each up once, by identity.
    claims = {id(label.claim): label.claim for label in rows.labels}
    database.executemany(
        "INSERT OR IGNORE INTO claim (digest, body) VALUES (?, ?)",
        [(claim.digest, claim.canonical) for claim in claims.values()],
    )
    ids = {
        key: database.execute("SELECT id FROM claim WHERE digest = ?", (claim.digest,)).fetchone()[
            0
        ]
        for key, claim in claims.items()
    }
    before = database.total_changes
    # In key order the tree grows at its end; the first of equal labels is the one that stays.
    database.executemany(
        "INSERT OR IGNORE INTO label VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        sorted(
            (la.subject, la.is_transaction, la.asset, la.network, ids[id(la.claim)],
             import_id, la.position, la.line)
            for la in rows.labels
        ),
    )  # fmt: skip
    added = database.total_changes - before
    database.execute("UPDATE import SET added = ? WHERE id = ?", (added, import_id))
    return replace(report, added=added)


def _compute_digest(database: sqlite3.Connection) -> str:
    """SHA-256 over all labels in the order of their text, one a line; files and times stay out."""
    sha256 = hashlib.sha256()
    rows = database.execute(
        "SELECT asset, network, is_transaction, subject, digest"
        " FROM label JOIN claim ON claim.id = label.claim"
        " ORDER BY subject, is_transaction, asset, network, digest"
    )
    while batch := rows.fetchmany(10_000):
        sha256.update("".join("\t".join(map(str, row)) + "\n" for row in batch).encode())
    return sha256.hexdigest()


def _check_version(database: sqlite3.Connection, path: Path) -> None:
    """Refuse a set of another version, and a file to which nothing was ever imported (0)."""
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        raise UnknownLabelSetError("nothing was imported into this label set", where=str(path))
    if version != FORMAT_VERSION:
        raise StoreVersionError(
            f"label set of format {version}; this version reads {FORMAT_VERSION}", where=str(path)
        )


def _as_ours(error: sqlite3.Error, path: Path) -> ClewlineError:
    """Turn an error of SQLite into one of ours, by its result code."""
    code = getattr(error, "sqlite_errorname", "")
    where = str(path)
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreLockedError("another process writes to this label set", where=where)
    if code.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return StoreDamagedError(f"no label set, or damaged: {error}", where=where)
    return StorageError(f"label set cannot be read or written: {error}", where=where)


@dataclass(frozen=True)
class ImportRecord:
    """One line of a set's ledger: file name, its SHA-256, when (UTC seconds), and counts."""

    recorded: int
    file: str
    sha256: str
    loaded: int
    added: int
    refused: int


class LabelSet:
    """A named set, open for reading; use it as a context manager or close it."""

    def __init__(self, name: str, path: Path, database: sqlite3.Connection) -> None:
        self.name = name
        self._path = path
        self._database = database

    @classmethod
    def open(cls, directory: Path, name: str) -> LabelSet:
        """Open the set called `name`.

        Raises
        ------
        UnknownLabelSetError
            If there is none; the message lists those there are.
        StoreDamagedError, StoreVersionError
            If the file is no label set, or one of a newer version.
        """
        _check_name(name)
        path = directory / f"{name}.sqlite"
        if not path.is_file():
            have = ", ".join(list_sets(directory)) or "none"
            raise UnknownLabelSetError(
                f"no label set {name!r}", where="--set", hint=f"there are: {have}"
            )
        # Not mode=ro: after a crash the first reader must be able to undo what was half written.
        uri = f"{path.resolve().as_uri()}?mode=rw"
        try:
            database = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS)
        except sqlite3.Error as error:
            raise _as_ours(error, path) from error
        opened = cls(name, path, database)
        try:
            with opened._errors():
                database.execute("PRAGMA query_only = ON")
                _check_version(database, path)
        except BaseException:
            opened.close()
            raise
        return opened

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> LabelSet:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn errors of SQLite into ours."""
        try:
            yield
        except sqlite3.Error as error:
            raise _as_ours(error, self._path) from error

    @property
    def digest(self) -> str:
        """SHA-256 over what the set says, hex: equal for equal labels, however they came in."""
        with self._errors():
            return str(self._database.execute("SELECT sha256 FROM digest").fetchone()[0])

    def check(self) -> None:
        """Read the whole set and compare it with its digest.

        Raises
        ------
        StoreDamagedError
            If they differ, a claim differs from its own digest, or the file is broken.
        """
        with self._errors():
            for digest, body in self._database.execute("SELECT digest, body FROM claim"):
                if hashlib.sha256(body.encode()).hexdigest() != digest:
                    raise StoreDamagedError("a claim was changed", where=str(self._path))
            if _compute_digest(self._database) != self.digest:
                raise StoreDamagedError("the labels were changed", where=str(self._path))

    def imports(self) -> list[ImportRecord]:
        """Return the ledger, oldest first."""
        with self._errors():
            rows = self._database.execute(
                "SELECT recorded, file, sha256, loaded, added, refused FROM import ORDER BY id"
            )
            return [ImportRecord(*row) for row in rows]

    def count(self) -> int:
        """Return how many labels the set holds."""
        with self._errors():
            return int(self._database.execute("SELECT count(*) FROM label").fetchone()[0])

    def labels_of(self, subject: str, network: str | None = None) -> list[Label]:
        """Return all labels of one address or transaction.

        Parameters
        ----------
        subject : str
            Address or transaction id.
        network : str, optional
            Only labels of this network's addresses. Without it: of all assets and networks.

        Returns
        -------
        list of Label
            Child protection first, then by confidence; see `in_order`. Empty where the set says
            nothing.
        """
        query = (
            "SELECT asset, network, subject, is_transaction, body, file, position, line"
            " FROM label JOIN claim ON claim.id = label.claim"
            " JOIN import ON import.id = label.import WHERE subject = ?"
        )
        arguments = [as_shown(subject, network or "main")]
        if network is not None:
            query += " AND asset = ? AND network = ?"
            arguments += [network_by_name(network).coin.asset, network]
        with self._errors():
            rows = self._database.execute(query, arguments).fetchall()
        return in_order(
            Label(asset, net, sub, bool(is_tx), Claim.from_canonical(body), file, position, line)
            for asset, net, sub, is_tx, body, file, position, line in rows
        )

    def matched(self, network: str) -> MatchedLabels:
        """Return the labels of all addresses of one network as columns.

        Notes
        -----
        Cost: some 2 microseconds a label of the set.
        """
        with self._errors():
            rows = self._database.execute(
                "SELECT subject, claim FROM label"
                " WHERE is_transaction = 0 AND asset = ? AND network = ?",
                (network_by_name(network).coin.asset, network),
            ).fetchall()
            bodies = self._database.execute("SELECT id, body FROM claim ORDER BY digest").fetchall()
        used = {claim for _, claim in rows}
        bodies = [(id_, body) for id_, body in bodies if id_ in used]
        rank = {id_: number for number, (id_, _) in enumerate(bodies)}
        pairs = sorted((subject, rank[claim]) for subject, claim in rows)
        return MatchedLabels(
            addresses=[subject for subject, _ in pairs],
            claim=np.array([number for _, number in pairs], dtype=np.int64),
            claims=tuple(Claim.from_canonical(body) for _, body in bodies),
        )

    def subjects(self) -> tuple[list[tuple[str, str, int]], tuple[Claim, ...]]:
        """Return the labels of addresses of every currency, for screening without a chain.

        Returns
        -------
        labels : list of tuple
            Asset, address, and index of the claim; ascending, one a label.
        claims : tuple of Claim
            Ordered by digest.
        """
        with self._errors():
            rows = self._database.execute(
                "SELECT asset, subject, claim FROM label WHERE is_transaction = 0"
            ).fetchall()
            bodies = self._database.execute("SELECT id, body FROM claim ORDER BY digest").fetchall()
        rank = {id_: number for number, (id_, _) in enumerate(bodies)}
        labels = sorted((asset, subject, rank[claim]) for asset, subject, claim in rows)
        return labels, tuple(Claim.from_canonical(body) for _, body in bodies)


def list_sets(directory: Path) -> list[str]:
    """Return the names of the sets in `directory`, sorted."""
    return sorted(p.stem for p in directory.glob("*.sqlite") if _NAME.fullmatch(p.stem))
