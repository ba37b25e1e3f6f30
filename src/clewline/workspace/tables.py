"""Tables of a store in other people's forms, and stores from such tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clewline.codec.address import decode_addresses
from clewline.codec.networks import NETWORKS, network_by_name
from clewline.engine.heuristics.coinjoin import CoinJoin
from clewline.errors import DataError, UsageError
from clewline.interop import require
from clewline.interop.schemas import SCHEMAS, Schema
from clewline.interop.views import LabelRows
from clewline.labels import LabelSet, list_sets
from clewline.store.importer import Progress, no_progress
from clewline.store.manifest import NAME
from clewline.store.reader import ChainStore
from clewline.store.writer import StoreWriter
from clewline.workspace.attribution import labels_directory
from clewline.workspace.importing import ImportResult, chain_of, whole_structure

ALL = "all"


def export_tables(
    store: ChainStore,
    to: Path,
    schema: str = "flat",
    tables: Sequence[str] = (ALL,),
    progress: Progress = no_progress,
) -> dict[str, int]:
    """Write tables of a store as Parquet files into a new directory.

    Parameters
    ----------
    store : ChainStore
        A published tip.
    to : Path
        Must not exist, or be empty.
    schema : {"flat", "bitcoin-etl"}
        Form of the tables.
    tables : sequence of str
        Tables of the schema; ``all`` for each of them.
    progress : callable
        Told stage, done and total.

    Returns
    -------
    dict of str to int
        Rows of each table written.

    Raises
    ------
    UsageError
        If the directory holds anything, or a table is not one of the schema.
    StorageError, UnavailableError
    """
    chosen = _schema(schema)
    wanted = list(chosen.tables) if ALL in tables else list(dict.fromkeys(tables))
    unknown = [table for table in wanted if table not in chosen.tables]
    if unknown:
        raise UsageError(
            f"schema {schema} has no table {unknown[0]!r}; it has {', '.join(chosen.tables)}",
            where="--table",
        )
    if store.coverage is not None:
        raise UsageError(
            "this store holds a part of a chain; such tables are of a whole one",
            where="--to",
            hint="clewline sql and clewline chain export without --to read it",
        )
    require("pyarrow")
    from clewline.interop import bitcoin_etl, flat
    from clewline.interop.parquet import write_tables

    build = {"flat": flat, "bitcoin-etl": bitcoin_etl}[schema].record_batch
    return write_tables(store, chosen, wanted, build, to, progress)


def import_tables(
    store: Path,
    directory: Path,
    schema: str | None = None,
    network: str | None = None,
    progress: Progress = no_progress,
) -> ImportResult:
    """Build a new store from Parquet tables.

    Parameters
    ----------
    store : Path
        Must not hold a store yet.
    directory : Path
        Holds all tables of a schema, as ``<table>.parquet`` or ``<table>/*.parquet``.
    schema : {"flat", "bitcoin-etl"}, optional
        Told from the tables if not given: only *flat* has a table of scripts.
    network : str, optional
        Refuse a chain of any other; told from the first block if not given.
    progress : callable
        Told stage, done and total.

    Returns
    -------
    ImportResult
        What was done. Where the tables were written by Clewline, the digest is that of the store
        they were written from.

    Raises
    ------
    DataError
        What tables and columns are missing, or what is wrong with them and where; nothing is
        left behind.
    UsageError
        If there is a store already.
    ChainError, StorageError, StoreLockedError, UnavailableError
    """
    require("pyarrow")
    from clewline.interop.bitcoin_etl_import import BitcoinEtlTables
    from clewline.interop.flat_import import FlatTables
    from clewline.interop.rows import check_headers

    if not directory.is_dir():
        raise DataError("is not a directory", where=str(directory))
    if (store / NAME).exists():
        raise UsageError("there is a store already; tables make a new one", where=str(store))
    if schema is None:
        has_scripts = any(directory.glob("scripts*"))
        schema = "flat" if has_scripts else "bitcoin-etl"
    _schema(schema)
    tables = FlatTables(directory) if schema == "flat" else BitcoinEtlTables(directory)
    said = NETWORKS.get(network or str(tables.about.get("network")))
    if said and said.coin.form.shielded:
        raise UsageError(
            f"tables of {said.coin.name} cannot be imported: they hold neither what goes into its "
            "shielded pools nor the headers that its blocks are named by",
            where=str(directory),
            hint="import blocks: from files or from a node",
        )
    wanted = network_by_name(network) if network else None
    header = tables.read_headers(wanted)
    kind = check_headers(header, wanted, str(directory))
    with StoreWriter(store, kind) as writer:
        tables.append_to(writer, lambda done, total: progress("Importing blocks", done, total))
        progress("Building indexes", 0, 2)
        sealed = writer.seal()
        promised = tables.about.get("digest", sealed.manifest.digest)
        if promised != sealed.manifest.digest:
            raise DataError(
                f"the tables give digest {sealed.manifest.digest}; they say that they were "
                f"written from a store of digest {promised}",
                where=str(directory),
            )
        progress("Clustering addresses", 1, 2)
        structure = whole_structure(chain_of(sealed), mweb=kind.coin.form.mweb)
        manifest = writer.publish(sealed, structure, anew=True)
        progress("Clustering addresses", 2, 2)
        return ImportResult(manifest, manifest.counts["block"], removed=0, stale=0, cut=())


def _schema(name: str) -> Schema:
    """Return a schema by name."""
    if name not in SCHEMAS:
        raise UsageError(
            f"unknown schema {name!r}; allowed: {', '.join(SCHEMAS)}", where="--schema"
        )
    return SCHEMAS[name]


def query(store: ChainStore, text: str) -> Iterator[dict[str, Any]]:
    """Answer a query in SQL over the views of a store.

    Parameters
    ----------
    store : ChainStore
        A published tip.
    text : str
        One statement that reads.

    Yields
    ------
    dict
        One row, plain values.

    Raises
    ------
    UsageError
        If the query does anything else than to read the views.
    UnavailableError
        If DuckDB is not installed, or the query needs more memory than there is.
    """
    require("pyarrow", "duckdb")
    from clewline.interop.sql import Database

    shapes = [CoinJoin(code).family for code in range(len(CoinJoin))]
    with Database(store, _labels(store), shapes) as database:
        yield from database.rows(text)


def _labels(store: ChainStore) -> LabelRows:
    """Return the labels of addresses of the store's network."""
    directory = labels_directory(store.path)
    addresses: list[str] = []
    claims: list[tuple[Any, ...]] = []
    script, claim = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for name in list_sets(directory):
        with LabelSet.open(directory, name) as label_set:
            matched = label_set.matched(store.manifest.network)
        decoded = decode_addresses(matched.addresses, store.network)
        found = store.find_scripts(decoded.blob, decoded.starts)
        script.append(np.where(np.diff(decoded.starts) > 0, found, -1))
        claim.append(matched.claim + len(claims))
        addresses += matched.addresses
        claims += [
            (
                name,
                one.entity,
                one.actor,
                one.category,
                one.is_service,
                one.child_protection,
                one.type,
                one.inherits,
                one.confidence,
                one.level,
                one.source,
                one.observed,
            )
            for one in matched.claims
        ]
    return LabelRows(addresses, np.concatenate(script), np.concatenate(claim), claims)
