"""Every table and column of the chain store: type, unit, order, null rule.

`FORMAT.md` is generated from this module. A change to `TABLES` is a new `FORMAT_VERSION` and
needs an upgrade note in the changelog.

Rows of all tables stand in chain order, so an id is the position of a row: the height of a block,
the running number of a transaction, an input, an output. `TABLES` are canonical: the same chain
gives the same bytes, however it was imported. `INDEXES` are derived from them, answer the same
questions the same way, and can be rebuilt.

Columns are appended to. Those marked *in place* also change earlier rows, in one way only: an entry
that said *none* comes to name a transaction or an output that was appended. So whoever reads an
earlier tip takes a number beyond its own counts for *none*, and sees what it saw before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

FORMAT_VERSION: Final = 2

HEADER: Final = np.dtype(
    [
        ("version", "<i4"),
        ("previous", "u1", (32,)),
        ("merkle_root", "u1", (32,)),
        ("time", "<u4"),
        ("bits", "<u4"),
        ("nonce", "<u4"),
    ]
)
"""A block header, 80 bytes as the network serialises it."""


@dataclass(frozen=True)
class Column:
    """One column file.

    Attributes
    ----------
    name : str
        Name within its table.
    dtype : numpy.dtype
        Little-endian element type.
    unit : str
        What a value counts.
    help : str
        Meaning, and why this width.
    shape : tuple of int
        Shape of one row; ``()`` for a scalar.
    null : str
        How absence is written, or that it cannot occur.
    offsets : bool
        The column has one more entry than its table has rows: row i of this table owns rows
        ``[i] : [i + 1]`` of another.
    rows : str
        Which count gives the number of entries, when not that of the table.
    in_place : bool
        Earlier rows may come to name something appended later.
    """

    name: str
    dtype: np.dtype[np.generic]
    unit: str
    help: str
    shape: tuple[int, ...] = ()
    null: str = "never null"
    offsets: bool = False
    rows: str = ""
    in_place: bool = False

    @property
    def row_bytes(self) -> int:
        """Bytes of one entry."""
        return int(self.dtype.itemsize) * int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True)
class Table:
    """Columns whose rows belong together."""

    name: str
    help: str
    columns: tuple[Column, ...]
    order: str = "chain order"


_U8, _U32, _U64 = np.dtype("u1"), np.dtype("<u4"), np.dtype("<u8")
_I32, _I64 = np.dtype("<i4"), np.dtype("<i8")

TABLES: Final = (
    Table(
        "block",
        "Blocks of the active chain; the id is the height.",
        (
            Column("hash", _U8, "bytes", "Block hash, internal byte order.", (32,)),
            Column("header", HEADER, "fields", "The 80 header bytes, as hashed."),
            Column("tx_start", _I64, "tx id", "First transaction (the coinbase).", offsets=True),
            Column(
                "script_start",
                _I64,
                "script id",
                "First script that this block was the first to use; a reorganisation cuts here.",
                offsets=True,
            ),
        ),
    ),
    Table(
        "tx",
        "Transactions. Ids fit 32 bits: 4.29 billion, three times the chain of 2026.",
        (
            Column(
                "txid",
                _U8,
                "bytes",
                "Transaction id, internal byte order. Not unique: two coinbases of 2010 repeat "
                "earlier ones (BIP-30).",
                (32,),
            ),
            Column(
                "input_start", _I64, "input id", "First input; a coinbase has none.", offsets=True
            ),
            Column("output_start", _I64, "output id", "First output.", offsets=True),
            Column("version", _I32, "number", "nVersion."),
            Column("locktime", _U32, "height or UTC seconds", "nLockTime."),
            Column("base_size", _U32, "bytes", "Size without witness data."),
            Column("total_size", _U32, "bytes", "Size with witness data; weight = 3 base + total."),
        ),
    ),
    Table(
        "input",
        "Inputs, but for those of coinbases.",
        (
            Column(
                "prevout",
                _I64,
                "output id",
                "The output that is spent; its value, script and age are the input's. 64 bits "
                "because 3.5 billion outputs near the end of 32.",
            ),
            Column("sequence", _U32, "number", "nSequence."),
        ),
    ),
    Table(
        "output",
        "Outputs: the unit of the ledger.",
        (
            Column("value", _I64, "satoshi", "Amount, 0 to 2.1e15."),
            Column("script", _U32, "script id", "Locking script. 1.5 billion of 4.29 are in use."),
        ),
    ),
    Table(
        "script",
        "Distinct locking scripts: the identity behind an address.",
        (
            Column("start", _I64, "byte", "First byte in `script.bytes`.", offsets=True),
            Column("kind", _U8, "code", "Type as Bitcoin Core names it (`ScriptKind`)."),
            Column("bytes", _U8, "bytes", "The scripts, end to end.", rows="script_byte"),
        ),
        order="order of first appearance in an output",
    ),
)

SHIELDED: Final = Table(
    "shielded",
    "Transactions with shielded parts. In stores of chains with shielded pools (Zcash) alone.",
    (
        Column("tx", _U32, "tx id", "The transaction, ascending; coinbases are among them."),
        Column(
            "value",
            _I64,
            "satoshi",
            "What went from its transparent part into the Sprout, the Sapling and the Orchard "
            "pool, net; negative what came out. What inputs bring is what outputs hold, these "
            "three and the fee.",
            (3,),
        ),
    ),
)
"""Canonical like `TABLES`, in stores whose counts name it."""

INDEXES: Final = (
    Table(
        "txid",
        "Transaction id to transaction.",
        (
            Column(
                "slots",
                _U64,
                "packed",
                "Open addressing, linear probing. The first 8 bytes of the id are a little-endian "
                "number: its highest bits are the slot where probing begins, its low 32 bits the "
                "slot's high 32 bits. Low 32 bits: tx id + 1.",
                null="0 is an empty slot",
                rows="txid_slot",
                in_place=True,
            ),
        ),
        order="hash order",
    ),
    Table(
        "scripthash",
        "Script to script id.",
        (
            Column(
                "slots",
                _U64,
                "packed",
                "As `txid.slots`, keyed by a 64-bit hash of the script; "
                "low 32 bits: script id + 1.",
                null="0 is an empty slot",
                rows="script_slot",
                in_place=True,
            ),
        ),
        order="hash order",
    ),
    Table(
        "spending",
        "Who spends an output.",
        (
            Column(
                "spender",
                _U32,
                "tx id",
                "Transaction that spends the output.",
                null="0xFFFFFFFF: unspent",
                rows="output",
                in_place=True,
            ),
        ),
    ),
    Table(
        "receiving",
        "Which outputs a script received: from its first, from each to the next.",
        (
            Column("first", _I64, "output id", "First output of each script.", rows="script"),
            Column(
                "next",
                _I64,
                "output id",
                "Next output of the same script.",
                null="-1: none",
                rows="output",
                in_place=True,
            ),
            Column(
                "last",
                _I64,
                "output id",
                "Last output of each script: where an import appends.",
                rows="script",
                in_place=True,
            ),
        ),
        order="script id or output id",
    ),
    Table(
        "structure",
        "What the engine derives from the chain alone.",
        (
            Column("coinjoin", _U8, "code", "CoinJoin family of the transaction.", rows="tx"),
            Column(
                "cluster",
                _U32,
                "script id",
                "Smallest script id of the cluster that the script belonged to when clusters were "
                "last written out; scripts that came later stand alone here.",
                rows="script",
            ),
            Column(
                "by_cluster",
                _U32,
                "script id",
                "Scripts of that time ordered by (cluster, id).",
                rows="clustered",
            ),
            Column(
                "join_from",
                _U32,
                "script id",
                "Cluster that a later transaction made part of another, in chain order.",
                rows="join",
            ),
            Column(
                "join_to",
                _U32,
                "script id",
                "That other cluster; its id is smaller.",
                rows="join",
            ),
        ),
    ),
)


def tables_of(counts: Collection[str]) -> tuple[Table, ...]:
    """Return the canonical tables of a store.

    Parameters
    ----------
    counts : collection of str
        The names of its counts.

    Returns
    -------
    tuple of Table
        In the order of their checksums.

    Examples
    --------
    >>> [table.name for table in tables_of({"tx": 2, "shielded": 1})][-1]
    'shielded'
    """
    return (*TABLES, SHIELDED) if SHIELDED.name in counts else TABLES


def columns(tables: tuple[Table, ...] = TABLES) -> Iterator[tuple[str, str, Column]]:
    """Yield (full name, name of the count that gives its rows, column) of each column.

    Examples
    --------
    >>> [name for name, rows, column in columns()][:2]
    ['block.hash', 'block.header']
    """
    for table in tables:
        for column in table.columns:
            yield f"{table.name}.{column.name}", column.rows or table.name, column


IN_PLACE: Final = tuple(name for name, _rows, column in columns(INDEXES) if column.in_place)
"""Full names of the index columns whose earlier rows change."""
