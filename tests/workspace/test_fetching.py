"""A partial store says what a whole one says, or that it does not know."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.builders import COIN, Branch, p2pkh, spend, write_blocks
from tests.made_up_chain import BUSY, made_up_branch
from tests.sources.esplora_stand_in import EsploraStandIn, address, show
from tests.sources.node_stand_in import Reply

from clewline.errors import (
    AddressError,
    NodeAnswerError,
    NodeError,
    NotLoadedError,
    StoreDamagedError,
    StoreMissingError,
    UsageError,
)
from clewline.interop import sql
from clewline.workspace import (
    FetchResult,
    Workspace,
    check_store,
    connect_esplora,
    fetch_chain,
    import_blocks,
    import_labels,
)
from clewline.workspace.partial import NOT_LOADED

CASE = address(BUSY) or ""
EVERYTHING = 1_000
FIRST_PAGE = [
    {"txid": "ab" * 32, "status": {"confirmed": True, "block_height": 1}},
]
"""What a server answers that lists one transaction, for ever."""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEWLINE_NODE_PATIENCE", "2")


@pytest.fixture(scope="module")
def branch() -> Branch:
    return made_up_branch()


@pytest.fixture(scope="module")
def whole(branch: Branch, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The whole chain, imported from block files."""
    directory = tmp_path_factory.mktemp("whole")
    import_blocks(directory / "store", write_blocks(directory / "blocks", branch.raw))
    return Workspace.open(directory / "store")


@pytest.fixture
def stand_in(branch: Branch) -> Iterator[EsploraStandIn]:
    with EsploraStandIn(branch.blocks) as one:
        yield one


def fetch(
    stand_in: EsploraStandIn, store: Path, *addresses: str, hops: int = 1, most: int = EVERYTHING
) -> FetchResult:
    server = connect_esplora(stand_in.url, "green", 0)
    return fetch_chain(store, server, addresses or [CASE], "green", hops, most)


def parts(trace: dict[str, Any]) -> dict[str, int]:
    names = ("unspent", "mined", "coinjoin", "capped", "not_loaded", "fees")
    return {name: trace.get(name, 0) for name in names}


@pytest.mark.parametrize("hops", [0, 1, 3])
def test_what_it_says_holds_in_the_whole_chain(
    hops: int, stand_in: EsploraStandIn, whole: Workspace, tmp_path: Path
) -> None:
    fetch(stand_in, tmp_path / "store", hops=hops)
    part = Workspace.open(tmp_path / "store")
    theirs = {row["txid"]: row for row in whole.all_transactions()}
    unloaded = 0
    for row in part.all_transactions():
        true = theirs[row["txid"]]
        mark = row.pop("partial")
        assert "known up to height 40, fetched 20" in mark
        assert f"from {stand_in.url}" in mark
        if row["inputs"] == NOT_LOADED:
            assert "its block and its inputs are not loaded" in mark
            assert (row["height"], row["time"], row["fee"]) == (None, None, None)
            row |= {name: true[name] for name in ("height", "time", "fee", "inputs", "coinjoin")}
        for mine, other in zip(row["outputs"], true["outputs"], strict=True):
            if mine["spent_by"] == NOT_LOADED:
                unloaded += 1
                mine["spent_by"] = other["spent_by"]
        assert row == true
    assert unloaded
    assert not check_store(tmp_path / "store").wrong


def test_an_address_that_is_loaded_is_as_in_the_whole_chain(
    stand_in: EsploraStandIn, whole: Workspace, tmp_path: Path
) -> None:
    result = fetch(stand_in, tmp_path / "store", hops=0)
    mine, other = Workspace.open(tmp_path / "store").address(CASE), whole.address(CASE)
    assert mine.pop("partial").endswith(f" from {stand_in.url}; 43 of 43 transactions")
    assert {key: mine[key] for key in other if not key.startswith("cluster")} == {
        key: other[key] for key in other if not key.startswith("cluster")
    }
    assert 1 <= mine["cluster_size"] <= other["cluster_size"]
    assert result.histories[CASE].complete


