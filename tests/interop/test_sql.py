"""SQL over a store: the views say what the store says, and a query can reach nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.builders import Branch
from tests.cli.command import answer, clewline
from tests.cli.conftest import MadeUp
from tests.store.chains import all_files, shown_store

from clewline.errors import UsageError
from clewline.interop.views import EXAMPLES, FUNCTIONS, VIEWS
from clewline.workspace import Workspace


@pytest.fixture(scope="module")
def ask(store: Path) -> Any:
    workspace = Workspace.open(store)
    return lambda query: list(workspace.sql(query))


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> MadeUp:
    """A made-up case, imported and labelled."""
    from clewline.play import make_play

    directory = tmp_path_factory.mktemp("sql")
    summary = make_play(directory / "case", 300, seed=4)
    answer("chain", "import", "--store", directory / "store", "--core-blocks", summary.blocks)
    answer("label", "import", summary.labels, "--store", directory / "store")
    truth = json.loads(summary.truth.read_text("utf-8"))
    return MadeUp(summary.blocks, summary.labels, summary.rates, truth, directory / "store")


def test_views_hold_what_the_store_holds(ask: Any, store: Path) -> None:
    expected = shown_store(store)
    rows = ask("FROM transactions WHERE tx > 0 ORDER BY tx")
    outputs = ask("SELECT o.*, s.hex FROM outputs o JOIN scripts s USING (script) ORDER BY output")
    inputs = ask(
        "SELECT i.tx, txid_of(o.tx) AS txid, o.vout, i.value, i.script, o.value AS held, "
        "o.script AS locked FROM inputs i JOIN outputs o ON i.prevout = o.output ORDER BY input"
    )
    name = {row["tx"]: row["txid"] for row in ask("SELECT tx, txid FROM transactions")}
    assert [
        {
            "txid": row["txid"],
            "height": row["height"],
            "version": row["version"],
            "locktime": row["locktime"],
            "size": row["total_size"],
            "inputs": [(one["txid"], one["vout"]) for one in inputs if one["tx"] == row["tx"]],
            "outputs": [
                {
                    "value": one["value"],
                    "script": one["hex"],
                    "spent_by": name.get(one["spent_by"]),
                }
                for one in outputs
                if one["tx"] == row["tx"]
            ],
        }
        for row in rows
    ] == [
        {key: value for key, value in row.items() if key not in ("time", "base_size")}
        for row in expected
    ]
    assert all((one["value"], one["script"]) == (one["held"], one["locked"]) for one in inputs)
    for row, printed in zip(rows, list(Workspace.open(store).all_transactions())[1:], strict=True):
        assert (row["fee"], row["coinjoin"]) == (printed["fee"], printed["coinjoin"])
        assert row["time"] == printed["time"]
        assert row["input_value"] == sum(one["value"] for one in printed["inputs"])
        assert row["output_value"] == sum(one["value"] for one in printed["outputs"])
        base = next(one["base_size"] for one in expected if one["txid"] == row["txid"])
        assert row["virtual_size"] == -(-(3 * base + row["total_size"]) // 4)


def test_blocks(ask: Any, chain: Branch) -> None:
    rows = ask("FROM blocks ORDER BY height")
    assert [row["hash"] for row in rows] == [block.hash[::-1].hex() for block in chain.blocks]
    assert [row["previous"] for row in rows[1:]] == [row["hash"] for row in rows[:-1]]
    assert [row["merkle_root"] for row in rows] == [
        block.header[36:68][::-1].hex() for block in chain.blocks
    ]
    assert [row["tx_count"] for row in rows[1:]] == [
        len(block.transactions) for block in chain.blocks[1:]
    ]
    assert rows[0]["time"] == "2011-02-02T23:16:42Z"


def test_ids_are_numbered_in_order(labelled: MadeUp) -> None:
    workspace = Workspace.open(labelled.store)
    for query in (
        "SELECT count(*) AS n FROM transactions WHERE tx_of(txid) <> tx",
        "SELECT count(*) AS n FROM addresses WHERE script_of(address) <> script",
        "SELECT count(*) AS n FROM outputs o JOIN inputs i ON i.prevout = o.output "
        "WHERE i.tx <> o.spent_by",
        "SELECT count(*) AS n FROM clusters JOIN (SELECT cluster, count(*) AS members FROM scripts "
        "GROUP BY cluster) USING (cluster) WHERE size <> members",
    ):
        assert list(workspace.sql(query)) == [{"n": 0}], query
    (row,) = workspace.sql(
        "SELECT count(*) AS n, count(DISTINCT output) AS ids, max(output) AS last FROM outputs"
    )
    assert row["n"] == row["ids"] == row["last"] + 1


def test_labels_and_clusters(labelled: MadeUp) -> None:
    workspace = Workspace.open(labelled.store)
    rows = list(workspace.sql('FROM labels ORDER BY "set", address, entity'))
    assert rows
    for row in rows[:20]:
        said = workspace.labels(row["address"])["labels"]
        assert any(
            (one["entity"], one["source"], one["set"]) == (row["entity"], row["source"], row["set"])
            for one in said
        )
        if row["script"] is not None:
            (found,) = workspace.sql(f"SELECT address_of({row['script']}) AS a")
            assert found["a"] == row["address"]
    largest = list(
        workspace.sql("SELECT cluster, size FROM clusters ORDER BY size DESC, cluster LIMIT 3")
    )
    assert largest == [
        {"cluster": row["cluster"], "size": row["size"]} for row in workspace.largest_clusters(3)
    ]


@pytest.mark.parametrize("query", [query for _title, query in EXAMPLES])
def test_examples_of_the_page_work(labelled: MadeUp, query: str) -> None:
    assert list(Workspace.open(labelled.store).sql(query))


def test_every_column_of_every_view_is_there(ask: Any) -> None:
    for view in VIEWS:
        rows = ask(f"DESCRIBE {view.name}")
        assert [row["column_name"] for row in rows] == [column.name for column in view.columns]
    for function in FUNCTIONS:
        called = re.sub(r"\(.*\)", "(NULL)", function.name)
        assert list(ask(f"SELECT {called} AS answer")[0].values()) == [None]


@pytest.mark.parametrize(
    "function",
    ["txid_of", "address_of", "script_hex", "block_of_tx", "tx_of_output", "value_of_output"],
)
def test_ids_that_are_not_there(ask: Any, function: str) -> None:
    (row,) = ask(
        f"SELECT {function}(-1) AS a, {function}(9223372036854775807) AS b, {function}(NULL) AS c"
    )
    assert row == {"a": None, "b": None, "c": None}


@pytest.mark.parametrize("text", ["", "zz", "0" * 64, "0" * 63, "é" * 64, " " + "0" * 63])
def test_texts_that_are_no_id_or_address(ask: Any, text: str) -> None:
    assert ask(f"SELECT tx_of('{text}') AS a, script_of('{text}') AS b") == [{"a": None, "b": None}]


def test_values_are_plain(ask: Any) -> None:
    (row,) = ask(
        "SELECT sum(value) AS whole, 1.5::DECIMAL(9, 2) AS part, '\\xAA'::BLOB AS raw, "
        "1.0::DOUBLE / 0 AS infinite, [1, NULL] AS list, {'a': DATE '2020-01-02'} AS row, "
        "true AS yes, NULL AS nothing, 170141183460469231731687303715884105727::HUGEINT AS huge "
        "FROM outputs"
    )
    assert isinstance(row.pop("whole"), int)
    assert row == {
        "part": "1.50",
        "raw": "aa",
        "infinite": None,
        "list": [1, None],
        "row": {"a": "2020-01-02"},
        "yes": True,
        "nothing": None,
        "huge": 2**127 - 1,
    }
    assert json.dumps(row)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('{file}')",
        "SELECT * FROM read_text('{file}')",
        "SELECT * FROM read_blob('{file}')",
        "SELECT * FROM read_json('{file}')",
        "SELECT * FROM read_parquet('{file}')",
        "SELECT * FROM sniff_csv('{file}')",
        "SELECT * FROM glob('{directory}/*')",
        "SELECT * FROM '{file}'",
        "FROM query('COPY (SELECT 1) TO ''{directory}/out''')",
        "FROM query_table('{file}')",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{directory}/out'",
        "COPY (SELECT 1) TO '{directory}/out'",
        "COPY outputs TO '{directory}/out'",
        "EXPORT DATABASE '{directory}/out'",
        "IMPORT DATABASE '{directory}'",
        "ATTACH '{directory}/out'",
        "ATTACH ':memory:' AS other",
        "INSTALL httpfs",
        "LOAD httpfs",
        "LOAD '{file}'",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "RESET lock_configuration",
        "SET temp_directory = '{directory}'",
        "PRAGMA enable_external_access = true",
        "PRAGMA database_list",
        "CALL pragma_version()",
        "CREATE TABLE more AS SELECT 1",
        "CREATE SECRET (TYPE s3)",
        "DROP VIEW outputs",
        "DELETE FROM outputs",
        "INSERT INTO stored_outputs VALUES (1, 1, 1)",
        "UPDATE stored_outputs SET value = 0",
        "CHECKPOINT",
        "SELECT 1; SELECT 2",
        "SELECT 1; COPY (SELECT 1) TO '{directory}/out'",
        "SELECT getenv('HOME')",
        "SELECT * FROM store",
        "SELECT * FROM labels_directory",
        "",
        ";",
        "-- nothing",
        "SELEC 1",
        "SELECT * FROM no_such_view",
        "SELECT 1 AS a, 2 AS a",
        "SELECT * FROM outputs o JOIN inputs i ON i.prevout = o.output",
    ],
)
def test_a_query_reads_the_views_and_nothing_else(ask: Any, tmp_path: Path, query: str) -> None:
    file = tmp_path / "file.csv"
    file.write_text("a\nsecret\n")
    before = all_files(tmp_path)
    with pytest.raises(UsageError) as caught:
        ask(query.format(file=file, directory=tmp_path))
    assert caught.value.where == "QUERY"
    assert "secret" not in str(caught.value)
    assert all_files(tmp_path) == before


def test_nothing_is_written_beside_the_store(
    ask: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert ask("SELECT count(*) AS n FROM (SELECT * FROM outputs ORDER BY value, output)")
    assert list(tmp_path.iterdir()) == []


def test_an_answer_may_be_left_half_read(store: Path) -> None:
    rows = Workspace.open(store).sql("FROM outputs")
    assert next(rows)["output"] == 0
    rows.close()  # type: ignore[attr-defined]


def test_command(store: Path) -> None:
    query = "SELECT count(*) AS n FROM blocks"
    asked = ("--store", store, "--format", "json")
    assert json.loads(answer("sql", query, *asked)) == [{"n": 8}]
    assert json.loads(answer("sql", "-", *asked, stdin=query)) == [{"n": 8}]
    assert "8" in answer("sql", query, "--store", store)
    ran = clewline("sql", "COPY blocks TO 'out'", "--store", store)
    assert (ran.code, ran.out) == (2, "")
    assert "one statement that reads is allowed" in ran.err
