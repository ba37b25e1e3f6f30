"""Questions in SQL: DuckDB in memory over the columns of a store, which stay where they are.

Numbers are read from the mapped columns without a copy. Text (hashes, scripts, addresses) and
what follows from offsets is computed for the rows that a query touches, by the functions of
`_functions`. A query can read the views and nothing else: one statement that only reads, no file,
no extension, no setting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from math import isfinite
from types import TracebackType
from typing import Any, Final, Self

import duckdb
import numpy as np
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType
from duckdb.sqltypes import BIGINT, VARCHAR
from numpy.typing import NDArray

from clewline.codec.address import decode_addresses, encode_addresses
from clewline.errors import UnavailableError, UsageError
from clewline.interop.arrow import array_of, numbers, shown_hashes, texts
from clewline.interop.script_text import hex_of
from clewline.interop.views import CLAIM_COLUMNS, VIEWS, LabelRows, View
from clewline.jit import kernel
from clewline.store.link import gather_bytes
from clewline.store.reader import ChainStore

_ROWS_AT_ONCE: Final = 4096
_READING: Final = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
_LOCKS: Final = (
    "SET python_enable_replacements = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET allow_persistent_secrets = false",
    "SET temp_directory = ''",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)
Int64 = NDArray[np.int64]


@kernel
def _sums_of(tx: Int64, starts: Int64, value: Int64, total: Int64) -> None:
    """Sum the outputs that each transaction made."""
    for i in range(tx.size):
        total[i] = 0
        for output in range(starts[tx[i]], starts[tx[i] + 1]):
            total[i] += value[output]


@kernel
def _spent_sums(tx: Int64, starts: Int64, prevout: Int64, value: Int64, total: Int64) -> None:
    """Sum the outputs that each transaction spent."""
    for i in range(tx.size):
        total[i] = 0
        for row in range(starts[tx[i]], starts[tx[i] + 1]):
            total[i] += value[prevout[row]]


class Database:
    """The views of one tip, open for questions; use it as a context manager or close it.

    Parameters
    ----------
    store : ChainStore
        A published tip.
    labels : LabelRows
        For the view ``labels``.
    shapes : list of str or None
        Name of each CoinJoin shape by its code; None for no CoinJoin.
    """

    def __init__(self, store: ChainStore, labels: LabelRows, shapes: list[str | None]) -> None:
        self._store = store
        self._shapes = pa.array(shapes, pa.string())
        self._connection = duckdb.connect(":memory:")
        for name, (types, answer, function) in self._functions().items():
            self._connection.create_function(
                name,
                function,
                types,
                answer,
                type=PythonUDFType.ARROW,
                null_handling=FunctionNullHandling.SPECIAL,
            )
        for name, columns in self._tables(labels).items():
            self._connection.register(f"stored_{name}", columns)
        tip_tx = store.manifest.counts["tx"]
        self._connection.execute(f"SET VARIABLE tip_tx = {tip_tx}")
        for view in VIEWS:
            self._connection.execute(_definition(view))
        for statement in _LOCKS:
            self._connection.execute(statement)

    def __enter__(self) -> Self:
        """Return the database itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the columns."""
        self._connection.close()

    def rows(self, query: str) -> Iterator[dict[str, Any]]:
        """Answer one query.

        Parameters
        ----------
        query : str
            One statement that reads: SELECT, FROM, WITH, VALUES, SHOW, DESCRIBE, EXPLAIN.

        Yields
        ------
        dict
            One row; plain values, times in ISO 8601, bytes in hex.

        Raises
        ------
        UsageError
            If it is another statement, reads what is not there, or names two columns alike.
        UnavailableError
            If it needs more memory than there is.
        """
        connection = self._connection
        try:
            statements = connection.extract_statements(query)
            if len(statements) != 1 or statements[0].type not in _READING:
                raise UsageError(
                    "one statement that reads is allowed: SELECT, FROM, WITH, VALUES, SHOW, "
                    "DESCRIBE or EXPLAIN",
                    where="QUERY",
                )
            answer = connection.sql(statements[0].query)
            names = answer.columns
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise UsageError(
                    f"two columns of the answer are called {twice[0]!r}",
                    where="QUERY",
                    hint="name them with AS",
                )
            for batch in answer.to_arrow_reader(_ROWS_AT_ONCE):
                for row in batch.to_pylist():
                    yield {name: plain(value) for name, value in row.items()}
        except duckdb.OutOfMemoryException as error:
            raise UnavailableError(
                f"the query needs more memory than there is: {_line(error)}", where="QUERY"
            ) from None
        except duckdb.Error as error:
            raise UsageError(_line(error), where="QUERY") from None

    def _tables(self, labels: LabelRows) -> dict[str, Any]:
        """Return the columns that the views are made of, over the store's own memory."""
        column = self._store.column
        header = column("block.header")
        spender = numbers(column("spending.spender"))
        tx_input, tx_output = column("tx.input_start"), column("tx.output_start")
        first_input, end_input = numbers(tx_input[:-1]), numbers(tx_input[1:])
        if (coverage := self._store.coverage) is not None:
            unknown = (coverage.settled == 0) & (
                column("spending.spender") >= self._store.manifest.counts["tx"]
            )
            spender = pa.array(column("spending.spender"), mask=unknown)
            unloaded = np.arange(tx_input.size - 1) < coverage.outputs_only
            first_input = pa.array(tx_input[:-1], mask=unloaded)
        return {
            "blocks": pa.table(
                {
                    "version": numbers(header["version"]),
                    "time": numbers(self._store.block_time),
                    "bits": numbers(header["bits"]),
                    "nonce": numbers(header["nonce"]),
                    "first_tx": numbers(column("block.tx_start")[:-1]),
                    "end_tx": numbers(column("block.tx_start")[1:]),
                }
            ),
            "transactions": pa.table(
                {
                    "first_input": first_input,
                    "end_input": end_input,
                    "first_output": numbers(tx_output[:-1]),
                    "end_output": numbers(tx_output[1:]),
                    "coinjoin": numbers(column("structure.coinjoin")),
                    **{
                        name: numbers(column(f"tx.{name}"))
                        for name in ("version", "locktime", "base_size", "total_size")
                    },
                }
            ),
            "inputs": pa.table(
                {
                    "prevout": numbers(column("input.prevout")),
                    "sequence": numbers(column("input.sequence")),
                }
            ),
            "outputs": pa.table(
                {
                    "value": numbers(column("output.value")),
                    "script": numbers(column("output.script")),
                    "spender": spender,
                }
            ),
            "scripts": pa.table(
                {
                    "kind": numbers(column("script.kind")),
                    "cluster": numbers(column("structure.cluster")),
                }
            ),
            "labels": _label_table(labels),
        }

    def _functions(self) -> dict[str, tuple[list[Any], Any, Callable[[Any], Any]]]:
        """Return the functions that views and queries call: types, type of the answer, function."""
        column, counts = self._store.column, self._store.manifest.counts
        block_tx, tx_output = column("block.tx_start"), column("tx.output_start")
        prevout, value = column("input.prevout"), column("output.value")
        header = column("block.header")

        def number(rows: str, look_up: Callable[[Int64], NDArray[Any]]) -> Any:
            def of(ids: Int64) -> Any:
                return numbers(look_up(ids).astype(np.int64))

            return [BIGINT], BIGINT, _by_id(counts[rows], of)

        def of_place(look_up: Callable[[Int64], NDArray[np.int64]]) -> Any:
            """Answer null for the block of a partial store that is no block."""

            def of(ids: Int64) -> Any:
                return pa.array(look_up(ids), mask=self._store.height_of(ids) < 0)

            return [BIGINT], BIGINT, _by_id(counts["block"], of)

        def text(rows: str, look_up: Callable[[Int64], Any]) -> Any:
            return [BIGINT], VARCHAR, _by_id(counts[rows], look_up)

        def total(kernel_: Callable[..., None], *columns: NDArray[Any]) -> Any:
            def of(ids: Int64) -> NDArray[Any]:
                sums = np.empty(ids.size, np.int64)
                kernel_(ids, *columns, sums)
                return sums

            return number("tx", of)

        def owner(starts: NDArray[np.int64]) -> Callable[[Int64], NDArray[Any]]:
            return lambda ids: np.searchsorted(starts, ids, side="right") - 1

        return {
            "txid_of": text("tx", lambda ids: shown_hashes(column("tx.txid")[ids])),
            "script_hex": text("script", self._script_hex),
            "address_of": text("script", self._addresses),
            "tx_of": ([VARCHAR], BIGINT, self._find_tx),
            "script_of": ([VARCHAR], BIGINT, self._find_script),
            "coinjoin_shape": (
                [BIGINT],
                VARCHAR,
                _by_id(len(self._shapes), lambda ids: self._shapes.take(pa.array(ids))),
            ),
            "block_of_tx": number("tx", owner(block_tx)),
            "height_of_block": of_place(self._store.height_of),
            "time_of_block": of_place(lambda ids: self._store.block_time[ids]),
            "hash_of_block": text("block", lambda ids: shown_hashes(column("block.hash")[ids])),
            "previous_of_block": text("block", lambda ids: shown_hashes(header["previous"][ids])),
            "merkle_root_of_block": text(
                "block", lambda ids: shown_hashes(header["merkle_root"][ids])
            ),
            "tx_of_output": number("output", owner(tx_output)),
            "first_output_of_tx": number("tx", lambda ids: tx_output[ids]),
            "spender_of_output": number("output", lambda ids: column("spending.spender")[ids]),
            "value_of_output": number("output", lambda ids: value[ids]),
            "script_of_output": number("output", lambda ids: column("output.script")[ids]),
            "output_value_of_tx": total(_sums_of, tx_output, value),
            "into_pools_of_tx": number("tx", self._into_pools),
            "input_value_of_tx": total(_spent_sums, column("tx.input_start"), prevout, value),
        }

    def _into_pools(self, txs: Int64) -> NDArray[np.int64]:
        """Return what transactions bring into shielded pools."""
        shielded = self._store.shielded_tx
        if not shielded.size:
            return np.zeros(txs.size, np.int64)
        at = np.minimum(np.searchsorted(shielded, txs), shielded.size - 1)
        into = self._store.column("shielded.value")[at].sum(axis=1)
        return np.where(shielded[at] == txs, into, 0)

    def _script_hex(self, scripts: Int64) -> Any:
        """Return scripts in hex."""
        starts = self._store.column("script.start")
        begins = np.ascontiguousarray(starts[scripts])
        lengths = starts[scripts + 1] - begins
        data = np.empty(int(lengths.sum()), np.uint8)
        gather_bytes(self._store.column("script.bytes"), begins, lengths, scripts.size, data)
        bounds = np.zeros(scripts.size + 1, np.int64)
        np.cumsum(2 * lengths, out=bounds[1:])
        return texts(hex_of(data), bounds)

    def _addresses(self, scripts: Int64) -> Any:
        """Return the address of each script, null where Core shows none."""
        column = self._store.column
        shown = encode_addresses(
            column("script.bytes"),
            column("script.start"),
            column("script.kind"),
            self._store.network,
            ids=scripts,
        )
        return pa.array(shown, pa.string())

    def _find_tx(self, column: Any) -> Any:
        """Return the transaction of each id, null where there is none."""
        wanted = [_id_bytes(text) for text in array_of(column).to_pylist()]
        found = self._store.find_txids([raw or bytes(32) for raw in wanted])
        known = np.array([raw is not None for raw in wanted], np.bool_)
        return pa.array(found, mask=~known | (found < 0))

    def _find_script(self, column: Any) -> Any:
        """Return the script of each address, null where no output pays to it."""
        wanted = [text or "" for text in array_of(column).to_pylist()]
        decoded = decode_addresses(wanted, self._store.network)
        found = self._store.find_scripts(decoded.blob, decoded.starts)
        return pa.array(found, mask=(found < 0) | (np.diff(decoded.starts) == 0))