@pytest.mark.parametrize("method", ["fifo", "lifo", "haircut"])
@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("hops", [0, 1, 2])
def test_a_trace_stops_where_nothing_is_loaded(
    hops: int,
    direction: str,
    method: str,
    stand_in: EsploraStandIn,
    whole: Workspace,
    tmp_path: Path,
) -> None:
    """What it lacks of the true answer is a number, and no more than that number."""
    fetch(stand_in, tmp_path / "store", hops=hops)
    part = Workspace.open(tmp_path / "store")
    outpoints = [
        f"{tx['txid']}:{row['vout']}"
        for tx in part.transactions(stand_in.touching[CASE][:20])
        for row in tx["outputs"]
        if row["address"] == CASE
    ]
    not_loaded = 0
    for outpoint in outpoints:
        mine = part.trace(direction, [outpoint], method)
        true = whole.trace(direction, [outpoint], method)
        found, expected = parts(mine), parts(true)
        assert mine["total"] == true["total"] == sum(found.values())
        assert "capped + not_loaded + fees = total" in mine["law"]
        assert mine["partial"]
        not_loaded += found["not_loaded"]
        missing = sum(max(expected[name] - found[name], 0) for name in expected)
        assert missing == found["not_loaded"]
        assert all(found[name] <= expected[name] for name in expected if name != "not_loaded")
    assert not_loaded or hops > 0


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_a_trace_that_misses_nothing_is_the_true_one(
    direction: str, stand_in: EsploraStandIn, whole: Workspace, tmp_path: Path
) -> None:
    fetch(stand_in, tmp_path / "store", hops=50)
    part = Workspace.open(tmp_path / "store")
    mine, true = part.compare(direction, [CASE]), whole.compare(direction, [CASE])
    for method, answer in mine.items():
        assert answer["not_loaded"] == 0
        assert parts(answer) == parts(true[method])


def test_an_unloaded_neighbour_is_not_shown_as_nothing(
    stand_in: EsploraStandIn, whole: Workspace, tmp_path: Path
) -> None:
    fetch(stand_in, tmp_path / "store", hops=0)
    part = Workspace.open(tmp_path / "store")
    known = {
        row["address"] for tx in part.all_transactions() for row in tx["outputs"] if row["address"]
    }
    strangers = {one for one in stand_in.touching if one} - known
    neighbours = known - {CASE}
    assert strangers
    assert neighbours
    for one in sorted(strangers):
        said = part.address(one)
        assert said["received"] is said["sent"] is said["balance"] is said["transactions"] is None
        assert "the history of this address is not loaded" in said["partial"]
        for ask in (part.cluster, lambda one: part.trace("forward", [one])):
            with pytest.raises(NotLoadedError, match="says nothing about it"):
                ask(one)
    for one in sorted(neighbours):
        said, true = part.address(one), whole.address(one)
        assert "the history of this address is not loaded" in said["partial"]
        assert said["balance"] is said["first_seen"] is said["last_seen"] is None
        assert said["received"] <= true["received"]
        assert part.cluster(one)["partial"].startswith("at least: ")
        try:
            trace = part.trace("forward", [one, CASE])
        except NotLoadedError:
            continue
        assert "of 1 of the 2 addresses asked about not every payment is loaded" in trace["partial"]
        assert trace["total"] > 0


def test_a_batch_of_addresses(stand_in: EsploraStandIn, whole: Workspace, tmp_path: Path) -> None:
    fetch(stand_in, tmp_path / "store", hops=0)
    part = Workspace.open(tmp_path / "store")
    batch = [CASE, *sorted(one for one in stand_in.touching if one and one != CASE), "no address"]
    mine, true = list(part.address_batch(batch)), list(whole.address_batch(batch))
    assert mine[0].pop("partial").endswith("; 43 of 43 transactions")
    assert {**mine[0], "cluster": 0} == {**true[0], "cluster": 0}
    assert mine[-1] == true[-1]
    assert {row["status"] for row in mine[1:-1]} == {"not loaded", "loaded in part"}
    for row, other in zip(mine[1:-1], true[1:-1], strict=True):
        assert "the history of this address is not loaded" in row["partial"]
        assert row["balance"] is row["unspent_outputs"] is row["first_seen"] is None
        assert (row["received"] is None) == (row["status"] == "not loaded")
        assert (row["received"] or 0) <= other["received"]


