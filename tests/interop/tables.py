"""Tables on disk for tests: read, change, write again; and bitcoin-etl's rows by another hand."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tests.builders import GENESIS_TIME, Branch, Tx

from clewline.codec.address import address_of
from clewline.codec.networks import network_by_name
from clewline.codec.script import ScriptKind, script_kinds

REGTEST = network_by_name("regtest")


def read(directory: Path, table: str) -> Any:
    return pq.read_table(directory / f"{table}.parquet")


def write(directory: Path, table: str, content: Any, **options: Any) -> None:
    pq.write_table(content, directory / f"{table}.parquet", **options)


def change(directory: Path, table: str, how: Callable[[Any], Any]) -> None:
    """Change a table; drop what Clewline wrote about it, so that other rules find what is wrong."""
    write(directory, table, how(read(directory, table)))
    for path in directory.glob("*.parquet"):
        pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)


def put(content: Any, column: str, row: int, value: Any) -> Any:
    """Set one value of a column."""
    values = content[column].to_pylist()
    values[row] = value
    field = content.schema.field(column)
    at = content.schema.get_field_index(column)
    return content.set_column(at, field, pa.array(values, field.type))


def expected_blocks(chain: Branch) -> list[dict[str, Any]]:
    """Rows of bitcoin-etl's table of blocks, but for genesis."""
    rows = []
    for block in chain.blocks[1:]:
        frame = len(block.raw) - sum(len(tx.serialize()) for tx in block.transactions)
        stripped = frame + sum(len(tx.serialize(witness=False)) for tx in block.transactions)
        rows.append(
            {
                "hash": block.hash[::-1].hex(),
                "size": len(block.raw),
                "stripped_size": stripped,
                "weight": 3 * stripped + len(block.raw),
                "number": block.height,
                "version": 4,
                "merkle_root": block.header[36:68][::-1].hex(),
                "timestamp": GENESIS_TIME + 600 * block.height,
                "nonce": f"{int.from_bytes(block.header[76:], 'little'):x}",
                "bits": "207fffff",
                "coinbase_param": None,
                "transaction_count": len(block.transactions),
            }
        )
    return rows


def script_columns(script: bytes) -> dict[str, Any]:
    """What bitcoin-etl says about a locking script of a kind that has one address or none."""
    blob = np.frombuffer(script, np.uint8)
    kind = ScriptKind(script_kinds(blob, np.array([0, len(script)]))[0])
    address = address_of(script, REGTEST)
    if address is None:
        pseudo = "nonstandard" + hashlib.sha256(script).hexdigest()[:40]
        return {"required_signatures": None, "type": "nonstandard", "addresses": [pseudo]}
    return {"required_signatures": 1, "type": kind.core_name, "addresses": [address]}


def expected_transactions(chain: Branch) -> list[dict[str, Any]]:
    """Rows of bitcoin-etl's table of transactions, but for genesis and assembly."""
    made: dict[bytes, Tx] = {}
    rows = []
    for block in chain.blocks[1:]:
        for index, tx in enumerate(block.transactions):
            made[tx.txid] = tx
            inputs = []
            for at, (txid, vout) in enumerate(tx.inputs if index else ()):
                value, script = made[txid].outputs[vout]
                inputs.append(
                    {
                        "index": at,
                        "spent_transaction_hash": txid[::-1].hex(),
                        "spent_output_index": vout,
                        "script_asm": None,
                        "script_hex": None,
                        "sequence": tx.sequence,
                        **script_columns(script),
                        "value": value,
                    }
                )
            outputs = [
                {
                    "index": at,
                    "script_hex": script.hex(),
                    **script_columns(script),
                    "value": value,
                }
                for at, (value, script) in enumerate(tx.outputs)
            ]
            paid_in = sum(row["value"] for row in inputs)
            paid_out = sum(row["value"] for row in outputs)
            total, base = len(tx.serialize()), len(tx.serialize(witness=False))
            rows.append(
                {
                    "hash": tx.txid[::-1].hex(),
                    "size": total,
                    "virtual_size": -(-(3 * base + total) // 4),
                    "version": tx.version,
                    "lock_time": tx.locktime,
                    "block_number": block.height,
                    "block_hash": block.hash[::-1].hex(),
                    "block_timestamp": block.time,
                    "is_coinbase": index == 0,
                    "index": index,
                    "inputs": inputs,
                    "outputs": outputs,
                    "input_count": len(inputs),
                    "output_count": len(outputs),
                    "input_value": paid_in,
                    "output_value": paid_out,
                    "fee": paid_in - paid_out if index else 0,
                }
            )
    return rows


def with_unlocking_scripts(directory: Path, script_of: Callable[[str, int], str]) -> None:
    """Fill in the unlocking scripts of bitcoin-etl tables, which an export leaves null."""
    content = read(directory, "transactions")
    rows = content.to_pylist()
    for row in rows:
        for one in row["inputs"]:
            one["script_hex"] = script_of(row["hash"], one["index"])
    write(directory, "transactions", pa.Table.from_pylist(rows, content.schema))
