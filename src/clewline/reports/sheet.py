"""The CSV sheet of a request pack: one row a movement, then empty cells for the answer.

The sheet is opened in spreadsheet programs by people who did not write it, so no cell may be taken
for a formula (CWE-1236), and no character may hide.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Final

from clewline.reports.case import Movement, Pack, RunInfo, btc, reference, utc
from clewline.reports.limits import basis_text, rule_text

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001


@dataclass(frozen=True)
class Column:
    """One column of the sheet; `answer` marks those that the exchange fills in."""

    name: str
    help: str
    answer: bool = False


COLUMNS: Final[tuple[Column, ...]] = (
    Column("reference", "Name of this movement; keep it when you answer."),
    Column("direction", "deposit: arrived at the exchange; withdrawal: paid out by it."),
    Column("network", "Bitcoin network: main, test, testnet4, signet or regtest."),
    Column("address", "Address of the output; empty where the script has none."),
    Column("script", "Script of the output, hex, where it has no address."),
    Column("txid", "Transaction of the output."),
    Column("vout", "Index of the output in its transaction, from 0."),
    Column("outpoint", "The output as txid:index."),
    Column("time_utc", "Header time of its block, ISO 8601, UTC."),
    Column("value_sat", "Value of the output in satoshi."),
    Column("value_btc", "The same in BTC, eight decimals, exact."),
    Column("traced_sat", "Satoshi of it that belong to the addresses asked about, by the rule."),
    Column("traced_btc", "The same in BTC, eight decimals, exact."),
    Column("hops", "Transactions crossed between the addresses asked about and the exchange."),
    Column("path", "Outputs on the way as txid:index, in chain order, parted by ' > '."),
    Column("rule", "How the link is inferred."),
    Column("basis", "Why the exchange is taken to hold its side: label, source, own or inherited."),
    Column("confidence", "Confidence of that label, 0 to 100."),
    Column("confidence_words", "The same in words, as the label's source grades it."),
    Column("tip_height", "Height of the last block that was looked at."),
    Column("tip_hash", "Hash of that block."),
    Column("answer_status", "found, not ours, or see remarks.", answer=True),
    Column("answer_account_reference", "Your number of the account.", answer=True),
    Column("answer_account_holder_name", "Holder at the time shown.", answer=True),
    Column("answer_account_country", "Country of the holder, ISO 3166-1.", answer=True),
    Column("answer_opened_utc", "When the account was opened, ISO 8601, UTC.", answer=True),
    Column("answer_contact", "E-mail, telephone, postal address on file.", answer=True),
    Column("answer_id_document_reference", "Identity document on file, by number.", answer=True),
    Column("answer_ip_addresses", "IP addresses of this movement with UTC times.", answer=True),
    Column("answer_remarks", "Anything else, for example a later holder.", answer=True),
)
"""Every column, in order; the documentation is generated from it."""


def visible(text: str) -> str:
    r"""Write characters that do not print (controls, direction marks, lone surrogates) as escapes.

    Examples
    --------
    >>> print(visible("Exchange\u202eA\n"))
    Exchange\u202eA\n
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def harmless(cell: str) -> str:
    """Put an apostrophe before a cell that a spreadsheet could take for a formula.

    Examples
    --------
    >>> harmless("=1+1"), harmless("0.00100000")
    ("'=1+1", '0.00100000')
    """
    return "'" + cell if cell.lstrip(" ").startswith(_FORMULA_STARTS) else cell


def row_of(run: RunInfo, movement: Movement) -> dict[str, str]:
    """Return the cells of one movement by column; those of the answer are empty."""
    cells = {
        "reference": reference(run.network, movement),
        "direction": movement.direction,
        "network": run.network,
        "address": movement.address or "",
        "script": "" if movement.address else movement.script,
        "txid": movement.txid,
        "vout": str(movement.vout),
        "outpoint": movement.outpoint,
        "time_utc": utc(movement.time),
        "value_sat": str(movement.value),
        "value_btc": btc(movement.value),
        "traced_sat": str(movement.traced),
        "traced_btc": btc(movement.traced),
        "hops": str(movement.hops),
        "path": " > ".join(f"{step.txid}:{step.vout}" for step in movement.path),
        "rule": rule_text(movement, run.method),
        "basis": basis_text(movement),
        "confidence": str(movement.basis.confidence),
        "confidence_words": movement.basis.confidence_words,
        "tip_height": str(run.tip.height),
        "tip_hash": run.tip.hash,
    }
    return {c.name: "" if c.answer else harmless(visible(cells[c.name])) for c in COLUMNS}


def sheet(run: RunInfo, pack: Pack) -> bytes:
    """Write the sheet of one pack (RFC 4180, UTF-8): a header, then a row a movement."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, [column.name for column in COLUMNS])
    writer.writeheader()
    writer.writerows(row_of(run, movement) for movement in pack.movements)
    return out.getvalue().encode()