def test_transactions_that_are_not_loaded(
    stand_in: EsploraStandIn, whole: Workspace, tmp_path: Path
) -> None:
    fetch(stand_in, tmp_path / "store", hops=0)
    part = Workspace.open(tmp_path / "store")
    rows = {row["txid"]: row for row in part.all_transactions()}
    stranger = next(one for one in stand_in.tx if one not in rows)
    with pytest.raises(NotLoadedError, match="the transaction is not loaded"):
        list(part.transactions([stranger]))
    parent = next(txid for txid, row in rows.items() if row["inputs"] == NOT_LOADED)
    for ask in (part.coinjoin_reason, lambda txid: part.trace("backward", [f"{txid}:0"])):
        with pytest.raises(NotLoadedError):
            ask(parent)
    assert whole.coinjoin_reason(parent)


def test_clusters_are_at_least_these(
    stand_in: EsploraStandIn, whole: Workspace, tmp_path: Path
) -> None:
    fetch(stand_in, tmp_path / "store")
    part = Workspace.open(tmp_path / "store")
    mine, true = part.cluster(CASE), whole.cluster(CASE)
    assert set(mine["addresses"]) <= set(true["addresses"])
    assert mine["partial"].startswith("at least: known up to height 40")
    assert all(row["partial"].startswith("at least: ") for row in part.largest_clusters(3))
    other = next(
        row["address"]
        for tx in part.all_transactions()
        for row in tx["outputs"]
        if row["address"] and row["address"] not in mine["addresses"]
    )
    assert part.explain(CASE, other)["same_cluster"] is None
    assert part.explain(CASE, mine["addresses"][-1])["same_cluster"] is True


def test_change_in_a_part_of_a_chain(stand_in: EsploraStandIn, tmp_path: Path) -> None:
    fetch(stand_in, tmp_path / "store")
    part = Workspace.open(tmp_path / "store")
    loaded, outputs_only = [], []
    for row in part.all_transactions():
        (outputs_only if row["inputs"] == NOT_LOADED else loaded).append(row["txid"])
    for row in part.change(loaded):
        assert "known up to height 40" in row["partial"]
        # Who was paid before is not known, so nothing is said about it.
        said = [*row["signs_for"], *row["signs_against"]]
        assert not [text for text in said if text.startswith("fresh_script")]
    with pytest.raises(NotLoadedError, match="what this transaction spends"):
        next(part.change([loaded[0], outputs_only[0]]))
    with pytest.raises(NotLoadedError, match="the whole chain"):
        part.cluster(CASE, with_change=True)
    with pytest.raises(NotLoadedError, match="the whole chain"):
        part.explain(CASE, CASE, with_change=True)


def test_an_address_that_nobody_paid(stand_in: EsploraStandIn, tmp_path: Path) -> None:
    """It was asked for and has no transaction: that is known, up to the tip."""
    unused = address(p2pkh(999_999)) or ""
    result = fetch(stand_in, tmp_path / "store", unused)
    assert (result.transactions, result.outputs_only) == (0, 0)
    said = Workspace.open(tmp_path / "store").address(unused)
    assert (said["received"], said["balance"], said["transactions"]) == (0, 0, 0)
    assert said["partial"].endswith("; 0 of 0 transactions")
    assert not check_store(tmp_path / "store").wrong


