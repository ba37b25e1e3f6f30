"""The tables that Clewline exchanges: names, types and meaning, as `docs/TABLES.md` lists them.

Two schemas. *flat* is the store's own columns, one row a block, transaction, input, output or
script, from which a store can be built again exactly. *bitcoin-etl* is the form of the tool of that
name and of the public Bitcoin data sets made with it: blocks, and transactions that hold their
inputs and outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

TYPES: Final = MappingProxyType(
    {
        "int64": "64-bit integer",
        "int32": "32-bit integer",
        "uint32": "32-bit integer without sign",
        "uint8": "8-bit integer without sign",
        "hash": "32 bytes, internal byte order",
        "bytes": "bytes",
        "text": "text",
        "texts": "list of text",
        "flag": "true or false",
        "rows": "list of rows",
    }
)


@dataclass(frozen=True)
class Field:
    """One column.

    Attributes
    ----------
    name : str
    type : str
        One of `TYPES`.
    help : str
        Meaning and unit.
    lost : bool
        A store does not hold it, so an export leaves it null.
    needed : bool
        A store cannot be built without it.
    fields : tuple of Field
        Columns of the rows inside, of a list of rows.
    """

    name: str
    type: str
    help: str
    lost: bool = False
    needed: bool = True
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True)
class TableSchema:
    """One table."""

    name: str
    help: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Schema:
    """Tables that belong together, in the order in which they are written."""

    name: str
    tables: MappingProxyType[str, TableSchema]


def _schema(name: str, *tables: TableSchema) -> Schema:
    """Put tables under their names."""
    return Schema(name, MappingProxyType({table.name: table for table in tables}))


FLAT: Final = _schema(
    "flat",
    TableSchema(
        "blocks",
        "Blocks of the active chain.",
        (
            Field("height", "int64", "Number of the row."),
            Field("hash", "hash", "Block hash."),
            Field("version", "int32", "Header: nVersion."),
            Field("previous", "hash", "Header: hash of the block before."),
            Field("merkle_root", "hash", "Header: Merkle root of the transaction ids."),
            Field("time", "uint32", "Header: UTC seconds."),
            Field("bits", "uint32", "Header: compact target."),
            Field("nonce", "uint32", "Header: nonce."),
            Field("tx_count", "uint32", "Transactions; the first is the coinbase."),
            Field("script_count", "uint32", "Scripts that this block was the first to use."),
        ),
    ),
    TableSchema(
        "transactions",
        "Transactions.",
        (
            Field("tx", "uint32", "Number of the row."),
            Field("block", "int64", "Height."),
            Field("txid", "hash", "Transaction id. Not unique: BIP-30."),
            Field("input_count", "uint32", "Inputs; 0 for a coinbase."),
            Field("output_count", "uint32", "Outputs."),
            Field("version", "int32", "nVersion."),
            Field("locktime", "uint32", "nLockTime."),
            Field("base_size", "uint32", "Bytes without witness data."),
            Field("total_size", "uint32", "Bytes with witness data."),
        ),
    ),
    TableSchema(
        "inputs",
        "Inputs, but for those of coinbases.",
        (
            Field("input", "int64", "Number of the row."),
            Field("tx", "uint32", "Transaction that spends."),
            Field("prevout", "int64", "Output that is spent."),
            Field("sequence", "uint32", "nSequence."),
        ),
    ),
    TableSchema(
        "outputs",
        "Outputs.",
        (
            Field("output", "int64", "Number of the row."),
            Field("tx", "uint32", "Transaction that pays."),
            Field("value", "int64", "Satoshi."),
            Field("script", "uint32", "Locking script."),
        ),
    ),
    TableSchema(
        "scripts",
        "Distinct locking scripts, in order of first appearance in an output.",
        (
            Field("script", "uint32", "Number of the row."),
            Field("kind", "uint8", "Type (`ScriptKind`)."),
            Field("bytes", "bytes", "The script."),
        ),
    ),
)

_INPUTS: Final = (
    Field("index", "int64", "Position in the transaction."),
    Field("spent_transaction_hash", "text", "Transaction that made the output spent."),
    Field("spent_output_index", "int64", "Which of its outputs."),
    Field("script_asm", "text", "Unlocking script as Core's assembly.", lost=True, needed=False),
    Field(
        "script_hex",
        "text",
        "Unlocking script. An import takes sizes without witness data from its length.",
        lost=True,
        needed=False,
    ),
    Field("sequence", "int64", "nSequence."),
    Field("required_signatures", "int64", "Of the output spent.", needed=False),
    Field("type", "text", "Of the output spent.", needed=False),
    Field("addresses", "texts", "Of the output spent.", needed=False),
    Field("value", "int64", "Satoshi of the output spent.", needed=False),
)
_OUTPUTS: Final = (
    Field("index", "int64", "Position in the transaction."),
    Field("script_asm", "text", "Locking script as Core's assembly.", needed=False),
    Field("script_hex", "text", "Locking script."),
    Field("required_signatures", "int64", "Null where there is no address.", needed=False),
    Field(
        "type",
        "text",
        "Type as Core names it; `nonstandard` for every script without an address, data outputs "
        "among them.",
        needed=False,
    ),
    Field(
        "addresses",
        "texts",
        "Address; of a bare public key or multisig, the address of each key's hash; of a script "
        "without one, `nonstandard` and 40 hex digits of its SHA-256.",
        needed=False,
    ),
    Field("value", "int64", "Satoshi."),
)

BITCOIN_ETL: Final = _schema(
    "bitcoin-etl",
    TableSchema(
        "blocks",
        "Blocks of the active chain.",
        (
            Field("hash", "text", "Block hash."),
            Field("size", "int64", "Bytes.", needed=False),
            Field("stripped_size", "int64", "Bytes without witness data.", needed=False),
            Field("weight", "int64", "Three times the stripped size and the size.", needed=False),
            Field("number", "int64", "Height."),
            Field("version", "int64", "nVersion, signed."),
            Field("merkle_root", "text", "Merkle root of the transaction ids."),
            Field("timestamp", "int64", "UTC seconds."),
            Field("nonce", "text", "Nonce in hex, without leading zeros."),
            Field("bits", "text", "Compact target in hex, eight digits."),
            Field("coinbase_param", "text", "Script of the coinbase.", lost=True, needed=False),
            Field("transaction_count", "int64", "Transactions."),
        ),
    ),
    TableSchema(
        "transactions",
        "Transactions in chain order, with inputs and outputs.",
        (
            Field("hash", "text", "Transaction id (txid)."),
            Field("size", "int64", "Bytes with witness data."),
            Field("virtual_size", "int64", "A quarter of the weight, rounded up."),
            Field("version", "int64", "nVersion, signed."),
            Field("lock_time", "int64", "nLockTime."),
            Field("block_number", "int64", "Height."),
            Field("block_hash", "text", "Block hash.", needed=False),
            Field("block_timestamp", "int64", "UTC seconds.", needed=False),
            Field("is_coinbase", "flag", "First of its block."),
            Field("index", "int64", "Position in the block.", needed=False),
            Field("inputs", "rows", "Inputs; none for a coinbase.", fields=_INPUTS),
            Field("outputs", "rows", "Outputs.", fields=_OUTPUTS),
            Field("input_count", "int64", "Length of `inputs`.", needed=False),
            Field("output_count", "int64", "Length of `outputs`.", needed=False),
            Field("input_value", "int64", "Satoshi; 0 for a coinbase.", needed=False),
            Field("output_value", "int64", "Satoshi.", needed=False),
            Field("fee", "int64", "Satoshi; 0 for a coinbase.", needed=False),
        ),
    ),
)

SCHEMAS: Final = MappingProxyType({schema.name: schema for schema in (FLAT, BITCOIN_ETL)})
