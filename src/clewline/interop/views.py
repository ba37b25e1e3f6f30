"""The views that `clewline sql` offers, as `docs/TABLES.md` lists them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clewline.codec.script import ScriptKind


@dataclass(frozen=True)
class ViewColumn:
    """One column of a view.

    Attributes
    ----------
    name : str
    sql : str
        What it is computed from.
    help : str
        Meaning and unit.
    """

    name: str
    sql: str
    help: str


@dataclass(frozen=True)
class View:
    """One view.

    Attributes
    ----------
    name : str
    source : str
        What it selects from.
    help : str
    columns : tuple of ViewColumn
    """

    name: str
    source: str
    help: str
    columns: tuple[ViewColumn, ...]


@dataclass(frozen=True)
class Function:
    """One function for queries."""

    name: str
    help: str


def _numbered(table: str, number: str) -> str:
    """Return a stored table with its rows numbered from 0, in its own order."""
    return f"(SELECT *, row_number() OVER () - 1 AS {number} FROM stored_{table})"  # noqa: S608 - ours


def _name_list(names: list[str]) -> str:
    """Return a list of texts as SQL."""
    return "[" + ", ".join(f"'{name}'" for name in names) + "]"


_KINDS: Final = _name_list([kind.core_name for kind in ScriptKind])
# Null, and so is what follows from it, where a partial store does not hold the inputs.
# A transaction without inputs that takes its money out of a shielded pool is of CoinJoin shape 11.
_COINBASE: Final = "(first_input = end_input AND coinjoin <> 11)"

VIEWS: Final = (
    View(
        "blocks",
        _numbered("blocks", "block"),
        "Blocks of the active chain. Of a partial store: those that something is loaded of; the "
        "first, without a height, holds transactions that are known for their outputs alone.",
        (
            ViewColumn("height", "height_of_block(block)", "Height."),
            ViewColumn("hash", "hash_of_block(block)", "Block hash, as shown."),
            ViewColumn("previous", "previous_of_block(block)", "Hash of the block before."),
            ViewColumn("merkle_root", "merkle_root_of_block(block)", "Merkle root, as shown."),
            ViewColumn("time", "make_timestamp(time * 1000000)", "Time of the header, UTC."),
            ViewColumn("version", "version", "nVersion."),
            ViewColumn("bits", "bits", "Compact target."),
            ViewColumn("nonce", "nonce", "Nonce."),
            ViewColumn("first_tx", "first_tx", "First transaction, the coinbase."),
            ViewColumn("tx_count", "end_tx - first_tx", "Transactions."),
        ),
    ),
    View(
        "transactions",
        _numbered("transactions", "tx"),
        "Transactions.",
        (
            ViewColumn("tx", "tx", "Number of the transaction, in chain order."),
            ViewColumn("txid", "txid_of(tx)", "Transaction id, as shown."),
            ViewColumn("height", "height_of_block(block_of_tx(tx))", "Height of its block."),
            ViewColumn(
                "time",
                "make_timestamp(time_of_block(block_of_tx(tx)) * 1000000)",
                "Time of its block, UTC.",
            ),
            ViewColumn(
                "coinbase",
                _COINBASE,
                "First of its block; null where its inputs are not loaded. On Dash, special "
                "transactions without inputs, too.",
            ),
            ViewColumn("input_count", "end_input - first_input", "Inputs; 0 for a coinbase."),
            ViewColumn("output_count", "end_output - first_output", "Outputs."),
            ViewColumn(
                "input_value",
                f"CASE WHEN {_COINBASE} IS NOT NULL THEN input_value_of_tx(tx) END",
                "Satoshi; 0 for a coinbase.",
            ),
            ViewColumn("output_value", "output_value_of_tx(tx)", "Satoshi."),
            ViewColumn(
                "fee",
                f"CASE WHEN NOT {_COINBASE} "
                "THEN input_value_of_tx(tx) - output_value_of_tx(tx) - into_pools_of_tx(tx) END",
                "Satoshi; null for a coinbase.",
            ),
            ViewColumn(
                "into_pools",
                "into_pools_of_tx(tx)",
                "Satoshi that went into shielded pools (Zcash), net; negative what came out.",
            ),
            ViewColumn("version", "version", "nVersion."),
            ViewColumn("locktime", "locktime", "nLockTime."),
            ViewColumn("total_size", "total_size", "Bytes with witness data."),
            ViewColumn(
                "virtual_size",
                "(3 * base_size::BIGINT + total_size + 3) // 4",
                "A quarter of the weight, rounded up.",
            ),
            ViewColumn("coinjoin", "coinjoin_shape(coinjoin)", "CoinJoin shape; null for none."),
        ),
    ),
    View(
        "inputs",
        _numbered("inputs", "input"),
        "Inputs, but for those of coinbases.",
        (
            ViewColumn("input", "input", "Number of the input, in chain order."),
            ViewColumn("tx", "spender_of_output(prevout)", "Transaction that spends."),
            ViewColumn("prevout", "prevout", "Output that is spent."),
            ViewColumn("value", "value_of_output(prevout)", "Satoshi of it."),
            ViewColumn("script", "script_of_output(prevout)", "Its locking script."),
            ViewColumn("sequence", "sequence", "nSequence."),
        ),
    ),
    View(
        "outputs",
        _numbered("outputs", "output"),
        "Outputs.",
        (
            ViewColumn("output", "output", "Number of the output, in chain order."),
            ViewColumn("tx", "tx_of_output(output)", "Transaction that pays."),
            ViewColumn(
                "vout", "output - first_output_of_tx(tx_of_output(output))", "Position in it."
            ),
            ViewColumn("value", "value", "Satoshi."),
            ViewColumn("script", "script::BIGINT", "Locking script."),
            ViewColumn(
                "spent_by",
                # Beyond the tip: unspent, or spent by what was appended since it was opened.
                "CASE WHEN spender < getvariable('tip_tx') THEN spender::BIGINT END",
                "Transaction that spends it; null where no loaded one does.",
            ),
            ViewColumn(
                "unspent",
                "spender >= getvariable('tip_tx')",
                "Whether none spends it; null where a partial store does not know.",
            ),
        ),
    ),
    View(
        "scripts",
        _numbered("scripts", "script"),
        "Distinct locking scripts.",
        (
            ViewColumn("script", "script", "Number of the script."),
            ViewColumn("kind", f"{_KINDS}[kind + 1]", "Type as Core names it."),
            ViewColumn("hex", "script_hex(script)", "The script."),
            ViewColumn("address", "address_of(script)", "Its address; null where it has none."),
            ViewColumn("cluster", "cluster::BIGINT", "Cluster: scripts spent together."),
        ),
    ),
    View(
        "addresses",
        "scripts WHERE address IS NOT NULL",
        "Scripts that have an address.",
        (
            ViewColumn("address", "address", "Address, as Core shows it."),
            ViewColumn("script", "script", "Its script."),
            ViewColumn("kind", "kind", "Type as Core names it."),
            ViewColumn("cluster", "cluster", "Cluster."),
        ),
    ),
    View(
        "clusters",
        "(SELECT cluster::BIGINT AS cluster, count(*) AS size FROM stored_scripts "
        "GROUP BY cluster)",
        "Clusters by the multi-input rule; CoinJoins put nothing together.",
        (
            ViewColumn("cluster", "cluster", "Smallest script of the cluster."),
            ViewColumn("size", "size", "Scripts in it."),
            ViewColumn("first_address", "address_of(cluster)", "Address of its first script."),
        ),
    ),
    View(
        "labels",
        "stored_labels",
        "What the label sets of the store say about addresses of its network.",
        (
            ViewColumn("set", '"set"', "Label set."),
            ViewColumn("address", "address", "Address."),
            ViewColumn("script", "script", "Its script; null where no output pays to it."),
            ViewColumn("entity", "entity", "Name that the source gives."),
            ViewColumn("actor", "actor", "The source's id behind several names."),
            ViewColumn("category", "category", "Category that decides how a trace treats it."),
            ViewColumn("service", "service", "A trace stops there."),
            ViewColumn(
                "child_protection", "child_protection", "Of a category of child protection."
            ),
            ViewColumn("type", "type", "`mention` or `control`."),
            ViewColumn("inherits", "inherits", "Reaches the whole cluster."),
            ViewColumn("confidence", "confidence", "Confidence, as given."),
            ViewColumn("level", "level", "Confidence, 0 to 100."),
            ViewColumn("source", "source", "Where it can be looked up."),
            ViewColumn("observed", "make_timestamp(observed * 1000000)", "When, UTC."),
        ),
    ),
)

CLAIM_COLUMNS: Final[dict[str, type]] = {
    "set": str,
    "entity": str,
    "actor": str,
    "category": str,
    "service": bool,
    "child_protection": bool,
    "type": str,
    "inherits": bool,
    "confidence": str,
    "level": int,
    "source": str,
    "observed": int,
}
"""What the view of labels shows of a claim."""


@dataclass(frozen=True)
class LabelRows:
    """The labels of the view, one an address and claim.

    Attributes
    ----------
    address : list of str
        Labelled addresses.
    script : ndarray of int64
        Script of each, -1 where no output pays to it.
    claim : ndarray of int64
        Row of `claims` of each.
    claims : list of tuple
        The `CLAIM_COLUMNS` of each claim of each set.
    """

    address: list[str]
    script: NDArray[np.int64]
    claim: NDArray[np.int64]
    claims: list[tuple[Any, ...]]


FUNCTIONS: Final = (
    Function("tx_of(txid)", "Transaction of an id; null where the chain has none."),
    Function("txid_of(tx)", "Id of a transaction, as shown."),
    Function("script_of(address)", "Script of an address; null where no output pays to it."),
    Function("address_of(script)", "Address of a script; null where it has none."),
    Function("script_hex(script)", "Bytes of a script, in hex."),
    Function("block_of_tx(tx)", "Number of a transaction's block: its height, in a whole chain."),
    Function("tx_of_output(output)", "Transaction that made an output."),
)

EXAMPLES: Final = (
    (
        "Blocks, transactions and fees by day",
        "SELECT time::DATE AS day, count(*) AS transactions, sum(fee) AS fees "
        "FROM transactions GROUP BY day ORDER BY day",
    ),
    (
        "The five largest clusters",
        "SELECT cluster, size, first_address FROM clusters ORDER BY size DESC, cluster LIMIT 5",
    ),
    (
        "Who received most, by label",
        "SELECT entity, count(*) AS outputs, sum(value) AS received "
        "FROM labels JOIN outputs USING (script) GROUP BY entity ORDER BY received DESC, entity",
    ),
    (
        "Unspent outputs by type of script",
        "SELECT kind, count(*) AS outputs, sum(value) AS value FROM outputs JOIN scripts "
        "USING (script) WHERE unspent GROUP BY kind ORDER BY kind",
    ),
)
