"""Loading label files into a store's sets."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from clewline.labels import ImportReport, import_files
from clewline.store.manifest import read_manifest
from clewline.workspace.attribution import labels_directory


def import_labels(
    store: Path, files: Sequence[Path], name: str = "public", *, recorded: int | None = None
) -> ImportReport:
    """Add label files to a named set of a store.

    Parameters
    ----------
    store : Path
        Directory of the chain store.
    files : sequence of Path
        TagPacks (``.yaml``), tables (``.csv``), or directories of them.
    name : str
        Name of the set.
    recorded : int, optional
        Time of the import, UTC seconds; now if not given. It changes no answer.

    Returns
    -------
    ImportReport
        What was loaded, and what was refused and why.

    Raises
    ------
    StoreMissingError
        If there is no store.
    UsageError, StoreLockedError, StoreVersionError, StorageError, StoreDamagedError
        As `clewline.labels.import_files`.
    """
    network = read_manifest(store).network
    now = int(time.time()) if recorded is None else recorded
    return import_files(files, labels_directory(store), name, network, recorded=now)
