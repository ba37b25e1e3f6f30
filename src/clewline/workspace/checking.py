"""Checking a whole store: columns and indexes, what was derived from them, and the label sets."""

from __future__ import annotations

from pathlib import Path

from clewline.engine.clustering import cluster_order
from clewline.errors import StoreDamagedError, StoreVersionError
from clewline.labels import LabelSet, list_sets
from clewline.store.check import CheckReport, check_columns
from clewline.store.importer import Progress, no_progress
from clewline.workspace.attribution import labels_directory
from clewline.workspace.exposure_index import list_indexes, wrong_files
from clewline.workspace.importing import chain_of, whole_structure


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
        derived = whole_structure(chain_of(store), mweb=store.network.coin.form.mweb)
        for name in ("structure.coinjoin", "structure.cluster"):
            if (derived[name] != store.column(name)).any():
                report.wrong.append(f"{path}: {name}: differs from what the chain gives")
        clustered = store.manifest.index_counts["clustered"]
        order = cluster_order(store.written("structure.cluster")[:clustered])
        if (order != store.column("structure.by_cluster")).any():
            report.wrong.append(f"{path}: structure.by_cluster: is not ordered by cluster")
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