_LABEL_TYPES: Final = {str: pa.string(), bool: pa.bool_(), int: pa.int64()}


def _label_table(labels: LabelRows) -> Any:
    """Return labels as a table: what a claim says is written down once, and looked up."""
    columns = zip(*labels.claims, strict=True) if labels.claims else [()] * len(CLAIM_COLUMNS)
    claims = pa.table(
        {
            name: pa.array(values, _LABEL_TYPES[kind])
            for (name, kind), values in zip(CLAIM_COLUMNS.items(), columns, strict=True)
        }
    )
    return (
        claims.take(pa.array(labels.claim))
        .append_column("address", pa.array(labels.address, pa.string()))
        .append_column("script", pa.array(labels.script, mask=labels.script < 0))
    )


def _by_id(count: int, look_up: Callable[[Int64], Any]) -> Callable[[Any], Any]:
    """Return a function over a column of ids that answers null for ids that are not there."""

    def of(column: Any) -> Any:
        column = array_of(column)
        given = np.asarray(column.fill_null(-1).to_numpy(zero_copy_only=False), np.int64)
        there = (given >= 0) & (given < count)
        found = look_up(given[there])
        return found if there.all() else found.take(pa.array(there.cumsum() - 1, mask=~there))

    return of


def _id_bytes(text: str | None) -> bytes | None:
    """Return a transaction id in internal byte order, None where the text is none."""
    try:
        raw = bytes.fromhex(text or "")
    except ValueError:
        return None
    return raw[::-1] if len(raw) == 32 else None


def _definition(view: View) -> str:
    """Return the statement that makes a view."""
    columns = ", ".join(f"{one.sql} AS {one.name}" for one in view.columns)
    return f"CREATE VIEW {view.name} AS SELECT {columns} FROM {view.source}"  # noqa: S608 - ours


def plain(value: Any) -> Any:
    """Return a value of an answer as plain data.

    Examples
    --------
    >>> plain(Decimal(5)), plain(b"j!"), plain(datetime(2009, 1, 3, 18, 15, 5))
    (5, '6a21', '2009-01-03T18:15:05Z')
    """
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if value is None or isinstance(value, str | int):
        return value
    return str(value)


def _line(error: Exception) -> str:
    """Return an error of DuckDB on one line."""
    return " ".join(str(error).split())