def test_sql_shows_null_where_nothing_is_loaded(
    stand_in: EsploraStandIn, whole: Workspace, tmp_path: Path
) -> None:
    assert sql
    result = fetch(stand_in, tmp_path / "store", hops=0)
    part = Workspace.open(tmp_path / "store")
    query = (
        "SELECT txid, height, time, coinbase, input_count, input_value, fee "
        "FROM transactions ORDER BY txid"
    )
    theirs = {row["txid"]: row for row in whole.sql(query)}
    null = 0
    for row in part.sql(query):
        if row["height"] is None:
            null += 1
            assert {value for key, value in row.items() if key != "txid"} == {None}
        else:
            assert row == theirs[row["txid"]]
    assert null == result.outputs_only > 0
    unspent = "SELECT txid_of(tx) AS txid, vout, unspent FROM outputs WHERE unspent IS NOT NULL"
    true = {(row["txid"], row["vout"]): row["unspent"] for row in whole.sql(unspent)}
    mine = {(row["txid"], row["vout"]): row["unspent"] for row in part.sql(unspent)}
    assert mine.items() <= true.items()
    assert {row["height"] for row in part.sql("SELECT height FROM blocks")} >= {None, 40}


# Bounds


@pytest.mark.parametrize("most", [1, 2, 10, 30, 60])
def test_a_bound_holds_and_is_a_number(
    most: int, stand_in: EsploraStandIn, whole: Workspace, tmp_path: Path
) -> None:
    result = fetch(stand_in, tmp_path / "store", hops=2, most=most)
    assert result.transactions + result.outputs_only <= most
    assert result.left_out > 0
    history = result.histories[CASE]
    assert history.total == 43
    said = Workspace.open(tmp_path / "store").address(CASE)
    if not history.complete:
        assert f"{history.loaded} of 43 transactions, the others are not loaded" in said["partial"]
        assert said["balance"] is None
    if history.loaded:
        trace = Workspace.open(tmp_path / "store").trace("forward", [CASE])
        assert sum(parts(trace).values()) == trace["total"]
        assert trace["unspent"] <= whole.trace("forward", [CASE])["unspent"]
    pages = [path for path in stand_in.asked if "/txs/chain" in path]
    assert len(pages) <= -(-most // 25)
    assert not check_store(tmp_path / "store").wrong


def test_a_short_history_is_not_starved_by_a_long_one(
    stand_in: EsploraStandIn, tmp_path: Path
) -> None:
    short = next(one for one, txids in stand_in.touching.items() if one and len(txids) == 2)
    result = fetch(stand_in, tmp_path / "store", CASE, short, hops=0, most=12)
    assert result.histories[short].complete
    assert not result.histories[CASE].complete


# Going on


def test_a_run_that_was_cut_off_goes_on_where_it_was(
    stand_in: EsploraStandIn, branch: Branch, tmp_path: Path
) -> None:
    """As of the tip where it began, although the chain grew; and nothing is asked twice."""
    fetch(stand_in, tmp_path / "undisturbed")
    undisturbed = Workspace.open(tmp_path / "undisturbed")
    stand_in.asked.clear()
    longer = branch.fork(len(branch.blocks) - 1)
    paid = spend((branch.blocks[-1].transactions[0], 0), to=[(49 * COIN, BUSY)])
    longer.add(paid)
    store = tmp_path / "store"
    lie = Reply(404, "text/plain", b"made up")
    for after in (3, 40, 100, 200):
        stand_in.change = lambda _asked, _reply, after=after: (
            lie if len(stand_in.asked) > after else None
        )
        with pytest.raises(NodeError, match="made up"):
            fetch(stand_in, store)
        with pytest.raises(StoreMissingError):
            Workspace.open(store)
        stand_in.asked.pop()  # it was not answered
        stand_in.follow(longer.blocks)
    stand_in.change = lambda _asked, _reply: None
    result = fetch(stand_in, store)
    assert result.manifest.height == 40
    assert Workspace.open(store).info()["digest"] == undisturbed.info()["digest"]
    once = [path for path in stand_in.asked if not path.startswith("/block-height")]
    once.remove("/blocks/tip/height")
    twice = {path for path in once if once.count(path) > 1}
    # Only a proof whose header was not there yet when the run was cut off: not proven, not kept.
    assert len(twice) <= 1
    assert all(path.endswith("/merkle-proof") for path in twice)


def test_another_run_comes_to_the_new_tip(
    stand_in: EsploraStandIn, branch: Branch, tmp_path: Path
) -> None:
    """With the addresses of the last one, and without asking again for what cannot change."""
    store = tmp_path / "store"
    fetch(stand_in, store)
    raw = {path for path in stand_in.asked if path.endswith("/raw")}
    stand_in.asked.clear()
    longer = branch.fork(len(branch.blocks) - 1)
    paid = spend((branch.blocks[-1].transactions[0], 0), to=[(49 * COIN, BUSY)])
    longer.add(paid)
    stand_in.follow(longer.blocks)
    other = address(p2pkh(101)) or ""
    result = fetch(stand_in, store, other)
    assert set(result.histories) == {CASE, other}
    assert not raw & set(stand_in.asked)
    part = Workspace.open(store)
    assert part.info()["height"] == 41
    assert show(paid.txid) in {row["txid"] for row in part.all_transactions()}
    assert part.address(CASE)["transactions"] == 44
    assert not check_store(store).wrong
    assert len(list(store.glob("coverage.*"))) == 1


def test_a_run_with_no_news_asks_for_the_tip_alone(
    stand_in: EsploraStandIn, tmp_path: Path
) -> None:
    first = fetch(stand_in, tmp_path / "store")
    stand_in.asked.clear()
    again = fetch(stand_in, tmp_path / "store")
    assert all(path.startswith(("/block-height", "/blocks/tip")) for path in stand_in.asked)
    assert again.manifest.digest == first.manifest.digest


def test_another_server_is_asked_for_its_own_word(
    stand_in: EsploraStandIn, branch: Branch, tmp_path: Path
) -> None:
    """What is proven is kept; lists and spends, which no hash proves, are asked for again."""
    store = tmp_path / "store"
    first = fetch(stand_in, store)
    with EsploraStandIn(branch.blocks) as other:
        again = fetch(other, store)
        assert not [path for path in other.asked if path.endswith(("/raw", "/header"))]
        assert any(path.endswith("/txs/chain") for path in other.asked)
        assert f"from {other.url}" in Workspace.open(store).info()["partial"]
    assert again.manifest.digest == first.manifest.digest


def test_a_reorganisation(stand_in: EsploraStandIn, branch: Branch, tmp_path: Path) -> None:
    """Payments that lost their block are gone, those that found another are there."""
    store = tmp_path / "store"
    fetch(stand_in, store)
    other = branch.fork(len(branch.blocks) - 6)
    for _ in range(7):
        other.add(tag=b"other")
    stand_in.follow(other.blocks)
    fetch(stand_in, store)
    part = Workspace.open(store)
    assert part.info()["tip"] == show(other.blocks[-1].hash)
    there = {show(tx.txid) for block in other.blocks for tx in block.transactions}
    assert {row["txid"] for row in part.all_transactions()} <= there
    assert not check_store(store).wrong


def test_a_reorganisation_in_the_middle(
    stand_in: EsploraStandIn, branch: Branch, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    other = branch.fork(len(branch.blocks) - 4)
    for _ in range(5):
        other.add(tag=b"other")

    def change(asked: str, _reply: Reply) -> None:
        if asked.endswith("/outspends"):
            stand_in.follow(other.blocks)

    stand_in.change = change
    with pytest.raises((NodeError, NodeAnswerError)):
        fetch(stand_in, store)
    stand_in.change = lambda _asked, _reply: None
    fetch(stand_in, store)
    assert Workspace.open(store).info()["tip"] == show(other.blocks[-1].hash)
    assert not check_store(store).wrong


def test_answers_that_the_disk_changed_are_asked_for_again(
    stand_in: EsploraStandIn, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    first = fetch(stand_in, store)
    with closing(sqlite3.connect(store / "answers.sqlite")) as file, file:
        file.execute("UPDATE answer SET body = zeroblob(length(body)) WHERE number % 7 = 0")
    assert fetch(stand_in, store).manifest.digest == first.manifest.digest
    stand_in.asked.clear()
    assert fetch(stand_in, store).asked == len(stand_in.asked) <= 5


def test_a_changed_coverage_is_found(stand_in: EsploraStandIn, tmp_path: Path) -> None:
    store = tmp_path / "store"
    fetch(stand_in, store)
    (path,) = store.glob("coverage.*")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreDamagedError, match="coverage"):
        Workspace.open(store)
    assert "coverage" in check_store(store).wrong[0]


# What is refused


@pytest.mark.parametrize("pap", [None, "", "amber", "red", "GREEN"])
def test_no_marking_no_look_up(pap: str | None, stand_in: EsploraStandIn) -> None:
    with pytest.raises(UsageError, match="tells whoever runs the server what is investigated"):
        connect_esplora(stand_in.url, pap, 0)
    assert not stand_in.asked


def test_the_warning_comes_before_anything_is_sent(stand_in: EsploraStandIn) -> None:
    said: list[str] = []
    connect_esplora(stand_in.url, "clear", 0, said.append)
    assert "learns every address and transaction" in said[0]
    assert not stand_in.asked


def test_an_address_of_another_network_is_not_asked_for(
    stand_in: EsploraStandIn, tmp_path: Path
) -> None:
    with pytest.raises(AddressError):
        fetch(stand_in, tmp_path / "store", "1BitcoinEaterAddressDontSendf59kuE")
    assert stand_in.asked == ["/block-height/0"]
    assert not (tmp_path / "store").exists()


def test_part_and_whole_are_kept_apart(
    stand_in: EsploraStandIn, whole: Workspace, branch: Branch, tmp_path: Path
) -> None:
    fetch(stand_in, tmp_path / "store")
    before = Workspace.open(tmp_path / "store").info()
    blocks = write_blocks(tmp_path / "blocks", branch.raw)
    with pytest.raises(UsageError, match="holds a part of a chain"):
        import_blocks(tmp_path / "store", blocks)
    with pytest.raises(UsageError, match="holds a whole chain"):
        fetch(stand_in, whole.store.path)
    with pytest.raises(UsageError, match="a part of a chain"):
        Workspace.open(tmp_path / "store").export_tables(tmp_path / "tables")
    with pytest.raises(UsageError, match="an index needs a whole chain"):
        Workspace.open(tmp_path / "store").build_exposure()
    exposure = Workspace.open(tmp_path / "store").exposure(CASE)
    assert {row["state"] for row in exposure["directions"]} == {"not checked"}
    assert "a part of one" in exposure["directions"][0]["why"]
    assert "known up to height 40" in exposure["partial"]
    assert Workspace.open(tmp_path / "store").info() == before


@pytest.mark.parametrize(
    ("where", "lie"),
    [
        ("/txs/chain/", lambda page: [*page, page[0]]),
        ("/txs/chain", lambda _page: FIRST_PAGE),
        ("/txs/chain", lambda page: [{"txid": page[0]["txid"]}]),
        ("/txs/chain", lambda page: {"page": page}),
    ],
)
def test_lists_that_make_no_sense(
    where: str, lie: Any, stand_in: EsploraStandIn, tmp_path: Path
) -> None:
    """Also a server that gives the same page for ever."""

    def change(asked: str, reply: Reply) -> Reply | None:
        body = json.loads(reply.body) if where in asked else None
        return Reply(200, reply.kind, json.dumps(lie(body)).encode()) if body else None

    stand_in.change = change
    with pytest.raises(NodeAnswerError):
        fetch(stand_in, tmp_path / "store")
    with pytest.raises(StoreMissingError):
        Workspace.open(tmp_path / "store")


# Reports


def test_a_report_says_that_it_is_of_a_part(
    stand_in: EsploraStandIn, whole: Workspace, tmp_path: Path
) -> None:
    fetch(stand_in, tmp_path / "store", hops=1)
    reached = whole.trace("forward", [CASE])
    assert reached["total"]
    part = Workspace.open(tmp_path / "store")
    payee = next(
        row["address"]
        for tx in part.all_transactions()
        if tx["inputs"] != NOT_LOADED and any(one["address"] == CASE for one in tx["inputs"])
        for row in tx["outputs"]
        if row["address"] not in (None, CASE, *part.cluster(CASE)["addresses"])
    )
    labels = tmp_path / "labels.csv"
    labels.write_text(
        "address,entity,category,source,confidence\n"
        f"{payee},Exchange A (made up),exchange,made up,90\n"
    )
    import_labels(tmp_path / "store", [labels])
    written = Workspace.open(tmp_path / "store").report([CASE], tmp_path / "out")
    assert "known up to height 40" in written["partial"]
    assert written["packs"]
    page = Path(written["packs"][0]["html"]).read_text()
    assert "Made from a part of the chain, known up to height 40" in page
    assert "Went on, or came from, where the chain is not loaded" in page
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    forward = next(walk for walk in summary["walks"] if walk["direction"] == "deposit")
    assert forward["not_loaded"] > 0


def test_money_that_came_from_where_only_outputs_are_loaded(
    stand_in: EsploraStandIn, tmp_path: Path
) -> None:
    """An exchange that is known by such an output is found; the time of its receipt is not."""
    fetch(stand_in, tmp_path / "store", hops=0)
    part = Workspace.open(tmp_path / "store")
    parents = [row for row in part.all_transactions() if row["inputs"] == NOT_LOADED]
    payer = next(row["address"] for row in parents[0]["outputs"] if row["spent_by"] != NOT_LOADED)
    labels = tmp_path / "labels.csv"
    labels.write_text(
        "address,entity,category,source,confidence\n"
        f"{payer},Exchange B (made up),exchange,made up,90\n"
    )
    import_labels(tmp_path / "store", [labels])
    part = Workspace.open(tmp_path / "store")
    (service,) = part.trace("backward", [CASE])["services"]
    assert service["address"] == payer
    assert None in {row["time"] for row in service["outputs"]}
    (pack,) = part.report([CASE], tmp_path / "out")["packs"]
    assert pack["withdrawals"] > 0


def test_paths_and_leads_say_what_is_not_loaded(stand_in: EsploraStandIn, tmp_path: Path) -> None:
    fetch(stand_in, tmp_path / "store", hops=0)
    workspace = Workspace.open(tmp_path / "store")
    trace = workspace.trace("forward", [CASE])
    assert trace["not_loaded"] > 0
    with pytest.raises(NotLoadedError, match="stop_at_deposits"):
        workspace.trace("forward", [CASE], stop_at_deposits=True)
    assert "deposit_of" not in workspace.address(CASE)
    paid = next(
        output["address"]
        for tx in workspace.all_transactions()
        for output in tx["outputs"]
        if output["address"] not in (None, CASE)
    )
    found = workspace.path(CASE, paid)
    assert found["partial"] == workspace.partial
    assert "not_loaded" in found["law"]
    rest = sum(parts(found).values())
    assert found["value"] + found["services"] + rest == found["total"]
    if found["not_loaded"]:
        assert "so there may be more" in found["reason"]
    common = workspace.common([CASE, paid])
    assert common["partial"]
    assert common["limits"]["not_followed"] > 0
    coin = next(
        f"{tx['txid']}:{output['vout']}"
        for tx in workspace.all_transactions()
        for output in tx["outputs"]
        if output["address"] == CASE
    )
    assert workspace.peel(coin)["partial"] == workspace.partial


@pytest.mark.parametrize("hops", [0, 1])
def test_the_tables_of_a_case_say_what_is_not_loaded(
    hops: int, stand_in: EsploraStandIn, whole: Workspace, tmp_path: Path
) -> None:
    fetch(stand_in, tmp_path / "store", hops=hops)
    part = Workspace.open(tmp_path / "store")
    for mine, true in (
        (part.payers([CASE]), whole.payers([CASE])),
        (part.cashouts([CASE]), whole.cashouts([CASE])),
    ):
        terms = mine["law"].partition(" = ")[0].split(" + ")
        assert "not_loaded" in terms
        assert sum(mine[term] for term in terms) == mine["received"] == true["received"]
        assert mine["not_loaded"] > 0 or hops > 0
        assert mine["partial"]
        assert "partial" not in true
        assert "not_loaded" not in true
    with pytest.raises(NotLoadedError, match="all that these receivers did"):
        part.leads([CASE])
