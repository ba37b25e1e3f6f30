"""Checking a whole store: columns and indexes, what was derived from them, and the label sets."""

from __future__ import annotations

from pathlib import Path

from clewline.errors import StoreDamagedError, StoreVersionError
from clewline.labels import LabelSet, list_sets
from clewline.store.check import CheckReport, check_columns
from clewline.store.importer import Progress, no_progress
from clewline.workspace.attribution import labels_directory
from clewline.workspace.exposure_index import list_indexes, wrong_files
from clewline.workspace.importing import structure_of


def check_store(
    path: Path, core_blocks: Path | None = None, progress: Progress = no_progress
) -> CheckReport:
    """Check every byte of a store, every rule, every index, the label sets and exposure indexes.

    Parameters
    ----------
    path : Path
        Directory of the chain store.
    core_blocks : Path, optional
        Blocks directory of a node, whose undo data is compared with what inputs spent.
    progress : callable
        Told stage, done and total.

    Returns
    -------
    CheckReport
        Nothing in ``wrong`` if all is well.

    Raises
    ------
    StoreMissingError, StoreVersionError, BlockFileError
    """
    report, store = check_columns(path, core_blocks, progress)
    if store is not None:
        for name, derived in structure_of(store, None).items():
            if (derived != store.column(name)).any():
                report.wrong.append(f"{path}: {name}: differs from what the chain gives")
        report.checked.append("CoinJoin shapes and clusters")
    for name in list_sets(labels_directory(path)):
        try:
            with LabelSet.open(labels_directory(path), name) as label_set:
                label_set.check()
        except StoreDamagedError as error:
            report.wrong.append(str(error))
        report.checked.append(f"label set {name}")
    for index in list_indexes(path):
        try:
            report.wrong += wrong_files(index)
        except (StoreDamagedError, StoreVersionError) as error:
            report.wrong.append(str(error))
        report.checked.append(f"exposure index {index.name}, byte by byte")
    return report
